// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of Linux's 32-bit entry: bzImages of 32-bit kernels, of old boot protocols and of
 * those that are packed in an unknown way, and 32-bit vmlinux files.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <asm/bootparam.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "../../x86/layout.h"
#include "boot.h"
#include "images.h"
#include "mem.h"
#include "util.h"

#define CODE	(5 * 512)	/* of the protected-mode code in an image */
#define BASE	0x1000000ULL
#define MEMORY	(64 * MiB)

static const u8 lzo[] = "\x89LZO\0\r\n\x1a\n1234567";

struct fixture {
	u8 text[9000];
	char initrd[64];
	struct mem *mem;
	struct boot_image *img;
	struct boot_entry entry;
	struct boot_params params;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	image_fill(f->text, sizeof(f->text), 1);
	memcpy(f->initrd, "/tmp/lkvm-initrd-XXXXXX", 24);
	fd = mkstemp(f->initrd);
	close(fd);
	image_write(f->initrd, "ramdisk", 7);
	said_start();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	boot_close(f->img);
	mem_free(f->mem);
	unlink(f->initrd);
	free(f);
	return 0;
}

static int try_load(struct fixture *f, const struct image *image, bool kaslr)
{
	const char *const paths[] = { f->initrd };
	struct boot_config config = { .cmdline = "a=b", .rsdp = 0xf0000, .initrds = paths, .initrd_count = 1 };
	int err;

	boot_close(f->img);
	mem_free(f->mem);
	f->mem = mem_new();
	assert_int_equal(mem_add(f->mem, 0, MEMORY, MEM_RAM, NULL), 0);
	err = boot_open_memory(image->data, image->size, "test", kaslr, &f->img);
	return err ? err : boot_load(f->img, f->mem, &config, &f->entry);
}

static void load(struct fixture *f, const struct image *image, bool kaslr)
{
	assert_int_equal(try_load(f, image, kaslr), 0);
	assert_int_equal(said_lines(), 0);
	assert_int_equal(mem_read(f->mem, LAYOUT_ZERO_PAGE, &f->params, sizeof(f->params)), 0);
}

static void check_zero_page(struct fixture *f)
{
	const struct setup_header *h = &f->params.hdr;

	assert_int_equal(f->entry.rsi, LAYOUT_ZERO_PAGE);
	assert_int_equal(f->entry.rax, 0);
	assert_int_equal(f->entry.rbx, 0);	/* boot.rst: ebp, edi and ebx must be zero */
	assert_int_equal(h->type_of_loader, 0xff);
	assert_int_equal(h->cmd_line_ptr, LAYOUT_CMDLINE);
	assert_string_equal(mem_ptr(f->mem, LAYOUT_CMDLINE, 4), "a=b");
	assert_int_equal(f->params.e820_entries, 7);
	assert_int_equal(h->ramdisk_size, 7);
	assert_memory_equal(mem_ptr(f->mem, h->ramdisk_image, 7), "ramdisk", 7);
	assert_int_equal(f->params.acpi_rsdp_addr, 0xf0000);
}

/* It was loaded as it is to @gpa, and is entered there. */
static void check_entry_32(struct fixture *f, const struct image *image, u64 gpa)
{
	static const u8 zeros[4096];

	assert_int_equal(boot_kind(f->img), BOOT_BZIMAGE);
	assert_int_equal(f->entry.mode, BOOT_PROT32);
	assert_int_equal(f->entry.rip, gpa);
	assert_int_equal(f->params.hdr.code32_start, gpa);
	assert_memory_equal(mem_ptr(f->mem, gpa, image->size - CODE), image->data + CODE, image->size - CODE);
	/* Paging is off: no tables. */
	assert_memory_equal(mem_ptr(f->mem, LAYOUT_PAGE_TABLES, 4096), zeros, 4096);
	check_zero_page(f);
}

