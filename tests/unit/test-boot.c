// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of booting Linux: bzImages and vmlinux files, the zero page, the page tables and
 * where initial ramdisks go. test-boot-other.c has the other protocols, test-boot-bad.c
 * what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <asm/bootparam.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../x86/layout.h"
#include "boot.h"
#include "images.h"
#include "mem.h"
#include "util.h"

#define TEXT	(10 * MiB + 321)	/* enough for several threads */
#define BASE	0x1000000ULL
#define KERNEL	(BASE + 0x123)		/* the entry point */
#define DATA	0x2000000ULL
#define BSS	0x100000ULL

struct fixture {
	char dir[64];
	u8 *text;
	u8 data[5000];
	struct image elf;
	struct mem *mem;
	struct boot_image *img;
	struct boot_entry entry;
	struct boot_params params;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	u8 notes[64];
	size_t size = image_note(notes, 0, "Linux", 0x100, "x", 1);
	struct image_elf spec = { .entry = KERNEL, .notes = notes, .notes_size = size };

	/* Mostly zeros, so that packing it takes no time. */
	f->text = calloc(1, TEXT);
	image_fill(f->text, 128 * KiB, 1);
	for (size_t at = 128 * KiB; at + 4096 <= TEXT; at += 128 * KiB)
		image_fill(f->text + at, 4096, at);
	image_fill(f->text + TEXT - 5, 5, 7);
	memcpy(f->text + 3 * MiB - 9, "Linux version 6.99.1-vm (a@b)", 29);
	image_fill(f->data, sizeof(f->data), 2);
	spec.segments[0] = (struct image_segment){ BASE, 0xffffffff81000000, TEXT, f->text, TEXT };
	spec.segments[1] = (struct image_segment){ DATA, 0xffffffff82000000, sizeof(f->data) + BSS,
						   f->data, sizeof(f->data) };
	f->elf = image_elf(&spec);
	memcpy(f->dir, "/tmp/lkvm-boot-XXXXXX", 22);
	assert_non_null(mkdtemp(f->dir));
	f->mem = mem_new();
	assert_int_equal(mem_add(f->mem, 0, 128 * MiB, MEM_RAM, NULL), 0);
	said_start();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	boot_close(f->img);
	mem_free(f->mem);
	image_free(&f->elf);
	free(f->text);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void load(struct fixture *f, const struct image *image, bool kaslr, const struct boot_config *config)
{
	assert_int_equal(boot_open_memory(image->data, image->size, "test", kaslr, &f->img), 0);
	assert_int_equal(boot_load(f->img, f->mem, config, &f->entry), 0);
	assert_int_equal(said_lines(), 0);
	assert_int_equal(mem_read(f->mem, LAYOUT_ZERO_PAGE, &f->params, sizeof(f->params)), 0);
}

static void check_segments(struct fixture *f)
{
	u8 *bss = mem_ptr(f->mem, DATA + sizeof(f->data), BSS);

	assert_memory_equal(mem_ptr(f->mem, BASE, TEXT), f->text, TEXT);
	assert_memory_equal(mem_ptr(f->mem, DATA, sizeof(f->data)), f->data, sizeof(f->data));
	for (u64 i = 0; i < BSS; i++)
		assert_int_equal(bss[i], 0);
}

static void test_formats(void **state)
{
	static const enum unpack_format formats[] = {
		UNPACK_GZIP, UNPACK_ZSTD, UNPACK_LZ4, UNPACK_XZ, UNPACK_LZMA, UNPACK_BZIP2,
	};
	struct fixture *f = *state;
	struct boot_config config = { .cmdline = "console=ttyS0" };

	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++) {
		struct image image;
		char text[64];

		if (unpack_missing(formats[i]))
			continue;
		image = image_packed_bzimage(formats[i], &f->elf);
		mem_free(f->mem);
		f->mem = mem_new();
		assert_int_equal(mem_add(f->mem, 0, 64 * MiB, MEM_RAM, NULL), 0);
		load(f, &image, false, &config);
		check_segments(f);
		assert_int_equal(boot_kind(f->img), BOOT_BZIMAGE);
		assert_int_equal(f->entry.mode, BOOT_LONG64);
		assert_int_equal(f->entry.rip, KERNEL);
		assert_int_equal(f->entry.rsi, LAYOUT_ZERO_PAGE);
		assert_string_equal(boot_release(f->img), "6.99.0-test");
		snprintf(text, sizeof(text), "bzImage 6.99.0-test (%s), 64-bit entry", unpack_name(formats[i]));
		assert_string_equal(boot_describe(f->img), text);
		boot_close(f->img);
		f->img = NULL;
		image_free(&image);
	}
}

