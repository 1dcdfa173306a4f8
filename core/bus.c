// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bus: who answers a port or a memory address.
 *
 * The ranges are an immutable sorted table that is replaced as a whole, so that
 * an exit takes no lock to find its device. A table that was replaced lives on
 * until every reader that could have seen it has left: each replacement gets a
 * number, a reader notes the number that was current when it came in, and a
 * retired table goes when no reader is inside with an older number. Whoever leaves
 * the bus and sees retired tables reaps them; so a device may replace the table
 * from within its own access (a BAR that moves).
 *
 * Any thread may add and remove ranges; readers are vCPU threads, one bus_reader
 * each.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bus.h"
#include "device.h"
#include "log.h"
#include "util.h"

struct table {
	struct table *next;		/* while retired */
	u64 retired_at;
	unsigned int count;
	struct bus_range ranges[];
};

struct bus_reader {
	struct bus *bus;
	struct bus_reader *next;
	_Atomic u64 epoch;		/* 0 outside the bus */
};

struct bus {
	const char *name;
	u64 limit;
	pthread_mutex_t lock;		/* for those who replace the table */
	_Atomic(struct table *) table;
	_Atomic u64 epoch;		/* from 1, one up for each replacement */
	_Atomic(struct table *) retired;
	struct bus_reader *readers;
};

static struct table *table_alloc(unsigned int count)
{
	struct table *t = calloc(1, sizeof(*t) + count * sizeof(t->ranges[0]));

	if (t)
		t->count = count;
	return t;
}

/**
 * bus_new() - make a bus on which nobody answers
 * @name:	for messages
 * @limit:	number of addresses
 *
 * Return: the bus, or NULL without memory.
 */
struct bus *bus_new(const char *name, u64 limit)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	struct table *t = table_alloc(0);

	if (!bus || !t) {
		free(bus);
		free(t);
		return NULL;
	}
	bus->name = name;
	bus->limit = limit;
	pthread_mutex_init(&bus->lock, NULL);
	atomic_init(&bus->table, t);
	atomic_init(&bus->epoch, 1);
	return bus;
}

/**
 * bus_free() - free a bus that no reader uses any more
 */
void bus_free(struct bus *bus)
{
	if (!bus)
		return;
	BUG_ON(bus->readers);
	for (struct table *t = bus->retired, *next; t; t = next) {
		next = t->next;
		free(t);
	}
	free(bus->table);
	pthread_mutex_destroy(&bus->lock);
	free(bus);
}

/* With the lock held: free the retired tables that nobody can be looking at. */
static void reap(struct bus *bus)
{
	u64 oldest = UINT64_MAX;
	struct table *keep = NULL;

	for (struct bus_reader *r = bus->readers; r; r = r->next) {
		u64 e = atomic_load(&r->epoch);

		if (e && e < oldest)
			oldest = e;
	}
	for (struct table *t = bus->retired, *next; t; t = next) {
		next = t->next;
		if (t->retired_at <= oldest) {
			free(t);
		} else {
			t->next = keep;
			keep = t;
		}
	}
	bus->retired = keep;
}

static void replace(struct bus *bus, struct table *new)
{
	struct table *old = atomic_load(&bus->table);

	atomic_store(&bus->table, new);
	old->retired_at = atomic_fetch_add(&bus->epoch, 1) + 1;
	old->next = bus->retired;
	bus->retired = old;
	reap(bus);
}

/**
 * bus_add() - let a device answer on a range
 * @bus:	the bus
 * @range:	base, size, operations and device; copied
 *
 * Return: 0, -EINVAL for an empty range or one beyond the bus, -EBUSY when it
 * overlaps another, -ENOMEM.
 */
int bus_add(struct bus *bus, const struct bus_range *range)
{
	struct table *old, *new;
	unsigned int at = 0;
	unsigned int max_size = range->ops->max_size;
	int err = 0;

	BUG_ON(!max_size || max_size > sizeof(u64) || (max_size & (max_size - 1)));
	if (!range->size || range->base >= bus->limit || range->size > bus->limit - range->base)
		return -EINVAL;

	pthread_mutex_lock(&bus->lock);
	old = bus->table;
	while (at < old->count && old->ranges[at].base < range->base)
		at++;
	if ((at > 0 && old->ranges[at - 1].base + old->ranges[at - 1].size > range->base) ||
	    (at < old->count && range->base + range->size > old->ranges[at].base)) {
		err = -EBUSY;
		goto out;
	}
	new = table_alloc(old->count + 1);
	if (!new) {
		err = -ENOMEM;
		goto out;
	}
	memcpy(new->ranges, old->ranges, at * sizeof(*range));
	new->ranges[at] = *range;
	memcpy(new->ranges + at + 1, old->ranges + at, (old->count - at) * sizeof(*range));
	replace(bus, new);
out:
	pthread_mutex_unlock(&bus->lock);
	return err;
}

/**
 * bus_remove() - a device answers no more on a range
 * @bus:	the bus
 * @base:	the first address of a range that was added
 * @dev:	its device
 *
 * An access that is under way in another thread may still reach the device.
 *
 * Return: 0, -ENOENT when @dev has no range at @base, -ENOMEM.
 */
