// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of booting kernels that are not Linux: PVH and Multiboot.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "../../x86/layout.h"
#include "boot.h"
#include "images.h"
#include "mem.h"
#include "util.h"

#define BASE 0x200000ULL

struct fixture {
	char one[64], two[64];
	u8 text[8192];
	u8 module[5000];
	struct mem *mem;
	struct boot_image *img;
	struct boot_entry entry;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	image_fill(f->text, sizeof(f->text), 3);
	image_fill(f->module, sizeof(f->module), 4);
	f->mem = mem_new();
	assert_int_equal(mem_add(f->mem, 0, 32 * MiB, MEM_RAM, NULL), 0);
	memcpy(f->one, "/tmp/lkvm-module-XXXXXX", 24);
	memcpy(f->two, "/tmp/lkvm-module-XXXXXX", 24);
	fd = mkstemp(f->one);
	close(fd);
	fd = mkstemp(f->two);
	close(fd);
	image_write(f->one, "first module", 12);
	image_write(f->two, f->module, 5000);
	said_start();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	boot_close(f->img);
	mem_free(f->mem);
	unlink(f->one);
	unlink(f->two);
	free(f);
	return 0;
}

static void load(struct fixture *f, const void *data, size_t size, const char *name)
{
	const char *const paths[] = { f->one, f->two };
	struct boot_config config = { .cmdline = "one two", .initrds = paths, .initrd_count = 2, .rsdp = 0xf0000 };

	assert_int_equal(boot_open_memory(data, size, name, false, &f->img), 0);
	assert_int_equal(boot_load(f->img, f->mem, &config, &f->entry), 0);
	assert_int_equal(said_lines(), 0);
	assert_int_equal(f->entry.mode, BOOT_PROT32);
}

static void *at(const struct fixture *f, u64 gpa, u64 size)
{
	void *p = mem_ptr(f->mem, gpa, size);

	assert_non_null(p);
	return p;
}

/* --- PVH ------------------------------------------------------------------ */

static struct image pvh_elf(struct fixture *f, bool is32, unsigned int desc_size)
{
	u64 desc = BASE + 0x40;
	u8 notes[128];
	size_t size = image_note(notes, 0, "GNU", 3, "12345", 5);
	struct image_elf spec = {
		.is32 = is32,
		.segments = { { BASE, 0x80200000, 0x10000, f->text, sizeof(f->text) } },
		.notes = notes,
	};

	spec.notes_size = image_note(notes, size, "Xen", 18, &desc, desc_size);
	return image_elf(&spec);
}

static void check_pvh(struct fixture *f)
{
	const struct {
		u32 magic, version, flags, module_count;
		u64 modules, cmdline, rsdp, memmap;
		u32 memmap_count, reserved;
	} *info = at(f, LAYOUT_ZERO_PAGE, sizeof(*info));
	const u64 *modules;
	const struct {
		u64 addr, size;
		u32 type, reserved;
	} *map;

	assert_int_equal(boot_kind(f->img), BOOT_PVH);
	assert_int_equal(f->entry.rip, BASE + 0x40);
	assert_int_equal(f->entry.rbx, LAYOUT_ZERO_PAGE);
	assert_int_equal(info->magic, 0x336ec578);
	assert_int_equal(info->version, 1);
	assert_int_equal(info->rsdp, 0xf0000);
	assert_string_equal(at(f, info->cmdline, 8), "one two");
	assert_memory_equal(at(f, BASE, sizeof(f->text)), f->text, sizeof(f->text));

	assert_int_equal(info->module_count, 2);
	modules = at(f, info->modules, 64);
	assert_int_equal(modules[1], 12);
	assert_memory_equal(at(f, modules[0], 12), "first module", 12);
	assert_string_equal(at(f, modules[2], 64), f->one);
	assert_int_equal(modules[5], 5000);
	assert_memory_equal(at(f, modules[4], 5000), f->module, 5000);
	assert_string_equal(at(f, modules[6], 64), f->two);

	assert_int_equal(info->memmap_count, 7);
	map = at(f, info->memmap, 7 * sizeof(*map));
	assert_int_equal(map[4].addr, LAYOUT_HIGH);
	assert_int_equal(map[4].size, 31 * MiB);
	assert_int_equal(map[4].type, 1);
}

static void test_pvh(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 4; i++) {
		struct image image = pvh_elf(f, i & 1, i & 2 ? 8 : 4);

		load(f, image.data, image.size, "kernel");
		check_pvh(f);
		assert_string_equal(boot_describe(f->img), i & 1 ? "ELF32, PVH entry" : "ELF64, PVH entry");
		assert_null(boot_release(f->img));
		boot_close(f->img);
		image_free(&image);
	}
	f->img = NULL;
}

/* --- Multiboot ------------------------------------------------------------ */

