// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SMBIOS tables, found and read as a kernel does (DSP0134).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../x86/layout.h"
#include "log.h"
#include "mem.h"
#include "smbios.h"
#include "util.h"

static struct mem *mem;
static char said[512];

static void hook(const char *line, size_t len)
{
	snprintf(said, sizeof(said), "%.*s", (int)len, line);
}

static int setup(void **state)
{
	mem = mem_new();
	assert_non_null(mem);
	assert_int_equal(mem_add(mem, 0, 2 * MiB, MEM_RAM, NULL), 0);
	said[0] = 0;
	log_set_hook(hook);
	return 0;
}

static int teardown(void **state)
{
	log_set_hook(NULL);
	mem_free(mem);
	return 0;
}

static u8 sum(const u8 *p, size_t len)
{
	u8 s = 0;

	while (len--)
		s += *p++;
	return s;
}

static u16 get16(const u8 *p)
{
	return p[0] | p[1] << 8;
}

static u32 get32(const u8 *p)
{
	return get16(p) | (u32)get16(p + 2) << 16;
}

struct table {
	const u8 *start, *end;
	unsigned int structures, largest;
};

/* Both entry points, which name the same table. */
static void find(struct table *t)
{
	const u8 *v3 = NULL, *v2 = NULL;

	for (u32 at = 0xf0000; at < 0x100000; at += 16) {
		const u8 *p = mem_ptr(mem, at, 32);

		if (p && !memcmp(p, "_SM3_", 5))
			v3 = p;
		else if (p && !memcmp(p, "_SM_", 4))
			v2 = p;
	}
	assert_non_null(v3);
	assert_int_equal(v3[6], 24);
	assert_int_equal(sum(v3, 24), 0);
	assert_int_equal(v3[7], 3);
	assert_int_equal(v3[10], 1);
	assert_int_equal(get32(v3 + 20), 0);
	t->start = mem_ptr(mem, get32(v3 + 16), get32(v3 + 12));
	assert_non_null(t->start);
	t->end = t->start + get32(v3 + 12);
	assert_true(get32(v3 + 16) + get32(v3 + 12) <= LAYOUT_SMBIOS + LAYOUT_SMBIOS_SIZE);

	assert_non_null(v2);
	assert_int_equal(v2[5], 31);
	assert_int_equal(sum(v2, 31), 0);
	assert_memory_equal(v2 + 16, "_DMI_", 5);
	assert_int_equal(sum(v2 + 16, 15), 0);
	assert_int_equal(get16(v2 + 22), get32(v3 + 12));
	assert_int_equal(get32(v2 + 24), get32(v3 + 16));
	t->structures = get16(v2 + 28);
	t->largest = get16(v2 + 8);
}

/* The structure behind @p: past the strings, which end with two NULs. */
static const u8 *next(const struct table *t, const u8 *p)
{
	const u8 *s = p + p[1];

	while (s + 2 <= t->end && (s[0] || s[1]))
		s++;
	assert_true(s + 2 <= t->end);
	return s + 2;
}

/* The structure number @n (from 0) of @type, or NULL. */
static const u8 *get(const struct table *t, u8 type, unsigned int n)
{
	for (const u8 *p = t->start; p < t->end; p = next(t, p))
		if (p[0] == type && !n--)
			return p;
	return NULL;
}

static const char *string(const u8 *p, unsigned int n)
{
	const char *s = (const char *)p + p[1];

	assert_int_not_equal(n, 0);
	while (--n) {
		assert_int_not_equal(*s, 0);
		s += strlen(s) + 1;
	}
	return s;
}

/* The table as a whole: handles, the end, what the entry points tell of it. */
static void check(const struct table *t)
{
	unsigned int count = 0, largest = 0;
	const u8 *p, *n;
	u8 type = 0;

	for (p = t->start; p < t->end; p = n) {
		assert_int_equal(get16(p + 2), count++);
		type = p[0];
		n = next(t, p);
		largest = max(largest, (unsigned int)(n - p));
	}
	assert_ptr_equal(p, t->end);
	assert_int_equal(type, 127);
	assert_int_equal(count, t->structures);
	assert_int_equal(largest, t->largest);
}

static void test_plain(void **state)
{
	const struct smbios_config cfg = { 0 };
	struct table t;
	const u8 *p;

	assert_int_equal(smbios_build(mem, &cfg), 0);
	find(&t);
	check(&t);
	p = get(&t, 0, 0);
	assert_non_null(p);
	assert_int_equal(p[1], 0x18);
	assert_string_equal(string(p, p[4]), "lkvm");
	assert_int_equal(p[5], 0);
	assert_int_equal(p[0x13] & 0x10, 0x10);		/* a virtual machine */
	p = get(&t, 1, 0);
	assert_non_null(p);
	assert_int_equal(p[1], 0x1b);
	assert_string_equal(string(p, p[4]), "lkvm");
	assert_string_equal(string(p, p[5]), "lkvm");
	assert_int_equal(p[6], 0);
	assert_int_equal(p[7], 0);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(p[8 + i], 0);
	p = get(&t, 3, 0);
	assert_non_null(p);
	assert_int_equal(p[1], 0x16);
	assert_null(get(&t, 11, 0));
	assert_int_equal(said[0], 0);
}

