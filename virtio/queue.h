/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the queue share: queue.c has requests and streams, queue-split.c and
 * queue-packed.c the two layouts of the rings.
 */
#ifndef LKVM_VIRTIO_QUEUE_H
#define LKVM_VIRTIO_QUEUE_H

#include <linux/virtio_ring.h>

#include "virtqueue.h"

#define VQ_INLINE 8	/* segments that a request has room for without a block */

/* Segments of a request that has many; a queue has few of these. */
struct vq_block {
	struct vq_block *next;
	struct iovec segments[VQ_SEGMENTS_MAX];
};

/*
 * Readable segments come first. The streams consume them in place: what is left of one is
 * segments[read_at] to segments[read_end - 1].
 */
struct vq_request {
	struct virtqueue *vq;
	struct iovec *segments;
	struct vq_block *block;		/* that segments are in, or NULL */
	u16 id;				/* head of the chain, or buffer id */
	u16 ring_entries;		/* packed: places it has taken in the ring */
	u16 read_at, read_end;
	u16 write_at, write_end;
	u64 readable, writable;		/* bytes left */
	u64 written;
	u8 *last;			/* by vq_take_last() */
	struct vq_request *next_free;
	struct iovec inline_segments[VQ_INLINE];
	_Alignas(16) u8 private[];
};

struct vq_layout;

struct virtqueue {
	struct vq_config cfg;
	const struct vq_layout *layout;	/* NULL while disabled */
	struct vq_rings rings;
	void *desc, *driver, *device;	/* rings in our address space */
	bool event_idx, indirect;
	bool broken;
	bool starved;			/* a request waits for a block */
	bool draining;			/* nothing more is popped */
	u16 next_avail, next_used;	/* split: counters; packed: places */
	bool avail_wrap, used_wrap;	/* packed */
	u16 avail_seen;			/* split: the driver's index when it was last read */
	u16 unannounced;		/* entries used since the last vq_notify() */
	unsigned int in_flight;
	u8 *requests;
	struct vq_request *free_requests;
	struct vq_block *free_blocks;
	unsigned int blocks;
};

/**
 * struct vq_layout - one of the two forms of a queue
 * @map:	find the rings in memory; returns NULL, or what is wrong
 * @pop:	fill in @req from the next chain, and step beyond it; false when there is
 *		none, the queue is broken, or no block is free
 * @push:	put it among the used ones, @len bytes written
 * @available:	whether @pop has something to look at
 * @event:	ask for notifications of new chains, or for none
 * @wanted:	whether the driver wants to know of what was used since the last time
 */
struct vq_layout {
	const char *(*map)(struct virtqueue *vq);
	bool (*pop)(struct virtqueue *vq, struct vq_request *req);
	void (*push)(struct virtqueue *vq, const struct vq_request *req, u32 len);
	bool (*available)(struct virtqueue *vq);
	void (*event)(struct virtqueue *vq, bool on);
	bool (*wanted)(struct virtqueue *vq);
};

extern const struct vq_layout vq_split, vq_packed;

bool vq_add_buffer(struct virtqueue *vq, struct vq_request *req, u64 gpa, u32 len, bool writable);
const void *vq_indirect_table(struct virtqueue *vq, u64 gpa, u32 len);

/* Whether going from old to new has passed event (virtio 1.2, 2.7.7.1). */
static inline bool vq_passed(u16 event, u16 new, u16 old)
{
	return (u16)(new - event - 1) < (u16)(new - old);
}

#endif /* LKVM_VIRTIO_QUEUE_H */
