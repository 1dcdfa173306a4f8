// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bus: who answers where, how accesses of any size and alignment are cut into those that
 * devices take, and a table that changes while others read it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>

#include "bus.h"
#include "device.h"
#include "util.h"

#define TRACE 32

/* A device that keeps what it was asked, and answers with the address it was asked for. */
struct probe {
	struct device dev;
	unsigned int count;
	struct {
		bool write;
		u64 offset, value;
		unsigned int size;
	} trace[TRACE];
	bool unlocked;
	void (*on_write)(struct probe *p, u64 offset, u64 value);
};

static const struct device_ops probe_ops = { .name = "probe" };

static struct bus *bus;
static struct bus_reader *reader;
static struct probe probes[4];

static void note(struct probe *p, bool write, u64 offset, u64 value, unsigned int size)
{
	assert_true(p->count < TRACE);
	p->trace[p->count].write = write;
	p->trace[p->count].offset = offset;
	p->trace[p->count].value = value;
	p->trace[p->count++].size = size;
	if (!pthread_mutex_trylock(&p->dev.lock)) {
		p->unlocked = true;
		pthread_mutex_unlock(&p->dev.lock);
	}
}

/* More bits than were asked for: the bus must cut them. */
static u64 probe_read(struct device *dev, u64 offset, unsigned int size)
{
	struct probe *p = container_of(dev, struct probe, dev);
	u64 value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value |= ((0x10 * (u64)dev->instance + offset + i) & 0xff) << 8 * i;
	note(p, false, offset, value, size);
	return value;
}

static void probe_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct probe *p = container_of(dev, struct probe, dev);

	note(p, true, offset, value, size);
	if (p->on_write)
		p->on_write(p, offset, value);
}

static const struct bus_ops ops1 = { probe_read, probe_write, 1 };
static const struct bus_ops ops2 = { probe_read, probe_write, 2 };
static const struct bus_ops ops4 = { probe_read, probe_write, 4 };
static const struct bus_ops ops8 = { probe_read, probe_write, 8 };

static int setup(void **state)
{
	bus = bus_new("test", 0x10000);
	if (!bus)
		return -1;
	reader = bus_reader_new(bus);
	for (unsigned int i = 0; i < ARRAY_SIZE(probes); i++) {
		probes[i] = (struct probe){};
		device_init(&probes[i].dev, &probe_ops, i);
	}
	return !reader;
}

static int teardown(void **state)
{
	bus_reader_free(reader);
	bus_free(bus);
	for (unsigned int i = 0; i < ARRAY_SIZE(probes); i++) {
		assert_false(probes[i].unlocked);
		device_fini(&probes[i].dev);
	}
	return 0;
}

static int add(u64 base, u64 size, const struct bus_ops *ops, unsigned int probe)
{
	struct bus_range r = { base, size, ops, &probes[probe].dev };

	return bus_add(bus, &r);
}

static u64 get(u64 addr, unsigned int len)
{
	u64 value = 0;

	bus_read(reader, addr, &value, len);
	return value;
}

static void assert_trace(unsigned int probe, unsigned int at, u64 offset, unsigned int size)
{
	assert_true(at < probes[probe].count);
	assert_int_equal(probes[probe].trace[at].offset, offset);
	assert_int_equal(probes[probe].trace[at].size, size);
}

/* --- the table --- */

static void limits(void **state)
{
	assert_int_equal(add(0, 0, &ops1, 0), -EINVAL);
	assert_int_equal(add(0x10000, 1, &ops1, 0), -EINVAL);
	assert_int_equal(add(0xffff, 2, &ops1, 0), -EINVAL);
	assert_int_equal(add(0, 0x10001, &ops1, 0), -EINVAL);
	assert_int_equal(add(1, UINT64_MAX, &ops1, 0), -EINVAL);
	assert_int_equal(add(UINT64_MAX, 1, &ops1, 0), -EINVAL);
	assert_int_equal(bus_count(bus), 0);
	assert_int_equal(add(0xffff, 1, &ops1, 0), 0);
	assert_int_equal(add(0, 0xffff, &ops1, 1), 0);
	assert_int_equal(bus_count(bus), 2);
}

