/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bus: ranges of ports or of memory addresses, and the devices that answer.
 */
#ifndef LKVM_BUS_H
#define LKVM_BUS_H

#include "types.h"

struct bus;
struct device;

/**
 * struct bus_ops - how a device answers on a range
 * @read:	value at @offset from the start of the range; the bus cuts it to @size
 * @write:	@value has no bits beyond @size
 * @max_size:	the widest access that the device takes: 1, 2, 4 or 8 bytes
 *
 * Both run with the device's lock held. The bus cuts every access into naturally
 * aligned pieces of 1, 2, 4 or 8 bytes, no wider than @max_size and never across
 * the end of the range, so @offset and @size need no check. Either may be NULL:
 * reads are then all ones, writes are dropped.
 */
struct bus_ops {
	u64 (*read)(struct device *dev, u64 offset, unsigned int size);
	void (*write)(struct device *dev, u64 offset, u64 value, unsigned int size);
	unsigned int max_size;
};

/**
 * struct bus_range - one run of addresses that one device answers
 */
struct bus_range {
	u64 base;
	u64 size;
	const struct bus_ops *ops;
	struct device *dev;
};

struct bus *bus_new(const char *name, u64 limit);
void bus_free(struct bus *bus);

int bus_add(struct bus *bus, const struct bus_range *range);
int bus_remove(struct bus *bus, u64 base, const struct device *dev);
unsigned int bus_count(const struct bus *bus);
bool bus_get(const struct bus *bus, unsigned int index, struct bus_range *range);

/* One of these per thread that calls bus_read() and bus_write(). */
struct bus_reader;
struct bus_reader *bus_reader_new(struct bus *bus);
void bus_reader_free(struct bus_reader *reader);

void bus_read(struct bus_reader *reader, u64 addr, void *data, unsigned int len);
void bus_write(struct bus_reader *reader, u64 addr, const void *data, unsigned int len);

#endif /* LKVM_BUS_H */
