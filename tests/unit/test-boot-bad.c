// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what booting refuses: kernels that are missing, damaged or hostile, and command
 * lines, initial ramdisks and memory sizes that do not fit. Each is one line that names
 * the thing.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <asm/bootparam.h>
#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "images.h"
#include "mem.h"
#include "util.h"

#define BASE 0x1000000ULL

struct fixture {
	char dir[64];
	u8 text[12345];
	struct image elf;
	struct image bz;
	struct mem *mem;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	u8 notes[64];
	struct image_elf spec = {
		.entry = BASE,
		.segments = { { BASE, 0xffffffff81000000, 2 * MiB, f->text, sizeof(f->text) } },
		.notes = notes,
		.notes_size = image_note(notes, 0, "Linux", 0x100, "x", 1),
	};

	image_fill(f->text, sizeof(f->text), 1);
	f->elf = image_elf(&spec);
	f->bz = image_packed_bzimage(UNPACK_GZIP, &f->elf);
	memcpy(f->dir, "/tmp/lkvm-bad-XXXXXX", 21);
	assert_non_null(mkdtemp(f->dir));
	f->mem = mem_new();
	assert_int_equal(mem_add(f->mem, 0, 20 * MiB, MEM_RAM, NULL), 0);
	said_start();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rmdir(f->dir);
	mem_free(f->mem);
	image_free(&f->elf);
	image_free(&f->bz);
	free(f);
	return 0;
}

static int try_config(struct fixture *f, const struct image *image, const struct boot_config *config)
{
	struct boot_image *img;
	struct boot_entry entry;
	int err;

	said_start();
	err = boot_open_memory(image->data, image->size, "test", false, &img);
	if (!err)
		err = boot_load(img, f->mem, config, &entry);
	else
		assert_null(img);
	boot_close(img);
	/* One line for each error, none for success. */
	assert_int_equal(said_lines(), err ? 1 : 0);
	return err;
}

static int try_image(struct fixture *f, const struct image *image)
{
	struct boot_config config = { .cmdline = "x" };

	return try_config(f, image, &config);
}

static void refuse(struct fixture *f, const struct image *image, const char *why)
{
	assert_int_equal(try_image(f, image), -EINVAL);
	assert_non_null(strstr(said(), "kernel test"));
	if (!strstr(said(), why))
		fail_msg("\"%s\" does not say \"%s\"", said(), why);
}

static void refuse_path(const char *path, int expected, const char *why)
{
	struct boot_image *img;

	said_start();
	assert_int_equal(boot_open(path, false, false, &img), expected);
	assert_null(img);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), path));
	assert_non_null(strstr(said(), why));
}

static void test_paths(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/vmlinuz", f->dir);
	refuse_path(path, -ENOENT, "No such file");
	refuse_path(f->dir, -EINVAL, "is a directory");
	refuse_path("/dev/null", -EINVAL, "is empty");
	image_write(path, "", 0);
	refuse_path(path, -EINVAL, "is empty");
	image_write(path, "#!/bin/sh\n", 10);
	refuse_path(path, -EINVAL, "neither a bzImage nor an ELF file");
	unlink(path);
}

/* --- bzImages ------------------------------------------------------------- */

static struct setup_header *header(struct image *image)
{
	return (void *)(image->data + 0x1f1);
}

