// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueues: everything that goes through one comes out the same, in each combination of
 * layout, indirect descriptors and event index; and each broken rule breaks the queue, and
 * nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/virtio_config.h>

#include "mem.h"
#include "mock-driver.h"
#include "state.h"
#include "util.h"
#include "virtqueue.h"

#define PACKED		(1ULL << VIRTIO_F_RING_PACKED)
#define INDIRECT	(1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX	(1ULL << VIRTIO_RING_F_EVENT_IDX)

#define RINGS	(1 * MiB)
#define END	(8 * MiB)	/* where the first region ends; a second follows */
#define END2	(9 * MiB)

static const u64 kinds[] = {
	0, INDIRECT, EVENT_IDX, INDIRECT | EVENT_IDX,
	PACKED, PACKED | INDIRECT, PACKED | EVENT_IDX, PACKED | INDIRECT | EVENT_IDX,
};

static struct mem *mem;
static struct virtqueue *vq;
static struct mock_driver m;
static unsigned int interrupts, rooms;
static const char *why;

static void notify(void *arg)
{
	interrupts++;
}

static void broken(void *arg, const char *text)
{
	assert_null(why);
	why = text;
}

static void room(void *arg)
{
	rooms++;
}

static void open_queue(unsigned int size, u64 features)
{
	struct vq_config cfg = { mem, MOCK_SIZE_MAX, sizeof(u64), notify, broken, room, NULL, NULL };

	vq_free(vq);
	interrupts = rooms = 0;
	why = NULL;
	vq = vq_new(&cfg);
	assert_non_null(vq);
	mock_init(&m, mem, RINGS, size, features);
	assert_null(vq_enable(vq, &m.rings, features));
}

static int setup(void **state)
{
	mem = mem_new();
	return mem_add(mem, 0, END, MEM_RAM, NULL) || mem_add(mem, END, END2 - END, MEM_RAM, NULL);
}

static int teardown(void **state)
{
	vq_free(vq);
	vq = NULL;
	mem_free(mem);
	return 0;
}

/* --- good rings ----------------------------------------------------------- */

static void fill(u64 gpa, u32 len, u8 seed)
{
	for (u32 i = 0; i < len; i++)
		*mock_ptr(&m, gpa + i) = seed + i * 7;
}

static void one_request(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct mock_buffer b[] = {
			{ 0, 16, false }, { 0, 1000, false }, { 0, 3, true }, { 0, 512, true }, { 0, 1, true },
		};
		struct vq_request *req;
		u8 data[2000], *last;
		u16 id;
		u32 len;
		int added;

		open_queue(16, kinds[k]);
		for (unsigned int i = 0; i < ARRAY_SIZE(b); i++)
			b[i].gpa = m.data + i * 4096 + i;
		fill(b[0].gpa, 16, 1);
		fill(b[1].gpa, 1000, 2);
		assert_null(vq_pop(vq));
		added = mock_add(&m, b, ARRAY_SIZE(b));
		assert_true(added >= 0);
		req = vq_pop(vq);
		assert_non_null(req);
		assert_ptr_equal(vq_of(req), vq);
		assert_null(vq_pop(vq));
		assert_int_equal(vq_in_flight(vq), 1);
		assert_int_equal(vq_readable(req), 1016);
		assert_int_equal(vq_writable(req), 516);

		assert_int_equal(vq_read(req, data, 20), 20);
		assert_memory_equal(data, mock_ptr(&m, b[0].gpa), 16);
		assert_memory_equal(data + 16, mock_ptr(&m, b[1].gpa), 4);
		assert_int_equal(vq_read(req, data, sizeof(data)), 996);
		assert_memory_equal(data, mock_ptr(&m, b[1].gpa + 4), 996);
		assert_int_equal(vq_read(req, data, 1), 0);

		last = vq_take_last(req);
		assert_ptr_equal(last, mock_ptr(&m, b[4].gpa));
		*last = 0x5a;
		memset(data, 0xa5, sizeof(data));
		assert_int_equal(vq_write(req, data, 5), 5);
		assert_int_equal(vq_write(req, data, sizeof(data)), 510);
		assert_int_equal(vq_writable(req), 0);
		assert_memory_equal(mock_ptr(&m, b[2].gpa), data, 3);
		assert_memory_equal(mock_ptr(&m, b[3].gpa), data, 512);
		assert_false(mock_take(&m, &id, &len));
		vq_push(req);
		assert_true(mock_take(&m, &id, &len));
		assert_int_equal(id, added);
		assert_int_equal(len, 516);
		assert_int_equal(*mock_ptr(&m, b[4].gpa), 0x5a);
		assert_int_equal(vq_in_flight(vq), 0);
		assert_null(why);
	}
}