static void whole_address_space(void **state)
{
	struct bus *all = bus_new("all", UINT64_MAX);
	struct bus_range r = { 0, UINT64_MAX, &ops8, &probes[0].dev };
	struct bus_reader *own = bus_reader_new(all);
	u8 data[8];

	assert_int_equal(bus_add(all, &r), 0);
	r.base = UINT64_MAX - 1;
	r.size = 1;
	assert_int_equal(bus_add(all, &r), -EBUSY);
	/* Beyond the end, the addresses would begin again. */
	bus_read(own, UINT64_MAX - 1, data, sizeof(data));
	assert_int_equal(probes[0].count, 1);
	assert_trace(0, 0, UINT64_MAX - 1, 1);
	assert_int_equal(data[0], 0xfe);
	for (unsigned int i = 1; i < sizeof(data); i++)
		assert_int_equal(data[i], 0xff);
	bus_write(own, UINT64_MAX, data, sizeof(data));
	assert_int_equal(probes[0].count, 1);
	bus_reader_free(own);
	bus_free(all);
}

static void overlaps(void **state)
{
	static const struct { u64 base, size; int err; } tries[] = {
		{ 0x100, 0x10, -EBUSY }, { 0xff, 2, -EBUSY }, { 0x10f, 1, -EBUSY }, { 0x108, 2, -EBUSY },
		{ 0xf0, 0x30, -EBUSY }, { 0, 0x10000, -EBUSY }, { 0x10f, 0x11, -EBUSY }, { 0x110, 0x11, -EBUSY },
		{ 0x12f, 1, -EBUSY }, { 0xff, 1, 0 }, { 0x110, 0x10, 0 }, { 0x130, 1, 0 }, { 0x110, 0x10, -EBUSY },
	};

	assert_int_equal(add(0x100, 0x10, &ops1, 0), 0);
	assert_int_equal(add(0x120, 0x10, &ops1, 1), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(tries); i++)
		assert_int_equal(add(tries[i].base, tries[i].size, &ops1, 2), tries[i].err);
	assert_int_equal(bus_count(bus), 5);
}

static void sorted(void **state)
{
	static const u64 bases[] = { 0x300, 0x100, 0x500, 0x200, 0x400 };
	struct bus_range r;

	assert_false(bus_get(bus, 0, &r));
	for (unsigned int i = 0; i < ARRAY_SIZE(bases); i++)
		assert_int_equal(add(bases[i], 0x100, &ops2, i % 4), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(bases); i++) {
		assert_true(bus_get(bus, i, &r));
		assert_int_equal(r.base, 0x100 * (i + 1));
		assert_int_equal(r.size, 0x100);
		assert_ptr_equal(r.ops, &ops2);
	}
	assert_false(bus_get(bus, ARRAY_SIZE(bases), &r));
	assert_false(bus_get(bus, UINT32_MAX, &r));
}

static void removes(void **state)
{
	struct bus_range r;

	assert_int_equal(bus_remove(bus, 0, &probes[0].dev), -ENOENT);
	assert_int_equal(add(0x10, 4, &ops1, 0), 0);
	assert_int_equal(add(0x20, 4, &ops1, 1), 0);
	assert_int_equal(add(0x30, 4, &ops1, 2), 0);
	assert_int_equal(bus_remove(bus, 0x21, &probes[1].dev), -ENOENT);
	assert_int_equal(bus_remove(bus, 0x20, &probes[0].dev), -ENOENT);
	assert_int_equal(bus_remove(bus, 0x20, NULL), -ENOENT);
	assert_int_equal(bus_count(bus), 3);
	assert_int_equal(get(0x20, 1), 0x10);
	assert_int_equal(bus_remove(bus, 0x20, &probes[1].dev), 0);
	assert_int_equal(bus_remove(bus, 0x20, &probes[1].dev), -ENOENT);
	assert_int_equal(bus_count(bus), 2);
	assert_int_equal(get(0x20, 1), 0xff);
	assert_int_equal(get(0x10, 1), 0x00);
	assert_int_equal(get(0x30, 1), 0x20);
	assert_true(bus_get(bus, 1, &r));
	assert_int_equal(r.base, 0x30);
	/* The place is free for another. */
	assert_int_equal(add(0x1e, 8, &ops1, 3), 0);
	assert_int_equal(get(0x20, 1), 0x32);
	assert_int_equal(bus_remove(bus, 0x30, &probes[2].dev), 0);
	assert_int_equal(bus_remove(bus, 0x10, &probes[0].dev), 0);
	assert_int_equal(bus_remove(bus, 0x1e, &probes[3].dev), 0);
	assert_int_equal(bus_count(bus), 0);
}

/* --- accesses --- */

