// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what is run without looking at it: flat images and firmware.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../x86/layout.h"
#include "boot.h"
#include "images.h"
#include "mem.h"
#include "util.h"

struct fixture {
	char path[64];
	u8 data[320 * KiB];
	struct mem *mem;
	struct boot_image *img;
	struct boot_entry entry;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	image_fill(f->data, sizeof(f->data), 1);
	/* What would be a bzImage, or a Multiboot header with addresses, were it looked at. */
	memcpy(f->data + 0x1fe, "\x55\xaa\xeb\x6aHdrS", 8);
	memcpy(f->data + 64, "\x02\xb0\xad\x1b\0\0\1\0\xfe\x4f\x51\xe4", 12);
	memcpy(f->path, "/tmp/lkvm-flat-XXXXXX", 22);
	fd = mkstemp(f->path);
	close(fd);
	f->mem = mem_new();
	assert_int_equal(mem_add(f->mem, 0, 32 * MiB, MEM_RAM, NULL), 0);
	said_start();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	boot_close(f->img);
	mem_free(f->mem);
	unlink(f->path);
	free(f);
	return 0;
}

static int try_flat(struct fixture *f, u64 addr, size_t size)
{
	struct boot_config config = { .cmdline = "a=b" };
	int err;

	image_write(f->path, f->data, size);
	boot_close(f->img);
	said_start();
	err = boot_open_flat(f->path, addr, &f->img);
	if (!err)
		err = boot_load(f->img, f->mem, &config, &f->entry);
	assert_int_equal(said_lines(), err ? 1 : 0);
	return err;
}

static void check_real(struct fixture *f, u64 addr, u16 segment, u16 ip)
{
	char text[64];

	assert_int_equal(try_flat(f, addr, 1000), 0);
	assert_memory_equal(mem_ptr(f->mem, addr, 1000), f->data, 1000);
	assert_int_equal(boot_kind(f->img), BOOT_FLAT);
	assert_int_equal(f->entry.mode, BOOT_REAL16);
	assert_int_equal(f->entry.segment, segment);
	assert_int_equal(f->entry.rip, ip);
	assert_int_equal(f->entry.rsp, 0xfff0);
	assert_int_equal(f->entry.rax | f->entry.rbx | f->entry.rsi, 0);
	snprintf(text, sizeof(text), "flat image at 0x%llx, real mode", (unsigned long long)addr);
	assert_string_equal(boot_describe(f->img), text);
	assert_null(boot_release(f->img));
	assert_int_equal(boot_rom_size(f->img), 0);
}

static void test_real(void **state)
{
	struct fixture *f = *state;

	check_real(f, 0x500, 0, 0x500);
	check_real(f, 0x7c00, 0, 0x7c00);
	check_real(f, 0xffff, 0, 0xffff);
	check_real(f, 0x10000, 0x1000, 0);
	check_real(f, 0x9f123, 0x9f12, 3);
	/* All that is free, and a byte more. */
	assert_int_equal(try_flat(f, LAYOUT_EBDA - sizeof(f->data), sizeof(f->data)), 0);
	assert_memory_equal(mem_ptr(f->mem, LAYOUT_EBDA - sizeof(f->data), sizeof(f->data)), f->data, sizeof(f->data));
	assert_int_equal(try_flat(f, LAYOUT_EBDA - sizeof(f->data) + 1, sizeof(f->data)), -EINVAL);
	assert_non_null(strstr(said(), "firmware's area"));
}

static void test_prot(void **state)
{
	struct fixture *f = *state;
	const u32 *info;

	assert_int_equal(try_flat(f, 0x123457, sizeof(f->data)), 0);
	assert_memory_equal(mem_ptr(f->mem, 0x123457, sizeof(f->data)), f->data, sizeof(f->data));
	assert_int_equal(f->entry.mode, BOOT_PROT32);
	assert_int_equal(f->entry.rip, 0x123457);
	assert_int_equal(f->entry.rax, 0x2badb002);
	info = mem_ptr(f->mem, f->entry.rbx, 88);
	assert_non_null(strstr(mem_ptr(f->mem, info[4], 64), " a=b"));
	assert_string_equal(boot_describe(f->img), "flat image at 0x123457, 32-bit protected mode");
	assert_int_equal(try_flat(f, LAYOUT_HIGH, 1), 0);
	assert_int_equal(f->entry.rip, LAYOUT_HIGH);
}