static void test_header(void **state)
{
	struct fixture *f = *state;
	struct setup_header good;

	memcpy(&good, header(&f->bz), sizeof(good));
	assert_int_equal(try_image(f, &f->bz), 0);
	header(&f->bz)->version = 0x201;
	refuse(f, &f->bz, "boot protocol 2.01, but 2.02 (Linux 2.4)");
	*header(&f->bz) = good;
	header(&f->bz)->loadflags = 0;
	refuse(f, &f->bz, "not that of a bzImage");
	*header(&f->bz) = good;
	header(&f->bz)->jump = 0x49eb;		/* a header one byte too short for 2.08 */
	refuse(f, &f->bz, "not that of a bzImage");
	header(&f->bz)->version = 0x207;
	assert_int_equal(try_image(f, &f->bz), 0);
	header(&f->bz)->jump = 0x29eb;		/* and for 2.02 */
	refuse(f, &f->bz, "not that of a bzImage");
	*header(&f->bz) = good;
	header(&f->bz)->setup_sects = 255;
	refuse(f, &f->bz, "cut short");
	*header(&f->bz) = good;
	header(&f->bz)->syssize = 0xffffffff;
	refuse(f, &f->bz, "cut short");
	*header(&f->bz) = good;
	header(&f->bz)->payload_offset = 0xffffffff;
	refuse(f, &f->bz, "payload lies outside");
	*header(&f->bz) = good;
	header(&f->bz)->payload_length = 0xfffffff0;
	refuse(f, &f->bz, "payload lies outside");
	*header(&f->bz) = good;
	header(&f->bz)->payload_length = 40;
	refuse(f, &f->bz, "gzip data does not unpack");
	*header(&f->bz) = good;
	header(&f->bz)->header = 0;
	refuse(f, &f->bz, "neither a bzImage");
}

static void test_own_entry(void **state)
{
	struct fixture *f = *state;
	struct setup_header *h = header(&f->bz);
	struct boot_image *img;

	h->kernel_alignment = 3;
	assert_int_equal(boot_open_memory(f->bz.data, f->bz.size, "test", true, &img), -EINVAL);
	assert_non_null(strstr(said(), "alignment, 0x3, is not a power of two"));
	h->kernel_alignment = 0;
	assert_int_equal(boot_open_memory(f->bz.data, f->bz.size, "test", true, &img), -EINVAL);
	assert_int_equal(said_lines(), 2);

	/* No payload, so that it is entered as it is: init_size and addresses that do not fit. */
	h->kernel_alignment = 0x80000000;
	h->payload_length = 0;
	h->init_size = 0x1000;
	assert_int_equal(try_image(f, &f->bz), 0);
	h->init_size = 0xffffffff;
	refuse(f, &f->bz, "outside of memory");
	h->init_size = 5 * MiB;
	refuse(f, &f->bz, "needs memory up to 21 MiB, but there are only 20 MiB");
	h->pref_address = 0;
	refuse(f, &f->bz, "use -m");
	h->pref_address = 0xffffffffffffffff;
	refuse(f, &f->bz, "outside of memory");
	h->init_size = 0;
	h->pref_address = 0x100000000;
	refuse(f, &f->bz, "outside of memory");
}

/* However short: an error, or, where only padding is lost, a boot. */
static void test_truncated(void **state)
{
	struct fixture *f = *state;

	for (size_t size = 0; size < f->bz.size; size++) {
		/* In memory of its own, so that a sanitizer sees reads beyond its end. */
		struct image cut = { .data = malloc(size + 1), .size = size };
		int err;

		memcpy(cut.data, f->bz.data, size);
		err = try_image(f, &cut);
		if (err)
			assert_int_equal(err, -EINVAL);
		else
			assert_true(f->bz.size - size <= 16);
		image_free(&cut);
	}
}

static void test_payload(void **state)
{
	struct fixture *f = *state;
	struct image garbage = { .data = f->text, .size = sizeof(f->text) };
	struct image bz = image_packed_bzimage(UNPACK_GZIP, &garbage);

	refuse(f, &bz, "the vmlinux in it: no ELF header");
	image_free(&bz);

	/* lz4 does not tell where it ends; the size that follows it does. */
	if (!unpack_missing(UNPACK_LZ4)) {
		bz = image_packed_bzimage(UNPACK_LZ4, &f->elf);
		bz.data[5 * 512 + 0x400 + header(&bz)->payload_length - 4]++;
		refuse(f, &bz, "cut short");
		image_free(&bz);
	}
}

/* --- ELF ------------------------------------------------------------------ */

