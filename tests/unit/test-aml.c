// SPDX-License-Identifier: GPL-2.0-only
/*
 * AML byte code against the encodings of ACPI 6.4 chapter 20 and section 6.4.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "aml.h"
#include "util.h"

static u8 buf[8192];
static struct aml aml;

static int setup(void **state)
{
	memset(buf, 0xee, sizeof(buf));
	aml_init(&aml, buf, sizeof(buf));
	return 0;
}

/* What was built since setup() is exactly these bytes, and nothing is behind them. */
static void expect(const void *bytes, size_t len)
{
	size_t got;

	assert_int_equal(aml_finish(&aml, &got), 0);
	assert_int_equal(got, len);
	assert_memory_equal(buf, bytes, len);
	assert_int_equal(buf[len], 0xee);
	setup(NULL);
}
#define EXPECT(...) do { \
	const u8 want[] = { __VA_ARGS__ }; \
	expect(want, sizeof(want)); \
} while (0)

static void test_integers(void **state)
{
	static const u64 edges[] = { 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000 };

	aml_integer(&aml, 0);
	EXPECT(0x00);
	aml_integer(&aml, 1);
	EXPECT(0x01);
	aml_integer(&aml, 2);
	EXPECT(0x0a, 2);
	for (unsigned int i = 0; i < ARRAY_SIZE(edges); i++)
		aml_integer(&aml, edges[i]);
	EXPECT(0x0a, 0xff, 0x0b, 0, 1, 0x0b, 0xff, 0xff, 0x0c, 0, 0, 1, 0,
	       0x0c, 0xff, 0xff, 0xff, 0xff, 0x0e, 0, 0, 0, 0, 1, 0, 0, 0);
}

static void test_names(void **state)
{
	aml_path(&aml, "PCI0");
	EXPECT('P', 'C', 'I', '0');
	aml_path(&aml, "_S5");
	EXPECT('_', 'S', '5', '_');
	aml_path(&aml, "\\");
	EXPECT('\\', 0);
	aml_path(&aml, "\\_SB");
	EXPECT('\\', '_', 'S', 'B', '_');
	aml_path(&aml, "\\_SB.PCI0");
	EXPECT('\\', 0x2e, '_', 'S', 'B', '_', 'P', 'C', 'I', '0');
	aml_path(&aml, "A.B.C");
	EXPECT(0x2f, 3, 'A', '_', '_', '_', 'B', '_', '_', '_', 'C', '_', '_', '_');
}

static void test_data(void **state)
{
	aml_string(&aml, "ok");
	EXPECT(0x0d, 'o', 'k', 0);
	aml_eisaid(&aml, "PNP0A08");
	EXPECT(0x0c, 0x41, 0xd0, 0x0a, 0x08);
	aml_eisaid(&aml, "PNP0F13");
	EXPECT(0x0c, 0x41, 0xd0, 0x0f, 0x13);
	aml_buffer(&aml, "abc", 3);
	EXPECT(0x11, 6, 0x0a, 3, 'a', 'b', 'c');
}

static void test_terms(void **state)
{
	aml_scope(&aml, "\\_SB");
	aml_device(&aml, "RTC");
	aml_name(&aml, "_UID");
	aml_integer(&aml, 1);
	aml_end(&aml);
	aml_end(&aml);
	EXPECT(0x10, 19, '\\', '_', 'S', 'B', '_',
	       0x5b, 0x82, 11, 'R', 'T', 'C', '_', 0x08, '_', 'U', 'I', 'D', 1);

	aml_method(&aml, "FOO", 7, true);
	aml_if(&aml);
	aml_not_equal(&aml);
	aml_arg(&aml, 0);
	aml_arg(&aml, 6);
	aml_dword_field(&aml, 3, 4, "CDW1");
	aml_or_name(&aml, 4, "CDW1");
	aml_end(&aml);
	aml_return(&aml);
	aml_integer(&aml, 0);
	aml_end(&aml);
	EXPECT(0x14, 33, 'F', 'O', 'O', '_', 0x0f, 0xa0, 24, 0x92, 0x93, 0x68, 0x6e,
	       0x8a, 0x6b, 0x0a, 4, 'C', 'D', 'W', '1',
	       0x7d, 'C', 'D', 'W', '1', 0x0a, 4, 'C', 'D', 'W', '1', 0xa4, 0);

	aml_package(&aml, 2);
	aml_integer(&aml, 1);
	aml_package(&aml, 0);
	aml_end(&aml);
	aml_end(&aml);
	EXPECT(0x12, 6, 2, 1, 0x12, 2, 0);
}

static void test_resources(void **state)
{
	aml_resources(&aml);
	aml_end(&aml);
	EXPECT(0x11, 5, 0x0a, 2, 0x79, 0);

	aml_resources(&aml);
	aml_res_io(&aml, 0x3f8, 8);
	aml_res_irq(&aml, 4);
	aml_res_memory(&aml, 0xe0000000, 0x10000000);
	aml_end(&aml);
	EXPECT(0x11, 28, 0x0a, 25, 0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8, 0x22, 0x10, 0,
	       0x86, 9, 0, 1, 0, 0, 0, 0xe0, 0, 0, 0, 0x10, 0x79, 0);

	aml_resources(&aml);
	aml_res_window16(&aml, AML_SPACE_BUS, 0, 0xff);
	aml_res_window16(&aml, AML_SPACE_IO, 0xd00, 0xffff);
	aml_end(&aml);
	EXPECT(0x11, 37, 0x0a, 34,
	       0x88, 13, 0, 2, 0x0c, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0x00, 0x01,
	       0x88, 13, 0, 1, 0x0c, 3, 0, 0, 0x00, 0x0d, 0xff, 0xff, 0, 0, 0x00, 0xf3, 0x79, 0);

	aml_resources(&aml);
	aml_res_window32(&aml, 0xc0000000, 0xdfffffff);
	aml_res_window64(&aml, 0x100000000, 0x8ffffffff);
	aml_end(&aml);
	EXPECT(0x11, 0x40 | 14, 0x04, 0x0a, 74,
	       0x87, 23, 0, 0, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff, 0xff, 0xdf,
	       0, 0, 0, 0, 0, 0, 0, 0x20,
	       0x8a, 43, 0, 0, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
	       0xff, 0xff, 0xff, 0xff, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0,
	       0x79, 0);
}

