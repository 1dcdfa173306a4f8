/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio driver for tests, benches and fuzzers: the other end of a virtqueue, in the test's
 * own process. It builds good rings through its functions; hostile ones are made by writing
 * into its memory, which it shows.
 */
#ifndef LKVM_TESTS_MOCK_DRIVER_H
#define LKVM_TESTS_MOCK_DRIVER_H

#include <linux/virtio_ring.h>

#include "types.h"
#include "virtqueue.h"

struct mem;

#define MOCK_SIZE_MAX 1024

/**
 * struct mock_driver - one queue, seen by its driver
 * @desc, @driver, @device:	the rings
 * @rings:	where they are for the device
 * @data:	guest-physical address of memory behind the rings that is free
 */
struct mock_driver {
	struct mem *mem;
	bool packed, indirect, event_idx;
	unsigned int size;
	void *desc, *driver, *device;
	struct vq_rings rings;
	u64 tables;		/* an indirect table of MOCK_TABLE entries for each id */
	u64 data;
	u16 free_ids[MOCK_SIZE_MAX];
	u16 chain[MOCK_SIZE_MAX];	/* ring entries that an id has taken */
	unsigned int free_count, free_entries;
	u16 next, used;
	bool next_wrap, used_wrap;
	u16 kick_from;		/* where the last kick was */
};

#define MOCK_TABLE 64

/**
 * struct mock_buffer - one buffer of a chain
 */
struct mock_buffer {
	u64 gpa;
	u32 len;
	bool writable;
};

void mock_init(struct mock_driver *m, struct mem *mem, u64 gpa, unsigned int size, u64 features);
int mock_add(struct mock_driver *m, const struct mock_buffer *buffers, unsigned int count);
bool mock_kick_wanted(struct mock_driver *m);
bool mock_take(struct mock_driver *m, u16 *id, u32 *len);
void mock_want_interrupts(struct mock_driver *m, bool on);
u8 *mock_ptr(const struct mock_driver *m, u64 gpa);

#endif /* LKVM_TESTS_MOCK_DRIVER_H */