struct multiboot_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	u32 mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
};

static void put_header(u8 *where, u32 flags)
{
	u32 header[3] = { 0x1badb002, flags, -(0x1badb002 + flags) };

	memcpy(where, header, sizeof(header));
}

static void check_info(struct fixture *f, const char *cmdline)
{
	const struct multiboot_info *info = at(f, LAYOUT_ZERO_PAGE, 88);
	const u32 *modules;
	u32 entries = 0;
	u64 ram = 0;

	assert_int_equal(boot_kind(f->img), BOOT_MULTIBOOT);
	assert_int_equal(f->entry.rax, 0x2badb002);
	assert_int_equal(f->entry.rbx, LAYOUT_ZERO_PAGE);
	assert_int_equal(info->flags, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
	assert_int_equal(info->mem_lower, 639);
	assert_int_equal(info->mem_upper, 31 * 1024);
	assert_string_equal(at(f, info->cmdline, 64), cmdline);
	assert_string_equal(at(f, info->boot_loader_name, 5), "lkvm");

	assert_int_equal(info->mods_count, 2);
	modules = at(f, info->mods_addr, 32);
	assert_int_equal(modules[0] % 4096, 0);
	assert_int_equal(modules[1] - modules[0], 12);
	assert_memory_equal(at(f, modules[0], 12), "first module", 12);
	assert_string_equal(at(f, modules[2], 64), f->one);
	assert_int_equal(modules[5] - modules[4], 5000);
	assert_memory_equal(at(f, modules[4], 5000), f->module, 5000);
	assert_int_equal(modules[7], 0);

	for (u32 i = 0; i < info->mmap_length;) {
		u32 *e = at(f, info->mmap_addr + i, 24);
		u64 size;

		memcpy(&size, e + 3, 8);
		assert_int_equal(e[0], 20);
		if (e[5] == 1)
			ram += size;
		i += e[0] + 4;
		entries++;
	}
	assert_int_equal(entries, 7);
	assert_int_equal(ram, LAYOUT_EBDA + 31 * MiB);
}

static void test_multiboot_elf(void **state)
{
	struct fixture *f = *state;
	struct image_elf spec = {
		.is32 = true,
		.entry = 0xc0200010,	/* virtual */
		.segments = { { BASE, 0xc0200000, 0x10000, f->text, sizeof(f->text) } },
	};
	struct image image;

	put_header(f->text + 64, 1 << 0 | 1 << 1);
	image = image_elf(&spec);
	load(f, image.data, image.size, "/path/to/my kernel.elf");
	assert_int_equal(f->entry.rip, BASE + 0x10);
	assert_memory_equal(at(f, BASE, sizeof(f->text)), f->text, sizeof(f->text));
	check_info(f, "my_kernel.elf one two");
	assert_string_equal(boot_describe(f->img), "ELF32, Multiboot");
	assert_int_equal(boot_cmdline_max(f->img), 65535);
	image_free(&image);
}

static void put_addresses(u8 *header, u32 addr, u32 load_addr, u32 load_end, u32 bss_end, u32 entry)
{
	u32 fields[5] = { addr, load_addr, load_end, bss_end, entry };

	memcpy(header + 12, fields, sizeof(fields));
}

static void test_multiboot_flat(void **state)
{
	struct fixture *f = *state;

	put_header(f->text + 0x104, 1 << 16 | 1 << 2);
	/* From 0x100 on in the file, all of it but the last 0x100 bytes. */
	put_addresses(f->text + 0x104, BASE + 4, BASE, BASE + sizeof(f->text) - 0x200, BASE + 0x4000, BASE + 0x20);
	load(f, f->text, sizeof(f->text), "flat");
	assert_int_equal(f->entry.rip, BASE + 0x20);
	assert_memory_equal(at(f, BASE, sizeof(f->text) - 0x200), f->text + 0x100, sizeof(f->text) - 0x200);
	assert_int_equal(*(u8 *)at(f, BASE + sizeof(f->text) - 0x200, 1), 0);
	check_info(f, "flat one two");
	assert_string_equal(boot_describe(f->img), "flat image, Multiboot");
	boot_close(f->img);

	/* No end: to the end of the file. */
	put_addresses(f->text + 0x104, BASE + 4, BASE, 0, 0, BASE);
	load(f, f->text, sizeof(f->text), "flat");
	assert_memory_equal(at(f, BASE, sizeof(f->text) - 0x100), f->text + 0x100, sizeof(f->text) - 0x100);
}

/* An ELF32 with both is entered by Multiboot; an ELF64 with both by PVH. */
static void test_precedence(void **state)
{
	struct fixture *f = *state;

	put_header(f->text + 64, 0);
	for (unsigned int is32 = 0; is32 < 2; is32++) {
		struct image image = pvh_elf(f, is32, 4);

		/* Multiboot needs an entry point of its own. */
		*(u32 *)(image.data + 24) = BASE;
		assert_int_equal(boot_open_memory(image.data, image.size, "it", false, &f->img), 0);
		assert_int_equal(boot_kind(f->img), is32 ? BOOT_MULTIBOOT : BOOT_PVH);
		boot_close(f->img);
		image_free(&image);
	}
	f->img = NULL;
}

static void refuse_flat(struct fixture *f, u32 addr, u32 load_addr, u32 load_end, u32 bss_end, u32 entry)
{
	struct boot_config config = { 0 };
	int err;

	put_header(f->text, 1 << 16);
	put_addresses(f->text, addr, load_addr, load_end, bss_end, entry);
	said_start();
	err = boot_open_memory(f->text, sizeof(f->text), "flat", false, &f->img);
	if (!err)
		err = boot_load(f->img, f->mem, &config, &f->entry);
	assert_int_equal(err, -EINVAL);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "kernel flat"));
	boot_close(f->img);
	f->img = NULL;
}