static u32 next_random;

static u32 rnd(u32 below)
{
	next_random = next_random * 1664525 + 1013904223;
	return (next_random >> 8) % below;
}

/* Requests of random shapes, many in flight, given back in random order, over many wraps. */
static void run_many(u64 features, unsigned int size)
{
	struct vq_request *out[MOCK_SIZE_MAX];
	unsigned int count = 0, popped = 0, pushed = 0, taken = 0, added = 0;

	open_queue(size, features);
	while (taken < 20 * size + 100) {
		struct mock_buffer b[12];
		unsigned int in = rnd(5), total = in + rnd(5) + !in, i;
		struct vq_request *req;
		u32 len;
		u16 id;

		for (i = 0; i < total; i++)
			b[i] = (struct mock_buffer){ m.data + rnd(256) * 4096, 1 + rnd(4096), i >= in };
		added += mock_add(&m, b, total) >= 0;
		while (rnd(3) && (req = vq_pop(vq))) {
			*(u64 *)vq_private(req) = popped++;
			out[count++] = req;
		}
		while (count && (rnd(3) || count == size)) {
			unsigned int at = rnd(count);
			u64 want = vq_writable(out[at]);

			vq_did_write(out[at], want);
			assert_int_equal(vq_writable(out[at]), 0);
			vq_push(out[at]);
			pushed++;
			out[at] = out[--count];
		}
		while (rnd(4) && mock_take(&m, &id, &len))
			taken++;
		assert_true(taken <= pushed && pushed <= popped && popped <= added);
	}
	assert_null(why);
	assert_int_equal(vq_in_flight(vq), count);
}

static void many_requests(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		run_many(kinds[k], 16);
		run_many(kinds[k], 256);
		if (kinds[k] & PACKED)
			run_many(kinds[k], 21);
	}
}

/* A buffer across two regions is two segments of one stream. */
static void across_regions(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct mock_buffer b[] = { { END - 100, 300, true } };
		struct vq_request *req;
		unsigned int count;
		u8 data[300];

		open_queue(16, kinds[k]);
		mock_add(&m, b, 1);
		req = vq_pop(vq);
		assert_non_null(req);
		vq_write_iov(req, &count);
		assert_int_equal(count, 2);
		memset(data, 0x77, sizeof(data));
		assert_int_equal(vq_write(req, data, 300), 300);
		vq_push(req);
		assert_memory_equal(mock_ptr(&m, END - 100), data, 100);
		assert_memory_equal(mock_ptr(&m, END), data, 200);
	}
}

/* Rings must not be split over two regions. */
static void rings_in_memory(void **state)
{
	struct vq_config cfg = { .mem = mem, .max_size = 256 };
	struct vq_rings bad[] = {
		{ 0, RINGS, RINGS + 0x8000, RINGS + 0x9000 },
		{ 512, RINGS, RINGS + 0x8000, RINGS + 0x9000 },
		{ 256, RINGS + 8, RINGS + 0x8000, RINGS + 0x9000 },
		{ 256, RINGS, RINGS + 0x8001, RINGS + 0x9000 },
		{ 256, RINGS, RINGS + 0x8000, RINGS + 0x9002 },
		{ 256, END2, RINGS + 0x8000, RINGS + 0x9000 },
		{ 256, END2 - 16, RINGS + 0x8000, RINGS + 0x9000 },
		{ 256, END - 16, RINGS + 0x8000, RINGS + 0x9000 },
		{ 256, RINGS, UINT64_MAX - 1, RINGS + 0x9000 },
		{ 256, RINGS, RINGS + 0x8000, UINT64_MAX - 3 },
		{ 256, UINT64_MAX - 15, RINGS + 0x8000, RINGS + 0x9000 },
		{ 256, RINGS, END2 - 2, RINGS + 0x9000 },
		{ 256, RINGS, RINGS + 0x8000, END2 - 4 },
	};

	vq = vq_new(&cfg);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_non_null(vq_enable(vq, &bad[i], 0));
		assert_false(vq_enabled(vq));
		assert_null(vq_pop(vq));
	}
	/* Packed: any size, and small event structures. */
	for (unsigned int i = 0; i < 10; i++)
		if (bad[i].driver % 4 || bad[i].driver > END2 || i < 3 || (i > 4 && i < 8))
			assert_non_null(vq_enable(vq, &bad[i], PACKED));
	bad[0].size = 100;
	assert_non_null(vq_enable(vq, &bad[0], 0));
	assert_null(vq_enable(vq, &bad[0], PACKED));
	vq_disable(vq);
}