static void check_entry_64(struct fixture *f, const struct image *image, u64 gpa)
{
	assert_int_equal(f->entry.mode, BOOT_LONG64);
	assert_int_equal(f->entry.rip, gpa + 0x200);
	assert_int_equal(f->params.hdr.code32_start, gpa);
	assert_memory_equal(mem_ptr(f->mem, gpa, image->size - CODE), image->data + CODE, image->size - CODE);
	check_zero_page(f);
}

static struct setup_header *header(struct image *image)
{
	return (void *)(image->data + 0x1f1);
}

static struct image elf(struct fixture *f, bool is32, const void *notes, size_t notes_size)
{
	struct image_elf spec = {
		.is32 = is32, .entry = BASE + 0x10, .notes = notes, .notes_size = notes_size,
		.segments = { { BASE, is32 ? 0xc1000000 : 0xffffffff81000000, MiB, f->text, sizeof(f->text) } },
	};

	return image_elf(&spec);
}

/* A 32-bit kernel as they are built today: it is not unpacked, whatever its payload is. */
static void test_32_bit_kernel(void **state)
{
	struct fixture *f = *state;
	struct image_bzimage spec = {
		.pref_address = BASE, .init_size = 0x300000, .cmdline_size = 2047,
		.release = "6.99.0-i386 (b@h)", .payload = "\x1f\x8b\x08 damaged", .payload_size = 11,
	};
	struct image image = image_bzimage(&spec);

	for (unsigned int kaslr = 0; kaslr < 2; kaslr++) {
		load(f, &image, kaslr);
		check_entry_32(f, &image, BASE);
		assert_string_equal(boot_release(f->img), "6.99.0-i386");
		assert_string_equal(boot_describe(f->img), "bzImage 6.99.0-i386 (unpacks itself), 32-bit entry");
		assert_int_equal(boot_cmdline_max(f->img), 2047);
	}
	/* Nothing is put where it will unpack itself to. */
	assert_true(f->params.hdr.ramdisk_image >= BASE + 0x300000);
	image_free(&image);
}

/* LZO and what nobody knows: the image's own unpacker, by the entry that it has. */
static void test_unknown_compression(void **state)
{
	static const struct {
		const void *payload;
		size_t size;
	} payloads[] = { { lzo, 16 }, { "Brotli or so", 12 }, { NULL, 0 } };
	struct fixture *f = *state;

	for (unsigned int i = 0; i < ARRAY_SIZE(payloads); i++) {
		struct image_bzimage spec = {
			.xloadflags = XLF_KERNEL_64, .pref_address = BASE, .init_size = 0x300000,
			.payload = payloads[i].payload, .payload_size = payloads[i].size,
			.declared = i == 2 ? 0 : 5 * MiB,
		};
		struct image image = image_bzimage(&spec);
		const char *packed = i == 2 ? "" : " (unpacks itself)";
		char text[64];

		load(f, &image, false);
		check_entry_64(f, &image, BASE);
		snprintf(text, sizeof(text), "bzImage%s, 64-bit entry", packed);
		assert_string_equal(boot_describe(f->img), text);

		header(&image)->xloadflags = 0;
		load(f, &image, false);
		check_entry_32(f, &image, BASE);
		snprintf(text, sizeof(text), "bzImage%s, 32-bit entry", packed);
		assert_string_equal(boot_describe(f->img), text);

		/* What says 64 in an image of 2.11 is something else. */
		header(&image)->xloadflags = XLF_KERNEL_64;
		header(&image)->version = 0x20b;
		load(f, &image, false);
		check_entry_32(f, &image, BASE);
		image_free(&image);
	}
}