static void refuse_phdr(struct fixture *f, size_t field, u64 value, const char *why)
{
	u64 *where = (u64 *)(f->elf.data + sizeof(Elf64_Ehdr) + field);
	u64 saved = *where;

	*where = value;
	refuse(f, &f->elf, why);
	*where = saved;
}

static void test_program_headers(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(try_image(f, &f->elf), 0);
	refuse_phdr(f, offsetof(Elf64_Phdr, p_offset), f->elf.size, "outside of the file");
	refuse_phdr(f, offsetof(Elf64_Phdr, p_offset), UINT64_MAX, "outside of the file");
	refuse_phdr(f, offsetof(Elf64_Phdr, p_filesz), f->elf.size, "outside of the file");
	refuse_phdr(f, offsetof(Elf64_Phdr, p_filesz), UINT64_MAX, "outside of the file");
	refuse_phdr(f, offsetof(Elf64_Phdr, p_memsz), 1, "more bytes in the file");
	refuse_phdr(f, offsetof(Elf64_Phdr, p_memsz), UINT64_MAX, "outside of memory");
	refuse_phdr(f, offsetof(Elf64_Phdr, p_memsz), 0x40000000, "needs memory up to 1040 MiB");
	refuse_phdr(f, offsetof(Elf64_Phdr, p_memsz), 0x100000000, "outside of memory");
	refuse_phdr(f, offsetof(Elf64_Phdr, p_paddr), UINT64_MAX - 1, "outside of memory");
	refuse_phdr(f, offsetof(Elf64_Phdr, p_paddr), 0x1000, "entry point");
	refuse_phdr(f, offsetof(Elf64_Phdr, p_paddr), BASE + 1, "entry point");
	assert_int_equal(try_image(f, &f->elf), 0);
}

static void test_elf_header(void **state)
{
	struct fixture *f = *state;
	Elf64_Ehdr *h = (void *)f->elf.data, good = *h;

	h->e_ident[EI_CLASS] = 3;
	refuse(f, &f->elf, "not that of a kernel");
	*h = good;
	h->e_ident[EI_DATA] = ELFDATA2MSB;
	refuse(f, &f->elf, "not that of a kernel");
	*h = good;
	h->e_type = ET_REL;
	refuse(f, &f->elf, "not that of a kernel");
	*h = good;
	h->e_machine = EM_AARCH64;
	refuse(f, &f->elf, "another architecture");
	*h = good;
	h->e_phoff = UINT64_MAX - 10;
	refuse(f, &f->elf, "program headers lie outside");
	*h = good;
	h->e_phnum = 0xffff;
	refuse(f, &f->elf, "program headers");
	*h = good;
	h->e_phentsize = 0;
	refuse(f, &f->elf, "wrong size");
	*h = good;
	h->e_phnum = 0;
	refuse(f, &f->elf, "nothing to load");
	*h = good;
	h->e_entry = 0;
	refuse(f, &f->elf, "entry point lies outside");
	*h = good;
	f->elf.size = 30;
	refuse(f, &f->elf, "no ELF header");
	f->elf.size = 60;
	refuse(f, &f->elf, "cut short");
}

static void test_overlaps(void **state)
{
	struct fixture *f = *state;
	static const u64 places[] = { BASE, BASE - 100, BASE + 2 * MiB - 1, 0x7000, 0x10000, 0xf0000, 0xfffff };

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		struct image_elf spec = {
			.entry = BASE,
			.segments = {
				{ BASE, 0xffffffff81000000, 2 * MiB, f->text, sizeof(f->text) },
				{ places[i], 0xffffffff91000000, 101, f->text, 101 },
			},
			.notes = "\6\0\0\0\0\0\0\0\0\1\0\0Linux\0\0\0",
			.notes_size = 20,
		};
		struct image image = image_elf(&spec);

		refuse(f, &image, "overlaps");
		image_free(&image);
	}
}

