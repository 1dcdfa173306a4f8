/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct device: anything in the machine that has state - chips and vCPUs alike.
 *
 * To add a chip: write hw/foo.c with a foo_new() that embeds struct device, give
 * it its device_ops and bus_ops, add one row to the table in x86/board.c, and its
 * test to tests/unit.
 */
#ifndef LKVM_DEVICE_H
#define LKVM_DEVICE_H

#include <pthread.h>
#include <sys/queue.h>

#include "types.h"

struct device;
struct state;

/**
 * struct device_ops - what the machine may ask of a device
 * @name:	the kind of device, and the prefix of its section in saved state
 * @reset:	back to the state at power-on; @lock is held
 * @state:	save to or load from @st, see include/state.h; @lock is held
 * @destroy:	release everything, the device itself included
 */
struct device_ops {
	const char *name;
	void (*reset)(struct device *dev);
	void (*state)(struct device *dev, struct state *st);
	void (*destroy)(struct device *dev);
};

/**
 * struct device - the part that all devices share; embed it
 * @ops:	its kind
 * @instance:	which one of its kind, from 0
 * @lock:	taken by the bus around each access, and by whoever else enters
 *		the device; never two device locks at once
 * @node:	in the machine's list
 */
struct device {
	const struct device_ops *ops;
	unsigned int instance;
	pthread_mutex_t lock;
	TAILQ_ENTRY(device) node;
};

TAILQ_HEAD(device_list, device);

void device_init(struct device *dev, const struct device_ops *ops, unsigned int instance);
void device_fini(struct device *dev);
void device_reset(struct device *dev);
int device_save(struct device *dev, struct state *st);
int device_load(struct device *dev, struct state *st);
void device_destroy(struct device *dev);

#endif /* LKVM_DEVICE_H */
