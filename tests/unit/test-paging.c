// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of every kind, built by hand: what is mapped, how far a hole reaches, what is
 * the kernel's; and tables that lead nowhere, or are noise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "guest.h"
#include "images.h"
#include "mem.h"
#include "util.h"

#define CR0_PG		0x80000001ULL
#define CR4_PSE		0x10ULL
#define CR4_PAE		0x20ULL
#define CR4_LA57	0x1000ULL
#define EFER_LMA	0x500ULL
#define IMAGE		0xffffffff81000000ULL

static struct guest g;

static int setup(void **state)
{
	guest_new(&g);
	return 0;
}

static int teardown(void **state)
{
	guest_free(&g);
	return 0;
}

static void put(u64 gpa, u64 entry)
{
	assert_int_equal(mem_write(g.mem, gpa, &entry, 8), 0);
}

static void put32(u64 gpa, u32 entry)
{
	assert_int_equal(mem_write(g.mem, gpa, &entry, 4), 0);
}

static struct paging_step walk(const struct paging *p, u64 va)
{
	struct paging_step step;

	paging_walk(p, va, &step);
	return step;
}

static void want_page(const struct paging *p, u64 va, u64 gpa, u64 left)
{
	struct paging_step s = walk(p, va);

	assert_true(s.mapped);
	assert_int_equal(s.gpa, gpa);
	assert_int_equal(s.left, left);
}

static void want_hole(const struct paging *p, u64 va, u64 left)
{
	struct paging_step s = walk(p, va);

	assert_false(s.mapped);
	assert_int_equal(s.left, left);
}

/* --- kinds of tables --- */

static void four_levels(void **state)
{
	struct paging *p = &g.paging;
	u64 l3 = guest_table(&g), l2 = guest_table(&g), l1 = guest_table(&g);

	put(g.root + 8 * 511, l3 | PTE_PRESENT | PTE_USER | PTE_WRITE);
	put(l3 + 8 * 510, l2 | PTE_PRESENT | PTE_USER);
	put(l3 + 8 * 511, 0x40000000 | PTE_PRESENT | PTE_LARGE | PTE_USER);
	put(l2 + 8 * 8, l1 | PTE_PRESENT | PTE_USER);
	put(l2 + 8 * 9, 0x600000 | PTE_PRESENT | PTE_LARGE | PTE_NX);
	put(l1 + 8 * 1, 0x5000 | PTE_PRESENT | PTE_USER);
	put(l1 + 8 * 2, 0x7000 | PTE_PRESENT);

	want_page(p, IMAGE + 0x1000, 0x5000, 0x1000);
	want_page(p, IMAGE + 0x1fff, 0x5fff, 1);
	want_page(p, IMAGE + 0x2010, 0x7010, 0xff0);
	want_page(p, IMAGE + 0x212345, 0x612345, 0x200000 - 0x12345);
	want_page(p, 0xffffffffc0000123, 0x40000123, 0x40000000 - 0x123);
	want_page(p, UINT64_MAX, 0x7fffffff, 1);
	want_hole(p, IMAGE, 0x1000);
	want_hole(p, IMAGE + 0x3000, 0x1000);
	want_hole(p, IMAGE + 0x400000, 0x200000);
	want_hole(p, 0xffffffff40000001, 0x3fffffff);
	want_hole(p, 0, 1ULL << 39);
	want_hole(p, 0x800000000000, 0xffff800000000000 - 0x800000000000);
	want_hole(p, 0xffff7fffffffffff, 1);
	want_hole(p, 0xffff800000000000, 1ULL << 39);

	/* A page is user mode's, or can be executed, if all levels say so. */
	assert_true(walk(p, IMAGE + 0x1000).user);
	assert_false(walk(p, IMAGE + 0x2000).user);
	assert_true(walk(p, IMAGE + 0x2000).exec);
	assert_false(walk(p, IMAGE + 0x200000).exec);
	assert_true(paging_is_code(p, IMAGE + 0x2000));
	assert_false(paging_is_code(p, IMAGE + 0x1000));	/* user mode's */
	assert_false(paging_is_code(p, IMAGE + 0x200000));	/* NX */
	assert_false(paging_is_code(p, 0xffffffffc0000000));	/* no memory there */
	assert_false(paging_is_code(p, IMAGE));
}

