// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saved state: every accessor both ways, sections, versions and growth; and blobs that are
 * damaged, cut short or lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <libfdt.h>

#include "device.h"
#include "images.h"
#include "state.h"
#include "util.h"

struct values {
	u8 a;
	u16 b;
	u32 c;
	u64 d;
	bool e;
	u32 bounded;
	u8 bytes[5];
};

#define LIMIT 1000

static const struct values some = { 0xfe, 0xfedc, 0xfedcba98, 0xfedcba9876543210, true, LIMIT, { 9, 8, 7, 0, 255 } };

static void visit(struct state *st, struct values *v)
{
	state_u8(st, "a", &v->a);
	state_u16(st, "b", &v->b);
	state_u32(st, "c", &v->c);
	state_u64(st, "d", &v->d);
	state_bool(st, "e", &v->e);
	state_u32_max(st, "bounded", &v->bounded, LIMIT);
	state_bytes(st, "bytes", v->bytes, sizeof(v->bytes));
}

static void assert_values(const struct values *v, const struct values *expected)
{
	assert_int_equal(v->a, expected->a);
	assert_int_equal(v->b, expected->b);
	assert_int_equal(v->c, expected->c);
	assert_int_equal(v->d, expected->d);
	assert_int_equal(v->e, expected->e);
	assert_int_equal(v->bounded, expected->bounded);
	assert_memory_equal(v->bytes, expected->bytes, sizeof(v->bytes));
}

/* A copy of what was saved, just as long as it is. */
static u8 *finish(struct state *st, size_t *size)
{
	const void *data = state_finish(st, size);
	u8 *copy;

	assert_non_null(data);
	copy = malloc(*size);
	assert_non_null(copy);
	memcpy(copy, data, *size);
	state_free(st);
	return copy;
}

static u8 *save_some(size_t *size)
{
	struct state *st = state_new_save();
	struct values v = some;

	assert_non_null(st);
	assert_false(state_loading(st));
	state_begin(st, "test", 3);
	visit(st, &v);
	state_end(st);
	assert_false(state_commit(st));
	assert_int_equal(state_error(st), 0);
	assert_values(&v, &some);
	return finish(st, size);
}

static struct state *load(const u8 *blob, size_t size)
{
	struct state *st = state_new_load(blob, size);

	assert_non_null(st);
	assert_true(state_loading(st));
	said_start();
	return st;
}

static void both_ways(void **state)
{
	size_t size;
	u8 *blob = save_some(&size);
	struct state *st = load(blob, size);
	struct values v = {};

	state_begin(st, "test", 3);
	visit(st, &v);
	assert_true(state_commit(st));
	state_end(st);
	assert_int_equal(state_error(st), 0);
	assert_values(&v, &some);
	state_free(st);
	free(blob);
}

static void extremes(void **state)
{
	static const struct values ends[] = {
		{}, { 0xff, 0xffff, 0xffffffff, UINT64_MAX, true, LIMIT, { 255, 255, 255, 255, 255 } },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(ends); i++) {
		struct state *st = state_new_save();
		struct values v = ends[i];
		size_t size;
		u8 *blob;

		state_begin(st, "test", UINT32_MAX);
		visit(st, &v);
		state_end(st);
		blob = finish(st, &size);
		memset(&v, 0x55, sizeof(v));
		v.e = false;
		st = load(blob, size);
		state_begin(st, "test", UINT32_MAX);
		visit(st, &v);
		assert_true(state_commit(st));
		assert_values(&v, &ends[i]);
		state_free(st);
		free(blob);
	}
}

/* The container is a device tree, big endian, so that other tools can read it. */
static void is_a_device_tree(void **state)
{
	size_t size;
	u8 *blob = save_some(&size);
	static const u8 c[] = { 0xfe, 0xdc, 0xba, 0x98 };
	static const u8 d[] = { 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 };
	int node, len;

	assert_int_equal(fdt_check_full(blob, size), 0);
	assert_int_equal(fdt_totalsize(blob), size);
	node = fdt_path_offset(blob, "/test@3");
	assert_true(node > 0);
	assert_memory_equal(fdt_getprop(blob, node, "c", &len), c, sizeof(c));
	assert_int_equal(len, 4);
	assert_memory_equal(fdt_getprop(blob, node, "d", &len), d, sizeof(d));
	assert_int_equal(len, 8);
	assert_memory_equal(fdt_getprop(blob, node, "a", &len), "\0\0\0\xfe", 4);
	assert_int_equal(len, 4);
	free(blob);
}

