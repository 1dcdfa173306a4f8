// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modules of a guest: by BTF and without it, on 64 and 32 bits, before and after 6.4; lists
 * that are damaged or go round.
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

#define BASE64	0xffffffff81000000ULL
#define BASE32	0xc1000000ULL

struct guest {
	struct guest_image image;
	struct symbols *s;
	u64 base, btf_end;
};

static void start(struct guest *g, bool is64, enum modules_era era, int flags, bool btf)
{
	g->base = is64 ? BASE64 : BASE32;
	guest_image_init(&g->image, is64);
	g->btf_end = guest_image_modules(&g->image, g->base, era, flags);
	g->s = symbols_new();
	symbols_add(g->s, g->base, 0, 'T', "_text", NULL);
	symbols_add(g->s, g->base + GUEST_KERNEL, 0, 'B', "_end", NULL);
	symbols_add(g->s, g->base + GUEST_LIST, 0, 'D', "modules", NULL);
	if (btf) {
		symbols_add(g->s, g->base + GUEST_BTF, 0, 'R', "__start_BTF", NULL);
		symbols_add(g->s, g->btf_end, 0, 'R', "__stop_BTF", NULL);
	}
	symbols_sort(g->s);
}

static void end(struct guest *g)
{
	symbols_free(g->s);
	guest_image_free(&g->image);
}

static void assert_at(const struct guest *g, u64 addr, const char *name, const char *module, u64 offset)
{
	struct symbol_at at;

	assert_true(symbols_at(g->s, g->base + addr, &at));
	assert_string_equal(at.name, name);
	assert_int_equal(at.offset, offset);
	if (module) {
		assert_non_null(at.module);
		assert_string_equal(at.module, module);
	} else {
		assert_null(at.module);
	}
}

static void assert_all(struct guest *g)
{
	struct symbol_at at;
	u64 ip, orc, addr;
	u32 count;

	assert_at(g, GUEST_ALPHA + 0x110, "alpha_open", "alpha", 0x10);
	assert_at(g, GUEST_ALPHA + 0x80, "", "alpha", 0x80);
	assert_at(g, GUEST_ALPHA + 0x4004, "alpha_data", "alpha", 4);
	assert_at(g, GUEST_BETA + 0x10, "", "beta", 0x10);
	assert_at(g, 0x10, "_text", NULL, 0x10);
	assert_true(symbols_at(g->s, g->base + GUEST_ALPHA + 0x110, &at));
	assert_int_equal(at.size, 0x40);
	/* One that is not there yet has no memory. */
	assert_false(symbols_at(g->s, g->base + GUEST_GAMMA, &at));
	assert_false(symbols_at(g->s, g->base + GUEST_ALPHA + GUEST_MODULE, &at));

	assert_true(symbols_is_text(g->s, g->base + GUEST_ALPHA + 0x110));
	assert_true(symbols_is_text(g->s, g->base + GUEST_BETA));
	assert_false(symbols_is_text(g->s, g->base + GUEST_ALPHA + 0x4004));

	assert_int_equal(symbols_module_orc(g->s, g->base + GUEST_ALPHA, &ip, &orc, &count), 0);
	assert_int_equal(ip, g->base + GUEST_ALPHA + 0x5000);
	assert_int_equal(orc, g->base + GUEST_ALPHA + 0x6000);
	assert_int_equal(count, 12);
	assert_int_equal(symbols_module_orc(g->s, g->base + GUEST_BETA, &ip, &orc, &count), -ENOENT);
	/* What it uses, and what is not in its memory, is not its own. */
	assert_false(symbols_find(g->s, "printk", &addr));
	assert_false(symbols_find(g->s, "elsewhere", &addr));
	assert_false(symbols_find(g->s, ".Lnoise", &addr));
}

static void test_by_btf(void **state)
{
	for (int is64 = 0; is64 < 2; is64++) {
		for (int era = MODULES_4_6; era <= MODULES_6_4; era++) {
			for (int flags = 0; flags <= MODULES_ODD; flags += MODULES_ODD) {
				struct guest g;

				start(&g, is64, era, flags, true);
				assert_int_equal(symbols_read_modules(g.s, &g.image.view), 0);
				assert_all(&g);
				end(&g);
			}
		}
	}
}

/* At least the module has its name. */
static void test_without_btf(void **state)
{
	for (int is64 = 0; is64 < 2; is64++) {
		for (int era = MODULES_4_6; era <= MODULES_6_4; era++) {
			for (int flags = 0; flags <= MODULES_NO_TREE; flags++) {
				struct symbol_at at;
				struct guest g;

				start(&g, is64, era, flags, false);
				assert_int_equal(symbols_read_modules(g.s, &g.image.view), 0);
				assert_at(&g, GUEST_ALPHA + 0x110, "", "alpha", 0x110);
				assert_at(&g, GUEST_BETA, "", "beta", 0);
				assert_false(symbols_at(g.s, g.base + GUEST_GAMMA, &at));
				assert_true(symbols_is_text(g.s, g.base + GUEST_ALPHA + 0x110));
				if (!flags)
					assert_false(symbols_is_text(g.s, g.base + GUEST_ALPHA + 0x4004));
				end(&g);
			}
		}
	}
}