static void five_levels(void **state)
{
	u64 l4 = guest_table(&g);
	struct paging p;

	guest_map_at(&g, IMAGE, 0x3000, PTE_PRESENT);
	put(l4 + 8 * 511, g.root | PTE_PRESENT);
	put(l4 + 8 * 256, g.root | PTE_PRESENT);
	paging_init(&p, g.mem, CR0_PG, l4, CR4_PAE | CR4_LA57, EFER_LMA);
	assert_int_equal(p.levels, 5);
	want_page(&p, IMAGE + 5, 0x3005, 0xffb);
	want_page(&p, 0xff00000000000000 + (IMAGE & 0xffffffffffff) + 5, 0x3005, 0xffb);
	want_hole(&p, 0, 1ULL << 48);
	want_hole(&p, 0x0100000000000000, 0xff00000000000000 - 0x0100000000000000);
}

static void pae(void **state)
{
	u64 root = guest_table(&g) + 0x20, l2 = guest_table(&g), l1 = guest_table(&g);
	struct paging p;

	put(root + 8 * 3, l2 | PTE_PRESENT);	/* its entries have no bit for user mode */
	put(l2 + 8 * 8, l1 | PTE_PRESENT | PTE_USER);
	put(l2 + 8 * 9, 0x800000 | PTE_PRESENT | PTE_LARGE);
	put(l1 + 8 * 5, 0x9000 | PTE_PRESENT | PTE_USER);
	paging_init(&p, g.mem, CR0_PG, root, CR4_PAE, 0);
	assert_false(p.is64);
	want_page(&p, 0xc1005004, 0x9004, 0xffc);
	want_page(&p, 0xc1234567, 0x834567, 0x200000 - 0x34567);
	want_hole(&p, 0x80000000, 0x40000000);
	want_hole(&p, 0x100000000, 0 - 0x100000000ULL);
	assert_true(walk(&p, 0xc1005000).user);
	assert_false(walk(&p, 0xc1200000).user);
}

static void two_levels(void **state)
{
	u64 root = guest_table(&g), l1 = guest_table(&g);
	struct paging p;

	put32(root + 4 * 0x304, l1 | PTE_PRESENT | PTE_USER);
	put32(root + 4 * 0x305, 0x00800000 | PTE_PRESENT | PTE_LARGE);
	put32(root + 4 * 0x306, 0x00c02000 | PTE_PRESENT | PTE_LARGE);	/* bit 32 of the address in bit 13 */
	put32(l1 + 4 * 7, 0xa000 | PTE_PRESENT);
	paging_init(&p, g.mem, CR0_PG, root | 0xfff, CR4_PSE, 0);
	want_page(&p, 0xc1007001, 0xa001, 0xfff);
	want_page(&p, 0xc1412345, 0x812345, 0x400000 - 0x12345);
	want_page(&p, 0xc1800000, 0x100c00000, 0x400000);
	want_hole(&p, 0xc1000000, 0x1000);
	want_hole(&p, 0, 0x400000);
	want_hole(&p, 0xffffffff, 1);

	/* Without PSE the bit means nothing: that is a table, of zeros. */
	paging_init(&p, g.mem, CR0_PG, root, 0, 0);
	want_hole(&p, 0xc1400000, 0x1000);
}

static void paging_off(void **state)
{
	struct paging p;
	u8 byte = 0x5a, got = 0;

	paging_init(&p, g.mem, 1, 0x1000, CR4_PAE, 0);
	want_page(&p, 0x12345, 0x12345, 0x100000000 - 0x12345);
	want_hole(&p, 0x100000000, 0 - 0x100000000ULL);
	assert_int_equal(mem_write(g.mem, 0x12345, &byte, 1), 0);
	assert_int_equal(paging_read(&p, 0x12345, &got, 1), 0);
	assert_int_equal(got, byte);
	assert_int_equal(paging_read(&p, GUEST_MEM, &got, 1), -EFAULT);
}

