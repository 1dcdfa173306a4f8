// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold for every register device, whatever a guest has done to it: what it
 * saves a fresh device can load, then saves the same and behaves the same; and saved
 * state that is cut short or damaged is either refused, which leaves the device as it
 * was, or loads into a device that still works.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device-check.h"
#include "log.h"
#include "state.h"
#include "util.h"

#define ROUNDS		40
#define ACCESSES	300

struct blob {
	u8 *data;
	size_t size;
};

static u32 next_random(u32 *seed)
{
	/* xorshift32 */
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void quiet(const char *line, size_t len)
{
}

u64 device_read(struct device *dev, const struct bus_ops *ops, u64 offset, unsigned int size)
{
	u64 value;

	assert_true(size <= ops->max_size);
	if (!ops->read)
		return UINT64_MAX >> (64 - size * 8);
	pthread_mutex_lock(&dev->lock);
	value = ops->read(dev, offset, size);
	pthread_mutex_unlock(&dev->lock);
	return value & UINT64_MAX >> (64 - size * 8);
}

void device_write(struct device *dev, const struct bus_ops *ops, u64 offset, u64 value, unsigned int size)
{
	assert_true(size <= ops->max_size);
	if (!ops->write)
		return;
	pthread_mutex_lock(&dev->lock);
	ops->write(dev, offset, value & UINT64_MAX >> (64 - size * 8), size);
	pthread_mutex_unlock(&dev->lock);
}

static struct blob save(struct device *dev)
{
	struct state *st = state_new_save();
	struct blob blob;
	const void *data;

	assert_non_null(st);
	assert_int_equal(device_save(dev, st), 0);
	data = state_finish(st, &blob.size);
	assert_non_null(data);
	blob.data = malloc(blob.size);
	assert_non_null(blob.data);
	memcpy(blob.data, data, blob.size);
	state_free(st);
	return blob;
}

/* From a buffer of just that size, so that a sanitizer sees a read beyond it. */
static int load(struct device *dev, const u8 *data, size_t size)
{
	u8 *copy = malloc(size ? size : 1);
	struct state *st;
	int err = -1;

	assert_non_null(copy);
	memcpy(copy, data, size);
	st = state_new_load(copy, size);
	if (st)
		err = device_load(dev, st);
	state_free(st);
	free(copy);
	return err;
}

void device_transfer(struct device *from, struct device *to)
{
	struct blob blob = save(from);

	assert_int_equal(load(to, blob.data, blob.size), 0);
	free(blob.data);
}

static void assert_saves(struct device *dev, const struct blob *expected)
{
	struct blob now = save(dev);

	assert_int_equal(now.size, expected->size);
	assert_memory_equal(now.data, expected->data, now.size);
	free(now.data);
}

/* The same accesses to @dev and, if there is one, to @twin, which must answer alike. */
static void access_both(const struct device_check *c, u32 seed, struct device *dev, struct device *twin)
{
	unsigned int ranges = 0;

	while (ranges < DEVICE_CHECK_RANGES && c->ranges[ranges].ops)
		ranges++;
	for (unsigned int i = 0; i < ACCESSES; i++) {
		u32 r = next_random(&seed), value = next_random(&seed);
		unsigned int range = r % ranges;
		const struct bus_ops *ops = c->ranges[range].ops;
		unsigned int size = min(1u << (r >> 4) % 4, ops->max_size);
		u64 offset = (next_random(&seed) % c->ranges[range].size) & ~(u64)(size - 1);

		if (c->poke && !((r >> 8) % 8)) {
			c->poke(dev, value);
			if (twin)
				c->poke(twin, value);
		} else if ((r >> 12) & 1) {
			/* Small values reach more of what registers mean. */
			value >>= (r >> 16) % 32;
			device_write(dev, ops, offset, value, size);
			if (twin)
				device_write(twin, ops, offset, value, size);
		} else {
			u64 got = device_read(dev, ops, offset, size);

			if (twin)
				assert_int_equal(device_read(twin, ops, offset, size), got);
		}
	}
}

static void check_round_trips(const struct device_check *c)
{
	for (u32 round = 1; round <= ROUNDS; round++) {
		struct device *dev = c->create(), *twin = c->create();
		struct blob blob;

		assert_non_null(dev);
		assert_non_null(twin);
		access_both(c, round * 2654435761u, dev, NULL);
		blob = save(dev);
		assert_int_equal(load(twin, blob.data, blob.size), 0);
		assert_saves(twin, &blob);
		free(blob.data);

		access_both(c, round, dev, twin);
		blob = save(dev);
		assert_saves(twin, &blob);
		free(blob.data);

		/* Reset must lead to one state, wherever it starts from. */
		device_reset(dev);
		device_reset(twin);
		access_both(c, round, dev, twin);
		device_destroy(dev);
		device_destroy(twin);
	}
}

static void check_truncated(const struct device_check *c, const struct blob *blob, struct device *victim)
{
	struct blob before = save(victim);

	for (size_t size = 0; size < blob->size; size += size < 64 ? 1 : 7)
		assert_int_not_equal(load(victim, blob->data, size), 0);
	assert_saves(victim, &before);
	free(before.data);
}

static void check_damaged(const struct device_check *c, struct blob *blob, struct device *victim)
{
	static const u8 damage[] = { 0xff, 0x01, 0x80 };
	u32 seed = 7;

	for (size_t i = 0; i < blob->size; i++) {
		u8 flip = damage[i % ARRAY_SIZE(damage)];
		struct blob before = save(victim), after;

		blob->data[i] ^= flip;
		if (load(victim, blob->data, blob->size)) {
			assert_saves(victim, &before);
		} else {
			/* A value that is as good as any other. */
			after = save(victim);
			assert_int_equal(load(victim, after.data, after.size), 0);
			assert_saves(victim, &after);
			free(after.data);
			access_both(c, next_random(&seed), victim, NULL);
		}
		blob->data[i] ^= flip;
		free(before.data);
	}
}

/* A section of another device, and none at all. */
static void check_foreign(struct device *victim)
{
	struct state *st = state_new_save();
	struct blob before = save(victim);
	const void *data;
	size_t size;

	assert_non_null(st);
	state_begin(st, "nobody", 0);
	state_end(st);
	data = state_finish(st, &size);
	assert_non_null(data);
	assert_int_not_equal(load(victim, data, size), 0);
	assert_saves(victim, &before);
	state_free(st);
	free(before.data);
}

/**
 * device_check() - run the generic test on a device
 */
void device_check(const struct device_check *c)
{
	struct device *dev = c->create(), *victim = c->create();
	struct blob blob;

	assert_non_null(dev);
	assert_non_null(victim);
	log_set_hook(quiet);
	check_round_trips(c);
	access_both(c, 1, dev, NULL);
	access_both(c, 2, victim, NULL);
	blob = save(dev);
	check_truncated(c, &blob, victim);
	check_damaged(c, &blob, victim);
	check_foreign(victim);
	log_set_hook(NULL);
	free(blob.data);
	device_destroy(dev);
	device_destroy(victim);
}