static void nobody_answers(void **state)
{
	u8 data[64];

	for (unsigned int len = 0; len <= sizeof(data); len++) {
		memset(data, 0x11, sizeof(data));
		bus_read(reader, len * 977, data, len);
		for (unsigned int i = 0; i < sizeof(data); i++)
			assert_int_equal(data[i], i < len ? 0xff : 0x11);
		bus_write(reader, len * 977, data, len);
	}
	assert_int_equal(get(0xfffe, 4), 0xffffffff);
	assert_int_equal(get(UINT64_MAX, 8), UINT64_MAX);
}

/* Each access is cut into aligned pieces, as wide as the device takes. */
static void pieces(void **state)
{
	static const struct {
		const struct bus_ops *ops;
		unsigned int offset, len;
		unsigned int sizes[9];
	} table[] = {
		{ &ops8, 0, 8, { 8 } }, { &ops8, 0, 4, { 4 } }, { &ops8, 0, 1, { 1 } },
		{ &ops8, 1, 8, { 1, 2, 4, 1 } }, { &ops8, 4, 8, { 4, 4 } }, { &ops8, 6, 8, { 2, 4, 2 } },
		{ &ops8, 0, 7, { 4, 2, 1 } }, { &ops8, 3, 5, { 1, 4 } }, { &ops8, 0, 3, { 2, 1 } },
		{ &ops8, 2, 6, { 2, 4 } }, { &ops8, 0, 16, { 8, 8 } },
		{ &ops4, 0, 8, { 4, 4 } }, { &ops4, 1, 4, { 1, 2, 1 } }, { &ops4, 2, 4, { 2, 2 } },
		{ &ops4, 3, 2, { 1, 1 } }, { &ops4, 0, 4, { 4 } },
		{ &ops2, 0, 4, { 2, 2 } }, { &ops2, 1, 2, { 1, 1 } }, { &ops2, 0, 8, { 2, 2, 2, 2 } },
		{ &ops1, 0, 8, { 1, 1, 1, 1, 1, 1, 1, 1 } }, { &ops1, 3, 2, { 1, 1 } },
	};

	for (unsigned int t = 0; t < ARRAY_SIZE(table); t++) {
		struct probe *p = &probes[0];
		unsigned int offset = table[t].offset, n = 0;
		u8 out[16], in[16];

		assert_int_equal(add(0x40, 0x20, table[t].ops, 0), 0);
		for (unsigned int i = 0; i < sizeof(out); i++)
			out[i] = 0xa0 + i;
		for (int write = 0; write < 2; write++) {
			p->count = 0;
			if (write)
				bus_write(reader, 0x40 + offset, out, table[t].len);
			else
				bus_read(reader, 0x40 + offset, in, table[t].len);
			n = 0;
			for (unsigned int at = 0; at < table[t].len; at += table[t].sizes[n++]) {
				u64 value = 0;

				assert_trace(0, n, offset + at, table[t].sizes[n]);
				assert_int_equal(p->trace[n].write, write);
				memcpy(&value, out + at, table[t].sizes[n]);
				if (write)
					assert_int_equal(p->trace[n].value, value);
			}
			assert_int_equal(p->count, n);
		}
		for (unsigned int i = 0; i < table[t].len; i++)
			assert_int_equal(in[i], offset + i);
		assert_int_equal(bus_remove(bus, 0x40, &p->dev), 0);
	}
}

static void across_devices(void **state)
{
	u8 data[16] = "0123456789abcdef";

	assert_int_equal(add(0x10, 6, &ops4, 0), 0);
	assert_int_equal(add(0x16, 3, &ops1, 1), 0);
	/* A gap of three, and the next one. */
	assert_int_equal(add(0x1c, 0x100, &ops8, 2), 0);
	bus_write(reader, 0x12, data, 16);
	assert_int_equal(probes[0].count, 2);
	assert_trace(0, 0, 2, 2);
	assert_trace(0, 1, 4, 2);
	assert_int_equal(probes[0].trace[1].value, '2' | '3' << 8);
	assert_int_equal(probes[1].count, 3);
	assert_int_equal(probes[1].trace[2].value, '6');
	assert_int_equal(probes[2].count, 2);
	assert_trace(2, 0, 0, 4);
	assert_int_equal(probes[2].trace[0].value, 'a' | 'b' << 8 | 'c' << 16 | 'd' << 24);
	assert_trace(2, 1, 4, 2);

	bus_read(reader, 0x12, data, 16);
	for (unsigned int i = 0; i < 16; i++) {
		u64 addr = 0x12 + i;
		u8 expected = addr < 0x16 ? addr - 0x10 : addr < 0x19 ? 0x10 + addr - 0x16 :
			      addr < 0x1c ? 0xff : 0x20 + addr - 0x1c;

		assert_int_equal(data[i], expected);
	}
}