/* --- reading --- */

static void reads(void **state)
{
	u8 data[3 * GUEST_PAGE], got[sizeof(data)];

	image_fill(data, sizeof(data), 7);
	/* neighbours in virtual memory that are none in the guest's */
	guest_map_at(&g, IMAGE, 0x9000, PTE_PRESENT);
	guest_map_at(&g, IMAGE + GUEST_PAGE, 0x3000, PTE_PRESENT);
	guest_map_at(&g, IMAGE + 2 * GUEST_PAGE, 0x6000, PTE_PRESENT);
	guest_write(&g, IMAGE, data, sizeof(data));
	assert_int_equal(paging_read(&g.paging, IMAGE, got, sizeof(got)), 0);
	assert_memory_equal(got, data, sizeof(data));
	assert_int_equal(paging_read(&g.paging, IMAGE + 4095, got, 2), 0);
	assert_memory_equal(got, data + 4095, 2);
	assert_int_equal(paging_read(&g.paging, IMAGE, got, 0), 0);
	assert_int_equal(paging_read(&g.paging, 0, got, 0), 0);
	assert_int_equal(paging_read(&g.paging, IMAGE - 1, got, 2), -EFAULT);
	assert_int_equal(paging_read(&g.paging, IMAGE + sizeof(data) - 1, got, 2), -EFAULT);
	/* mapped, but half of it beyond the end of memory, or all of it */
	guest_map_at(&g, IMAGE, GUEST_MEM - GUEST_PAGE, PTE_PRESENT);
	guest_map_at(&g, IMAGE + GUEST_PAGE, GUEST_MEM, PTE_PRESENT);
	assert_int_equal(paging_read(&g.paging, IMAGE + 4095, got, 2), -EFAULT);
	guest_map_at(&g, 0 - GUEST_PAGE, 0x9000, PTE_PRESENT);
	assert_int_equal(paging_read(&g.paging, 0 - 2ULL, got, 2), 0);
	assert_int_equal(paging_read(&g.paging, 0 - 2ULL, got, 3), -EFAULT);
}

static void tables_outside(void **state)
{
	struct paging p;
	u64 byte;

	put(g.root + 8 * 511, GUEST_MEM | PTE_PRESENT);
	want_hole(&g.paging, IMAGE, (1ULL << 30) - (IMAGE & 0x3fffffff));
	paging_init(&p, g.mem, CR0_PG, 0x000ffffffffff000, CR4_PAE, EFER_LMA);
	want_hole(&p, IMAGE, (1ULL << 39) - (IMAGE & 0x7fffffffff));
	assert_int_equal(paging_read(&p, IMAGE, &byte, 8), -EFAULT);
	/* a table that is its own, at each level */
	put(g.root + 8 * 511, g.root | PTE_PRESENT);
	put(g.root + 8 * 510, g.root | PTE_PRESENT);
	put(g.root + 8 * 8, g.root | PTE_PRESENT);
	assert_false(walk(&g.paging, IMAGE).mapped);
	assert_true(walk(&g.paging, UINT64_MAX).mapped);
}

/* --- two sets of tables --- */

static void isolation(void **state)
{
	struct guest kernel = g;
	struct paging p;
	u64 user;

	/* Tables at an even page, and the user's behind them. */
	if (kernel.root & GUEST_PAGE) {
		kernel.root = guest_table(&g);
		user = kernel.root + GUEST_PAGE;
	} else {
		user = kernel.root + GUEST_PAGE;
		assert_int_equal(user, GUEST_MEM);
	}
	kernel.next_table = g.next_table;
	guest_map_at(&kernel, IMAGE, 0x3000, PTE_PRESENT);
	guest_map_at(&kernel, IMAGE + (4 * MiB), 0x4000, PTE_PRESENT);
	/* The user's know the entry code and a process. */
	kernel.root = user;
	guest_map_at(&kernel, IMAGE, 0x3000, PTE_PRESENT);
	guest_map_at(&kernel, 0x400000, 0x5000, PTE_PRESENT | PTE_USER);

	paging_init(&p, g.mem, CR0_PG, user | 0x801, CR4_PAE, EFER_LMA);
	assert_int_equal(p.root, user);
	assert_int_equal(p.kernel_root, user - GUEST_PAGE);
	want_page(&p, IMAGE + (4 * MiB), 0x4000, 0x1000);
	want_page(&p, 0x400000, 0x5000, 0x1000);

	/* Without isolation the bit is one of the address. */
	guest_map_at(&kernel, IMAGE + (4 * MiB), 0x6000, PTE_PRESENT);
	guest_map_at(&kernel, IMAGE + (8 * MiB), 0x7000, PTE_PRESENT);
	paging_init(&p, g.mem, CR0_PG, user, CR4_PAE, EFER_LMA);
	assert_int_equal(p.kernel_root, user);
	want_page(&p, IMAGE + (4 * MiB), 0x6000, 0x1000);
}