static void test_uncompressed_payload(void **state)
{
	struct fixture *f = *state;
	struct boot_config config = { 0 };
	struct image_bzimage spec = {
		.xloadflags = XLF_KERNEL_64,
		.payload = f->elf.data, .payload_size = f->elf.size, .declared = f->elf.size,
	};
	struct image image = image_bzimage(&spec);

	load(f, &image, false, &config);
	check_segments(f);
	assert_int_equal(f->entry.rip, KERNEL);
	assert_null(boot_release(f->img));
	assert_string_equal(boot_describe(f->img), "bzImage (uncompressed), 64-bit entry");
	assert_int_equal(boot_cmdline_max(f->img), 255);
	image_free(&image);
}

static void test_zero_page(void **state)
{
	struct fixture *f = *state;
	struct image image = image_packed_bzimage(UNPACK_GZIP, &f->elf);
	struct boot_config config = { .cmdline = "a=b c", .rsdp = 0xf0000, .setup_data = 0x20100 };
	const struct setup_header *h = &f->params.hdr;
	static const u8 zeros[0x1f1];

	load(f, &image, false, &config);
	assert_memory_equal(mem_ptr(f->mem, 0x40e, 2), "\xc0\x9f", 2);
	assert_memory_equal(mem_ptr(f->mem, 0x413, 2), "\x7f\x02", 2);
	/* Only the header is copied: what is before it in the file is not 0. */
	f->params.acpi_rsdp_addr -= 0xf0000;
	f->params.e820_entries -= 7;
	assert_memory_equal(&f->params, zeros, sizeof(zeros));
	assert_int_equal(h->setup_sects, 4);
	assert_int_equal(h->root_flags, 1);
	assert_int_equal(h->header, 0x53726448);
	assert_int_equal(h->version, 0x20f);
	assert_int_equal(h->boot_flag, 0xaa55);
	assert_int_equal(h->type_of_loader, 0xff);
	assert_int_equal(h->loadflags, LOADED_HIGH);
	assert_int_equal(h->vid_mode, 0xffff);
	assert_int_equal(h->init_size, 0x300000);
	assert_int_equal(h->pref_address, BASE);
	assert_int_equal(h->setup_data, 0x20100);
	assert_int_equal(h->ramdisk_image, 0);
	assert_int_equal(h->ramdisk_size, 0);
	assert_int_equal(h->cmd_line_ptr, LAYOUT_CMDLINE);
	assert_int_equal(f->params.ext_cmd_line_ptr, 0);
	assert_string_equal(mem_ptr(f->mem, LAYOUT_CMDLINE, 16), "a=b c");
	assert_int_equal(boot_cmdline_max(f->img), 2047);
	assert_int_equal(f->params.e820_table[0].addr, 0);
	assert_int_equal(f->params.e820_table[0].size, LAYOUT_EBDA);
	assert_int_equal(f->params.e820_table[4].addr, LAYOUT_HIGH);
	assert_int_equal(f->params.e820_table[4].size, 128 * MiB - LAYOUT_HIGH);
	assert_int_equal(f->params.e820_table[4].type, 1);
	image_free(&image);
}

static void test_page_tables(void **state)
{
	struct fixture *f = *state;
	struct boot_config config = { 0 };
	u64 *pml4 = mem_ptr(f->mem, LAYOUT_PAGE_TABLES, 4096);
	static const u64 samples[] = { 0, LAYOUT_ZERO_PAGE, BASE, 0xc0000000, 0xfee00000, 0xffffffff };

	load(f, &f->elf, false, &config);
	for (unsigned int i = 0; i < ARRAY_SIZE(samples); i++) {
		u64 *pdpt, *pd, entry;

		assert_int_equal(pml4[0] & 0xfff, 3);
		pdpt = mem_ptr(f->mem, pml4[0] & ~0xfffULL, 4096);
		entry = pdpt[samples[i] >> 30];
		assert_int_equal(entry & 0xfff, 3);
		pd = mem_ptr(f->mem, entry & ~0xfffULL, 4096);
		entry = pd[samples[i] >> 21 & 511];
		assert_int_equal(entry & 0xfff, 0x83);
		assert_int_equal(entry & ~0xfffULL, samples[i] & ~(2 * MiB - 1));
	}
	assert_int_equal(pml4[1], 0);
}

