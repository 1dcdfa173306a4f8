/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test that every register device passes, and small helpers for the others.
 */
#ifndef LKVM_TESTS_DEVICE_CHECK_H
#define LKVM_TESTS_DEVICE_CHECK_H

#include "bus.h"
#include "device.h"
#include "types.h"

#define DEVICE_CHECK_RANGES 3

/**
 * struct device_check - a device under test
 * @create:	makes a fresh one; two of them given the same accesses must answer the
 *		same, so a clock that it uses must stand still
 * @poke:	something that happens to it from outside, chosen by a random number;
 *		may be NULL
 * @ranges:	where it answers
 */
struct device_check {
	struct device *(*create)(void);
	void (*poke)(struct device *dev, u32 random);
	struct {
		const struct bus_ops *ops;
		u64 size;
	} ranges[DEVICE_CHECK_RANGES];
};

void device_check(const struct device_check *c);

/* What @from saves, @to loads; both must succeed. */
void device_transfer(struct device *from, struct device *to);

/* One access, as the bus makes it. */
u64 device_read(struct device *dev, const struct bus_ops *ops, u64 offset, unsigned int size);
void device_write(struct device *dev, const struct bus_ops *ops, u64 offset, u64 value, unsigned int size);

#endif /* LKVM_TESTS_DEVICE_CHECK_H */
