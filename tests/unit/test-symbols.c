// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of symbols: which name an address has, where there is none, modules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <time.h>

#include "symbols.h"
#include "util.h"

#define TEXT	0xffffffff81000000ULL
#define MODULE	0xffffffffc0200000ULL

static void add(struct symbols *s, u64 addr, char type, const char *name)
{
	assert_int_equal(symbols_add(s, addr, 0, type, name, NULL), 0);
}

static struct symbols *small_kernel(void)
{
	struct symbols *s = symbols_new();

	assert_non_null(s);
	/* Not in order, since the readers of files give none */
	add(s, TEXT + 0x300000, 'B', "_end");
	add(s, TEXT + 0x1000, 'T', "panic");
	add(s, TEXT + 0x2000, 't', "do_idle");
	add(s, TEXT + 0x1400, 'T', "oops_exit");
	add(s, TEXT, 'T', "_text");
	add(s, TEXT, 'T', "_stext");
	add(s, TEXT, 'T', "startup_64");
	add(s, TEXT + 0x100000, 'T', "_etext");
	add(s, TEXT + 0x200000, 'D', "init_task");
	add(s, TEXT + 0x280000, 'T', "_sinittext");
	add(s, TEXT + 0x280000, 't', "set_reset_devices");
	add(s, TEXT + 0x290000, 'T', "_einittext");
	add(s, 0x1000, 'A', "cpu_tss_rw");
	symbols_sort(s);
	return s;
}

static void assert_at(const struct symbols *s, u64 addr, const char *name, u64 offset, u64 size)
{
	struct symbol_at at;

	assert_true(symbols_at(s, addr, &at));
	assert_string_equal(at.name, name);
	assert_int_equal(at.offset, offset);
	assert_int_equal(at.size, size);
	assert_null(at.module);
}

static void test_at(void **state)
{
	struct symbols *s = small_kernel();
	struct symbol_at at;

	assert_int_equal(symbols_count(s), 13);
	assert_at(s, TEXT + 0x1000, "panic", 0, 0x400);
	assert_at(s, TEXT + 0x13ff, "panic", 0x3ff, 0x400);
	assert_at(s, TEXT + 0x1400, "oops_exit", 0, 0xc00);
	assert_at(s, TEXT + 0x200010, "init_task", 0x10, 0x80000);
	/* No border of a section where there is a function */
	assert_at(s, TEXT + 4, "startup_64", 4, 0x1000);
	assert_at(s, TEXT + 0x280008, "set_reset_devices", 8, 0x10000);
	/* The last symbol reaches to the end of the kernel, and nothing is behind that. */
	assert_at(s, TEXT + 0x2fffff, "_einittext", 0x6ffff, 0x70000);
	assert_false(symbols_at(s, TEXT + 0x300000, &at));
	assert_false(symbols_at(s, TEXT - 1, &at));
	assert_false(symbols_at(s, 0x1004, &at));
	assert_false(symbols_at(s, 0, &at));
	assert_false(symbols_at(s, UINT64_MAX, &at));
	symbols_free(s);
}

static void test_empty(void **state)
{
	struct symbols *s = symbols_new();
	struct symbol_at at;
	u64 addr;

	symbols_sort(s);
	assert_int_equal(symbols_count(s), 0);
	assert_false(symbols_at(s, 0, &at));
	assert_false(symbols_at(s, UINT64_MAX, &at));
	assert_false(symbols_find(s, "panic", &addr));
	assert_false(symbols_is_text(s, 0));
	symbols_free(s);
	symbols_free(NULL);
}

/* The name that a reader expects, whatever order they came in */
static void test_aliases(void **state)
{
	static const struct {
		char type;
		const char *name;
	} worst_to_best[] = {
		{ 't', "__pfx_vfs_read" }, { 'T', "__start_rodata" }, { 'b', "buffer" }, { 'r', "table" },
		{ 'D', "data" },
		{ 't', "__do_vfs_read" }, { 't', "local_label" }, { 'W', "__weak_one" }, { 'W', "weak_one" },
		{ 'T', "__x64_sys_read" }, { 'T', "vfs_read" },
	};

	for (size_t n = 1; n <= ARRAY_SIZE(worst_to_best); n++) {
		for (int up = 0; up < 2; up++) {
			struct symbols *s = symbols_new();
			struct symbol_at at;

			for (size_t i = 0; i < n; i++) {
				size_t which = up ? i : n - 1 - i;

				add(s, TEXT, worst_to_best[which].type, worst_to_best[which].name);
			}
			symbols_sort(s);
			assert_true(symbols_at(s, TEXT + 1, &at));
			assert_string_equal(at.name, worst_to_best[n - 1].name);
			symbols_free(s);
		}
	}
}

