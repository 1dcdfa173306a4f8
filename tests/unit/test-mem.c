// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: from guest addresses to pointers at and beyond all ends, and listeners
 * that learn of regions, or refuse them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "images.h"
#include "mem.h"
#include "util.h"

#define PAGE	4096ULL
#define HIGH	(4 * GiB)

static struct mem *mem;

static int setup(void **state)
{
	said_start();
	mem = mem_new();
	return !mem;
}

static int teardown(void **state)
{
	mem_free(mem);
	mem = NULL;
	return 0;
}

static int add(u64 gpa, u64 size)
{
	return mem_add(mem, gpa, size, MEM_RAM, NULL);
}

/* --- regions --- */

static void bad_regions(void **state)
{
	static const struct { u64 gpa, size; } bad[] = {
		{ 0, 0 }, { 0, 1 }, { 0, PAGE - 1 }, { 0, PAGE + 1 }, { 1, PAGE }, { PAGE / 2, PAGE },
		{ UINT64_MAX - PAGE + 1, 2 * PAGE }, { PAGE, UINT64_MAX - PAGE + 1 },
		{ UINT64_MAX, PAGE }, { 0, UINT64_MAX }, { 1ULL << 63, 1ULL << 63 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		said_start();
		assert_true(add(bad[i].gpa, bad[i].size) < 0);
		assert_int_equal(said_lines(), 1);
	}
	assert_int_equal(mem_count(mem), 0);
	assert_int_equal(mem_ram_size(mem), 0);
	/* More than a process can map: said, and nothing is there. */
	said_start();
	assert_int_equal(add(0, 1ULL << 62), -ENOMEM);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "-m"));
	assert_null(mem_region(mem, 0));
}

static void overlaps(void **state)
{
	static const struct { u64 gpa, size; int err; } tries[] = {
		{ 0x100000, PAGE, -EINVAL }, { 0x101000, PAGE, -EINVAL }, { 0xff000, 2 * PAGE, -EINVAL },
		{ 0x103000, PAGE, -EINVAL }, { 0, 0x200000, -EINVAL }, { 0x103000, 2 * PAGE, -EINVAL },
		{ 0xff000, PAGE, 0 }, { 0x104000, PAGE, 0 }, { 0xff000, PAGE, -EINVAL },
	};

	assert_int_equal(add(0x100000, 4 * PAGE), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(tries); i++)
		assert_int_equal(add(tries[i].gpa, tries[i].size), tries[i].err);
	assert_int_equal(mem_count(mem), 3);
	assert_int_equal(mem_ram_size(mem), 6 * PAGE);
}

static void many_regions(void **state)
{
	unsigned int n = 0;

	/* From the top down, so that each is put in front. */
	while (n < 1000 && !add((1000 - n) * 4 * PAGE, PAGE))
		n++;
	assert_in_range(n, 16, 999);
	assert_int_equal(mem_count(mem), n);
	assert_int_equal(said_lines(), 1);
	assert_null(mem_region(mem, n));
	for (unsigned int i = 0; i < n; i++) {
		const struct mem_region *r = mem_region(mem, i);

		assert_int_equal(r->gpa, (1001 - n + i) * 4 * PAGE);
		assert_ptr_equal(mem_ptr(mem, r->gpa, PAGE), r->host);
		assert_int_equal(r->fd, -1);
	}
}

static void kinds(void **state)
{
	assert_int_equal(add(0, 16 * PAGE), 0);
	assert_int_equal(mem_add(mem, 32 * PAGE, 8 * PAGE, MEM_ROM, NULL), 0);
	assert_int_equal(mem_ram_size(mem), 16 * PAGE);
	assert_int_equal(mem_region(mem, 1)->kind, MEM_ROM);
	/* The guest may not, but we may. */
	assert_int_equal(mem_write(mem, 32 * PAGE, "rom", 4), 0);
	assert_string_equal(mem_ptr(mem, 32 * PAGE, 4), "rom");
}