static void edges(void **state)
{
	assert_int_equal(add(0x10, 2, &ops4, 0), 0);
	/* Before, into, out of, around and after. */
	assert_int_equal(get(0x0c, 4), 0xffffffff);
	assert_int_equal(get(0x0e, 4), 0x0100ffff);
	assert_int_equal(get(0x11, 4), 0xffffff01);
	assert_int_equal(get(0x0d, 8), 0xffffff0100ffffff);
	assert_int_equal(get(0x12, 4), 0xffffffff);
	for (unsigned int i = 0; i < probes[0].count; i++)
		assert_true(probes[0].trace[i].offset + probes[0].trace[i].size <= 2);
	/* The last address of the bus. */
	assert_int_equal(add(0xffff, 1, &ops4, 1), 0);
	assert_int_equal(get(0xffff, 4), 0xffffff10);
	assert_trace(1, 0, 0, 1);
}

static void one_way_devices(void **state)
{
	static const struct bus_ops none = { NULL, NULL, 8 };
	static const struct bus_ops write_only = { NULL, probe_write, 4 };
	static const struct bus_ops read_only = { probe_read, NULL, 4 };
	u32 value = 0x12345678;

	assert_int_equal(add(0x10, 4, &none, 0), 0);
	assert_int_equal(add(0x14, 4, &write_only, 1), 0);
	assert_int_equal(add(0x18, 4, &read_only, 2), 0);
	assert_int_equal(get(0x10, 4), 0xffffffff);
	assert_int_equal(get(0x14, 4), 0xffffffff);
	assert_int_equal(get(0x18, 4), 0x23222120);
	for (u64 addr = 0x10; addr < 0x1c; addr += 4)
		bus_write(reader, addr, &value, 4);
	assert_int_equal(probes[0].count, 0);
	assert_int_equal(probes[1].count, 1);
	assert_int_equal(probes[1].trace[0].value, value);
	assert_int_equal(probes[2].count, 1);
}

/* --- a table that changes --- */

/* A base address register: the device moves to the address that is written to it. */
static void move(struct probe *p, u64 offset, u64 value)
{
	struct bus_range r = { value << 8, 4, &ops1, &p->dev };
	struct bus_range now;

	for (unsigned int i = 0; bus_get(bus, i, &now); i++)
		if (now.dev == &p->dev)
			assert_int_equal(bus_remove(bus, now.base, &p->dev), 0);
	assert_int_equal(bus_add(bus, &r), 0);
}

static void moves_itself(void **state)
{
	u8 data[4] = { 2, 3, 4, 5 };

	probes[0].on_write = move;
	assert_int_equal(add(0x100, 4, &ops1, 0), 0);
	assert_int_equal(add(0x104, 4, &ops1, 1), 0);
	/* What has begun goes on where it began; four tables are replaced under it. */
	bus_write(reader, 0x100, data, 4);
	assert_int_equal(probes[0].count, 4);
	assert_int_equal(bus_count(bus), 2);
	assert_int_equal(get(0x100, 4), 0xffffffff);
	assert_int_equal(get(0x500, 4), 0x03020100);
	assert_int_equal(get(0x104, 4), 0x13121110);
	/* An access that goes on at the next device finds the table as it was. */
	probes[0].count = probes[1].count = 0;
	assert_int_equal(bus_remove(bus, 0x104, &probes[1].dev), 0);
	assert_int_equal(add(0x504, 4, &ops1, 1), 0);
	data[0] = 6;
	bus_write(reader, 0x503, data, 2);
	assert_int_equal(probes[0].count, 1);
	assert_int_equal(probes[1].count, 1);
	assert_int_equal(get(0x600, 1), 0);
}

static void vanish(struct probe *p, u64 offset, u64 value)
{
	for (unsigned int i = 0; i < 500; i++) {
		assert_int_equal(add(0x8000 + 16 * i, 16, &ops1, 3), 0);
		if (i % 2)
			assert_int_equal(bus_remove(bus, 0x8000 + 16 * i, &probes[3].dev), 0);
	}
	assert_int_equal(bus_remove(bus, 0x100, &p->dev), 0);
}

