// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own symbol table: found in memory and decoded, in each of the forms that it had
 * since 4.6, and what damaged and hostile ones cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "guest-image.h"
#include "symbols.h"
#include "util.h"

#define BASE64	0xffffffff9a200000ULL
#define BASE32	0xc1000000ULL
#define TABLE	0x600010	/* from the beginning of the image */
#define SIZE	0x800000

static int by_name(const void *a, const void *b)
{
	const struct test_symbol *x = a, *y = b;
	int diff = strcmp(x->name, y->name);

	return diff ? diff : x->addr < y->addr ? -1 : x->addr > y->addr;
}

struct got {
	struct test_symbol *v;
	size_t count;
};

static void take(void *arg, u64 addr, char type, const char *name, const char *module)
{
	struct got *got = arg;
	struct test_symbol *s = &got->v[got->count++];

	s->addr = addr;
	s->type = type;
	snprintf(s->name, sizeof(s->name), "%s", name);
	assert_null(module);
}

/* The same symbols, whatever the order of those at one address */
static void assert_symbols(const struct symbols *s, const struct test_symbol *v, u32 count)
{
	struct got got = { calloc(count, sizeof(*got.v)), 0 };
	struct test_symbol *sorted = calloc(count, sizeof(*sorted));

	assert_int_equal(symbols_count(s), count);
	symbols_each(s, take, &got);
	memcpy(sorted, v, count * sizeof(*v));
	qsort(sorted, count, sizeof(*sorted), by_name);
	qsort(got.v, count, sizeof(*got.v), by_name);
	for (u32 i = 0; i < count; i++) {
		assert_string_equal(got.v[i].name, sorted[i].name);
		assert_int_equal(got.v[i].addr, sorted[i].addr);
		assert_int_equal(got.v[i].type, sorted[i].type);
	}
	free(sorted);
	free(got.v);
}

struct form {
	const char *what;
	bool is64;
	enum kallsyms_era era;
	enum kallsyms_how how;
};

static const struct form forms[] = {
	{ "64 bits, 4.6, per-CPU", true, KALLSYMS_4_6, HOW_PER_CPU },
	{ "64 bits, 4.6, unsigned", true, KALLSYMS_4_6, HOW_UNSIGNED },
	{ "64 bits, 4.6, pointers", true, KALLSYMS_4_6, HOW_POINTERS },
	{ "64 bits, 5.0, per-CPU", true, KALLSYMS_5_0, HOW_PER_CPU },
	{ "64 bits, 5.0, unsigned", true, KALLSYMS_5_0, HOW_UNSIGNED },
	{ "64 bits, 5.0, pointers", true, KALLSYMS_5_0, HOW_POINTERS },
	{ "64 bits, 6.2, per-CPU", true, KALLSYMS_6_2, HOW_PER_CPU },
	{ "64 bits, 6.2, pointers", true, KALLSYMS_6_2, HOW_POINTERS },
	{ "64 bits, 6.2-rc, per-CPU", true, KALLSYMS_6_2_RC, HOW_PER_CPU },
	{ "64 bits, 6.4, per-CPU", true, KALLSYMS_6_4, HOW_PER_CPU },
	{ "64 bits, 6.4, unsigned", true, KALLSYMS_6_4, HOW_UNSIGNED },
	{ "64 bits, 6.4, pointers", true, KALLSYMS_6_4, HOW_POINTERS },
	{ "64 bits, 7.0", true, KALLSYMS_7_0, HOW_PLACE },
	{ "32 bits, 4.6, unsigned", false, KALLSYMS_4_6, HOW_UNSIGNED },
	{ "32 bits, 5.0, unsigned", false, KALLSYMS_5_0, HOW_UNSIGNED },
	{ "32 bits, 5.0, pointers", false, KALLSYMS_5_0, HOW_POINTERS },
	{ "32 bits, 6.2, unsigned", false, KALLSYMS_6_2, HOW_UNSIGNED },
	{ "32 bits, 6.4, unsigned", false, KALLSYMS_6_4, HOW_UNSIGNED },
	{ "32 bits, 6.4, pointers", false, KALLSYMS_6_4, HOW_POINTERS },
	{ "32 bits, 7.0", false, KALLSYMS_7_0, HOW_POINTERS },
};

