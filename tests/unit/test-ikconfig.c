// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration that a kernel carries: found wherever it lies, in vmlinux and bzImage, and
 * refused when it is damaged or too large.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>

#include "boot.h"
#include "images.h"
#include "util.h"

#define BASE	0x1000000ULL
#define TEXT	(3 * MiB)
#define LIMIT	(1 * MiB)

static const char config[] = "# Linux/x86 6.99.0 Kernel Configuration\nCONFIG_IKCONFIG=y\n# CONFIG_A is not set\n";

/* A kernel whose text has, at @at, what kernel/configs.c makes of @stream. */
static struct image kernel(size_t at, const void *stream, size_t size)
{
	u8 *text = calloc(1, TEXT), notes[64];
	struct image_elf spec = { .entry = BASE, .notes = notes };
	struct image elf;

	spec.notes_size = image_note(notes, 0, "Linux", 0x100, "x", 1);
	image_fill(text, 64 * KiB, 3);
	if (stream) {
		memcpy(text + at, "IKCFG_ST", 8);
		memcpy(text + at + 8, stream, size);
		if (at + 16 + size <= TEXT)
			memcpy(text + at + 8 + size, "IKCFG_ED", 8);
	}
	/* The string alone, as it is in a kernel's strings, is no configuration. */
	memcpy(text + 70 * KiB, "IKCFG_ST", 9);
	spec.segments[0] = (struct image_segment){ BASE, 0xffffffff81000000, TEXT, text, TEXT };
	elf = image_elf(&spec);
	free(text);
	return elf;
}

static int read_it(const struct image *image, size_t limit, char **text, size_t *size)
{
	struct boot_image *img;
	int err;

	assert_int_equal(boot_open_memory(image->data, image->size, "test", false, &img), 0);
	err = boot_ikconfig(img, limit, text, size);
	boot_close(img);
	return err;
}

static void assert_has(const struct image *image)
{
	char *text;
	size_t size;

	assert_int_equal(read_it(image, LIMIT, &text, &size), 0);
	assert_int_equal(size, sizeof(config) - 1);
	assert_memory_equal(text, config, size);
	free(text);
}

/* Also where the mark crosses the pieces in which the kernel is read. */
static void in_a_vmlinux(void **state)
{
	struct image packed = image_pack(UNPACK_GZIP, config, sizeof(config) - 1);
	const size_t places[] = { 100 * KiB, MiB - 8, MiB - 1, MiB, MiB + 1, 2 * MiB + 12345, TEXT - 16 - packed.size };

	said_start();
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		struct image elf = kernel(places[i], packed.data, packed.size);

		assert_has(&elf);
		image_free(&elf);
	}
	assert_int_equal(said_lines(), 0);
	image_free(&packed);
}

static void in_a_bzimage(void **state)
{
	struct image packed = image_pack(UNPACK_GZIP, config, sizeof(config) - 1);
	struct image elf = kernel(200 * KiB, packed.data, packed.size);
	struct image bz = image_packed_bzimage(UNPACK_GZIP, &elf);
	struct boot_image *img;
	char *text;
	size_t size;

	assert_has(&bz);
	/* Nobody looks into one that unpacks itself. */
	assert_int_equal(boot_open_memory(bz.data, bz.size, "test", true, &img), 0);
	assert_int_equal(boot_ikconfig(img, LIMIT, &text, &size), -ENOENT);
	boot_close(img);
	image_free(&bz);
	image_free(&elf);
	image_free(&packed);
}

static void in_none(void **state)
{
	struct image elf = kernel(0, NULL, 0);
	char *text;
	size_t size;

	said_start();
	assert_int_equal(read_it(&elf, LIMIT, &text, &size), -ENOENT);
	assert_null(text);
	assert_int_equal(said_lines(), 0);
	image_free(&elf);
}

static void damaged(void **state)
{
	struct image packed = image_pack(UNPACK_GZIP, config, sizeof(config) - 1);
	struct image elf;
	char *text;
	size_t size;

	/* Without its end */
	elf = kernel(TEXT - 8 - packed.size, packed.data, packed.size);
	said_start();
	assert_int_equal(read_it(&elf, LIMIT, &text, &size), -ENOENT);
	image_free(&elf);
	/* A stream that does not unpack: said, in one line that names the kernel */
	memset(packed.data + 12, 0xff, packed.size - 12);
	elf = kernel(MiB, packed.data, packed.size);
	said_start();
	assert_int_equal(read_it(&elf, LIMIT, &text, &size), -EINVAL);
	assert_null(text);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "kernel test: the configuration in it"));
	image_free(&elf);
	image_free(&packed);
}

static void too_large(void **state)
{
	char *zeros = calloc(1, 8 * MiB), *text;
	struct image packed = image_pack(UNPACK_GZIP, zeros, 8 * MiB);
	struct image elf = kernel(MiB, packed.data, packed.size);
	size_t size;

	said_start();
	assert_int_equal(read_it(&elf, LIMIT, &text, &size), -EFBIG);
	assert_null(text);
	assert_int_equal(said_lines(), 1);
	image_free(&elf);
	image_free(&packed);
	free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_vmlinux), cmocka_unit_test(in_a_bzimage), cmocka_unit_test(in_none),
		cmocka_unit_test(damaged), cmocka_unit_test(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
