// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of util/unpack.c: every format, whole and hostile.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>

#include "images.h"
#include "unpack.h"
#include "util.h"

static const enum unpack_format formats[] = {
	UNPACK_GZIP, UNPACK_ZSTD, UNPACK_LZ4, UNPACK_XZ, UNPACK_LZMA, UNPACK_BZIP2,
};

struct sample {
	u8 *data;
	size_t size;
	struct image packed[ARRAY_SIZE(formats)];
};

static int setup(void **state)
{
	struct sample *s = calloc(1, sizeof(*s));

	/* More than one block of bzip2. */
	s->size = 200 * KiB + 123;
	s->data = malloc(s->size);
	image_fill(s->data, s->size, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++)
		s->packed[i] = image_pack(formats[i], s->data, s->size);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct sample *s = *state;

	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++)
		image_free(&s->packed[i]);
	free(s->data);
	free(s);
	return 0;
}

#define for_each_format(s, i) \
	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++) \
		if ((s)->packed[i].size)

static void check(const struct sample *s, unsigned int i, size_t size, size_t expected)
{
	struct unpacked u;

	said_start();
	assert_int_equal(unpack("it", formats[i], s->packed[i].data, size, expected, UNPACK_MAX, &u), 0);
	assert_int_equal(said_lines(), 0);
	assert_int_equal(u.size, s->size);
	assert_memory_equal(u.data, s->data, s->size);
	unpack_free(&u);
	assert_null(u.data);
}

static void test_probe(void **state)
{
	struct sample *s = *state;

	for_each_format(s, i)
		assert_int_equal(unpack_probe(s->packed[i].data, s->packed[i].size), formats[i]);
	assert_int_equal(unpack_probe("\x89LZO\0\r\n\x1a\n", 9), UNPACK_LZO);
	assert_int_equal(unpack_probe("\177ELF", 4), UNPACK_NONE);
	assert_int_equal(unpack_probe("\x1f\x8b", 2), UNPACK_NONE);
	assert_int_equal(unpack_probe("", 0), UNPACK_NONE);
	assert_string_equal(unpack_missing(UNPACK_LZO), "liblzo2");
	assert_null(unpack_missing(UNPACK_GZIP));
}

static void test_whole(void **state)
{
	struct sample *s = *state;

	for_each_format(s, i) {
		check(s, i, s->packed[i].size, 0);		/* size unknown */
		check(s, i, s->packed[i].size, s->size);	/* size known */
		check(s, i, s->packed[i].size, 1000);		/* it claims too little */
		check(s, i, s->packed[i].size, 3 * s->size);	/* too much */
	}
}

/* More than one block of lz4, more than one window of the others. */
static void test_large(void **state)
{
	struct sample s = { .size = 9 * MiB + 123 };

	s.data = calloc(1, s.size);
	for (size_t at = 0; at < s.size; at += 64 * KiB)
		image_fill(s.data + at, min(s.size - at, (size_t)(4 * KiB)), at);
	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++) {
		s.packed[i] = image_pack(formats[i], s.data, s.size);
		if (s.packed[i].size)
			check(&s, i, s.packed[i].size, 0);
		image_free(&s.packed[i]);
	}
	free(s.data);
}

static void test_trailing_bytes(void **state)
{
	struct sample *s = *state;

	for_each_format(s, i) {
		struct image *p = &s->packed[i];

		p->data = realloc(p->data, p->size + 3);
		memcpy(p->data + p->size, "abc", 3);
		check(s, i, p->size + 3, s->size);
	}
}

static void test_limit(void **state)
{
	struct sample *s = *state;

	for_each_format(s, i) {
		struct unpacked u;

		said_start();
		assert_int_equal(unpack("it", formats[i], s->packed[i].data, s->packed[i].size, 0, 100 * KiB, &u),
				 -EFBIG);
		assert_int_equal(said_lines(), 1);
		assert_non_null(strstr(said(), "more than 100 KiB"));
		assert_null(u.data);
	}
}

/* Whatever is cut off or changed: an error in one line, or the same bytes, or none of our business. */
static void test_cut_short(void **state)
{
	struct sample *s = *state;

	for_each_format(s, i) {
		size_t sizes[] = { 0, 1, 5, 6, 12, 20, s->packed[i].size / 2, s->packed[i].size - 1 };

		for (unsigned int k = 0; k < ARRAY_SIZE(sizes); k++) {
			struct unpacked u;
			int err;

			said_start();
			err = unpack("it", formats[i], s->packed[i].data, sizes[k], s->size, 16 * MiB, &u);
			/* lz4's frame has no end of its own: its reader compares sizes. */
			if (!err && formats[i] == UNPACK_LZ4) {
				assert_true(u.size < s->size);
				unpack_free(&u);
				continue;
			}
			assert_int_equal(err, -EINVAL);
			assert_int_equal(said_lines(), 1);
			assert_non_null(strstr(said(), "it: its "));
			assert_null(u.data);
		}
	}
}

static void test_damaged(void **state)
{
	struct sample *s = *state;
	u32 seed = 7;

	for_each_format(s, i) {
		unsigned int refused = 0;

		for (unsigned int k = 0; k < 24; k++) {
			struct image *p = &s->packed[i];
			struct unpacked u;
			u8 saved;
			size_t at;

			seed = seed * 1664525 + 1013904223;
			at = k < 16 ? k : seed % p->size;
			saved = p->data[at];
			p->data[at] ^= 0x55;
			said_start();
			if (unpack("it", formats[i], p->data, p->size, s->size, 16 * MiB, &u)) {
				refused++;
				assert_int_equal(said_lines(), 1);
			} else {
				assert_true(u.size <= 16 * MiB);
				unpack_free(&u);
			}
			p->data[at] = saved;
		}
		assert_true(refused > 0);
	}
}

static void test_joined_streams(void **state)
{
	struct sample *s = *state;

	for_each_format(s, i) {
		struct image first = image_pack(formats[i], "one, ", 5), second = image_pack(formats[i], "two", 3);
		struct unpacked u;
		u8 buf[512];

		/* As pigz, pbzip2 and cat write them. */
		if (formats[i] == UNPACK_GZIP || formats[i] == UNPACK_BZIP2 || formats[i] == UNPACK_LZ4) {
			memcpy(buf, first.data, first.size);
			memcpy(buf + first.size, second.data, second.size);
			assert_int_equal(unpack("it", formats[i], buf, first.size + second.size, 0, 1 * MiB, &u), 0);
			assert_int_equal(u.size, 8);
			assert_memory_equal(u.data, "one, two", 8);
			unpack_free(&u);
		}
		image_free(&first);
		image_free(&second);
	}
}

static void test_unknown(void **state)
{
	struct unpacked u;

	said_start();
	assert_int_equal(unpack("it", UNPACK_NONE, "abc", 3, 0, 100, &u), -EINVAL);
	assert_int_equal(unpack("it", UNPACK_LZO, "abc", 3, 0, 100, &u), -EINVAL);
	assert_int_equal(said_lines(), 2);
	assert_non_null(strstr(said(), "liblzo2 is missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_joined_streams),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_trailing_bytes),
	};

	return cmocka_run_group_tests_name("unpack", tests, setup, teardown);
}