static u64 base_of(const struct form *f)
{
	return f->is64 ? BASE64 : BASE32;
}

static struct test_symbol *make(struct guest_image *image, const struct form *f, u64 table, u32 count)
{
	struct test_symbol *v = test_symbols(base_of(f), count, f->is64 && f->how == HOW_PER_CPU);

	guest_image_init(image, f->is64);
	guest_image_add(image, base_of(f), SIZE);
	guest_image_kallsyms(image, base_of(f) + table, f->era, f->how, v, count);
	return v;
}

/* Counts around the size of a group of names, and such that padding is needed or not */
static void test_forms(void **state)
{
	static const u32 counts[] = { 100, 256, 257, 511, 512, 1000, 5121 };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		for (size_t n = 0; n < ARRAY_SIZE(counts); n++) {
			struct symbols *s = symbols_new();
			struct guest_image image;
			struct test_symbol *v = make(&image, &forms[i], TABLE, counts[n]);
			int err = symbols_read_kallsyms(s, &image.view);

			/* Below 6.4 a small table with the order of names has nothing to tell its markers by. */
			if (counts[n] <= 256 && (forms[i].era == KALLSYMS_6_2 || forms[i].era == KALLSYMS_6_2_RC)) {
				assert_int_equal(err, -ENOENT);
			} else {
				if (err)
					fail_msg("%s, %u symbols: %d", forms[i].what, counts[n], err);
				assert_symbols(s, v, counts[n]);
			}
			symbols_free(s);
			guest_image_free(&image);
			free(v);
		}
	}
}

/* Wherever a chunk of the search ends, and the memory does */
static void test_places(void **state)
{
	const struct form *f = &forms[9];
	u32 count = 300;
	struct test_symbol *v = test_symbols(BASE64, count, true);

	for (u64 at = 1 * MiB - 16 * KiB; at < 1 * MiB; at += 0x1e8) {
		struct symbols *s = symbols_new();
		struct guest_image image;
		u64 start = BASE64 + at, end;

		/* The image's pieces follow each other, and the last one ends with the table. */
		guest_image_init(&image, true);
		guest_image_add(&image, BASE64, SIZE);
		end = guest_image_kallsyms(&image, start, f->era, f->how, v, count);
		image.pieces[0].size = end - BASE64;
		assert_int_equal(symbols_read_kallsyms(s, &image.view), 0);
		assert_symbols(s, v, count);
		symbols_free(s);
		guest_image_free(&image);
	}
	free(v);
}

/* Nothing but the table is mapped, and it begins the memory */
static void test_table_alone(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct symbols *s = symbols_new();
		struct guest_image image;
		u64 va = base_of(&forms[i]) + 8 * MiB, end;
		struct test_symbol *v = test_symbols(base_of(&forms[i]), 700, false);

		guest_image_init(&image, forms[i].is64);
		guest_image_add(&image, va, 64 * KiB);
		end = guest_image_kallsyms(&image, va, forms[i].era, forms[i].how, v, 700);
		image.pieces[0].size = end - va;
		assert_int_equal(symbols_read_kallsyms(s, &image.view), 0);
		assert_symbols(s, v, 700);
		symbols_free(s);
		guest_image_free(&image);
		free(v);
	}
}

static void test_lookups(void **state)
{
	struct symbols *s = symbols_new();
	struct guest_image image;
	struct test_symbol *v = make(&image, &forms[9], TABLE, 1000);
	struct symbol_at at;
	u64 addr;

	assert_int_equal(symbols_read_kallsyms(s, &image.view), 0);
	assert_true(symbols_find(s, "_stext", &addr));
	assert_int_equal(addr, v[8].addr);
	/* A per-CPU symbol has a name, but its offset is no address. */
	assert_true(symbols_find(s, "cpu_var_3", &addr));
	assert_int_equal(addr, 0x300);
	assert_false(symbols_at(s, 0x300, &at));
	assert_true(symbols_at(s, v[500].addr + 1, &at));
	assert_false(symbols_at(s, v[999].addr, &at));
	symbols_free(s);
	guest_image_free(&image);
	free(v);
}