int bus_remove(struct bus *bus, u64 base, const struct device *dev)
{
	struct table *old, *new;
	unsigned int at = 0;
	int err = 0;

	pthread_mutex_lock(&bus->lock);
	old = bus->table;
	while (at < old->count && (old->ranges[at].base != base || old->ranges[at].dev != dev))
		at++;
	if (at == old->count) {
		err = -ENOENT;
		goto out;
	}
	new = table_alloc(old->count - 1);
	if (!new) {
		err = -ENOMEM;
		goto out;
	}
	memcpy(new->ranges, old->ranges, at * sizeof(new->ranges[0]));
	memcpy(new->ranges + at, old->ranges + at + 1, (new->count - at) * sizeof(new->ranges[0]));
	replace(bus, new);
out:
	pthread_mutex_unlock(&bus->lock);
	return err;
}

/**
 * bus_count() - number of ranges on the bus
 */
unsigned int bus_count(const struct bus *bus)
{
	return bus->table->count;
}

/**
 * bus_get() - one range, in the order of addresses; for printing the machine
 *
 * Return: whether there is a range with that @index.
 */
bool bus_get(const struct bus *bus, unsigned int index, struct bus_range *range)
{
	const struct table *t = bus->table;

	if (index >= t->count)
		return false;
	*range = t->ranges[index];
	return true;
}

/**
 * bus_reader_new() - make the handle through which one thread uses the bus
 *
 * Return: the reader, or NULL without memory.
 */
struct bus_reader *bus_reader_new(struct bus *bus)
{
	struct bus_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->bus = bus;
	pthread_mutex_lock(&bus->lock);
	r->next = bus->readers;
	bus->readers = r;
	pthread_mutex_unlock(&bus->lock);
	return r;
}

/**
 * bus_reader_free() - the thread uses the bus no more
 */
void bus_reader_free(struct bus_reader *reader)
{
	struct bus *bus;

	if (!reader)
		return;
	bus = reader->bus;
	pthread_mutex_lock(&bus->lock);
	for (struct bus_reader **p = &bus->readers; *p; p = &(*p)->next) {
		if (*p == reader) {
			*p = reader->next;
			break;
		}
	}
	pthread_mutex_unlock(&bus->lock);
	free(reader);
}

static const struct table *enter(struct bus_reader *reader)
{
	atomic_store(&reader->epoch, atomic_load(&reader->bus->epoch));
	return atomic_load(&reader->bus->table);
}

static void leave(struct bus_reader *reader)
{
	struct bus *bus = reader->bus;

	atomic_store_explicit(&reader->epoch, 0, memory_order_release);
	if (__builtin_expect(atomic_load_explicit(&bus->retired, memory_order_relaxed) != NULL, 0)) {
		pthread_mutex_lock(&bus->lock);
		reap(bus);
		pthread_mutex_unlock(&bus->lock);
	}
}

/* The first range that ends beyond @addr, or NULL. */
static const struct bus_range *find(const struct table *t, u64 addr)
{
	unsigned int low = 0, high = t->count;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (t->ranges[mid].base + t->ranges[mid].size <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < t->count ? &t->ranges[low] : NULL;
}

/* The widest aligned piece at @offset that fits in @len and suits the device. */
static unsigned int piece(u64 offset, unsigned int len, unsigned int max_size)
{
	unsigned int size = max_size;

	while (size > len || (offset & (size - 1)))
		size >>= 1;
	return size;
}

static void range_access(const struct bus_range *r, u64 offset, u8 *data, unsigned int len, bool write)
{
	pthread_mutex_lock(&r->dev->lock);
	while (len) {
		unsigned int size = piece(offset, len, r->ops->max_size);
		u64 value = 0;

		/* x86 is little endian, and so are its buses. */
		if (write) {
			memcpy(&value, data, size);
			if (r->ops->write)
				r->ops->write(r->dev, offset, value, size);
		} else if (r->ops->read) {
			value = r->ops->read(r->dev, offset, size);
			memcpy(data, &value, size);
		}
		offset += size;
		data += size;
		len -= size;
	}
	pthread_mutex_unlock(&r->dev->lock);
}

static void bus_access(struct bus_reader *reader, u64 addr, u8 *data, unsigned int len, bool write)
{
	const struct table *t = enter(reader);

	while (len) {
		const struct bus_range *r = find(t, addr);
		unsigned int n;

		if (!r || (r->base > addr && r->base - addr >= len))
			break;
		if (r->base > addr) {
			n = r->base - addr;	/* a gap before the next range */
		} else {
			n = min((u64)len, r->base + r->size - addr);
			range_access(r, addr - r->base, data, n, write);
		}
		addr += n;
		data += n;
		len -= n;
	}
	leave(reader);
}

/**
 * bus_read() - a vCPU reads from the bus
 * @reader:	the calling thread's own
 * @addr:	first address, any
 * @data:	filled with what the devices answer, and with all ones where there
 *		is none
 * @len:	bytes; any length and alignment, also across devices
 */
void bus_read(struct bus_reader *reader, u64 addr, void *data, unsigned int len)
{
	memset(data, 0xff, len);
	bus_access(reader, addr, data, len, false);
}

/**
 * bus_write() - a vCPU writes to the bus; where nobody answers, nothing happens
 */
void bus_write(struct bus_reader *reader, u64 addr, const void *data, unsigned int len)
{
	bus_access(reader, addr, (u8 *)data, len, true);
}