/* A label of assembly in a function with a size */
static void test_labels(void **state)
{
	struct symbols *s = symbols_new();
	struct symbol_at at;

	assert_int_equal(symbols_add(s, TEXT, 0x100, 'T', "memcpy", NULL), 0);
	add(s, TEXT + 0x10, 't', "copy_loop");
	add(s, TEXT + 0x20, 't', "copy_tail");
	assert_int_equal(symbols_add(s, TEXT + 0x100, 0x40, 'T', "memset", NULL), 0);
	add(s, TEXT + 0x150, 't', "after_all");
	symbols_sort(s);
	assert_at(s, TEXT + 0x18, "memcpy", 0x18, 0x100);
	assert_at(s, TEXT + 0x20, "memcpy", 0x20, 0x100);
	assert_at(s, TEXT + 0x100, "memset", 0, 0x40);
	/* Padding belongs to what is before it. */
	assert_at(s, TEXT + 0x144, "memset", 0x44, 0x40);
	assert_at(s, TEXT + 0x158, "after_all", 8, 4096);
	assert_false(symbols_at(s, TEXT + 0x150 + 4096, &at));
	symbols_free(s);
}

static void test_find(void **state)
{
	struct symbols *s = small_kernel();
	u64 addr = 0;

	assert_true(symbols_find(s, "panic", &addr));
	assert_int_equal(addr, TEXT + 0x1000);
	assert_false(symbols_find(s, "pani", &addr));
	assert_false(symbols_find(s, "", &addr));
	/* The one that all can see */
	add(s, TEXT + 0x500, 't', "show");
	add(s, TEXT + 0x900, 'T', "show");
	add(s, TEXT + 0xa00, 't', "show");
	assert_int_equal(symbols_add(s, TEXT - 0x100, 0, 'T', "show", "aaa"), 0);
	assert_int_equal(symbols_add(s, MODULE, 0, 'T', "only_there", "aaa"), 0);
	symbols_sort(s);
	assert_true(symbols_find(s, "show", &addr));
	assert_int_equal(addr, TEXT + 0x900);
	assert_true(symbols_find(s, "only_there", &addr));
	assert_int_equal(addr, MODULE);
	symbols_free(s);
}

static void test_text(void **state)
{
	struct symbols *s = small_kernel();

	assert_true(symbols_is_text(s, TEXT));
	assert_true(symbols_is_text(s, TEXT + 0xfffff));
	assert_false(symbols_is_text(s, TEXT + 0x100000));
	assert_false(symbols_is_text(s, TEXT + 0x1fffff));
	assert_false(symbols_is_text(s, TEXT + 0x200000));
	assert_true(symbols_is_text(s, TEXT + 0x280000));
	assert_false(symbols_is_text(s, TEXT + 0x290000));
	/* Code behind the ranges that have a name, as that of exits is */
	add(s, TEXT + 0x291000, 't', "foo_exit");
	symbols_sort(s);
	assert_true(symbols_is_text(s, TEXT + 0x291004));
	assert_false(symbols_is_text(s, 0x1000));
	assert_false(symbols_is_text(s, TEXT - 1));
	symbols_free(s);
}

static void test_shift(void **state)
{
	struct symbols *s = small_kernel();
	u64 addr;

	assert_int_equal(symbols_add(s, MODULE, 0, 't', "in_module", "mod"), 0);
	symbols_sort(s);
	symbols_shift(s, 0x1e000000);
	assert_at(s, TEXT + 0x1e001010, "panic", 0x10, 0x400);
	assert_true(symbols_find(s, "_end", &addr));
	assert_int_equal(addr, TEXT + 0x1e300000);
	assert_true(symbols_find(s, "cpu_tss_rw", &addr));
	assert_int_equal(addr, 0x1000);
	assert_true(symbols_find(s, "in_module", &addr));
	assert_int_equal(addr, MODULE);
	symbols_shift(s, -0x1e000000);
	assert_at(s, TEXT + 0x1010, "panic", 0x10, 0x400);
	symbols_free(s);
}