/* 2.08 to 2.11: only the vmlinux tells what it is for. */
static void test_before_xloadflags(void **state)
{
	struct fixture *f = *state;

	for (u16 version = 0x208; version <= 0x20b; version++) {
		for (unsigned int is32 = 0; is32 < 2; is32++) {
			struct image vmlinux = elf(f, is32, NULL, 0);
			struct image image = image_packed_bzimage(UNPACK_GZIP, &vmlinux);
			u64 place = version < 0x20a ? 0x200000 : BASE;

			header(&image)->version = version;
			load(f, &image, false);
			if (is32) {
				check_entry_32(f, &image, place);
			} else {
				assert_int_equal(f->entry.mode, BOOT_LONG64);
				assert_int_equal(f->entry.rip, BASE + 0x10);
				assert_memory_equal(mem_ptr(f->mem, BASE, 9000), f->text, 9000);
				check_zero_page(f);
			}
			/* With a random address both unpack themselves, and have one entry for it. */
			load(f, &image, true);
			check_entry_32(f, &image, place);
			image_free(&image);
			image_free(&vmlinux);
		}
	}
}

/* The payload of such a kernel need not be packed. */
static void test_uncompressed_payload(void **state)
{
	struct fixture *f = *state;
	struct image vmlinux = elf(f, true, NULL, 0);
	struct image_bzimage spec = {
		.version = 0x20b, .pref_address = BASE, .init_size = MiB,
		.payload = vmlinux.data, .payload_size = vmlinux.size, .declared = vmlinux.size,
	};
	struct image image = image_bzimage(&spec);

	load(f, &image, false);
	check_entry_32(f, &image, BASE);
	image_free(&image);
	image_free(&vmlinux);
}

/* Make an image one of an old protocol; what its header does not have yet is code. */
static void make_old(struct image *image, u16 version, unsigned int end)
{
	header(image)->version = version;
	header(image)->jump = 0xeb | (end - 0x202) << 8;
	memset(image->data + end, 0x90, 0x290 - end);
	if (version < 0x204)
		image->data[0x1f6] = 0xff;	/* was not a part of syssize */
}

static void test_old_protocols(void **state)
{
	static const struct {
		u16 version;
		unsigned int end;
		u64 place;
		u32 cmdline_max;
	} old[] = {
		{ 0x202, 0x22c, LAYOUT_HIGH, 255 }, { 0x203, 0x230, LAYOUT_HIGH, 255 },
		{ 0x204, 0x230, LAYOUT_HIGH, 255 }, { 0x205, 0x235, 0x200000, 255 },
		{ 0x206, 0x23c, 0x200000, 1023 }, { 0x207, 0x248, 0x200000, 1023 },
	};
	struct fixture *f = *state;

	for (unsigned int i = 0; i < ARRAY_SIZE(old); i++) {
		struct image_bzimage spec = {
			.cmdline_size = 1023, .payload = f->text, .payload_size = sizeof(f->text),
			.release = "2.6.18 (b@h)", .initrd_addr_max = 0x2ffffff,
		};
		struct image image = image_bzimage(&spec);
		u32 limit = old[i].version < 0x203 ? MEMORY : 0x3000000;

		make_old(&image, old[i].version, old[i].end);
		load(f, &image, false);
		check_entry_32(f, &image, old[i].place);
		assert_int_equal(boot_cmdline_max(f->img), old[i].cmdline_max);
		assert_string_equal(boot_describe(f->img), "bzImage 2.6.18 (unpacks itself), 32-bit entry");
		assert_int_equal(f->params.hdr.ramdisk_image, limit - 4096);
		/* Of the header there is what the image has, and zeros after it. */
		assert_memory_equal((u8 *)&f->params + 0x22c, image.data + 0x22c, old[i].end - 0x22c);
		for (unsigned int at = old[i].end; at < 0x290; at++)
			assert_int_equal(((u8 *)&f->params)[at], 0);
		image_free(&image);
	}
}

/* One that may not be moved goes where it prefers to be, else to 1 MiB. */
static void test_not_relocatable(void **state)
{
	struct fixture *f = *state;
	struct image_bzimage spec = { .payload = lzo, .payload_size = 16, .pref_address = 0x123000 };
	struct image image = image_bzimage(&spec);

	header(&image)->relocatable_kernel = 0;
	header(&image)->kernel_alignment = 0;
	load(f, &image, false);
	check_entry_32(f, &image, 0x123000);
	header(&image)->pref_address = 0;
	load(f, &image, false);
	check_entry_32(f, &image, LAYOUT_HIGH);
	image_free(&image);
}