/* A piece of another kernel, with tokens but nothing that fits to them, comes first */
static void test_decoy(void **state)
{
	const struct form *f = &forms[9];
	struct symbols *s = symbols_new();
	struct guest_image image;
	struct test_symbol *v = make(&image, f, TABLE, 1000);
	u8 *data;

	guest_image_kallsyms(&image, BASE64 + 0x1000, KALLSYMS_6_4, HOW_UNSIGNED, v + 8, 900);
	/* No longer as many names as it says */
	data = guest_image_at(&image, BASE64 + 0x1000, 8);
	data[0]++;
	assert_int_equal(symbols_read_kallsyms(s, &image.view), 0);
	assert_symbols(s, v, 1000);
	symbols_free(s);
	guest_image_free(&image);
	free(v);
}

static void test_nothing(void **state)
{
	for (int is64 = 0; is64 < 2; is64++) {
		struct symbols *s = symbols_new();
		struct guest_image image;

		guest_image_init(&image, is64);
		assert_int_equal(symbols_read_kallsyms(s, &image.view), -ENOENT);
		guest_image_add(&image, is64 ? BASE64 : BASE32, 100);
		guest_image_add(&image, is64 ? BASE64 + 0x10000 : BASE32 + 0x10000, 3 * MiB + 5);
		assert_int_equal(symbols_read_kallsyms(s, &image.view), -ENOENT);
		assert_int_equal(symbols_count(s), 0);
		symbols_free(s);
		guest_image_free(&image);
	}
}

/* Any byte of the table may be anything: the answer may be wrong, but there is one. */
static void test_damaged(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct guest_image image;
		u64 va = base_of(&forms[i]) + 8 * MiB, end;
		struct test_symbol *v = test_symbols(base_of(&forms[i]), 300, false);
		u32 seed = i;

		guest_image_init(&image, forms[i].is64);
		guest_image_add(&image, va, 64 * KiB);
		end = guest_image_kallsyms(&image, va, forms[i].era, forms[i].how, v, 300);
		image.pieces[0].size = end - va;
		for (int n = 0; n < 100; n++) {
			struct symbols *s = symbols_new();
			u8 *p, old;
			int err;

			seed = seed * 1664525 + 1013904223;
			p = guest_image_at(&image, va + (seed >> 8) % (end - va), 1);
			old = *p;
			*p ^= 1 << (seed & 7);
			err = symbols_read_kallsyms(s, &image.view);
			assert_true(!err || err == -ENOENT);
			assert_true(symbols_count(s) == (err ? 0 : 300));
			*p = old;
			symbols_free(s);
		}
		guest_image_free(&image);
		free(v);
	}
}

/* Memory full of indexes: the search gives up after so many. */
static void test_many_indexes(void **state)
{
	struct symbols *s = symbols_new();
	struct guest_image image;
	u8 *data;

	guest_image_init(&image, true);
	data = guest_image_add(&image, BASE64, SIZE);
	for (size_t at = 0; at + 512 <= SIZE; at += 512)
		for (u16 n = 0; n < 256; n++)
			memcpy(data + at + 2 * n, &n, 2);
	assert_int_equal(symbols_read_kallsyms(s, &image.view), -E2BIG);
	/* A chunk of memory, and a few reads for each of the candidates */
	assert_true(image.reads < 16 * 70);
	symbols_free(s);
	guest_image_free(&image);
}

/* A view that gives runs without end */
static bool endless_next(const struct guest_view *view, u64 va, u64 *start, u64 *end)
{
	*start = ALIGN_UP(va + 1, 4096);
	*end = *start + 512;
	return *start > va;
}

static int endless_read(const struct guest_view *view, u64 va, void *data, size_t len)
{
	struct guest_image *image = container_of(view, struct guest_image, view);

	image->reads++;
	memset(data, 0, len);
	return 0;
}

static void test_endless_memory(void **state)
{
	struct symbols *s = symbols_new();
	struct guest_image image = { .view = { endless_read, endless_next, true } };
	int err = symbols_read_kallsyms(s, &image.view);

	assert_true(err == -ENOENT || err == -E2BIG);
	assert_true(image.reads < 2000000);
	symbols_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_table_alone),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_decoy),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_many_indexes),
		cmocka_unit_test(test_endless_memory),
	};

	return cmocka_run_group_tests_name("kallsyms", tests, NULL, NULL);
}