/* A huge page of the guest's must be able to be one of ours. */
static void huge_page_alignment(void **state)
{
	static const struct { u64 gpa, size; } regions[] = {
		{ 0, 64 * MiB }, { 128 * MiB, 2 * MiB }, { 256 * MiB + PAGE, 6 * MiB },
		{ 512 * MiB - 3 * PAGE, 2 * MiB + PAGE }, { HIGH, 8 * MiB },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(regions); i++) {
		const struct mem_region *r;

		assert_int_equal(add(regions[i].gpa, regions[i].size), 0);
		r = mem_region(mem, i);
		assert_int_equal((uintptr_t)r->host % (2 * MiB), r->gpa % (2 * MiB));
		/* All of it is there, and ours. */
		r->host[0] = 1;
		r->host[r->size - 1] = 2;
	}
	assert_int_equal(*(u8 *)mem_ptr(mem, HIGH + 8 * MiB - 1, 1), 2);
}

static void hugetlbfs(void **state)
{
	char path[5000];

	said_start();
	assert_true(mem_add(mem, 0, 2 * MiB, MEM_RAM, "/proc") < 0);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "--hugetlbfs /proc: not a mounted hugetlbfs"));
	said_start();
	assert_true(mem_add(mem, 0, 2 * MiB, MEM_RAM, "/no/such/folder") < 0);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "/no/such/folder"));
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_true(mem_add(mem, 0, 2 * MiB, MEM_RAM, path) < 0);
	assert_int_equal(mem_count(mem), 0);
}

/* --- pointers --- */

static void pointers(void **state)
{
	u8 *low, *next;

	assert_int_equal(add(0, 4 * PAGE), 0);
	assert_int_equal(add(4 * PAGE, 4 * PAGE), 0);
	assert_int_equal(add(HIGH, PAGE), 0);
	low = mem_region(mem, 0)->host;
	next = mem_region(mem, 1)->host;

	assert_ptr_equal(mem_ptr(mem, 0, 1), low);
	assert_ptr_equal(mem_ptr(mem, 0, 4 * PAGE), low);
	assert_ptr_equal(mem_ptr(mem, 4 * PAGE - 1, 1), low + 4 * PAGE - 1);
	assert_ptr_equal(mem_ptr(mem, 4 * PAGE, 1), next);
	assert_ptr_equal(mem_ptr(mem, 5 * PAGE, 3 * PAGE), next + PAGE);

	/* Neighbours of the guest need not be neighbours here. */
	assert_null(mem_ptr(mem, 4 * PAGE - 1, 2));
	assert_null(mem_ptr(mem, 0, 4 * PAGE + 1));
	assert_null(mem_ptr(mem, 8 * PAGE - 1, 2));
	assert_null(mem_ptr(mem, 8 * PAGE, 1));
	assert_null(mem_ptr(mem, HIGH - 1, 1));
	assert_null(mem_ptr(mem, HIGH - 1, 2));
	assert_null(mem_ptr(mem, HIGH + PAGE, 1));

	assert_null(mem_ptr(mem, 0, 0));
	assert_null(mem_ptr(mem, HIGH + PAGE, 0));
	assert_null(mem_ptr(mem, 1, UINT64_MAX));
	assert_null(mem_ptr(mem, PAGE, UINT64_MAX - PAGE + 1));
	assert_null(mem_ptr(mem, PAGE, UINT64_MAX - PAGE + 2));
	assert_null(mem_ptr(mem, UINT64_MAX, 1));
	assert_null(mem_ptr(mem, UINT64_MAX, UINT64_MAX));
	assert_null(mem_ptr(mem, HIGH + 1, UINT64_MAX - HIGH));
}

