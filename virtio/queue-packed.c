// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packed virtqueues (virtio 1.2, section 2.8): one ring of descriptors that both sides
 * write, whose bits tell by a wrap counter whether an entry is available or used.
 *
 * Runs in the device's thread, but for map().
 */
#include "mem.h"
#include "queue.h"
#include "util.h"

#define AVAIL	(1 << VRING_PACKED_DESC_F_AVAIL)
#define USED	(1 << VRING_PACKED_DESC_F_USED)

static struct vring_packed_desc *entry(const struct virtqueue *vq, u16 at)
{
	return (struct vring_packed_desc *)vq->desc + at;
}

static struct vring_packed_desc_event *driver_event(const struct virtqueue *vq)
{
	return vq->driver;
}

static struct vring_packed_desc_event *device_event(const struct virtqueue *vq)
{
	return vq->device;
}

static const char *packed_map(struct virtqueue *vq)
{
	const struct vq_rings *r = &vq->rings;

	if (r->desc % 16 || r->driver % 4 || r->device % 4)
		return "its rings are not aligned";
	vq->desc = mem_ptr(vq->cfg.mem, r->desc, sizeof(struct vring_packed_desc) * r->size);
	vq->driver = mem_ptr(vq->cfg.mem, r->driver, sizeof(struct vring_packed_desc_event));
	vq->device = mem_ptr(vq->cfg.mem, r->device, sizeof(struct vring_packed_desc_event));
	return vq->desc && vq->driver && vq->device ? NULL : "its rings are not in memory";
}

static bool packed_available(struct virtqueue *vq)
{
	u16 flags = __atomic_load_n(&entry(vq, vq->next_avail)->flags, __ATOMIC_ACQUIRE);

	return !!(flags & AVAIL) == vq->avail_wrap && !!(flags & USED) != vq->avail_wrap;
}

static struct vring_packed_desc read_desc(const struct vring_packed_desc *from)
{
	struct vring_packed_desc d;

	memcpy(&d, from, sizeof(d));
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return d;
}

/* 2.8.8: the table's entries are one chain, whatever their NEXT bits say. */
static bool walk_indirect(struct virtqueue *vq, struct vq_request *req, const struct vring_packed_desc *outer)
{
	const struct vring_packed_desc *table = vq_indirect_table(vq, outer->addr, outer->len);

	for (u32 i = 0; table && i < outer->len / sizeof(*table); i++) {
		struct vring_packed_desc d = read_desc(&table[i]);

		if (d.flags & VRING_DESC_F_INDIRECT) {
			vq_break(vq, "an indirect descriptor in a wrong place");
			return false;
		}
		if (!vq_add_buffer(vq, req, d.addr, d.len, d.flags & VRING_DESC_F_WRITE))
			return false;
	}
	return table;
}

static bool packed_pop(struct virtqueue *vq, struct vq_request *req)
{
	unsigned int size = vq->rings.size, count = 0;
	u16 at = vq->next_avail;
	struct vring_packed_desc d;

	do {
		if (count == size) {
			vq_break(vq, "a chain is longer than the ring");
			return false;
		}
		d = read_desc(entry(vq, at));
		count++;
		at = at + 1U == size ? 0 : at + 1;
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (count > 1 || d.flags & VRING_DESC_F_NEXT) {
				vq_break(vq, "an indirect descriptor in a wrong place");
				return false;
			}
			if (!walk_indirect(vq, req, &d))
				return false;
		} else if (!vq_add_buffer(vq, req, d.addr, d.len, d.flags & VRING_DESC_F_WRITE)) {
			return false;
		}
	} while (d.flags & VRING_DESC_F_NEXT);
	req->id = d.id;
	req->ring_entries = count;
	vq->avail_wrap ^= vq->next_avail + count >= size;
	vq->next_avail = at;
	return true;
}

static void packed_push(struct virtqueue *vq, const struct vq_request *req, u32 len)
{
	struct vring_packed_desc *d = entry(vq, vq->next_used);
	u16 flags = vq->used_wrap ? AVAIL | USED : 0;

	__atomic_store_n(&d->id, req->id, __ATOMIC_RELAXED);
	__atomic_store_n(&d->len, len, __ATOMIC_RELAXED);
	if (len)
		flags |= VRING_DESC_F_WRITE;
	__atomic_store_n(&d->flags, flags, __ATOMIC_RELEASE);
	mem_dirty(vq->cfg.mem, d, sizeof(*d));
	vq->unannounced += req->ring_entries;
	vq->next_used += req->ring_entries;
	if (vq->next_used >= vq->rings.size) {
		vq->next_used -= vq->rings.size;
		vq->used_wrap = !vq->used_wrap;
	}
}

static void packed_event(struct virtqueue *vq, bool on)
{
	struct vring_packed_desc_event *e = device_event(vq);
	u16 flags = VRING_PACKED_EVENT_FLAG_DISABLE;

	if (on && vq->event_idx) {
		__atomic_store_n(&e->off_wrap, vq->next_avail | vq->avail_wrap << VRING_PACKED_EVENT_F_WRAP_CTR,
				 __ATOMIC_RELAXED);
		flags = VRING_PACKED_EVENT_FLAG_DESC;
	} else if (on) {
		flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	}
	__atomic_store_n(&e->flags, flags, __ATOMIC_RELEASE);
	mem_dirty(vq->cfg.mem, e, sizeof(*e));
}

static bool packed_wanted(struct virtqueue *vq)
{
	u16 flags = __atomic_load_n(&driver_event(vq)->flags, __ATOMIC_ACQUIRE);
	u16 off_wrap, event;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !vq->event_idx)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	off_wrap = __atomic_load_n(&driver_event(vq)->off_wrap, __ATOMIC_RELAXED);
	event = off_wrap & ~(1U << VRING_PACKED_EVENT_F_WRAP_CTR);
	/* An event of the round before, counted back from this one's beginning. */
	if (off_wrap >> VRING_PACKED_EVENT_F_WRAP_CTR != vq->used_wrap)
		event -= vq->rings.size;
	return vq_passed(event, vq->next_used, vq->next_used - vq->unannounced);
}

const struct vq_layout vq_packed = {
	.map = packed_map,
	.pop = packed_pop,
	.push = packed_push,
	.available = packed_available,
	.event = packed_event,
	.wanted = packed_wanted,
};