static void test_system(void **state)
{
	static const u8 uuid[16] = {
		0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
		0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
	};
	static const u8 stored[16] = {
		0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
		0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
	};
	struct smbios_config cfg = {
		.product = "test machine",
		.version = "0.1",
		.serial = "42-a",
		.uuid = uuid,
	};
	struct table t;
	const u8 *p;

	assert_int_equal(smbios_build(mem, &cfg), 0);
	find(&t);
	check(&t);
	p = get(&t, 1, 0);
	assert_string_equal(string(p, p[5]), "test machine");
	assert_string_equal(string(p, p[6]), "0.1");
	assert_string_equal(string(p, p[7]), "42-a");
	assert_memory_equal(p + 8, stored, 16);
	p = get(&t, 0, 0);
	assert_string_equal(string(p, p[5]), "0.1");

	/* A string that is not there leaves no hole; empty is not there. */
	cfg.version = "";
	assert_int_equal(smbios_build(mem, &cfg), 0);
	find(&t);
	check(&t);
	p = get(&t, 1, 0);
	assert_int_equal(p[6], 0);
	assert_string_equal(string(p, p[7]), "42-a");
}

static void test_oem_strings(void **state)
{
	const char *strings[600];
	struct smbios_config cfg = { .oem_strings = strings, .oem_count = 2 };
	struct table t;
	const u8 *p;

	strings[0] = "io.systemd.credential:a=b c";
	strings[1] = "\xff\x01 any byte";
	assert_int_equal(smbios_build(mem, &cfg), 0);
	find(&t);
	check(&t);
	p = get(&t, 11, 0);
	assert_non_null(p);
	assert_int_equal(p[1], 5);
	assert_int_equal(p[4], 2);
	assert_string_equal(string(p, 1), strings[0]);
	assert_string_equal(string(p, 2), strings[1]);

	/* More than one structure can count. */
	for (unsigned int i = 0; i < ARRAY_SIZE(strings); i++)
		strings[i] = i % 2 ? "odd" : "even";
	cfg.oem_count = 600;
	assert_int_equal(smbios_build(mem, &cfg), 0);
	find(&t);
	check(&t);
	assert_int_equal(get(&t, 11, 0)[4], 255);
	assert_int_equal(get(&t, 11, 1)[4], 255);
	p = get(&t, 11, 2);
	assert_int_equal(p[4], 90);
	assert_string_equal(string(p, 90), "odd");
	assert_null(get(&t, 11, 3));
	assert_int_equal(said[0], 0);
}

static void test_empty_string(void **state)
{
	static const char *const strings[] = { "a", "", "b" };
	const struct smbios_config cfg = { .oem_strings = strings, .oem_count = 3 };

	assert_int_equal(smbios_build(mem, &cfg), -EINVAL);
	assert_non_null(strstr(said, "string 2 is empty"));
}

/* Each length around the limit is taken as a whole or refused; nothing is written behind. */
static void test_too_long(void **state)
{
	const u8 *behind = mem_ptr(mem, LAYOUT_SMBIOS + LAYOUT_SMBIOS_SIZE, 64);
	const size_t size = LAYOUT_SMBIOS_SIZE + 64;
	char *s = malloc(size + 1);
	const char *const strings[] = { s };
	const struct smbios_config cfg = { .oem_strings = strings, .oem_count = 1 };
	bool fitted = true;

	assert_non_null(s);
	memset(s, 'x', size);
	for (size_t len = LAYOUT_SMBIOS_SIZE - 256; len <= size; len++) {
		struct table t;
		int err;

		s[len] = 0;
		memset(mem_ptr(mem, LAYOUT_SMBIOS, 64), 0, 64);
		err = smbios_build(mem, &cfg);
		s[len] = 'x';
		if (err) {
			assert_int_equal(err, -ENOSPC);
			assert_non_null(strstr(said, "must be at most"));
			/* No entry point to half a table. */
			assert_int_equal(*(u8 *)mem_ptr(mem, LAYOUT_SMBIOS, 1), 0);
			fitted = false;
		} else {
			assert_true(fitted);
			find(&t);
			check(&t);
		}
		for (unsigned int i = 0; i < 64; i++)
			assert_int_equal(behind[i], 0);
	}
	assert_false(fitted);
	free(s);
}

static void test_no_memory(void **state)
{
	const struct smbios_config cfg = { 0 };
	struct mem *none = mem_new();

	assert_int_equal(smbios_build(none, &cfg), -EFAULT);
	mem_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_system, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oem_strings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_string, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
	};

	return cmocka_run_group_tests_name("smbios", tests, NULL, NULL);
}