/* A resource template of more than 255 bytes has its size in 16 bits. */
static void test_large_resources(void **state)
{
	size_t len;

	aml_resources(&aml);
	for (unsigned int i = 0; i < 32; i++)
		aml_res_io(&aml, i, 1);
	aml_end(&aml);
	assert_int_equal(aml_finish(&aml, &len), 0);
	assert_int_equal(len, 1 + 2 + 3 + 256 + 2);
	assert_memory_equal(buf, ((u8[]){ 0x11, 0x47, 0x10, 0x0b, 2, 1, 0x47 }), 7);
	setup(NULL);

	aml_resources(&aml);
	for (unsigned int i = 0; i < 31; i++)
		aml_res_io(&aml, i, 1);
	aml_end(&aml);
	assert_int_equal(aml_finish(&aml, &len), 0);
	assert_memory_equal(buf, ((u8[]){ 0x11, 0x4e, 0x0f, 0x0a, 250, 0x47 }), 6);
}

/* Read a PkgLength as a kernel does. */
static size_t decode_length(const u8 *p, unsigned int *bytes)
{
	unsigned int extra = p[0] >> 6;
	size_t len = p[0] & (extra ? 0xf : 0x3f);

	for (unsigned int i = 0; i < extra; i++)
		len |= (size_t)p[1 + i] << (4 + 8 * i);
	*bytes = 1 + extra;
	return len;
}

/* Each body length has the shortest PkgLength, which counts itself. */
static void test_lengths(void **state)
{
	static const struct {
		size_t body;
		unsigned int bytes;
	} cases[] = {
		{ 4, 1 }, { 61, 1 }, { 62, 1 }, { 63, 2 }, { 64, 2 }, { 65, 2 },
		{ 4092, 2 }, { 4093, 2 }, { 4094, 3 }, { 4095, 3 }, { 4096, 3 }, { 4097, 3 },
		{ (1 << 20) - 4, 3 }, { (1 << 20) - 3, 4 }, { 1 << 20, 4 },
	};
	const size_t size = (1 << 20) + 16;
	u8 *big = malloc(size);

	assert_non_null(big);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned int bytes;
		size_t len;

		aml_init(&aml, big, size);
		/* A name of 4 or 5 bytes, then terms of one byte. */
		aml_scope(&aml, cases[i].body < 5 ? "AAAA" : "\\AAA");
		for (size_t n = 5; n < cases[i].body; n++)
			aml_return(&aml);
		aml_end(&aml);
		assert_int_equal(aml_finish(&aml, &len), 0);
		assert_int_equal(big[0], 0x10);
		assert_int_equal(decode_length(big + 1, &bytes), cases[i].body + cases[i].bytes);
		assert_int_equal(bytes, cases[i].bytes);
		assert_int_equal(len, 1 + cases[i].body + cases[i].bytes);
		/* The body moved as it was. */
		assert_int_equal(big[1 + bytes], cases[i].body < 5 ? 'A' : '\\');
		if (cases[i].body > 5)
			assert_int_equal(big[len - 1], 0xa4);
	}
	free(big);
}

static void build_all(struct aml *a)
{
	aml_scope(a, "\\_SB");
	aml_device(a, "DEV0");
	aml_name(a, "_HID");
	aml_eisaid(a, "PNP0501");
	aml_name(a, "_CRS");
	aml_resources(a);
	for (unsigned int i = 0; i < 10; i++)
		aml_res_io(a, 0x3f8, 8);
	aml_end(a);
	aml_end(a);
	aml_end(a);
}

/* In any room that is too small: told at the end, and not a byte beyond the room. */
static void test_no_room(void **state)
{
	size_t need, len;

	build_all(&aml);
	assert_int_equal(aml_finish(&aml, &need), 0);
	for (size_t size = 0; size < need; size++) {
		u8 *room = malloc(size + 1);

		assert_non_null(room);
		room[size] = 0x5a;
		aml_init(&aml, room, size);
		build_all(&aml);
		assert_int_equal(aml_finish(&aml, &len), -ENOSPC);
		assert_true(len <= size);
		assert_int_equal(room[size], 0x5a);
		free(room);
	}
	aml_init(&aml, buf, need);
	build_all(&aml);
	assert_int_equal(aml_finish(&aml, &len), 0);
	assert_int_equal(len, need);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_integers, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_data, setup),
		cmocka_unit_test_setup(test_terms, setup),
		cmocka_unit_test_setup(test_resources, setup),
		cmocka_unit_test_setup(test_large_resources, setup),
		cmocka_unit_test_setup(test_lengths, setup),
		cmocka_unit_test_setup(test_no_room, setup),
	};

	return cmocka_run_group_tests_name("aml", tests, NULL, NULL);
}