/* Tables pile up only while somebody is inside. */
static void replaced_from_within(void **state)
{
	u64 value = 0x1122334455667788;

	probes[0].on_write = vanish;
	assert_int_equal(add(0x100, 1, &ops1, 0), 0);
	bus_write(reader, 0x100, &value, 8);
	assert_int_equal(probes[0].count, 1);
	assert_int_equal(bus_count(bus), 250);
	assert_int_equal(get(0x100, 1), 0xff);
	assert_int_equal(get(0x8000, 1), 0x30);
	assert_int_equal(get(0x8010, 1), 0xff);
}

static void old_tables_are_freed(void **state)
{
	struct mallinfo2 before;

	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(add(0x1000 + 16 * i, 16, &ops1, 0), 0);
	before = mallinfo2();
	for (unsigned int i = 0; i < 10000; i++) {
		assert_int_equal(add(0x100, 4, &ops1, 1), 0);
		if (!(i % 100))
			get(0x100, 4);
		assert_int_equal(bus_remove(bus, 0x100, &probes[1].dev), 0);
		probes[1].count = 0;
	}
	/* They would have been 20,000 of 2 KiB each. */
	assert_true(mallinfo2().uordblks < before.uordblks + MiB);
}

/* --- threads --- */

#define READERS	 3
#define ROUNDS	 3000

static u64 answer(struct device *dev, u64 offset, unsigned int size)
{
	return 0x0101010101010101 * (dev->instance + 1);
}

static u64 writes[ARRAY_SIZE(probes)];

static void count_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	writes[dev->instance]++;
}

static const struct bus_ops threaded_ops = { answer, count_write, 8 };
static _Atomic bool writer_done;

struct reading {
	pthread_t thread;
	u64 accesses, wrong;
};

static void *reading_thread(void *arg)
{
	struct reading *r = arg;
	struct bus_reader *own = bus_reader_new(bus);

	do {
		u32 value[4] = {};

		bus_read(own, 0x200, &value[0], 4);	/* stays */
		bus_read(own, 0x100, &value[1], 4);	/* comes and goes */
		bus_read(own, 0x1fe, &value[2], 4);	/* across both */
		bus_read(own, 0x300, &value[3], 4);	/* changes hands */
		bus_write(own, 0x200, value, 4);
		r->wrong += value[0] != 0x01010101;
		r->wrong += value[1] != 0x02020202 && value[1] != 0xffffffff;
		r->wrong += value[2] != 0x01010202 && value[2] != 0x0101ffff;
		r->wrong += value[3] != 0x03030303 && value[3] != 0x04040404 && value[3] != 0xffffffff;
		r->accesses++;
		/* Readers come and go, too. */
		if (!(r->accesses % 64)) {
			bus_reader_free(own);
			own = bus_reader_new(bus);
		}
	} while (!writer_done);
	bus_reader_free(own);
	return NULL;
}

static void threads(void **state)
{
	struct reading readings[READERS] = {};
	struct bus_range stays = { 0x200, 0x10, &threaded_ops, &probes[0].dev };
	struct bus_range flickers = { 0x100, 0x100, &threaded_ops, &probes[1].dev };
	u64 accesses = 0;

	writer_done = false;
	memset(writes, 0, sizeof(writes));
	assert_int_equal(bus_add(bus, &stays), 0);
	for (unsigned int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readings[i].thread, NULL, reading_thread, &readings[i]), 0);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct bus_range changes = { 0x300, 0x10, &threaded_ops, &probes[2 + i % 2].dev };

		assert_int_equal(bus_add(bus, &flickers), 0);
		assert_int_equal(bus_add(bus, &changes), 0);
		assert_int_equal(bus_remove(bus, 0x100, &probes[1].dev), 0);
		assert_int_equal(bus_remove(bus, 0x300, changes.dev), 0);
	}
	writer_done = true;
	for (unsigned int i = 0; i < READERS; i++) {
		pthread_join(readings[i].thread, NULL);
		assert_int_equal(readings[i].wrong, 0);
		assert_true(readings[i].accesses > 0);
		accesses += readings[i].accesses;
	}
	/* No access was lost, and the device's lock kept them apart. */
	assert_int_equal(writes[0], accesses);
	assert_int_equal(bus_count(bus), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(limits),
		TEST(whole_address_space),
		TEST(overlaps),
		TEST(sorted),
		TEST(removes),
		TEST(nobody_answers),
		TEST(pieces),
		TEST(across_devices),
		TEST(edges),
		TEST(one_way_devices),
		TEST(moves_itself),
		TEST(replaced_from_within),
		TEST(old_tables_are_freed),
		TEST(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