/* --- the kernel's ranges --- */

static void want_range(const struct paging *p, u64 va, u64 want_start, u64 want_end)
{
	struct paging_view v;
	u64 start = 1, end = 1;

	paging_view_init(&v, p);
	assert_true(v.view.next(&v.view, va, &start, &end));
	assert_int_equal(start, want_start);
	assert_int_equal(end, want_end);
}

static void want_no_range(const struct paging *p, u64 va)
{
	struct paging_view v;
	u64 start, end;

	paging_view_init(&v, p);
	assert_false(v.view.next(&v.view, va, &start, &end));
}

static void ranges(void **state)
{
	const u64 top = PAGING_IMAGE64_END;

	want_no_range(&g.paging, 0);
	guest_map_at(&g, IMAGE, 0x9000, PTE_PRESENT);
	guest_map_at(&g, IMAGE + 0x1000, 0x3000, PTE_PRESENT);
	guest_map_at(&g, IMAGE + 0x3000, 0x3000, PTE_PRESENT | PTE_NX);
	guest_map_at(&g, IMAGE + 0x4000, GUEST_MEM, PTE_PRESENT);	/* a device */
	guest_map_at(&g, IMAGE + 0x5000, 0x3000, PTE_PRESENT);
	guest_map_at(&g, 0xffff888000000000, 0x3000, PTE_PRESENT);	/* all memory once more */
	guest_map_at(&g, 0x400000, 0x3000, PTE_PRESENT | PTE_USER);
	guest_map_at(&g, top - 0x1000, 0x3000, PTE_PRESENT);
	guest_map_at(&g, top, 0x3000, PTE_PRESENT);
	want_range(&g.paging, 0, IMAGE, IMAGE + 0x2000);
	want_range(&g.paging, IMAGE, IMAGE, IMAGE + 0x2000);
	want_range(&g.paging, IMAGE + 0x1234, IMAGE + 0x1234, IMAGE + 0x2000);
	want_range(&g.paging, IMAGE + 0x2000, IMAGE + 0x3000, IMAGE + 0x4000);
	want_range(&g.paging, IMAGE + 0x4000, IMAGE + 0x5000, IMAGE + 0x6000);
	want_range(&g.paging, IMAGE + 0x6000, top - 0x1000, top);
	want_no_range(&g.paging, top);
	want_no_range(&g.paging, UINT64_MAX);
}

static void ranges_of_large_pages(void **state)
{
	u64 l3 = guest_table(&g), l2 = guest_table(&g);

	put(g.root + 8 * 511, l3 | PTE_PRESENT);
	put(l3 + 8 * 510, l2 | PTE_PRESENT);
	put(l2 + 8 * 8, 0x200000 | PTE_PRESENT | PTE_LARGE);
	put(l2 + 8 * 9, 0x200000 | PTE_PRESENT | PTE_LARGE);
	want_range(&g.paging, 0, IMAGE, IMAGE + (4 * MiB));
	want_no_range(&g.paging, IMAGE + (4 * MiB));
	/* Most of this page is beyond the end of memory. */
	put(l3 + 8 * 510, PTE_PRESENT | PTE_LARGE);
	want_range(&g.paging, 0, PAGING_IMAGE64, PAGING_IMAGE64 + GUEST_MEM);
	want_no_range(&g.paging, PAGING_IMAGE64 + GUEST_MEM);
}