/* One value that is too large for who loads it. */
static void assert_refused(void (*put)(struct state *st), void (*take)(struct state *st))
{
	struct state *st = state_new_save();
	size_t size;
	u8 *blob;

	state_begin(st, "test", 0);
	put(st);
	state_end(st);
	blob = finish(st, &size);
	st = load(blob, size);
	state_begin(st, "test", 0);
	take(st);
	state_end(st);
	assert_int_equal(state_error(st), -EBADMSG);
	assert_false(state_commit(st));
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "value"));
	state_free(st);
	free(blob);
}

static void put_100(struct state *st)
{
	u32 v = 0x100;

	state_u32(st, "value", &v);
}

static void put_10000(struct state *st)
{
	u32 v = 0x10000;

	state_u32(st, "value", &v);
}

static void put_2(struct state *st)
{
	u32 v = 2;

	state_u32(st, "value", &v);
}

static void put_u64(struct state *st)
{
	u64 v = 1;

	state_u64(st, "value", &v);
}

static void put_bytes(struct state *st)
{
	u8 v[7] = {};

	state_bytes(st, "value", v, sizeof(v));
}

static void put_nothing(struct state *st)
{
	u8 v;

	state_bytes(st, "value", &v, 0);
}

static void take_u8(struct state *st)
{
	u8 v = 0x12;

	state_u8(st, "value", &v);
	assert_int_equal(v, 0x12);
}

static void take_u16(struct state *st)
{
	u16 v = 0x1234;

	state_u16(st, "value", &v);
	assert_int_equal(v, 0x1234);
}

static void take_bool(struct state *st)
{
	bool v = true;

	state_bool(st, "value", &v);
	assert_true(v);
}

static void take_max(struct state *st)
{
	u32 v = 7;

	state_u32_max(st, "value", &v, 0xff);
	assert_int_equal(v, 7);
}

static void take_zero_max(struct state *st)
{
	u32 v = 0;

	state_u32_max(st, "value", &v, 0);
	assert_int_equal(v, 0);
}

static void take_u32(struct state *st)
{
	u32 v = 99;

	state_u32(st, "value", &v);
	assert_int_equal(v, 99);
}

static void take_u64(struct state *st)
{
	u64 v = 98;

	state_u64(st, "value", &v);
	assert_int_equal(v, 98);
}

static void take_bytes(struct state *st)
{
	u8 v[6] = "equal", as_before[6] = "equal";

	state_bytes(st, "value", v, sizeof(v));
	assert_memory_equal(v, as_before, sizeof(v));
}

static void bounds(void **state)
{
	assert_refused(put_100, take_u8);
	assert_refused(put_10000, take_u16);
	assert_refused(put_2, take_bool);
	assert_refused(put_100, take_max);
	assert_refused(put_2, take_zero_max);
}

static void other_lengths(void **state)
{
	assert_refused(put_u64, take_u32);
	assert_refused(put_u64, take_u8);
	assert_refused(put_2, take_u64);
	assert_refused(put_bytes, take_u64);
	assert_refused(put_bytes, take_bytes);
	assert_refused(put_nothing, take_u32);
	assert_refused(put_nothing, take_bytes);
}

static void missing(void **state)
{
	size_t size;
	u8 *blob = save_some(&size);
	struct state *st = load(blob, size);
	u32 v = 5;
	u8 a = 6;

	state_begin(st, "test", 3);
	state_u32(st, "absent", &v);
	assert_int_equal(v, 5);
	assert_int_equal(state_error(st), -EBADMSG);
	/* The first one makes all later ones refuse, and is the only one that is said. */
	state_u8(st, "a", &a);
	assert_int_equal(a, 6);
	state_end(st);
	state_begin(st, "absent", 0);
	state_end(st);
	assert_false(state_commit(st));
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "absent"));
	state_free(st);

	st = load(blob, size);
	state_begin(st, "test", 4);
	assert_int_equal(state_error(st), -EBADMSG);
	assert_non_null(strstr(said(), "test@4"));
	state_u8(st, "a", &a);
	state_end(st);
	assert_false(state_commit(st));
	assert_int_equal(a, 6);
	state_free(st);
	free(blob);
}

static void device_refuses(void **state)
{
	size_t size;
	u8 *blob = save_some(&size);
	struct state *st = load(blob, size);

	state_fail(st, "what goes together");
	state_fail(st, "not said");
	assert_int_equal(state_error(st), -EBADMSG);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "what goes together"));
	state_free(st);
	free(blob);
	/* When saving, too: then there is no result. */
	st = state_new_save();
	state_fail(st, "value");
	assert_null(state_finish(st, &size));
	state_free(st);
	state_free(NULL);
}

