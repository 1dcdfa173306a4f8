// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueues (virtio 1.2, sections 2.6 to 2.8), the part that both layouts share: requests,
 * their streams, and setting up.
 *
 * The driver is not trusted. What it has written is read once; the rings and all buffers are
 * resolved through mem_ptr_part(), which checks them as a whole, before the device sees
 * the request; a chain that breaks a rule breaks the queue, and the driver must reset.
 *
 * There are as many requests as the queue has entries, so the hot path allocates nothing. A
 * request has room for some segments; one with more borrows a block. A queue makes few of those:
 * when all are taken, vq_pop() gives nothing until one comes back, and room() tells.
 *
 * Runs in the transport's thread until vq_enable(), then in the device's. Left out: buffers in
 * read-only memory are not refused to be written (the guest's own copy changes).
 */
#include <errno.h>

#include <linux/virtio_config.h>

#include "log.h"
#include "mem.h"
#include "queue.h"
#include "state.h"
#include "util.h"

#define BLOCKS_MAX 16

/**
 * vq_new() - make a queue that is not set up yet
 *
 * Return: the queue, or NULL without memory.
 */
struct virtqueue *vq_new(const struct vq_config *cfg)
{
	struct virtqueue *vq = calloc(1, sizeof(*vq));

	BUG_ON(!cfg->max_size || cfg->max_size > VQ_SIZE_MAX || cfg->max_size & (cfg->max_size - 1));
	if (vq)
		vq->cfg = *cfg;
	return vq;
}

/**
 * vq_free() - free a queue, and all requests that are out
 */
void vq_free(struct virtqueue *vq)
{
	if (!vq)
		return;
	vq_disable(vq);
	free(vq);
}

static size_t request_size(const struct virtqueue *vq)
{
	return ALIGN_UP(sizeof(struct vq_request) + vq->cfg.private_size, _Alignof(struct vq_request));
}

static struct vq_request *request_at(const struct virtqueue *vq, unsigned int i)
{
	return (struct vq_request *)(vq->requests + i * request_size(vq));
}

static bool make_requests(struct virtqueue *vq)
{
	size_t size = vq->rings.size * request_size(vq);

	vq->requests = aligned_alloc(_Alignof(struct vq_request), size);
	if (!vq->requests)
		return false;
	memset(vq->requests, 0, size);
	for (unsigned int i = vq->rings.size; i--;) {
		struct vq_request *req = request_at(vq, i);

		req->vq = vq;
		req->next_free = vq->free_requests;
		vq->free_requests = req;
	}
	return true;
}

/**
 * vq_enable() - take over a queue that the driver has set up
 * @vq:		a queue that is disabled
 * @rings:	where it is
 * @features:	those that were negotiated
 *
 * Return: NULL, or why it cannot be used: the end of a sentence, a literal.
 */
const char *vq_enable(struct virtqueue *vq, const struct vq_rings *rings, u64 features)
{
	const char *wrong;

	BUG_ON(vq->layout);
	vq->layout = features & 1ULL << VIRTIO_F_RING_PACKED ? &vq_packed : &vq_split;
	vq->rings = *rings;
	vq->event_idx = features & 1ULL << VIRTIO_RING_F_EVENT_IDX;
	vq->indirect = features & 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
	vq->broken = vq->starved = vq->draining = false;
	vq->next_avail = vq->next_used = vq->avail_seen = vq->unannounced = 0;
	vq->avail_wrap = vq->used_wrap = true;
	if (!rings->size || rings->size > vq->cfg.max_size)
		wrong = "its size is not one that was offered";
	else
		wrong = vq->layout->map(vq);
	if (!wrong && !make_requests(vq))
		wrong = "there is no memory for it";
	if (wrong)
		vq_disable(vq);
	return wrong;
}

/**
 * vq_disable() - forget how the queue was set up, and all requests that are out
 */
void vq_disable(struct virtqueue *vq)
{
	vq->layout = NULL;
	for (unsigned int i = 0; vq->requests && i < vq->rings.size; i++)
		free(request_at(vq, i)->block);
	free(vq->requests);
	vq->requests = NULL;
	vq->free_requests = NULL;
	vq->in_flight = 0;
	while (vq->free_blocks) {
		struct vq_block *block = vq->free_blocks;

		vq->free_blocks = block->next;
		free(block);
	}
	vq->blocks = 0;
}

/**
 * vq_drain() - take no more requests, before the queue is disabled
 *
 * Return: whether none is out; else @drained is called when the last one has been pushed.
 */
bool vq_drain(struct virtqueue *vq)
{
	vq->draining = true;
	return !vq->in_flight;
}

/**
 * vq_enabled() - whether the queue is set up
 */
bool vq_enabled(const struct virtqueue *vq)
{
	return vq->layout;
}

/**
 * vq_is_broken() - whether the driver has broken the rules since vq_enable()
 */
bool vq_is_broken(const struct virtqueue *vq)
{
	return vq->broken;
}

/**
 * vq_in_flight() - how many requests are out
 */
unsigned int vq_in_flight(const struct virtqueue *vq)
{
	return vq->in_flight;
}

/**
 * vq_max_size() - how many entries the queue may have
 */
unsigned int vq_max_size(const struct virtqueue *vq)
{
	return vq->cfg.max_size;
}

/**
 * vq_break() - the driver has broken a rule: the device takes no more from this queue
 * @why:	a literal
 */
void vq_break(struct virtqueue *vq, const char *why)
{
	if (vq->broken)
		return;
	vq->broken = true;
	if (vq->cfg.broken)
		vq->cfg.broken(vq->cfg.arg, why);
}

/* --- chains ---------------------------------------------------------------- */

static struct iovec *next_segment(struct virtqueue *vq, struct vq_request *req)
{
	struct vq_block *block;

	if (req->write_end < (req->block ? VQ_SEGMENTS_MAX : VQ_INLINE))
		return &req->segments[req->write_end++];
	if (req->block) {
		vq_break(vq, "a chain has too many pieces");
		return NULL;
	}
	block = vq->free_blocks;
	if (block) {
		vq->free_blocks = block->next;
	} else {
		block = vq->blocks < BLOCKS_MAX ? malloc(sizeof(*block)) : NULL;
		vq->starved = !block;
		if (!block)
			return NULL;
		vq->blocks++;
	}
	memcpy(block->segments, req->segments, req->write_end * sizeof(req->segments[0]));
	req->block = block;
	req->segments = block->segments;
	return &req->segments[req->write_end++];
}

/**
 * vq_add_buffer() - for the layouts: the next buffer of a chain
 *
 * Return: whether the chain may go on.
 */
bool vq_add_buffer(struct virtqueue *vq, struct vq_request *req, u64 gpa, u32 len, bool writable)
{
	u64 left = len;

	if (!writable && req->writable) {
		vq_break(vq, "a chain has a readable buffer behind a writable one");
		return false;
	}
	if (req->readable + req->writable + len > UINT32_MAX) {
		vq_break(vq, "a chain has 4 GiB or more");
		return false;
	}
	if (gpa + left < gpa) {
		vq_break(vq, "a buffer wraps around");
		return false;
	}
	while (left) {
		u64 part = left;
		void *p = mem_ptr_part(vq->cfg.mem, gpa, &part);
		struct iovec *segment;

		if (!p) {
			vq_break(vq, "a buffer is not in memory");
			return false;
		}
		segment = next_segment(vq, req);
		if (!segment)
			return false;
		*segment = (struct iovec){ .iov_base = p, .iov_len = part };
		if (writable) {
			req->writable += part;
		} else {
			req->readable += part;
			req->read_end = req->write_at = req->write_end;
		}
		gpa += part;
		left -= part;
	}
	return true;
}

/**
 * vq_indirect_table() - for the layouts: an indirect descriptor table, checked as a whole
 *
 * Return: the table, which the guest may change at any time, or NULL when the queue is broken.
 */
const void *vq_indirect_table(struct virtqueue *vq, u64 gpa, u32 len)
{
	const void *table;

	if (!vq->indirect) {
		vq_break(vq, "an indirect descriptor, which was not negotiated");
		return NULL;
	}
	if (!len || len % sizeof(struct vring_desc) || len / sizeof(struct vring_desc) > VQ_SEGMENTS_MAX) {
		vq_break(vq, "an indirect table has a wrong length");
		return NULL;
	}
	table = mem_ptr(vq->cfg.mem, gpa, len);
	if (!table)
		vq_break(vq, "an indirect table is not in memory");
	return table;
}

static void give_back(struct virtqueue *vq, struct vq_request *req)
{
	if (req->block) {
		req->block->next = vq->free_blocks;
		vq->free_blocks = req->block;
		req->block = NULL;
	}
	req->next_free = vq->free_requests;
	vq->free_requests = req;
}

/**
 * vq_pop() - take the next request
 *
 * Return: the request, to be given back with vq_push(); NULL when there is none, the queue is
 * broken, or it is starved.
 */
struct vq_request *vq_pop(struct virtqueue *vq)
{
	struct vq_request *req = vq->free_requests;

	if (!vq->layout || vq->broken || vq->draining || !vq->layout->available(vq))
		return NULL;
	if (!req) {
		vq_break(vq, "more chains than the queue has entries");
		return NULL;
	}
	vq->free_requests = req->next_free;
	req->segments = req->inline_segments;
	req->read_at = req->read_end = req->write_at = req->write_end = 0;
	req->readable = req->writable = req->written = 0;
	req->last = NULL;
	vq->starved = false;
	if (!vq->layout->pop(vq, req)) {
		give_back(vq, req);
		return NULL;
	}
	vq->in_flight++;
	return req;
}

/**
 * vq_starved() - whether vq_pop() left a request because others must be pushed first
 */
bool vq_starved(const struct virtqueue *vq)
{
	return vq->starved;
}

/**
 * vq_push() - give a request back to the driver
 *
 * Tells it of what was written so far. vq_notify() is still to be called, once for a batch.
 */
void vq_push(struct vq_request *req)
{
	struct virtqueue *vq = req->vq;
	bool room = vq->starved && req->block;
	u64 written = req->written;

	if (req->last) {
		mem_dirty(vq->cfg.mem, req->last, 1);
		/* The driver takes the length as that of one piece from the beginning on. */
		written += req->writable + 1;
	}
	vq->layout->push(vq, req, written);
	vq->in_flight--;
	give_back(vq, req);
	if (vq->draining && !vq->in_flight && vq->cfg.drained)
		vq->cfg.drained(vq->cfg.arg);
	else if (room && vq->cfg.room)
		vq->cfg.room(vq->cfg.arg);
}

/* --- notifications --------------------------------------------------------- */

/**
 * vq_disarm() - want no notification of new requests for now
 */
void vq_disarm(struct virtqueue *vq)
{
	if (vq->layout)
		vq->layout->event(vq, false);
}

/**
 * vq_arm() - want to be notified of new requests
 *
 * Return: whether some came before the driver could see this, so that it may not notify.
 */
bool vq_arm(struct virtqueue *vq)
{
	if (!vq->layout || vq->broken || vq->draining)
		return false;
	vq->layout->event(vq, true);
	/* The driver writes its ring and then reads the event, we the other way round. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vq->layout->available(vq) && !vq->starved;
}

/**
 * vq_notify() - tell the driver of what has been pushed, if it wants to know
 */
void vq_notify(struct virtqueue *vq)
{
	bool wanted;

	if (!vq->layout || !vq->unannounced)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	wanted = vq->layout->wanted(vq);
	vq->unannounced = 0;
	if (wanted && vq->cfg.notify)
		vq->cfg.notify(vq->cfg.arg);
}

/* --- streams --------------------------------------------------------------- */

/**
 * vq_of() - the queue that a request came from
 */
struct virtqueue *vq_of(const struct vq_request *req)
{
	return req->vq;
}

/**
 * vq_private() - the request's bytes for its device; they keep what is in them
 */
void *vq_private(struct vq_request *req)
{
	return req->private;
}

/**
 * vq_readable() - bytes that are left of the read stream
 */
u64 vq_readable(const struct vq_request *req)
{
	return req->readable;
}

/**
 * vq_writable() - bytes that are left of the write stream
 */
u64 vq_writable(const struct vq_request *req)
{
	return req->writable;
}

/* Consume up to @len bytes of what is left in one segment. */
static size_t consume(struct iovec *segment, u64 len)
{
	size_t part = min(len, (u64)segment->iov_len);

	segment->iov_base = (u8 *)segment->iov_base + part;
	segment->iov_len -= part;
	return part;
}

/**
 * vq_did_read() - step over bytes of the read stream that a backend has taken
 * @len:	no more than vq_readable()
 */
void vq_did_read(struct vq_request *req, u64 len)
{
	BUG_ON(len > req->readable);
	req->readable -= len;
	while (len) {
		struct iovec *segment = &req->segments[req->read_at];

		len -= consume(segment, len);
		req->read_at += !segment->iov_len;
	}
}

/**
 * vq_did_write() - step over bytes of the write stream that a backend has filled
 * @len:	no more than vq_writable()
 */
void vq_did_write(struct vq_request *req, u64 len)
{
	BUG_ON(len > req->writable);
	req->writable -= len;
	req->written += len;
	while (len) {
		struct iovec *segment = &req->segments[req->write_at];
		const u8 *start = segment->iov_base;
		size_t part = consume(segment, len);

		mem_dirty(req->vq->cfg.mem, start, part);
		len -= part;
		req->write_at += !segment->iov_len;
	}
}

/**
 * vq_read() - copy from the read stream
 *
 * Return: how many bytes there were, up to @len.
 */
size_t vq_read(struct vq_request *req, void *data, size_t len)
{
	size_t done = 0;

	len = min((u64)len, req->readable);
	while (done < len) {
		const struct iovec *segment = &req->segments[req->read_at];
		size_t part = min(len - done, segment->iov_len);

		memcpy((u8 *)data + done, segment->iov_base, part);
		done += part;
		vq_did_read(req, part);
	}
	return done;
}

/**
 * vq_write() - copy to the write stream
 *
 * Return: how many bytes there was room for, up to @len.
 */
size_t vq_write(struct vq_request *req, const void *data, size_t len)
{
	size_t done = 0;

	len = min((u64)len, req->writable);
	while (done < len) {
		const struct iovec *segment = &req->segments[req->write_at];
		size_t part = min(len - done, segment->iov_len);

		memcpy(segment->iov_base, (const u8 *)data + done, part);
		done += part;
		vq_did_write(req, part);
	}
	return done;
}

/**
 * vq_take_last() - cut the last byte off the write stream, for a status that comes last
 *
 * Return: where to put it before vq_push(), or NULL when nothing is writable.
 */
u8 *vq_take_last(struct vq_request *req)
{
	struct iovec *segment;

	if (!req->writable || req->last)
		return NULL;
	segment = &req->segments[req->write_end - 1];
	segment->iov_len--;
	req->last = (u8 *)segment->iov_base + segment->iov_len;
	req->writable--;
	if (!segment->iov_len)
		req->write_end--;
	return req->last;
}

/**
 * vq_read_iov() - what is left of the read stream, as segments of host memory
 * @count:	set to how many
 */
const struct iovec *vq_read_iov(const struct vq_request *req, unsigned int *count)
{
	*count = req->read_end - req->read_at;
	return &req->segments[req->read_at];
}

/**
 * vq_write_iov() - what is left of the write stream, as segments of host memory
 * @count:	set to how many
 */
const struct iovec *vq_write_iov(const struct vq_request *req, unsigned int *count)
{
	*count = req->write_end - req->write_at;
	return &req->segments[req->write_at];
}

/* --- state ----------------------------------------------------------------- */

/**
 * vq_state() - save or load where the device is in the rings; no request may be out
 *
 * What is loaded is for a queue that vq_enable() has just set up.
 */
void vq_state(struct virtqueue *vq, struct state *st)
{
	u16 next_avail = vq->next_avail, next_used = vq->next_used;
	bool avail_wrap = vq->avail_wrap, used_wrap = vq->used_wrap;

	state_u16(st, "next-avail", &next_avail);
	state_u16(st, "next-used", &next_used);
	state_bool(st, "avail-wrap", &avail_wrap);
	state_bool(st, "used-wrap", &used_wrap);
	if (vq->layout == &vq_packed && (next_avail >= vq->rings.size || next_used >= vq->rings.size))
		state_fail(st, "place in a packed ring");
	if (state_loading(st) && !state_error(st)) {
		vq->next_avail = vq->avail_seen = next_avail;
		vq->next_used = next_used;
		vq->avail_wrap = avail_wrap;
		vq->used_wrap = used_wrap;
	}
}
