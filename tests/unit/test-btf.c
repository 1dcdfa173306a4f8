// SPDX-License-Identifier: GPL-2.0-only
/*
 * BTF: where the members of structs are, and types that make no sense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "btf.h"
#include "guest-image.h"
#include "util.h"

static u8 out[32768];

static struct btf *parse(const struct btf_image *b, bool is64)
{
	struct btf *btf;

	assert_int_equal(btf_parse(&btf, out, btf_image_write(b, out, sizeof(out)), is64), 0);
	return btf;
}

static void assert_member(const struct btf *btf, const char *path, u32 offset, u32 element, u32 count)
{
	struct btf_member m;

	if (!btf_member(btf, "module", path, &m))
		fail_msg("no %s", path);
	assert_int_equal(m.offset, offset);
	assert_int_equal(m.element, element);
	assert_int_equal(m.count, count);
	assert_int_equal(m.size, element * count);
}

static void test_members(void **state)
{
	struct btf_image b = { .count = 0 };
	u32 byte = btf_image_int(&b, "char", 1), number = btf_image_int(&b, "unsigned int", 4);
	u32 pointer = btf_image_type(&b, NULL, BTF_PTR, 0, 0);
	u32 name = btf_image_array(&b, byte, 56), matrix = btf_image_array(&b, btf_image_array(&b, number, 3), 5);
	u32 alias = btf_image_type(&b, "u32", BTF_TYPEDEF, 0, btf_image_type(&b, NULL, BTF_CONST, 0, number));
	u32 forward, inner, nameless, memory, memories;
	struct btf_member m;
	struct btf *btf;
	u32 size;

	/* Kinds that are passed over */
	btf_image_type(&b, "e", BTF_ENUM, 1, 4);
	for (int i = 0; i < 2; i++)
		btf_image_word(&b, 0);
	btf_image_type(&b, "big", BTF_ENUM64, 1, 8);
	for (int i = 0; i < 3; i++)
		btf_image_word(&b, 0);
	forward = btf_image_type(&b, "module", BTF_FWD, 0, 0);
	inner = btf_image_struct(&b, "inner", 16, (struct btf_image_member[]) {
		{ "first", pointer, 0 }, { "second", alias, 64 }, { 0 } });
	nameless = btf_image_struct(&b, NULL, 16, (struct btf_image_member[]) {
		{ "in_nameless", number, 0 }, { NULL, inner, 0 }, { 0 } });
	memory = btf_image_struct(&b, "memory", 24, (struct btf_image_member[]) {
		{ "base", pointer, 0 }, { "size", number, 64 }, { 0 } });
	memories = btf_image_array(&b, memory, 7);
	btf_image_struct(&b, "module", 512, (struct btf_image_member[]) {
		{ "state", alias, 0 }, { "name", name, 8 * 24 }, { "matrix", matrix, 8 * 80 },
		{ "inner", inner, 8 * 160 }, { NULL, nameless, 8 * 200 },
		{ "mem", memories, 8 * 216 }, { "module", forward, 8 * 400 },
		{ "bit", number, 3201 }, { 0 } });

	for (int is64 = 0; is64 < 2; is64++) {
		btf = parse(&b, is64);
		assert_true(btf_struct_size(btf, "module", &size));
		assert_int_equal(size, 512);
		assert_false(btf_struct_size(btf, "modul", &size));
		assert_false(btf_struct_size(btf, "", &size));
		assert_member(btf, "state", 0, 4, 1);
		assert_member(btf, "name", 24, 1, 56);
		assert_member(btf, "matrix", 80, 4, 15);
		assert_member(btf, "inner", 160, 16, 1);
		assert_member(btf, "inner.first", 160, is64 ? 8 : 4, 1);
		assert_member(btf, "inner.second", 168, 4, 1);
		assert_member(btf, "in_nameless", 200, 4, 1);
		assert_member(btf, "second", 208, 4, 1);
		assert_member(btf, "mem", 216, 24, 7);
		assert_member(btf, "mem.size", 224, 4, 1);
		assert_false(btf_member(btf, "module", "bit", &m));
		assert_false(btf_member(btf, "module", "none", &m));
		assert_false(btf_member(btf, "module", "", &m));
		assert_false(btf_member(btf, "module", "state.x", &m));
		assert_false(btf_member(btf, "module", "inner.", &m));
		assert_false(btf_member(btf, "module", "inner.none", &m));
		assert_false(btf_member(btf, "none", "state", &m));
		btf_free(btf);
	}
	btf_free(NULL);
}