static void versions(void **state)
{
	static const struct { u32 saved, known; int err; } table[] = {
		{ 1, 1, 0 }, { 1, 2, 0 }, { 2, 2, 0 }, { 2, 1, -EBADMSG }, { 0, 1, -EBADMSG },
		{ UINT32_MAX, 5, -EBADMSG },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		struct state *st = state_new_save();
		u32 version = table[i].saved;
		size_t size;
		u8 *blob;

		state_begin(st, "test", 0);
		state_u32(st, "version", &version);
		state_end(st);
		blob = finish(st, &size);
		st = load(blob, size);
		state_begin(st, "test", 0);
		version = state_version(st, table[i].known);
		assert_int_equal(state_error(st), table[i].err);
		if (!table[i].err)
			assert_int_equal(version, table[i].saved);
		state_free(st);
		free(blob);
	}
}

/* Sections within sections, each with a version and names of its own. */
static void visit_nested(struct state *st, u32 values[5], u32 found[3])
{
	state_begin(st, "outer", 0);
	found[0] = state_version(st, 9);
	state_u32(st, "value", &values[0]);
	for (unsigned int i = 0; i < 2; i++) {
		state_begin(st, "inner", i);
		found[1 + i] = state_version(st, 9);
		state_u32(st, "value", &values[1 + i]);
		state_end(st);
	}
	/* Back in the outer one. */
	state_u32(st, "last", &values[3]);
	state_end(st);
	state_begin(st, "inner", 0);
	state_u32(st, "value", &values[4]);
	state_end(st);
}

static void nested(void **state)
{
	u32 values[] = { 11, 22, 33, 44, 55 }, got[5] = {}, found[3];
	struct state *st = state_new_save();
	size_t size;
	u8 *blob;

	/* A device tree wants the properties of a node before its children. */
	state_begin(st, "outer", 0);
	state_version(st, 1);
	state_u32(st, "value", &values[0]);
	state_u32(st, "last", &values[3]);
	for (u32 i = 0; i < 2; i++) {
		state_begin(st, "inner", i);
		state_version(st, 2 + i);
		state_u32(st, "value", &values[1 + i]);
		state_end(st);
	}
	state_end(st);
	state_begin(st, "inner", 0);
	state_u32(st, "value", &values[4]);
	state_end(st);
	blob = finish(st, &size);

	st = load(blob, size);
	visit_nested(st, got, found);
	assert_int_equal(state_error(st), 0);
	assert_true(state_commit(st));
	assert_memory_equal(got, values, sizeof(got));
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(found[i], i + 1);
	state_free(st);

	/* An inner section is not found from outside. */
	st = load(blob, size);
	state_begin(st, "inner", 1);
	assert_int_equal(state_error(st), -EBADMSG);
	state_free(st);
	free(blob);
}

/* --- size --- */

static void grows(void **state)
{
	static u8 big[300 * 1024], back[sizeof(big)];
	struct state *st = state_new_save();
	size_t size;
	u8 *blob;

	image_fill(big, sizeof(big), 3);
	for (unsigned int i = 0; i < 2000; i++) {
		u64 v = i * 0x100000001ULL;
		char name[32];

		state_begin(st, "small", i);
		for (unsigned int n = 0; n < 4; n++) {
			snprintf(name, sizeof(name), "value-%u-%u", i % 100, n);
			state_u64(st, name, &v);
		}
		state_end(st);
	}
	state_begin(st, "big", 0);
	state_bytes(st, "bytes", big, sizeof(big));
	state_bytes(st, "none", big, 0);
	state_end(st);
	assert_int_equal(state_error(st), 0);
	blob = finish(st, &size);
	assert_true(size > sizeof(big) + 2000 * 32);

	st = load(blob, size);
	for (unsigned int i = 0; i < 2000; i += 199) {
		u64 v = 0;
		char name[32];

		state_begin(st, "small", i);
		snprintf(name, sizeof(name), "value-%u-3", i % 100);
		state_u64(st, name, &v);
		state_end(st);
		assert_int_equal(v, i * 0x100000001ULL);
	}
	state_begin(st, "big", 0);
	state_bytes(st, "bytes", back, sizeof(back));
	state_bytes(st, "none", back, 0);
	state_end(st);
	assert_true(state_commit(st));
	assert_memory_equal(big, back, sizeof(big));
	state_free(st);
	free(blob);
}

/* Around the size at which the buffer grows. */
static void grows_at_every_size(void **state)
{
	static u8 bytes[20 * 1024];

	for (size_t n = 15 * 1024; n < 17 * 1024; n += 7) {
		struct state *st = state_new_save();
		size_t size;
		u32 v = n;

		state_begin(st, "test", 0);
		state_bytes(st, "bytes", bytes, n);
		state_u32(st, "value", &v);
		state_begin(st, "inner", 0);
		state_end(st);
		state_end(st);
		assert_non_null(state_finish(st, &size));
		state_free(st);
	}
}