static void test_vmlinux(void **state)
{
	struct fixture *f = *state;
	struct boot_config config = { .cmdline = "x", .rsdp = 0xf0000 };

	load(f, &f->elf, false, &config);
	check_segments(f);
	assert_int_equal(boot_kind(f->img), BOOT_ELF_LINUX);
	assert_int_equal(f->entry.rip, KERNEL);
	assert_int_equal(f->params.hdr.header, 0x53726448);
	assert_int_equal(f->params.hdr.type_of_loader, 0xff);
	assert_int_equal(f->params.hdr.cmd_line_ptr, LAYOUT_CMDLINE);
	assert_int_equal(f->params.acpi_rsdp_addr, 0xf0000);
	assert_int_equal(f->params.sentinel, 0);
	assert_int_equal(boot_cmdline_max(f->img), 2047);
	assert_string_equal(boot_release(f->img), "6.99.1-vm");
	assert_string_equal(boot_describe(f->img), "ELF64 6.99.1-vm, 64-bit entry");
}

/* Without the note, Linux is known by its banner, here across two pieces of the scan. */
static void test_vmlinux_without_note(void **state)
{
	struct fixture *f = *state;
	struct boot_config config = { 0 };
	struct image_elf spec = {
		.entry = 0xffffffff81000123,	/* virtual: must be translated */
		.segments = { { BASE, 0xffffffff81000000, TEXT, f->text, TEXT } },
	};
	struct image image = image_elf(&spec);

	load(f, &image, false, &config);
	assert_int_equal(boot_kind(f->img), BOOT_ELF_LINUX);
	assert_int_equal(f->entry.rip, KERNEL);
	assert_string_equal(boot_release(f->img), "6.99.1-vm");
	image_free(&image);
}

static void test_packed_vmlinux(void **state)
{
	struct fixture *f = *state;
	struct boot_config config = { 0 };
	struct image image = image_pack(UNPACK_GZIP, f->elf.data, f->elf.size);

	load(f, &image, false, &config);
	assert_int_equal(boot_kind(f->img), BOOT_ELF_LINUX);
	check_segments(f);
	image_free(&image);
}

static void check_own_entry(struct fixture *f, const struct image *image, u64 gpa)
{
	size_t code = 5 * 512;

	assert_int_equal(f->entry.mode, BOOT_LONG64);
	assert_int_equal(f->entry.rip, gpa + 0x200);
	assert_int_equal(f->entry.rsi, LAYOUT_ZERO_PAGE);
	assert_int_equal(f->params.hdr.code32_start, gpa);
	assert_memory_equal(mem_ptr(f->mem, gpa, image->size - code), image->data + code, image->size - code);
}

static void test_own_entry(void **state)
{
	struct fixture *f = *state;
	struct boot_config config = { .cmdline = "x" };
	struct image image = image_packed_bzimage(UNPACK_GZIP, &f->elf);
	struct image_bzimage lzo = {
		.xloadflags = XLF_KERNEL_64, .pref_address = BASE, .init_size = 0x100000,
		.payload = "\x89LZO\0\r\n\x1a\n1234567", .payload_size = 16, .declared = 99,
	};
	struct image_bzimage none = { .xloadflags = XLF_KERNEL_64, .init_size = 0x1000 };

	load(f, &image, true, &config);
	check_own_entry(f, &image, BASE);
	assert_string_equal(boot_describe(f->img), "bzImage 6.99.0-test (unpacks itself), 64-bit entry");
	boot_close(f->img);
	image_free(&image);

	image = image_bzimage(&lzo);
	load(f, &image, false, &config);
	check_own_entry(f, &image, BASE);
	boot_close(f->img);
	image_free(&image);

	/* No payload, no preferred address: as low as its alignment allows. */
	image = image_bzimage(&none);
	load(f, &image, false, &config);
	check_own_entry(f, &image, 0x200000);
	image_free(&image);
}

/* --- initial ramdisks ----------------------------------------------------- */

static void path_in(const struct fixture *f, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", f->dir, name);
}

static void test_initrds(void **state)
{
	struct fixture *f = *state;
	char one[128], two[128];
	const char *const paths[] = { one, two, one };
	struct boot_config config = { .initrds = paths, .initrd_count = 3 };
	u32 at, size;
	u8 *p;

	path_in(f, "one", one);
	path_in(f, "two", two);
	image_write(one, "abcde", 5);
	image_write(two, f->text, 3 * MiB + 2);
	load(f, &f->elf, false, &config);
	unlink(one);
	unlink(two);

	at = f->params.hdr.ramdisk_image;
	size = f->params.hdr.ramdisk_size;
	assert_int_equal(size, 8 + (3 * MiB + 4) + 5);
	assert_int_equal(at % 4096, 0);
	assert_int_equal(at, ALIGN_DOWN(128 * MiB - size, 4096ULL));
	p = mem_ptr(f->mem, at, size);
	assert_memory_equal(p, "abcde\0\0\0", 8);
	assert_memory_equal(p + 8, f->text, 3 * MiB + 2);
	assert_memory_equal(p + 8 + 3 * MiB + 2, "\0\0abcde", 7);
}