/* BTF that is damaged is no BTF. */
static void test_bad_btf(void **state)
{
	struct guest g;

	start(&g, true, MODULES_6_4, 0, true);
	guest_image_at(&g.image, g.base + GUEST_BTF, 1)[0] ^= 1;
	assert_int_equal(symbols_read_modules(g.s, &g.image.view), 0);
	assert_at(&g, GUEST_ALPHA + 0x110, "", "alpha", 0x110);
	end(&g);
}

static void test_no_modules(void **state)
{
	struct symbols *s = symbols_new();
	struct symbol_at at;
	struct guest g;
	u64 head;

	start(&g, true, MODULES_6_4, 0, true);
	assert_int_equal(symbols_read_modules(s, &g.image.view), -ENOENT);
	symbols_free(s);
	/* An empty list */
	head = g.base + GUEST_LIST;
	memcpy(guest_image_at(&g.image, head, 8), &head, 8);
	assert_int_equal(symbols_read_modules(g.s, &g.image.view), 0);
	assert_false(symbols_at(g.s, g.base + GUEST_ALPHA, &at));
	end(&g);
}

static u64 next_of(struct guest *g, u64 node)
{
	u64 next;

	memcpy(&next, guest_image_at(&g->image, node, 8), 8);
	return next;
}

static void set_next(struct guest *g, u64 node, u64 next)
{
	memcpy(guest_image_at(&g->image, node, 8), &next, 8);
}

/* What was read before the list broke off stays. */
static void test_broken_list(void **state)
{
	static const u64 bad[] = { 0, 0x100, 0xffffffff00000000, 0xffffffffffffffff, 0x4141414141414141 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct guest g;

		start(&g, true, MODULES_6_4, 0, true);
		set_next(&g, next_of(&g, g.base + GUEST_LIST), bad[i]);
		assert_int_equal(symbols_read_modules(g.s, &g.image.view), -EFAULT);
		assert_at(&g, GUEST_ALPHA + 0x110, "alpha_open", "alpha", 0x10);
		end(&g);
	}
}

static void test_loops(void **state)
{
	for (int length = 1; length <= 3; length++) {
		struct guest g;
		u64 first, node;

		start(&g, true, MODULES_6_4, 0, true);
		first = node = next_of(&g, g.base + GUEST_LIST);
		for (int i = 1; i < length; i++)
			node = next_of(&g, node);
		set_next(&g, node, first);
		assert_int_equal(symbols_read_modules(g.s, &g.image.view), -ELOOP);
		assert_at(&g, GUEST_ALPHA + 0x110, "alpha_open", "alpha", 0x10);
		assert_true(g.image.reads < 300);
		end(&g);
	}
}

static void test_bad_modules(void **state)
{
	struct symbol_at at;
	struct guest g;
	u64 mod;

	/* A name that is none: the module is left out, the others are not. */
	start(&g, true, MODULES_6_4, 0, true);
	mod = next_of(&g, g.base + GUEST_LIST) - 8;
	guest_image_at(&g.image, mod + 24, 1)[0] = '\033';
	assert_int_equal(symbols_read_modules(g.s, &g.image.view), 0);
	assert_false(symbols_at(g.s, g.base + GUEST_ALPHA, &at));
	assert_at(&g, GUEST_BETA, "", "beta", 0);
	end(&g);

	/* More symbols than can be */
	start(&g, true, MODULES_6_4, 0, true);
	memset(guest_image_at(&g.image, g.base + GUEST_ALPHA + 0x3008, 4), 0xff, 4);
	assert_int_equal(symbols_read_modules(g.s, &g.image.view), 0);
	assert_at(&g, GUEST_ALPHA + 0x110, "", "alpha", 0x110);
	end(&g);

	/* Names that are not mapped */
	start(&g, true, MODULES_6_4, 0, true);
	memset(guest_image_at(&g.image, g.base + GUEST_ALPHA + 0x3010, 4), 0, 4);
	assert_int_equal(symbols_read_modules(g.s, &g.image.view), 0);
	assert_at(&g, GUEST_ALPHA + 0x110, "", "alpha", 0x110);
	end(&g);
}

/* Any byte of the BTF, the list and the modules may be anything. */
static void test_damaged(void **state)
{
	u32 seed = 1;

	for (int n = 0; n < 600; n++) {
		struct guest g;
		struct guest_piece *p;
		int err;

		start(&g, n & 1, n & 2 ? MODULES_4_6 : MODULES_6_4, 0, n & 4);
		seed = seed * 1664525 + 1013904223;
		p = &g.image.pieces[(seed >> 8) % 2];
		for (int i = 0; i < 8; i++) {
			seed = seed * 1664525 + 1013904223;
			p->data[0x1000 + (seed >> 8) % 0x2500] = seed >> 3;
		}
		err = symbols_read_modules(g.s, &g.image.view);
		assert_true(!err || err == -EFAULT || err == -ELOOP);
		end(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_btf),
		cmocka_unit_test(test_without_btf),
		cmocka_unit_test(test_bad_btf),
		cmocka_unit_test(test_no_modules),
		cmocka_unit_test(test_broken_list),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_bad_modules),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests_name("modules", tests, NULL, NULL);
}
