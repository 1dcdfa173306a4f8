/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtqueue, as a device sees it (virtio 1.2, sections 2.6 to 2.8): requests come out,
 * each a stream to read and a stream to write, and go back when they are done.
 *
 *	do {
 *		vq_disarm(vq);
 *		while ((req = vq_pop(vq)))
 *			... vq_read(req, ...), vq_write(req, ...), vq_push(req) now or later
 *	} while (vq_arm(vq));
 *	vq_notify(vq);
 *
 * A queue belongs to its transport while it is set up, and to one thread, the device's,
 * between vq_enable() and vq_disable(). It knows guest memory and nothing else.
 */
#ifndef LKVM_VIRTQUEUE_H
#define LKVM_VIRTQUEUE_H

#include <sys/uio.h>

#include "types.h"

struct mem;
struct state;
struct virtqueue;
struct vq_request;

#define VQ_SIZE_MAX	32768	/* 2.7: the largest queue that there can be */
#define VQ_SEGMENTS_MAX	1024	/* pieces of memory a request may have: as many as preadv() takes */

/**
 * struct vq_config - what a queue is made of
 * @mem:	the guest's memory
 * @max_size:	entries it may have, a power of two
 * @private_size: bytes that each request has for its device, see vq_private()
 * @notify:	the driver wants to know of used buffers; from the thread of vq_notify()
 * @broken:	the driver has broken the rules; said once until the queue is set up anew, and
 *		vq_pop() gives nothing from then on. @why is a literal
 * @room:	vq_pop() had left a request for want of room, and there is some now
 * @drained:	after vq_drain(): the last request that was out has been pushed
 * @arg:	handed to all of them
 */
struct vq_config {
	struct mem *mem;
	unsigned int max_size;
	size_t private_size;
	void (*notify)(void *arg);
	void (*broken)(void *arg, const char *why);
	void (*room)(void *arg);
	void (*drained)(void *arg);
	void *arg;
};

/**
 * struct vq_rings - where the driver has put a queue
 * @size:	entries, up to the queue's max_size; a power of two in a split queue
 * @desc:	guest-physical address of the descriptor table or ring
 * @driver:	of the available ring, or of the driver's event suppression
 * @device:	of the used ring, or of the device's event suppression
 */
struct vq_rings {
	unsigned int size;
	u64 desc;
	u64 driver;
	u64 device;
};

struct virtqueue *vq_new(const struct vq_config *cfg);
void vq_free(struct virtqueue *vq);

const char *vq_enable(struct virtqueue *vq, const struct vq_rings *rings, u64 features);
void vq_disable(struct virtqueue *vq);
bool vq_drain(struct virtqueue *vq);
bool vq_enabled(const struct virtqueue *vq);
bool vq_is_broken(const struct virtqueue *vq);
unsigned int vq_in_flight(const struct virtqueue *vq);
unsigned int vq_max_size(const struct virtqueue *vq);
void vq_state(struct virtqueue *vq, struct state *st);

struct vq_request *vq_pop(struct virtqueue *vq);
bool vq_starved(const struct virtqueue *vq);
void vq_push(struct vq_request *req);
void vq_break(struct virtqueue *vq, const char *why);

void vq_disarm(struct virtqueue *vq);
bool vq_arm(struct virtqueue *vq);
void vq_notify(struct virtqueue *vq);

struct virtqueue *vq_of(const struct vq_request *req);
void *vq_private(struct vq_request *req);
u64 vq_readable(const struct vq_request *req);
u64 vq_writable(const struct vq_request *req);
size_t vq_read(struct vq_request *req, void *data, size_t len);
size_t vq_write(struct vq_request *req, const void *data, size_t len);
u8 *vq_take_last(struct vq_request *req);

/* For a backend that moves the bytes itself: what is left of the two streams. */
const struct iovec *vq_read_iov(const struct vq_request *req, unsigned int *count);
const struct iovec *vq_write_iov(const struct vq_request *req, unsigned int *count);
void vq_did_read(struct vq_request *req, u64 len);
void vq_did_write(struct vq_request *req, u64 len);

#endif /* LKVM_VIRTQUEUE_H */
