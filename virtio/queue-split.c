// SPDX-License-Identifier: GPL-2.0-only
/*
 * Split virtqueues (virtio 1.2, section 2.7): a descriptor table, the ring of chains
 * that the driver makes available, and the ring of those that the device has used.
 *
 * Runs in the device's thread, but for map().
 */
#include "mem.h"
#include "queue.h"
#include "util.h"

static u16 mask(const struct virtqueue *vq)
{
	return vq->rings.size - 1;
}

static struct vring_avail *avail(const struct virtqueue *vq)
{
	return vq->driver;
}

static struct vring_used *used(const struct virtqueue *vq)
{
	return vq->device;
}

/* 2.7.7: the event words follow the rings. */
static u16 *used_event(const struct virtqueue *vq)
{
	return &avail(vq)->ring[vq->rings.size];
}

static u16 *avail_event(const struct virtqueue *vq)
{
	return (u16 *)&used(vq)->ring[vq->rings.size];
}

static const char *split_map(struct virtqueue *vq)
{
	const struct vq_rings *r = &vq->rings;

	if (r->size & (r->size - 1))
		return "its size is not a power of two";
	if (r->desc % 16 || r->driver % 2 || r->device % 4)
		return "its rings are not aligned";
	vq->desc = mem_ptr(vq->cfg.mem, r->desc, 16 * r->size);
	vq->driver = mem_ptr(vq->cfg.mem, r->driver, 6 + 2 * r->size);
	vq->device = mem_ptr(vq->cfg.mem, r->device, 6 + 8 * r->size);
	return vq->desc && vq->driver && vq->device ? NULL : "its rings are not in memory";
}

static bool split_available(struct virtqueue *vq)
{
	if (vq->avail_seen == vq->next_avail)
		vq->avail_seen = __atomic_load_n(&avail(vq)->idx, __ATOMIC_ACQUIRE);
	return vq->avail_seen != vq->next_avail;
}

/* Each descriptor is copied before it is looked at: the guest may change it meanwhile. */
static struct vring_desc read_desc(const void *table, unsigned int index)
{
	struct vring_desc d;

	memcpy(&d, (const u8 *)table + index * sizeof(d), sizeof(d));
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return d;
}

static bool walk(struct virtqueue *vq, struct vq_request *req, const void *table, unsigned int size,
		 unsigned int at, bool nested)
{
	/* A chain that visits more descriptors than there are has a loop. */
	for (unsigned int left = size; left; left--) {
		struct vring_desc d = read_desc(table, at);

		if (d.flags & VRING_DESC_F_INDIRECT) {
			const void *inner;

			if (nested || d.flags & VRING_DESC_F_NEXT) {
				vq_break(vq, "an indirect descriptor in a wrong place");
				return false;
			}
			inner = vq_indirect_table(vq, d.addr, d.len);
			return inner && walk(vq, req, inner, d.len / sizeof(d), 0, true);
		}
		if (!vq_add_buffer(vq, req, d.addr, d.len, d.flags & VRING_DESC_F_WRITE))
			return false;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return true;
		at = d.next;
		if (at >= size) {
			vq_break(vq, "a chain leaves its table");
			return false;
		}
	}
	vq_break(vq, "a chain has a loop");
	return false;
}

static bool split_pop(struct virtqueue *vq, struct vq_request *req)
{
	u16 head;

	if ((u16)(vq->avail_seen - vq->next_avail) > vq->rings.size) {
		vq_break(vq, "the available index has jumped");
		return false;
	}
	head = __atomic_load_n(&avail(vq)->ring[vq->next_avail & mask(vq)], __ATOMIC_RELAXED);
	if (head >= vq->rings.size) {
		vq_break(vq, "a chain begins outside of the table");
		return false;
	}
	req->id = head;
	if (!walk(vq, req, vq->desc, vq->rings.size, head, false))
		return false;
	vq->next_avail++;
	return true;
}

static void split_push(struct virtqueue *vq, const struct vq_request *req, u32 len)
{
	struct vring_used_elem *elem = &used(vq)->ring[vq->next_used & mask(vq)];

	__atomic_store_n(&elem->id, req->id, __ATOMIC_RELAXED);
	__atomic_store_n(&elem->len, len, __ATOMIC_RELAXED);
	mem_dirty(vq->cfg.mem, elem, sizeof(*elem));
	vq->next_used++;
	vq->unannounced++;
	__atomic_store_n(&used(vq)->idx, vq->next_used, __ATOMIC_RELEASE);
	mem_dirty(vq->cfg.mem, used(vq), 4);
}

static void split_event(struct virtqueue *vq, bool on)
{
	if (!vq->event_idx) {
		__atomic_store_n(&used(vq)->flags, on ? 0 : VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
		mem_dirty(vq->cfg.mem, used(vq), 2);
	} else if (on) {
		/* Off is an index that has passed: the driver will not come by it for long. */
		__atomic_store_n(avail_event(vq), vq->next_avail, __ATOMIC_RELAXED);
		mem_dirty(vq->cfg.mem, avail_event(vq), 2);
	}
}

static bool split_wanted(struct virtqueue *vq)
{
	if (!vq->event_idx)
		return !(__atomic_load_n(&avail(vq)->flags, __ATOMIC_RELAXED) & VRING_AVAIL_F_NO_INTERRUPT);
	return vq_passed(__atomic_load_n(used_event(vq), __ATOMIC_RELAXED), vq->next_used,
			 vq->next_used - vq->unannounced);
}

const struct vq_layout vq_split = {
	.map = split_map,
	.pop = split_pop,
	.push = split_push,
	.available = split_available,
	.event = split_event,
	.wanted = split_wanted,
};