/* --- notifications --------------------------------------------------------- */

static struct mock_buffer small[] = { { 4 * MiB, 64, true } };

static void finish_one(void)
{
	struct vq_request *req = vq_pop(vq);

	assert_non_null(req);
	vq_did_write(req, 1);
	vq_push(req);
}

static void interrupts_as_wanted(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		u16 id;
		u32 len;

		open_queue(8, kinds[k]);
		for (unsigned int round = 0; round < 50; round++) {
			/* A batch of three has one interrupt. */
			interrupts = 0;
			mock_want_interrupts(&m, true);
			for (int i = 0; i < 3; i++)
				assert_true(mock_add(&m, small, 1) >= 0);
			for (int i = 0; i < 3; i++)
				finish_one();
			vq_notify(vq);
			vq_notify(vq);
			assert_int_equal(interrupts, 1);
			while (mock_take(&m, &id, &len))
				;
			/* None is wanted. */
			interrupts = 0;
			mock_want_interrupts(&m, false);
			assert_true(mock_add(&m, small, 1) >= 0);
			finish_one();
			vq_notify(vq);
			assert_int_equal(interrupts, 0);
			assert_true(mock_take(&m, &id, &len));
		}
	}
}

static void kicks_as_wanted(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		u16 id;
		u32 len;

		open_queue(8, kinds[k]);
		for (unsigned int round = 0; round < 50; round++) {
			assert_false(vq_arm(vq));
			assert_true(mock_add(&m, small, 1) >= 0);
			assert_true(mock_kick_wanted(&m));
			vq_disarm(vq);
			assert_true(mock_add(&m, small, 1) >= 0);
			assert_false(mock_kick_wanted(&m));
			/* The one that the driver did not tell of. */
			finish_one();
			assert_true(vq_arm(vq));
			finish_one();
			while (mock_take(&m, &id, &len))
				;
		}
	}
}

/* --- hostile rings ---------------------------------------------------------- */

static void want_broken(const char *text)
{
	assert_null(vq_pop(vq));
	assert_non_null(why);
	if (!strstr(why, text))
		fail_msg("broken because %s, not %s", why, text);
	assert_true(vq_is_broken(vq));
	assert_null(vq_pop(vq));
	assert_false(vq_arm(vq));
	assert_int_equal(vq_in_flight(vq), 0);
}

/* Each is a chain of two buffers, in the ring or in a table, and what is done to it. */
enum where { IN_RING, IN_TABLE };

static void *desc_at(enum where where, unsigned int i, int id)
{
	if (where == IN_TABLE)
		return mock_ptr(&m, m.tables + ((u64)id * MOCK_TABLE + i) * 16);
	if (m.packed)
		return (struct vring_packed_desc *)m.desc + i;
	/* The chain's second descriptor is where its first one says. */
	return (struct vring_desc *)m.desc + (i ? ((struct vring_desc *)m.desc)[id].next : (u16)id);
}