static void ranges_of_32_bits(void **state)
{
	u64 root = guest_table(&g), l1 = guest_table(&g);
	struct paging p;

	put32(root + 4 * 0x304, l1 | PTE_PRESENT | PTE_USER);
	put32(root + 4 * 0x100, 0x00800000 | PTE_PRESENT | PTE_LARGE | PTE_USER);	/* a process */
	put32(root + 4 * 0x3ff, 0x00800000 | PTE_PRESENT | PTE_LARGE);
	put32(l1 + 4 * 7, 0xa000 | PTE_PRESENT);
	put32(l1 + 4 * 8, 0xb000 | PTE_PRESENT | PTE_USER);
	paging_init(&p, g.mem, CR0_PG, root, CR4_PSE, 0);
	want_range(&p, 0, 0xc1007000, 0xc1008000);
	want_range(&p, 0xc1008000, 0xffc00000, 0x100000000);
	want_no_range(&p, 0x100000000);
	want_no_range(&p, UINT64_MAX);
}

static void ranges_without_paging(void **state)
{
	struct paging p;

	paging_init(&p, g.mem, 1, 0, 0, 0);
	want_range(&p, 0, 0, GUEST_MEM);
	want_range(&p, 0x1001, 0x1001, GUEST_MEM);
	want_no_range(&p, GUEST_MEM);
}

/* Every entry leads back to its own table: 2 GiB of pages, and the sweep ends. */
static void ranges_of_a_hostile_guest(void **state)
{
	struct paging_view v;
	u64 start, end, at = 0;
	unsigned int count = 0;

	for (unsigned int i = 0; i < 512; i++)
		put(g.root + 8 * i, g.root | PTE_PRESENT | (i % 2 ? 0 : PTE_USER));
	paging_view_init(&v, &g.paging);
	while (v.view.next(&v.view, at, &start, &end)) {
		assert_true(start >= at && start >= PAGING_IMAGE64 && end > start && end <= PAGING_IMAGE64_END);
		at = end;
		count++;
		assert_true(count < 1000000);
	}
	assert_true(count > 0);
}

/* Tables of noise: each walk ends, and what it says is in bounds. */
static void noise(void **state)
{
	static u8 page[GUEST_PAGE];
	struct paging p[4];
	u64 va = 0x123456789abcdef;

	for (u64 at = 0; at < GUEST_MEM; at += sizeof(page)) {
		image_fill(page, sizeof(page), at / sizeof(page) + 1);
		/* Half of the addresses shall be in memory. */
		for (unsigned int i = 0; i < sizeof(page); i += 16)
			memset(page + i + 3, 0, 5);
		assert_int_equal(mem_write(g.mem, at, page, sizeof(page)), 0);
	}
	paging_init(&p[0], g.mem, CR0_PG, g.root, CR4_PAE, EFER_LMA);
	paging_init(&p[1], g.mem, CR0_PG, g.root | GUEST_PAGE, CR4_PAE | CR4_LA57, EFER_LMA);
	paging_init(&p[2], g.mem, CR0_PG, g.root, CR4_PAE, 0);
	paging_init(&p[3], g.mem, CR0_PG, g.root, CR4_PSE, 0);
	for (unsigned int i = 0; i < 200000; i++) {
		struct paging_step s = walk(&p[i % 4], va);
		u64 got;

		assert_true(!s.mapped || s.left);
		assert_true(!s.mapped || s.gpa < 1ULL << 52);
		paging_read(&p[i % 4], va, &got, sizeof(got));
		va = va * 6364136223846793005ULL + 1442695040888963407ULL;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(four_levels),
		TEST(five_levels),
		TEST(pae),
		TEST(two_levels),
		TEST(paging_off),
		TEST(reads),
		TEST(tables_outside),
		TEST(isolation),
		TEST(ranges),
		TEST(ranges_of_large_pages),
		TEST(ranges_of_32_bits),
		TEST(ranges_without_paging),
		TEST(ranges_of_a_hostile_guest),
		TEST(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