static void test_bad_addresses(void **state)
{
	struct fixture *f = *state;

	refuse_flat(f, BASE, BASE + 4, 0, 0, BASE);			/* the header before the load address */
	refuse_flat(f, BASE + 4, BASE, 0, 0, BASE);			/* before the file */
	refuse_flat(f, BASE, BASE, BASE - 1, 0, BASE);
	refuse_flat(f, BASE, BASE, BASE + 0x10000, 0, BASE);		/* longer than the file */
	refuse_flat(f, BASE, BASE, 0, BASE + 1, BASE);			/* bss inside of it */
	refuse_flat(f, BASE, BASE, 0, 0, BASE - 1);
	refuse_flat(f, BASE, BASE, 0, 0, BASE + sizeof(f->text));
	refuse_flat(f, BASE, BASE, 0, 0xffffffff, BASE);		/* bss beyond memory */
	refuse_flat(f, 0xfffffff0, 0xfffffff0, 0, 0, 0xfffffff0);	/* wraps */
	refuse_flat(f, LAYOUT_ZERO_PAGE, LAYOUT_ZERO_PAGE, 0, 0, LAYOUT_ZERO_PAGE);
	refuse_flat(f, 0x9f000, 0x9f000, 0, 0, 0x9f000);		/* into the firmware's area */
	refuse_flat(f, 0x2000000, 0x2000000, 0, 0, 0x2000000);
	assert_non_null(strstr(said(), "use -m"));
}

static void test_bad_headers(void **state)
{
	struct fixture *f = *state;

	put_header(f->text, 1 << 3);		/* a demand that we do not know */
	assert_int_equal(boot_open_memory(f->text, sizeof(f->text), "it", false, &f->img), -EINVAL);
	assert_non_null(strstr(said(), "not supported"));
	put_header(f->text, 0);			/* no addresses, no ELF */
	assert_int_equal(boot_open_memory(f->text, sizeof(f->text), "it", false, &f->img), -EINVAL);
	f->text[8]++;				/* a wrong checksum: not a header */
	assert_int_equal(boot_open_memory(f->text, sizeof(f->text), "it", false, &f->img), -EINVAL);
	assert_non_null(strstr(said(), "neither"));
	put_header(f->text, 1 << 16);		/* addresses beyond the end of the file */
	assert_int_equal(boot_open_memory(f->text, 31, "it", false, &f->img), -EINVAL);
	assert_non_null(strstr(said(), "cut short"));
	memset(f->text, 0, 64);
	put_header(f->text + 2, 1 << 16);	/* not aligned */
	assert_int_equal(boot_open_memory(f->text, sizeof(f->text), "it", false, &f->img), -EINVAL);
	assert_int_equal(said_lines(), 5);
	assert_null(f->img);
}

static void test_many_modules(void **state)
{
	struct fixture *f = *state;
	const char *paths[65];
	struct boot_config config = { .initrds = paths };
	struct image image = pvh_elf(f, true, 4);

	for (unsigned int i = 0; i < ARRAY_SIZE(paths); i++)
		paths[i] = f->one;
	assert_int_equal(boot_open_memory(image.data, image.size, "it", false, &f->img), 0);
	config.initrd_count = 64;
	assert_int_equal(boot_load(f->img, f->mem, &config, &f->entry), 0);
	config.initrd_count = 65;
	assert_int_equal(boot_load(f->img, f->mem, &config, &f->entry), -EINVAL);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "64 is the most"));
	image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pvh, setup, teardown),
		cmocka_unit_test_setup_teardown(test_multiboot_elf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_multiboot_flat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_precedence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_modules, setup, teardown),
	};

	return cmocka_run_group_tests_name("boot-other", tests, NULL, NULL);
}