static const struct bad_chain {
	const char *why;
	u64 gpa;		/* of the first buffer */
	u32 len;
	u16 first_flags, second_flags;	/* that are set */
	bool swap;		/* writable first */
} bad_chains[] = {
	{ "not in memory", END2, 1, 0, 0, false },
	{ "not in memory", END2 - 1, 2, 0, 0, false },
	{ "not in memory", 0, END2 + 1, 0, 0, false },
	{ "wraps around", UINT64_MAX, 2, 0, 0, false },
	{ "wraps around", UINT64_MAX - 0xfff, 0x1001, 0, 0, false },
	{ "wraps around", UINT64_MAX - 0xfff, 0x1000, 0, 0, false },
	{ "not in memory", UINT64_MAX - 0xfff, 0xfff, 0, 0, false },
	{ "not in memory", 1ULL << 63, 16, 0, 0, false },
	{ "4 GiB", 0, UINT32_MAX, 0, 0, false },
	{ "behind a writable", 4 * MiB, 16, 0, 0, true },
	{ "wrong place", 4 * MiB, 16, VRING_DESC_F_INDIRECT, 0, false },
	{ "wrong place", 4 * MiB, 16, 0, VRING_DESC_F_INDIRECT, false },
};

static void spoil(enum where where, const struct bad_chain *bad, int id)
{
	for (unsigned int i = 0; i < 2; i++) {
		u16 set = i ? bad->second_flags : bad->first_flags;

		if (m.packed)
			((struct vring_packed_desc *)desc_at(where, i, id))->flags |= set;
		else
			((struct vring_desc *)desc_at(where, i, id))->flags |= set;
	}
}

static void broken_chains(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(bad_chains); i++) {
			const struct bad_chain *bad = &bad_chains[i];
			struct mock_buffer b[] = { { bad->gpa, bad->len, bad->swap }, { 4 * MiB, 16, !bad->swap } };
			enum where where = kinds[k] & INDIRECT ? IN_TABLE : IN_RING;
			int id;

			open_queue(16, kinds[k]);
			id = mock_add(&m, b, 2);
			spoil(where, bad, id);
			/* Without the feature, an indirect descriptor is none in either place. */
			if (where == IN_RING && bad->second_flags && !m.packed)
				want_broken("indirect");
			else if (!strcmp(bad->why, "4 GiB"))
				want_broken(bad->gpa + bad->len > END2 ? "" : bad->why);
			else
				want_broken(bad->why);
		}
	}
}

static void broken_tables(void **state)
{
	static const struct { u64 gpa; u32 len; const char *why; } bad[] = {
		{ 4 * MiB, 0, "wrong length" }, { 4 * MiB, 15, "wrong length" }, { 4 * MiB, 17, "wrong length" },
		{ 4 * MiB, 16 * (VQ_SEGMENTS_MAX + 1), "wrong length" }, { 4 * MiB, 0xfffffff0, "wrong length" },
		{ END2, 16, "not in memory" }, { END2 - 15, 16, "not in memory" },
		{ END - 8, 16, "not in memory" },	/* across two regions: no driver does */
		{ UINT64_MAX - 7, 16, "not in memory" },
	};

	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
			struct mock_buffer b = { bad[i].gpa, bad[i].len, false };
			int id;

			open_queue(16, kinds[k]);
			id = mock_add(&m, &b, 1);
			if (m.packed)
				((struct vring_packed_desc *)m.desc)[0].flags |= VRING_DESC_F_INDIRECT;
			else
				((struct vring_desc *)m.desc)[id].flags |= VRING_DESC_F_INDIRECT;
			want_broken(m.indirect ? bad[i].why : "not negotiated");
		}
	}
}