/* In memory that hardly suffices it lies between the kernel and the limit of the header. */
static void test_initrd_limit(void **state)
{
	struct fixture *f = *state;
	char path[128];
	const char *const paths[] = { path };
	struct boot_config config = { .initrds = paths, .initrd_count = 1 };
	struct image packed = image_pack(UNPACK_GZIP, f->elf.data, f->elf.size);
	struct image_bzimage spec = {
		.xloadflags = XLF_KERNEL_64,
		.payload = packed.data, .payload_size = packed.size, .cmdline_size = 2047,
		.initrd_addr_max = DATA + 0x80000,	/* in the bss */
	};
	struct image image = image_bzimage(&spec);

	path_in(f, "initrd", path);
	image_write(path, f->text, MiB + 1);
	load(f, &image, false, &config);
	unlink(path);
	assert_int_equal(f->params.hdr.ramdisk_image, DATA - MiB - 4096);
	assert_int_equal(f->params.hdr.ramdisk_size, MiB + 1);
	assert_memory_equal(mem_ptr(f->mem, f->params.hdr.ramdisk_image, MiB + 1), f->text, MiB + 1);
	check_segments(f);
	image_free(&packed);
	image_free(&image);
}

struct feed {
	char kernel[128], initrd[128];
	const struct image *image;
};

static void *feed_thread(void *arg)
{
	struct feed *feed = arg;

	image_write(feed->kernel, feed->image->data, feed->image->size);
	image_write(feed->initrd, "0123456789", 10);
	return NULL;
}

static void test_pipes(void **state)
{
	struct fixture *f = *state;
	struct feed feed = { .image = &f->elf };
	const char *const paths[] = { feed.initrd };
	struct boot_config config = { .initrds = paths, .initrd_count = 1 };
	pthread_t thread;

	path_in(f, "kernel", feed.kernel);
	path_in(f, "initrd", feed.initrd);
	assert_int_equal(mkfifo(feed.kernel, 0600), 0);
	assert_int_equal(mkfifo(feed.initrd, 0600), 0);
	assert_int_equal(pthread_create(&thread, NULL, feed_thread, &feed), 0);
	assert_int_equal(boot_open(feed.kernel, true, false, &f->img), 0);
	assert_int_equal(boot_load(f->img, f->mem, &config, &f->entry), 0);
	pthread_join(thread, NULL);
	assert_int_equal(mem_read(f->mem, LAYOUT_ZERO_PAGE, &f->params, sizeof(f->params)), 0);
	assert_int_equal(f->params.hdr.ramdisk_size, 10);
	assert_memory_equal(mem_ptr(f->mem, f->params.hdr.ramdisk_image, 10), "0123456789", 10);
	check_segments(f);
	unlink(feed.kernel);
	unlink(feed.initrd);
}

/* From a file, with holes, into memory that is in pieces. */
static void test_file_with_holes(void **state)
{
	struct fixture *f = *state;
	struct boot_config config = { 0 };
	char path[128];

	path_in(f, "vmlinux", path);
	memset(f->text + 4 * MiB, 0, 3 * MiB);
	memcpy(f->elf.data + 4096, f->text, TEXT);
	image_write(path, f->elf.data, f->elf.size);
	assert_int_equal(boot_open(path, false, false, &f->img), 0);
	mem_free(f->mem);
	f->mem = mem_new();
	assert_int_equal(mem_add(f->mem, 0, BASE + 5 * MiB + 4096, MEM_RAM, NULL), 0);
	assert_int_equal(mem_add(f->mem, BASE + 5 * MiB + 4096, 64 * MiB, MEM_RAM, NULL), 0);
	assert_int_equal(boot_load(f->img, f->mem, &config, &f->entry), 0);
	for (u64 at = 0; at < TEXT; at += 4096) {
		u8 page[4096];
		u64 len = min(TEXT - at, 4096ULL);

		assert_int_equal(mem_read(f->mem, BASE + at, page, len), 0);
		assert_memory_equal(page, f->text + at, len);
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_formats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uncompressed_payload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zero_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_page_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vmlinux, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vmlinux_without_note, setup, teardown),
		cmocka_unit_test_setup_teardown(test_packed_vmlinux, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_initrds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_initrd_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_with_holes, setup, teardown),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