static void test_modules(void **state)
{
	struct symbols *s = small_kernel();
	struct symbol_at at;
	u64 ip, orc;
	u32 count;

	assert_int_equal(symbols_add_range(s, "virtio_net", MODULE, 0x6000, true), 0);
	assert_int_equal(symbols_add_range(s, "virtio_net", MODULE + 0x10000, 0x1000, false), 0);
	assert_int_equal(symbols_add_range(s, "fuse", MODULE + 0x8000, 0x2000, true), 0);
	assert_int_equal(symbols_add(s, MODULE + 0x100, 0x50, 't', "virtnet_poll", "virtio_net"), 0);
	assert_int_equal(symbols_add(s, MODULE + 0x200, 0, 't', "virtnet_open", "virtio_net"), 0);
	assert_int_equal(symbols_set_orc(s, "virtio_net", 0x1111, 0x2222, 33), 0);
	symbols_sort(s);

	assert_true(symbols_at(s, MODULE + 0x110, &at));
	assert_string_equal(at.name, "virtnet_poll");
	assert_string_equal(at.module, "virtio_net");
	assert_int_equal(at.offset, 0x10);
	assert_int_equal(at.size, 0x50);
	assert_true(symbols_at(s, MODULE + 0x5fff, &at));
	assert_string_equal(at.name, "virtnet_open");
	assert_int_equal(at.size, 0x6000 - 0x200);
	/* The module is known, but nothing in it is */
	assert_true(symbols_at(s, MODULE + 0x80, &at));
	assert_string_equal(at.name, "");
	assert_string_equal(at.module, "virtio_net");
	assert_int_equal(at.offset, 0x80);
	assert_true(symbols_at(s, MODULE + 0x8004, &at));
	assert_string_equal(at.name, "");
	assert_string_equal(at.module, "fuse");
	assert_int_equal(at.offset, 4);
	assert_int_equal(at.size, 0x2000);
	assert_false(symbols_at(s, MODULE + 0x6000, &at));

	assert_true(symbols_is_text(s, MODULE + 0x8004));
	assert_false(symbols_is_text(s, MODULE + 0x10004));
	assert_int_equal(symbols_module_orc(s, MODULE + 0x110, &ip, &orc, &count), 0);
	assert_int_equal(ip, 0x1111);
	assert_int_equal(orc, 0x2222);
	assert_int_equal(count, 33);
	assert_int_equal(symbols_module_orc(s, MODULE + 0x8000, &ip, &orc, &count), -ENOENT);
	assert_int_equal(symbols_module_orc(s, TEXT, &ip, &orc, &count), -ENOENT);

	assert_int_equal(symbols_add_range(s, "bad", MODULE, 0, true), -EINVAL);
	assert_int_equal(symbols_add_range(s, "bad", UINT64_MAX, 2, true), -EINVAL);
	assert_int_equal(symbols_add_range(s, NULL, MODULE, 1, true), -EINVAL);
	symbols_free(s);
}

/* What a terminal would act on is no part of a name. */
static void test_clean_names(void **state)
{
	struct symbols *s = symbols_new();
	struct symbol_at at;

	add(s, TEXT, 'T', "a\033[2Jb\n c\x80");
	symbols_sort(s);
	assert_true(symbols_at(s, TEXT, &at));
	assert_string_equal(at.name, "a?[2Jb??c?");
	symbols_free(s);
}

/* As many as a big kernel has, in any order: every one of them is found again. */
static void test_many(void **state)
{
	struct symbols *s = symbols_new();
	struct symbol_at at;
	char name[32];
	u64 addr;

	for (u32 i = 0; i < 200000; i++) {
		u32 n = i * 7919u % 200000;

		snprintf(name, sizeof(name), "function_%u", n);
		add(s, TEXT + n * 32, 'T', name);
	}
	symbols_sort(s);
	for (u32 i = 0; i < 200000; i += 13) {
		snprintf(name, sizeof(name), "function_%u", i);
		assert_true(symbols_find(s, name, &addr));
		assert_int_equal(addr, TEXT + i * 32);
		assert_true(symbols_at(s, addr + 31, &at));
		assert_string_equal(at.name, name);
	}
	symbols_free(s);
}

static void test_limits(void **state)
{
	struct symbols *s = symbols_new();
	char name[32];
	int err = 0, i;

	for (i = 0; !err && i < 10000; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		err = symbols_add_range(s, name, MODULE + i * 0x1000, 0x1000, true);
	}
	assert_int_equal(err, -E2BIG);
	assert_int_equal(symbols_add(s, TEXT, 0, 'T', "x", "one_more"), -E2BIG);
	err = 0;
	for (i = 0; !err && i < 3000000; i++)
		err = symbols_add(s, TEXT, 0, 'T', "x", NULL);
	assert_int_equal(err, -E2BIG);
	symbols_sort(s);
	symbols_free(s);
}

/* A guest can put as many symbols at one address as it has; each look-up must stay short. */
static void test_crowded(void **state)
{
	struct symbols *s = small_kernel();
	struct symbol_at at;
	clock_t begin;

	for (unsigned int i = 0; i < 200000; i++)
		add(s, TEXT + 0x150000, 't', "one_of_many");
	add(s, TEXT + 0x150010, 'D', "behind");
	symbols_sort(s);
	begin = clock();
	for (unsigned int i = 0; i < 20000; i++) {
		assert_true(symbols_at(s, TEXT + 0x150001 + i % 8, &at));
		assert_string_equal(at.name, "one_of_many");
		assert_int_equal(at.size, 0x10);
		assert_true(symbols_is_text(s, TEXT + 0x150001 + i % 8));
	}
	assert_true(clock() - begin < 2 * CLOCKS_PER_SEC);
	symbols_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_shift),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_clean_names),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_crowded),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