static void test_no_protocol(void **state)
{
	struct fixture *f = *state;
	u8 notes[64];
	u32 pvh = BASE + 4 * MiB;
	struct image_elf spec = { .entry = BASE, .segments = { { BASE, BASE, 4096, f->text, 4096 } } };
	struct image image = image_elf(&spec);

	refuse(f, &image, "neither Linux nor");
	image_free(&image);
	spec.notes = notes;
	spec.notes_size = image_note(notes, 0, "Xen", 18, &pvh, 4);
	image = image_elf(&spec);
	refuse(f, &image, "PVH entry point");
	image_free(&image);
	notes[4] = 2;		/* a description too short for an address: no PVH note */
	image = image_elf(&spec);
	refuse(f, &image, "neither Linux nor");
	image_free(&image);
	notes[0] = 0xff;	/* a name that is longer than the notes */
	image = image_elf(&spec);
	refuse(f, &image, "neither Linux nor");
	image_free(&image);
}

static void test_packed_twice(void **state)
{
	struct fixture *f = *state;
	struct image once = image_pack(UNPACK_GZIP, f->elf.data, f->elf.size);
	struct image twice = image_pack(UNPACK_GZIP, once.data, once.size);

	assert_int_equal(try_image(f, &once), 0);
	refuse(f, &twice, "neither a bzImage");
	image_free(&once);
	image_free(&twice);
}

/* --- what goes with the kernel -------------------------------------------- */

static void test_cmdline(void **state)
{
	struct fixture *f = *state;
	char line[4096];
	struct boot_config config = { .cmdline = line };

	memset(line, 'x', sizeof(line));
	line[2047] = '\0';
	assert_int_equal(try_config(f, &f->bz, &config), 0);
	line[2047] = 'x';
	line[2048] = '\0';
	assert_int_equal(try_config(f, &f->bz, &config), -EINVAL);
	assert_non_null(strstr(said(), "2048 bytes"));
	assert_non_null(strstr(said(), "2047 at most"));
	assert_int_equal(try_config(f, &f->elf, &config), -EINVAL);
	header(&f->bz)->cmdline_size = 0xffffffff;
	assert_int_equal(try_config(f, &f->bz, &config), 0);
}

static void refuse_initrd(struct fixture *f, const char *path, int expected, const char *why)
{
	struct boot_config config = { .initrds = &path, .initrd_count = 1 };

	assert_int_equal(try_config(f, &f->bz, &config), expected);
	assert_non_null(strstr(said(), path));
	if (!strstr(said(), why))
		fail_msg("\"%s\" does not say \"%s\"", said(), why);
}

static void test_initrds(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/initrd", f->dir);
	refuse_initrd(f, path, -ENOENT, "No such file");
	refuse_initrd(f, f->dir, -EINVAL, "is a directory");
	refuse_initrd(f, "/dev/null", -EINVAL, "is empty");
	refuse_initrd(f, "/dev/zero", -EINVAL, "use -m");
	image_write(path, "x", 1);
	assert_int_equal(truncate(path, 16 * MiB), 0);
	refuse_initrd(f, path, -EINVAL, "16777216 bytes do not fit");
	assert_non_null(strstr(said(), "20 MiB of memory, of which 17 are free: use -m"));
	assert_int_equal(truncate(path, 1ULL << 42), 0);
	refuse_initrd(f, path, -EINVAL, "4398046511104 bytes");
	unlink(path);
}

static void test_little_memory(void **state)
{
	struct fixture *f = *state;
	static const u64 sizes[] = { 4096, 640 * KiB, 1 * MiB, 2 * MiB, 17 * MiB };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		mem_free(f->mem);
		f->mem = mem_new();
		assert_int_equal(mem_add(f->mem, 0, sizes[i], MEM_RAM, NULL), 0);
		refuse(f, &f->bz, "use -m");
	}
	assert_non_null(strstr(said(), "needs memory up to 18 MiB, but there are only 17 MiB"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_payload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_program_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_elf_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_protocol, setup, teardown),
		cmocka_unit_test_setup_teardown(test_packed_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cmdline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_initrds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_little_memory, setup, teardown),
	};

	return cmocka_run_group_tests_name("boot-bad", tests, NULL, NULL);
}