/* A table that is one long chain of tiny buffers, twice the entries that fit. */
static void too_many_pieces(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct mock_buffer b = { END - 1, 2, true }, table;
		struct vq_request *req;
		unsigned int count;
		int id;

		if (!(kinds[k] & INDIRECT))
			continue;
		/* Each buffer is two pieces: one beyond what a request may have breaks the queue. */
		for (unsigned int n = VQ_SEGMENTS_MAX / 2; n <= VQ_SEGMENTS_MAX / 2 + 1; n++) {
			open_queue(16, kinds[k]);
			table = (struct mock_buffer){ 5 * MiB, n * 16, false };
			for (unsigned int i = 0; i < n; i++) {
				u16 next = i + 1 == n ? 0 : VRING_DESC_F_NEXT;
				struct vring_desc split = { b.gpa, b.len, VRING_DESC_F_WRITE | next, i + 1 };
				struct vring_packed_desc packed = { b.gpa, b.len, 0, VRING_DESC_F_WRITE };

				memcpy(mock_ptr(&m, table.gpa + i * 16), m.packed ? (void *)&packed : &split, 16);
			}
			id = mock_add(&m, &table, 1);
			if (m.packed)
				((struct vring_packed_desc *)m.desc)[0].flags |= VRING_DESC_F_INDIRECT;
			else
				((struct vring_desc *)m.desc)[id].flags |= VRING_DESC_F_INDIRECT;
			if (n > VQ_SEGMENTS_MAX / 2) {
				want_broken("too many pieces");
				continue;
			}
			req = vq_pop(vq);
			assert_non_null(req);
			vq_write_iov(req, &count);
			assert_int_equal(count, VQ_SEGMENTS_MAX);
			vq_push(req);
		}
	}
}

static void broken_split_rings(void **state)
{
	struct vring_avail *avail;
	struct vring_desc *d;

	open_queue(16, 0);
	avail = m.driver;
	avail->idx = 17;
	want_broken("jumped");

	open_queue(16, 0);
	avail->idx = 0xffff;
	want_broken("jumped");

	open_queue(16, 0);
	avail->ring[0] = 16;
	avail->idx = 1;
	want_broken("outside of the table");

	open_queue(16, 0);
	avail->ring[0] = 0xffff;
	avail->idx = 1;
	want_broken("outside of the table");

	/* A loop of two, of one, and one that leaves the table. */
	for (u16 next = 0; next < 3; next++) {
		open_queue(16, 0);
		d = m.desc;
		d[0] = (struct vring_desc){ 4 * MiB, 16, VRING_DESC_F_NEXT, next == 1 ? 1 : next == 2 ? 16 : 0 };
		d[1] = (struct vring_desc){ 4 * MiB, 16, VRING_DESC_F_NEXT, 0 };
		avail->ring[0] = 0;
		avail->idx = 1;
		want_broken(next == 2 ? "leaves its table" : "loop");
	}

	/* One head again and again: never more in flight than there are entries. */
	open_queue(16, 0);
	d = m.desc;
	d[0] = (struct vring_desc){ 4 * MiB, 16, 0, 0 };
	for (unsigned int i = 0; i < 16; i++) {
		avail->ring[i] = 0;
		avail->idx = i + 1;
		assert_non_null(vq_pop(vq));
	}
	avail->idx = 17;
	assert_null(vq_pop(vq));
	assert_string_equal(why, "more chains than the queue has entries");
}

static void broken_packed_rings(void **state)
{
	struct vring_packed_desc *d;

	/* All entries chained, around and around. */
	open_queue(16, PACKED);
	d = m.desc;
	for (unsigned int i = 0; i < 16; i++)
		d[i] = (struct vring_packed_desc){ 4 * MiB, 1, i, VRING_DESC_F_NEXT | 1 << VRING_PACKED_DESC_F_AVAIL };
	want_broken("longer than the ring");

	/* The driver takes entries again that it was not given back. */
	open_queue(16, PACKED);
	for (unsigned int i = 0; i < 16; i++) {
		d[i] = (struct vring_packed_desc){ 4 * MiB, 1, 0, 1 << VRING_PACKED_DESC_F_AVAIL };
		assert_non_null(vq_pop(vq));
		d[i].flags = 1 << VRING_PACKED_DESC_F_USED;
	}
	assert_null(vq_pop(vq));
	assert_string_equal(why, "more chains than the queue has entries");
}

/* --- many pieces, little memory ---------------------------------------------- */