/* A flag in the type gives each member the size of a bit field, where it is one. */
static void test_bit_fields(void **state)
{
	struct btf_image b = { .count = 0 };
	u32 number = btf_image_int(&b, "int", 4), id, info;
	struct btf_member m;
	struct btf *btf;
	size_t at = b.types_len;

	id = btf_image_struct(&b, "module", 8, (struct btf_image_member[]) {
		{ "flags", number, 3 << 24 | 0 }, { "whole", number, 32 }, { 0 } });
	assert_int_equal(id, 2);
	memcpy(&info, b.types + at + 4, 4);
	info |= 1u << 31;
	memcpy(b.types + at + 4, &info, 4);
	btf = parse(&b, true);
	assert_false(btf_member(btf, "module", "flags", &m));
	assert_member(btf, "whole", 4, 4, 1);
	btf_free(btf);
}

/* Types that refer to themselves or to nothing */
static void test_circles(void **state)
{
	struct btf_image b = { .count = 0 };
	u32 self = btf_image_type(&b, "self", BTF_TYPEDEF, 0, 1);
	u32 endless = btf_image_array(&b, 2, 0xffffffff);
	struct btf_member m;
	struct btf *btf;

	/* A struct without a name that is in itself, twice */
	btf_image_struct(&b, NULL, 8, (struct btf_image_member[]) { { NULL, 3, 0 }, { NULL, 3, 32 }, { 0 } });
	btf_image_struct(&b, "module", 8, (struct btf_image_member[]) {
		{ "self", self, 0 }, { "endless", endless, 0 }, { "nowhere", 1000, 0 }, { NULL, 3, 0 }, { NULL, 3, 0 },
		{ "last", 4, 0 }, { 0 } });
	btf = parse(&b, true);
	assert_false(btf_member(btf, "module", "self", &m));
	assert_false(btf_member(btf, "module", "nowhere", &m));
	assert_false(btf_member(btf, "module", "none", &m));
	if (btf_member(btf, "module", "endless", &m))
		assert_int_equal(m.size, 0);
	/* The search for it is given up within the struct without a name. */
	assert_false(btf_member(btf, "module", "last.last.last", &m));
	btf_free(btf);
}

static void test_bad_headers(void **state)
{
	struct btf_image b = { .count = 0 };
	struct btf *btf;
	size_t len;
	u32 *head = (u32 *)out;

	btf_image_int(&b, "int", 4);
	len = btf_image_write(&b, out, sizeof(out));
	assert_int_equal(btf_parse(&btf, out, len, true), 0);
	btf_free(btf);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(btf_parse(&btf, out, cut, true), -EINVAL);
	for (int word = 0; word < 6; word++) {
		/* The offset of the types may be anything that is in the data. */
		static const u32 values[] = { 0xffffffff, 0x80000000, 0x1000 };

		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			btf_image_write(&b, out, sizeof(out));
			head[word] = values[i];
			assert_int_equal(btf_parse(&btf, out, len, true), -EINVAL);
		}
	}
	assert_int_equal(btf_parse(&btf, out, 1ULL << 40, true), -E2BIG);
}

static void test_read(void **state)
{
	struct btf_image b = { .count = 0 };
	struct guest_image image;
	struct btf *btf;
	u64 va = 0xffffffff82000123;
	u32 size;
	u8 *data;

	btf_image_struct(&b, "module", 64, (struct btf_image_member[]) {
		{ "state", btf_image_int(&b, "int", 4), 0 }, { 0 } });
	guest_image_init(&image, true);
	data = guest_image_add(&image, va, 4096);
	size = btf_image_write(&b, data, 4096);
	assert_int_equal(btf_read(&btf, &image.view, va, va + size), 0);
	assert_true(btf_struct_size(btf, "module", &size));
	assert_int_equal(size, 64);
	btf_free(btf);
	assert_int_equal(btf_read(&btf, &image.view, va, va), -EINVAL);
	assert_int_equal(btf_read(&btf, &image.view, va, va - 1), -EINVAL);
	assert_int_equal(btf_read(&btf, &image.view, va, va + 4097), -EFAULT);
	assert_int_equal(btf_read(&btf, &image.view, 0, UINT64_MAX), -E2BIG);
	guest_image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_bit_fields),
		cmocka_unit_test(test_circles),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests_name("btf", tests, NULL, NULL);
}