/* Before 2.10 it does not say how much memory it needs: more than its size. */
static void test_memory_of_old(void **state)
{
	struct fixture *f = *state;
	size_t size = 20 * MiB;
	struct image_bzimage spec = { .version = 0x208, .payload = calloc(1, size), .payload_size = size };
	struct image image = image_bzimage(&spec);

	assert_int_equal(try_load(f, &image, false), -EINVAL);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "needs memory up to 83 MiB, but there are only 64 MiB"));
	image_free(&image);
	free((void *)spec.payload);
}

static void check_vmlinux(struct fixture *f, const struct image *image, const char *describe)
{
	load(f, image, false);
	assert_int_equal(boot_kind(f->img), BOOT_ELF_LINUX);
	assert_int_equal(f->entry.mode, BOOT_PROT32);
	assert_int_equal(f->entry.rip, BASE + 0x10);
	assert_string_equal(boot_describe(f->img), describe);
	assert_int_equal(f->params.hdr.version, 0x20f);
	assert_int_equal(f->params.hdr.code32_start, 0);
	assert_memory_equal(mem_ptr(f->mem, BASE, 9000), f->text, 9000);
	check_zero_page(f);
}

/* A 32-bit vmlinux is known by its note, though it has a PVH entry too, or by its banner. */
static void test_vmlinux(void **state)
{
	struct fixture *f = *state;
	u32 pvh = BASE + 0x20;
	u8 notes[64];
	size_t size = image_note(notes, 0, "Linux", 0x100, "x", 1);
	struct image image;

	size = image_note(notes, size, "Xen", 18, &pvh, 4);
	image = elf(f, true, notes, size);
	check_vmlinux(f, &image, "ELF32, 32-bit entry");
	image_free(&image);

	memcpy(f->text + 100, "Linux version 4.1.2 (a@b)", 26);
	image = elf(f, true, NULL, 0);
	check_vmlinux(f, &image, "ELF32 4.1.2, 32-bit entry");
	image_free(&image);
}

/* Other kernels may speak of Linux too: a Multiboot header counts for more, unless there is the note. */
static void test_vmlinux_or_multiboot(void **state)
{
	struct fixture *f = *state;
	const u32 multiboot[3] = { 0x1badb002, 0, -0x1badb002 };
	u8 notes[64];
	size_t size = image_note(notes, 0, "Linux", 0x100, "x", 1);
	struct image image;

	memcpy(f->text + 100, "Linux version 4.1.2 (a@b)", 26);
	memcpy(f->text + 64, multiboot, sizeof(multiboot));
	image = elf(f, true, NULL, 0);
	assert_int_equal(boot_open_memory(image.data, image.size, "test", false, &f->img), 0);
	assert_int_equal(boot_kind(f->img), BOOT_MULTIBOOT);
	image_free(&image);
	image = elf(f, true, notes, size);
	check_vmlinux(f, &image, "ELF32 4.1.2, 32-bit entry");
	image_free(&image);
}

static void test_vmlinux_without_entry(void **state)
{
	struct fixture *f = *state;
	u8 notes[64];
	struct image image = elf(f, true, notes, image_note(notes, 0, "Linux", 0x100, "x", 1));

	*(u32 *)(image.data + 24) = 0x10;
	assert_int_equal(try_load(f, &image, false), -EINVAL);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "entry point lies outside"));
	image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_32_bit_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_compression, setup, teardown),
		cmocka_unit_test_setup_teardown(test_before_xloadflags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uncompressed_payload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_protocols, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_relocatable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_of_old, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vmlinux, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vmlinux_or_multiboot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vmlinux_without_entry, setup, teardown),
	};

	return cmocka_run_group_tests_name("boot-32", tests, NULL, NULL);
}