/* Requests of many pieces need blocks; when none is left the queue waits, and goes on. */
static void starved(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct vq_request *out[64];
		struct mock_buffer b[20];
		unsigned int count = 0, total = 0, added = 0;
		bool was_starved = false;

		if (!(kinds[k] & INDIRECT))
			continue;
		open_queue(64, kinds[k]);
		for (unsigned int i = 0; i < 20; i++)
			b[i] = (struct mock_buffer){ 4 * MiB + i * 4096, 100, true };
		while (added < 64 && mock_add(&m, b, 20) >= 0)
			added++;
		assert_int_equal(added, 64);
		while (total + count < 64) {
			struct vq_request *req = vq_pop(vq);

			if (req) {
				assert_int_equal(vq_writable(req), 2000);
				out[count++] = req;
				continue;
			}
			assert_true(vq_starved(vq));
			assert_false(vq_arm(vq));
			was_starved = true;
			assert_true(count > 0);
			vq_push(out[--count]);
			total++;
			assert_int_equal(rooms, total);
		}
		assert_true(was_starved);
		/* The rest goes with the queue. */
		assert_null(why);
	}
}

/* --- written memory and state ------------------------------------------------ */

static bool is_dirty(u64 gpa)
{
	static u64 bitmap[END / 4096 / 64];
	u64 page = gpa / 4096;

	/* Accumulates until the test clears it. */
	assert_true(mem_fetch_dirty(mem, 0, bitmap));
	if (gpa == UINT64_MAX) {
		memset(bitmap, 0, sizeof(bitmap));
		return false;
	}
	return bitmap[page / 64] >> page % 64 & 1;
}

static void writes_are_logged(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct mock_buffer b[] = { { 4 * MiB, 10, false }, { 5 * MiB - 1, 4098, true }, { 6 * MiB, 1, true } };
		struct vq_request *req;

		open_queue(16, kinds[k]);
		assert_int_equal(mem_track_dirty(mem, true), 0);
		is_dirty(UINT64_MAX);
		mock_add(&m, b, 3);
		req = vq_pop(vq);
		assert_non_null(req);
		*vq_take_last(req) = 0;
		vq_did_write(req, 2);
		assert_true(is_dirty(5 * MiB - 1) && is_dirty(5 * MiB));
		assert_false(is_dirty(5 * MiB + 4096));
		vq_did_write(req, 4096);
		assert_true(is_dirty(5 * MiB + 4096));
		assert_false(is_dirty(6 * MiB));
		vq_push(req);
		assert_true(is_dirty(6 * MiB));
		assert_true(is_dirty(m.packed ? m.rings.desc : m.rings.device));
		assert_false(is_dirty(4 * MiB));
		is_dirty(UINT64_MAX);
		vq_arm(vq);
		assert_true(is_dirty(m.rings.device));
		mem_track_dirty(mem, false);
	}
}

/* A queue that was saved goes on where it was in another process. */
static void saved_and_loaded(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct vq_config cfg = { mem, MOCK_SIZE_MAX, 0, notify, broken, room, NULL, NULL };
		struct state *st = state_new_save();
		const void *blob;
		size_t size;
		u16 id;
		u32 len;

		open_queue(8, kinds[k]);
		for (unsigned int i = 0; i < 13; i++) {
			assert_true(mock_add(&m, small, 1) >= 0);
			finish_one();
			assert_true(mock_take(&m, &id, &len));
		}
		assert_true(mock_add(&m, small, 1) >= 0);
		state_begin(st, "queue", 0);
		vq_state(vq, st);
		state_end(st);
		blob = state_finish(st, &size);
		assert_non_null(blob);

		vq_free(vq);
		vq = vq_new(&cfg);
		assert_null(vq_enable(vq, &m.rings, kinds[k]));
		{
			struct state *from = state_new_load(blob, size);

			state_begin(from, "queue", 0);
			vq_state(vq, from);
			state_end(from);
			assert_int_equal(state_error(from), 0);
			state_free(from);
		}
		state_free(st);
		finish_one();
		assert_true(mock_take(&m, &id, &len));
		assert_int_equal(len, 1);
		assert_null(vq_pop(vq));
		assert_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_request, setup, teardown),
		cmocka_unit_test_setup_teardown(many_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(across_regions, setup, teardown),
		cmocka_unit_test_setup_teardown(rings_in_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(interrupts_as_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(kicks_as_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_chains, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_split_rings, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_packed_rings, setup, teardown),
		cmocka_unit_test_setup_teardown(starved, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_are_logged, setup, teardown),
		cmocka_unit_test_setup_teardown(saved_and_loaded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