static void refuse_flat(struct fixture *f, u64 addr, size_t size, const char *why)
{
	assert_int_equal(try_flat(f, addr, size), -EINVAL);
	assert_non_null(strstr(said(), f->path));
	if (!strstr(said(), why))
		fail_msg("\"%s\" does not say \"%s\"", said(), why);
}

static void test_bad_flat(void **state)
{
	struct fixture *f = *state;

	refuse_flat(f, 0x7c00, 0, "is empty");
	refuse_flat(f, 0x4ff, 1, "boot data");
	refuse_flat(f, 0, 1, "boot data");
	refuse_flat(f, 0x9fbff, 2, "firmware's area");
	refuse_flat(f, 0xa0000, 1, "firmware's area");
	refuse_flat(f, 0xfffff, 2, "firmware's area");
	refuse_flat(f, 32 * MiB - 1, 2, "needs memory up to 33 MiB, but there are only 32 MiB: use -m");
	refuse_flat(f, LAYOUT_LOW_RAM_END - 1, 2, "outside of memory");
	refuse_flat(f, 0x100100000, 2, "outside of memory");
	refuse_flat(f, UINT64_MAX, 2, "outside of memory");
	/* A file with a hole that no memory has room for. */
	assert_int_equal(truncate(f->path, 1LL << 40), 0);
	boot_close(f->img);
	assert_int_equal(boot_open_flat(f->path, LAYOUT_HIGH, &f->img), 0);
	said_start();
	assert_int_equal(boot_load(f->img, f->mem, &(struct boot_config){ 0 }, &f->entry), -EINVAL);
	assert_int_equal(said_lines(), 1);
}

/* --- firmware ------------------------------------------------------------- */

static void check_firmware(struct fixture *f, u64 size, u64 shadow)
{
	struct boot_config config = { .cmdline = "" };

	image_write(f->path, f->data, size);
	assert_int_equal(boot_open_firmware(f->path, &f->img), 0);
	assert_int_equal(boot_kind(f->img), BOOT_FIRMWARE);
	assert_int_equal(boot_rom_size(f->img), size);
	assert_string_equal(boot_describe(f->img), "firmware, reset vector");
	assert_int_equal(mem_add(f->mem, 0x100000000 - size, size, MEM_ROM, NULL), 0);
	assert_int_equal(boot_load(f->img, f->mem, &config, &f->entry), 0);
	assert_int_equal(f->entry.mode, BOOT_RESET);
	assert_memory_equal(mem_ptr(f->mem, 0x100000000 - size, size), f->data, size);
	assert_memory_equal(mem_ptr(f->mem, 0x100000 - shadow, shadow), f->data + size - shadow, shadow);
	assert_int_equal(*(u8 *)mem_ptr(f->mem, 0x100000 - shadow - 1, 1), 0);
	assert_int_equal(said_lines(), 0);
}

static void test_firmware(void **state)
{
	static const u64 sizes[] = { 64 * KiB, 128 * KiB, 256 * KiB, 320 * KiB };
	struct fixture *f = *state;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		check_firmware(f, sizes[i], min(sizes[i], 256 * KiB));
		boot_close(f->img);
		f->img = NULL;
		mem_free(f->mem);
		f->mem = mem_new();
		assert_int_equal(mem_add(f->mem, 0, 32 * MiB, MEM_RAM, NULL), 0);
	}
}

static void refuse_firmware(struct fixture *f, off_t size)
{
	assert_int_equal(truncate(f->path, size), 0);
	said_start();
	assert_int_equal(boot_open_firmware(f->path, &f->img), -EINVAL);
	assert_null(f->img);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "multiple of 64 KiB, up to 16 MiB"));
}

static void test_bad_firmware(void **state)
{
	struct fixture *f = *state;

	refuse_firmware(f, 0);
	refuse_firmware(f, 1);
	refuse_firmware(f, 64 * KiB - 1);
	refuse_firmware(f, 65 * KiB);
	refuse_firmware(f, 16 * MiB + 64 * KiB);
	refuse_firmware(f, 1LL << 40);
	assert_int_equal(truncate(f->path, 16 * MiB), 0);
	assert_int_equal(boot_open_firmware(f->path, &f->img), 0);
	said_start();
	/* Nobody has made the ROM. */
	assert_int_equal(boot_load(f->img, f->mem, &(struct boot_config){ 0 }, &f->entry), -EFAULT);
	assert_int_equal(said_lines(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_real, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_flat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_firmware, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_firmware, setup, teardown),
	};

	return cmocka_run_group_tests_name("boot-flat", tests, NULL, NULL);
}