static void too_large(void **state)
{
	size_t n = 300 * MiB, size;
	struct state *st = state_new_save();
	u8 *bytes = calloc(1, n);

	assert_non_null(bytes);
	state_begin(st, "test", 0);
	state_bytes(st, "bytes", bytes, n);
	assert_int_equal(state_error(st), -EFBIG);
	state_end(st);
	assert_null(state_finish(st, &size));
	state_free(st);
	free(bytes);
}

/* --- blobs that are not to be believed --- */

static void truncated(void **state)
{
	size_t size;
	u8 *blob = save_some(&size);

	for (size_t n = 0; n < size; n++) {
		u8 *cut = malloc(n ? n : 1);

		memcpy(cut, blob, n);
		assert_null(state_new_load(cut, n));
		free(cut);
	}
	free(blob);
}

static void not_a_tree(void **state)
{
	static const u8 text[256] = "this is no device tree at all";
	u8 noise[512];

	assert_null(state_new_load(text, sizeof(text)));
	for (unsigned int seed = 1; seed < 50; seed++) {
		image_fill(noise, sizeof(noise), seed);
		assert_null(state_new_load(noise, sizeof(noise)));
	}
}

static void damaged(void **state)
{
	size_t size;
	u8 *blob = save_some(&size);

	said_start();
	for (size_t i = 0; i < size; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct values v = {};
			struct state *st;

			blob[i] ^= 1 << bit;
			st = state_new_load(blob, size);
			if (st) {
				state_begin(st, "test", 3);
				visit(st, &v);
				state_end(st);
				if (state_commit(st))
					assert_true(v.bounded <= LIMIT);
				else
					assert_int_equal(state_error(st), -EBADMSG);
				state_free(st);
			}
			blob[i] ^= 1 << bit;
		}
	}
	free(blob);
}

/* --- devices --- */

struct toy {
	struct device dev;
	u32 value;
	bool was_locked;
};

static void toy_reset(struct device *dev)
{
	struct toy *t = container_of(dev, struct toy, dev);

	t->value = 0;
	t->was_locked = pthread_mutex_trylock(&dev->lock) != 0;
}

static void toy_state(struct device *dev, struct state *st)
{
	struct toy *t = container_of(dev, struct toy, dev);
	u32 v = t->value;

	t->was_locked = pthread_mutex_trylock(&dev->lock) != 0;
	state_version(st, 1);
	state_u32_max(st, "value", &v, LIMIT);
	if (state_commit(st))
		t->value = v;
}

static void toy_destroy(struct device *dev)
{
	device_fini(dev);
	container_of(dev, struct toy, dev)->value = 4711;
}

static void devices(void **state)
{
	static const struct device_ops ops = { "toy", toy_reset, toy_state, toy_destroy };
	static const struct device_ops bare = { "bare", NULL, NULL, toy_destroy };
	struct toy a = { .value = 17 }, b = { .value = LIMIT + 1 }, c = {};
	struct state *st = state_new_save();
	size_t size;
	u8 *blob;

	device_init(&a.dev, &ops, 0);
	device_init(&b.dev, &ops, 1);
	device_init(&c.dev, &bare, 0);
	assert_int_equal(device_save(&a.dev, st), 0);
	assert_int_equal(device_save(&b.dev, st), 0);
	assert_int_equal(device_save(&c.dev, st), 0);
	blob = finish(st, &size);
	assert_true(a.was_locked);

	a.value = 1;
	st = load(blob, size);
	assert_int_equal(device_load(&c.dev, st), 0);
	assert_int_equal(device_load(&a.dev, st), 0);
	assert_int_equal(a.value, 17);
	b.value = 2;
	assert_int_equal(device_load(&b.dev, st), -EBADMSG);
	assert_int_equal(b.value, 2);
	state_free(st);
	free(blob);

	device_reset(&a.dev);
	assert_int_equal(a.value, 0);
	assert_true(a.was_locked);
	device_reset(&c.dev);
	device_destroy(NULL);
	device_destroy(&a.dev);
	device_destroy(&b.dev);
	device_destroy(&c.dev);
	assert_int_equal(a.value, 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(extremes),
		cmocka_unit_test(is_a_device_tree),
		cmocka_unit_test(bounds),
		cmocka_unit_test(other_lengths),
		cmocka_unit_test(missing),
		cmocka_unit_test(device_refuses),
		cmocka_unit_test(versions),
		cmocka_unit_test(nested),
		cmocka_unit_test(grows),
		cmocka_unit_test(grows_at_every_size),
		cmocka_unit_test(too_large),
		cmocka_unit_test(truncated),
		cmocka_unit_test(not_a_tree),
		cmocka_unit_test(damaged),
		cmocka_unit_test(devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