static void parts(void **state)
{
	u64 len;

	assert_int_equal(add(PAGE, PAGE), 0);
	assert_int_equal(add(2 * PAGE, PAGE), 0);
	len = 100;
	assert_ptr_equal(mem_ptr_part(mem, PAGE, &len), mem_region(mem, 0)->host);
	assert_int_equal(len, 100);
	len = UINT64_MAX;
	assert_ptr_equal(mem_ptr_part(mem, 2 * PAGE - 1, &len), mem_region(mem, 0)->host + PAGE - 1);
	assert_int_equal(len, 1);
	len = 5 * PAGE;
	assert_ptr_equal(mem_ptr_part(mem, 2 * PAGE, &len), mem_region(mem, 1)->host);
	assert_int_equal(len, PAGE);
	len = 0;
	assert_null(mem_ptr_part(mem, PAGE, &len));
	len = 8;
	assert_null(mem_ptr_part(mem, PAGE - 1, &len));
	assert_null(mem_ptr_part(mem, 3 * PAGE, &len));
	assert_null(mem_ptr_part(mem, UINT64_MAX, &len));
}

static void copies(void **state)
{
	u8 out[3 * PAGE], in[3 * PAGE];

	assert_int_equal(add(0, PAGE), 0);
	assert_int_equal(add(PAGE, PAGE), 0);
	assert_int_equal(add(2 * PAGE, PAGE), 0);
	image_fill(out, sizeof(out), 5);
	assert_int_equal(mem_write(mem, 0, out, sizeof(out)), 0);
	assert_int_equal(mem_read(mem, 0, in, sizeof(in)), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(mem_read(mem, PAGE - 3, in, PAGE + 6), 0);
	assert_memory_equal(in, out + PAGE - 3, PAGE + 6);
	assert_int_equal(mem_zero(mem, PAGE - 1, PAGE + 2), 0);
	assert_int_equal(mem_read(mem, 0, in, sizeof(in)), 0);
	for (unsigned int i = 0; i < sizeof(in); i++)
		assert_int_equal(in[i], i >= PAGE - 1 && i < 2 * PAGE + 1 ? 0 : out[i]);
	/* Nothing is always possible. */
	assert_int_equal(mem_read(mem, UINT64_MAX, NULL, 0), 0);
	assert_int_equal(mem_write(mem, 5 * PAGE, NULL, 0), 0);
	assert_int_equal(mem_zero(mem, 5 * PAGE, 0), 0);
}

static void copies_beyond(void **state)
{
	u8 data[32] = "what lies at the very end";

	assert_int_equal(add(PAGE, PAGE), 0);
	assert_int_equal(add(HIGH, PAGE), 0);
	assert_int_equal(mem_write(mem, 2 * PAGE - 4, data, 8), -EFAULT);
	assert_memory_equal(mem_ptr(mem, 2 * PAGE - 4, 4), data, 4);
	assert_int_equal(mem_write(mem, PAGE - 4, data, 8), -EFAULT);
	assert_int_equal(mem_read(mem, HIGH + PAGE - 1, data, 2), -EFAULT);
	assert_int_equal(mem_read(mem, HIGH + PAGE, data, 1), -EFAULT);
	assert_int_equal(mem_read(mem, UINT64_MAX, data, 1), -EFAULT);
	assert_int_equal(mem_zero(mem, HIGH, 1ULL << 62), -EFAULT);
	assert_int_equal(mem_zero(mem, HIGH + 8, UINT64_MAX), -EFAULT);
}

static void empty(void **state)
{
	u64 len = 1;
	u8 byte;

	assert_null(mem_ptr(mem, 0, 1));
	assert_null(mem_ptr_part(mem, 0, &len));
	assert_int_equal(mem_read(mem, 0, &byte, 1), -EFAULT);
	assert_null(mem_region(mem, 0));
	mem_free(NULL);
}

/* --- listeners --- */

struct listener {
	struct mem_listener l;
	unsigned int added, deleted, slots;	/* slots: a bit for each that is in use */
	unsigned int refuse_at;			/* the how many-th region it refuses, from 1 */
	u64 size;
};

static int on_add(struct mem_listener *l, unsigned int slot, const struct mem_region *r)
{
	struct listener *own = container_of(l, struct listener, l);

	assert_true(slot < 32 && !(own->slots & 1U << slot));
	if (++own->added == own->refuse_at)
		return -ENOSPC;
	own->slots |= 1U << slot;
	own->size += r->size;
	return 0;
}

static void on_del(struct mem_listener *l, unsigned int slot, const struct mem_region *r)
{
	struct listener *own = container_of(l, struct listener, l);

	assert_true(slot < 32 && own->slots & 1U << slot);
	own->slots &= ~(1U << slot);
	own->deleted++;
	own->size -= r->size;
	r->host[0] = 1;		/* it is still mapped */
}

#define LISTENER { .l = { .add = on_add, .del = on_del } }

static void listeners(void **state)
{
	static struct listener early = LISTENER, late = LISTENER, deaf = { .l = { .add = on_add } };

	assert_int_equal(mem_listen(mem, &early.l), 0);
	assert_int_equal(early.added, 0);
	assert_int_equal(add(0x100000, PAGE), 0);
	assert_int_equal(add(0, PAGE), 0);
	assert_int_equal(early.added, 2);
	assert_int_equal(mem_listen(mem, &late.l), 0);
	assert_int_equal(mem_listen(mem, &deaf.l), 0);
	assert_int_equal(late.added, 2);
	assert_int_equal(add(0x80000, PAGE), 0);
	assert_int_equal(late.added, 3);
	assert_int_equal(early.slots, late.slots);
	assert_int_equal(__builtin_popcount(late.slots), 3);
	/* A region that is refused by memory itself is told to nobody. */
	assert_true(add(0, PAGE) < 0);
	assert_int_equal(late.added, 3);
	mem_free(mem);
	mem = NULL;
	assert_int_equal(early.deleted, 3);
	assert_int_equal(late.deleted, 3);
	assert_int_equal(early.size, 0);
}

static void refused_region(void **state)
{
	static struct listener before = LISTENER, refuses = LISTENER, after = LISTENER;

	/* The last to come is told first. */
	refuses.refuse_at = 2;
	assert_int_equal(mem_listen(mem, &before.l), 0);
	assert_int_equal(mem_listen(mem, &refuses.l), 0);
	assert_int_equal(mem_listen(mem, &after.l), 0);
	assert_int_equal(add(0, PAGE), 0);
	assert_int_equal(add(HIGH, PAGE), -ENOSPC);
	/* As if it had never been: for memory and for each listener. */
	assert_int_equal(mem_count(mem), 1);
	assert_null(mem_ptr(mem, HIGH, 1));
	assert_non_null(mem_ptr(mem, 0, PAGE));
	assert_int_equal(before.slots, refuses.slots);
	assert_int_equal(after.slots, refuses.slots);
	assert_int_equal(before.size, PAGE);
	assert_int_equal(after.size, PAGE);
	assert_int_equal(add(HIGH, 2 * PAGE), 0);
	assert_int_equal(before.size, 3 * PAGE);
	mem_free(mem);
	mem = NULL;
	assert_int_equal(before.slots | refuses.slots | after.slots, 0);
}

static void refused_from_the_start(void **state)
{
	static struct listener fine = LISTENER, refuses = LISTENER;

	refuses.refuse_at = 3;
	assert_int_equal(mem_listen(mem, &fine.l), 0);
	for (u64 i = 0; i < 4; i++)
		assert_int_equal(add(i * MiB, PAGE), 0);
	assert_int_equal(mem_listen(mem, &refuses.l), -ENOSPC);
	assert_int_equal(refuses.added, 3);
	assert_int_equal(refuses.deleted, 2);
	assert_int_equal(refuses.slots, 0);
	/* It hears no more. */
	assert_int_equal(add(16 * MiB, PAGE), 0);
	assert_int_equal(refuses.added, 3);
	assert_int_equal(fine.added, 5);
	mem_free(mem);
	mem = NULL;
	assert_int_equal(refuses.deleted, 2);
	assert_int_equal(fine.deleted, 5);
}

static void no_longer_listening(void **state)
{
	static struct listener first = LISTENER, gone = LISTENER, last = LISTENER, stranger = LISTENER;

	assert_int_equal(mem_listen(mem, &first.l), 0);
	assert_int_equal(mem_listen(mem, &gone.l), 0);
	assert_int_equal(mem_listen(mem, &last.l), 0);
	assert_int_equal(add(0, PAGE), 0);
	mem_unlisten(mem, &gone.l);
	mem_unlisten(mem, &gone.l);
	mem_unlisten(mem, &stranger.l);
	assert_int_equal(add(MiB, PAGE), 0);
	mem_free(mem);
	mem = NULL;
	assert_int_equal(gone.added, 1);
	assert_int_equal(gone.deleted, 0);
	assert_int_equal(first.deleted, 2);
	assert_int_equal(last.deleted, 2);
}

/* --- the log of what devices write --- */

static void written_pages(void **state)
{
	u64 low[1] = { 0 }, high[1] = { 0 };

	assert_int_equal(add(0, 64 * PAGE), 0);
	assert_int_equal(add(HIGH, 3 * PAGE), 0);
	mem_dirty(mem, mem_ptr(mem, 0, 1), 1);
	assert_false(mem_fetch_dirty(mem, 0, low));
	assert_int_equal(mem_track_dirty(mem, true), 0);
	assert_true(mem_fetch_dirty(mem, 0, low));
	assert_int_equal(low[0], 0);

	mem_dirty(mem, mem_ptr(mem, PAGE - 1, 1), 1);
	mem_dirty(mem, mem_ptr(mem, 5 * PAGE - 1, 2), 2);
	mem_dirty(mem, mem_ptr(mem, 63 * PAGE, PAGE), PAGE);
	mem_dirty(mem, mem_ptr(mem, 10 * PAGE, 1), 0);
	mem_dirty(mem, mem_ptr(mem, HIGH + PAGE, 2 * PAGE), 2 * PAGE);
	mem_dirty(mem, &low, sizeof(low));	/* no guest memory at all */
	assert_true(mem_fetch_dirty(mem, 0, low));
	assert_true(mem_fetch_dirty(mem, 1, high));
	assert_int_equal(low[0], 1ULL << 0 | 1ULL << 4 | 1ULL << 5 | 1ULL << 63);
	assert_int_equal(high[0], 6);

	/* Taken, and added to what the caller has. */
	low[0] = 2;
	assert_true(mem_fetch_dirty(mem, 0, low));
	assert_int_equal(low[0], 2);
	assert_false(mem_fetch_dirty(mem, 2, low));

	/* A region that comes later has no log until tracking begins anew. */
	assert_int_equal(add(64 * PAGE, PAGE), 0);
	mem_dirty(mem, mem_ptr(mem, 64 * PAGE, 1), 1);
	assert_false(mem_fetch_dirty(mem, 1, low));
	mem_dirty(mem, mem_ptr(mem, HIGH, 1), 1);
	high[0] = 0;
	assert_true(mem_fetch_dirty(mem, 2, high));
	assert_int_equal(high[0], 1);
	mem_track_dirty(mem, false);
	mem_dirty(mem, mem_ptr(mem, 0, 1), 1);
	assert_false(mem_fetch_dirty(mem, 0, low));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bad_regions),
		TEST(overlaps),
		TEST(many_regions),
		TEST(kinds),
		TEST(huge_page_alignment),
		TEST(hugetlbfs),
		TEST(pointers),
		TEST(parts),
		TEST(copies),
		TEST(copies_beyond),
		TEST(empty),
		TEST(listeners),
		TEST(refused_region),
		TEST(refused_from_the_start),
		TEST(no_longer_listening),
		TEST(written_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
