// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's side of split and packed queues (virtio 1.2, 2.7.13 and 2.8.21), one
 * thread, without a device behind it.
 */
#include <linux/virtio_config.h>

#include "log.h"
#include "mem.h"
#include "mock-driver.h"
#include "util.h"

#define AVAIL	(1 << VRING_PACKED_DESC_F_AVAIL)
#define USED	(1 << VRING_PACKED_DESC_F_USED)

/**
 * mock_ptr() - guest memory as the driver sees it
 */
u8 *mock_ptr(const struct mock_driver *m, u64 gpa)
{
	return mem_ptr(m->mem, gpa, 1);
}

/**
 * mock_init() - lay out a queue in guest memory
 * @m:		set up
 * @mem:	must have some MiB from @gpa on
 * @gpa:	where the rings go, a multiple of 4096
 * @size:	entries, up to MOCK_SIZE_MAX
 * @features:	what was negotiated
 */
void mock_init(struct mock_driver *m, struct mem *mem, u64 gpa, unsigned int size, u64 features)
{
	*m = (struct mock_driver){
		.mem = mem,
		.packed = features & 1ULL << VIRTIO_F_RING_PACKED,
		.indirect = features & 1ULL << VIRTIO_RING_F_INDIRECT_DESC,
		.event_idx = features & 1ULL << VIRTIO_RING_F_EVENT_IDX,
		.size = size,
		.rings = { size, gpa, gpa + 0x8000, gpa + 0x9000 },
		.tables = gpa + 0x10000,
		.free_count = size,
		.free_entries = size,
		.next_wrap = true,
		.used_wrap = true,
	};
	BUG_ON(size > MOCK_SIZE_MAX);
	m->data = m->tables + (u64)size * MOCK_TABLE * 16;
	m->desc = mem_ptr(mem, m->rings.desc, 0x8000);
	m->driver = mem_ptr(mem, m->rings.driver, 0x1000);
	m->device = mem_ptr(mem, m->rings.device, 0x3000);
	BUG_ON(!m->desc || !m->driver || !m->device);
	memset(m->desc, 0, 0x8000);
	memset(m->driver, 0, 0x1000);
	memset(m->device, 0, 0x3000);
	for (unsigned int i = 0; i < size; i++)
		m->free_ids[i] = size - 1 - i;
}

static struct vring_desc *split_desc(struct mock_driver *m, u16 i)
{
	return (struct vring_desc *)m->desc + i;
}

static void fill_table(struct mock_driver *m, u16 id, const struct mock_buffer *b, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		u16 flags = b[i].writable ? VRING_DESC_F_WRITE : 0;
		u8 *to = mock_ptr(m, m->tables + ((u64)id * MOCK_TABLE + i) * 16);

		if (m->packed) {
			struct vring_packed_desc d = { b[i].gpa, b[i].len, 0, flags };

			memcpy(to, &d, sizeof(d));
		} else {
			struct vring_desc d = { b[i].gpa, b[i].len, flags, i + 1 };

			if (i + 1 < count)
				d.flags |= VRING_DESC_F_NEXT;
			memcpy(to, &d, sizeof(d));
		}
	}
}

static void split_add(struct mock_driver *m, u16 head, const struct mock_buffer *b, unsigned int count, u16 also)
{
	struct vring_avail *avail = m->driver;
	u16 at = head;

	for (unsigned int i = 0; i < count; i++) {
		struct vring_desc *d = split_desc(m, at);

		*d = (struct vring_desc){ b[i].gpa, b[i].len, (b[i].writable ? VRING_DESC_F_WRITE : 0) | also, 0 };
		if (i + 1 < count) {
			d->flags |= VRING_DESC_F_NEXT;
			at = d->next = m->free_ids[--m->free_count];
		}
	}
	m->free_entries -= count;
	m->chain[head] = count;
	__atomic_store_n(&avail->ring[m->next & (m->size - 1)], head, __ATOMIC_RELAXED);
	m->next++;
	__atomic_store_n(&avail->idx, m->next, __ATOMIC_RELEASE);
}

static void packed_add(struct mock_driver *m, u16 id, const struct mock_buffer *b, unsigned int count, u16 also)
{
	struct vring_packed_desc *ring = m->desc, *first = &ring[m->next];
	u16 first_flags = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct vring_packed_desc *d = &ring[m->next];
		u16 flags = (m->next_wrap ? AVAIL : USED) | also;

		flags |= (b[i].writable ? VRING_DESC_F_WRITE : 0) | (i + 1 < count ? VRING_DESC_F_NEXT : 0);
		d->addr = b[i].gpa;
		d->len = b[i].len;
		d->id = id;
		if (i)
			d->flags = flags;
		else
			first_flags = flags;
		if (++m->next == m->size) {
			m->next = 0;
			m->next_wrap = !m->next_wrap;
		}
	}
	m->free_entries -= count;
	m->chain[id] = count;
	__atomic_store_n(&first->flags, first_flags, __ATOMIC_RELEASE);
}

/**
 * mock_add() - make a chain available
 * @m:		the driver
 * @buffers:	readable ones first
 * @count:	how many; with indirect descriptors up to MOCK_TABLE
 *
 * Return: its id, or -1 when there is no room.
 */
int mock_add(struct mock_driver *m, const struct mock_buffer *buffers, unsigned int count)
{
	struct mock_buffer table;
	bool indirect = m->indirect && count > 1;
	unsigned int entries = indirect ? 1 : count;
	u16 id;

	if (!m->free_count || m->free_entries < entries || (!m->packed && m->free_count < entries))
		return -1;
	id = m->free_ids[--m->free_count];
	if (indirect) {
		fill_table(m, id, buffers, count);
		table = (struct mock_buffer){ m->tables + (u64)id * MOCK_TABLE * 16, count * 16, false };
		buffers = &table;
	}
	(m->packed ? packed_add : split_add)(m, id, buffers, entries, indirect ? VRING_DESC_F_INDIRECT : 0);
	return id;
}

/* What the device writes, or reads, at the same time. */
#define load(p)		__atomic_load_n((p), __ATOMIC_RELAXED)
#define store(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELAXED)

static bool passed(u16 event, u16 new, u16 old)
{
	return (u16)(new - event - 1) < (u16)(new - old);
}

/**
 * mock_kick_wanted() - whether the device wants to know of what was added since the last call
 */
bool mock_kick_wanted(struct mock_driver *m)
{
	u16 old = m->kick_from, added;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	m->kick_from = m->next;
	if (m->packed) {
		struct vring_packed_desc_event *e = m->device;
		u16 flags = load(&e->flags), off_wrap = load(&e->off_wrap), event = off_wrap & 0x7fff;

		if (flags != VRING_PACKED_EVENT_FLAG_DESC)
			return flags == VRING_PACKED_EVENT_FLAG_ENABLE;
		added = (m->next + m->size - old) % m->size;
		if (off_wrap >> 15 != m->next_wrap)
			event -= m->size;
		return passed(event, m->next, m->next - added);
	}
	if (m->event_idx) {
		struct vring_used *used = m->device;

		return passed(load((u16 *)&used->ring[m->size]), m->next, old);
	}
	return !(load(&((struct vring_used *)m->device)->flags) & VRING_USED_F_NO_NOTIFY);
}

/**
 * mock_want_interrupts() - ask for an interrupt at the next used buffer, or for none
 */
void mock_want_interrupts(struct mock_driver *m, bool on)
{
	if (m->packed) {
		struct vring_packed_desc_event *e = m->driver;

		store(&e->off_wrap, m->used | m->used_wrap << 15);
		store(&e->flags, !on ? VRING_PACKED_EVENT_FLAG_DISABLE :
		      m->event_idx ? VRING_PACKED_EVENT_FLAG_DESC : VRING_PACKED_EVENT_FLAG_ENABLE);
	} else {
		struct vring_avail *avail = m->driver;

		store(&avail->flags, on ? 0 : VRING_AVAIL_F_NO_INTERRUPT);
		/* One that has passed is as good as none. */
		store(&avail->ring[m->size], on ? m->used : (u16)(m->used - 1));
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void free_chain(struct mock_driver *m, u16 id)
{
	unsigned int count = m->chain[id];

	m->free_entries += count;
	if (!m->packed) {
		u16 at = id;

		for (unsigned int i = 1; i < count; i++) {
			at = split_desc(m, at)->next;
			m->free_ids[m->free_count++] = at;
		}
	}
	m->free_ids[m->free_count++] = id;
	m->chain[id] = 0;
}

/**
 * mock_take() - take a used chain
 * @id:		set to what mock_add() gave
 * @len:	set to the bytes that the device says it has written
 *
 * Return: whether there was one.
 */
bool mock_take(struct mock_driver *m, u16 *id, u32 *len)
{
	if (m->packed) {
		struct vring_packed_desc *d = (struct vring_packed_desc *)m->desc + m->used;
		u16 flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);

		if (!!(flags & USED) != m->used_wrap || !!(flags & AVAIL) != m->used_wrap)
			return false;
		*id = d->id;
		*len = flags & VRING_DESC_F_WRITE ? d->len : 0;
		BUG_ON(*id >= m->size || !m->chain[*id]);
		m->used += m->chain[*id];
		if (m->used >= m->size) {
			m->used -= m->size;
			m->used_wrap = !m->used_wrap;
		}
	} else {
		struct vring_used *used = m->device;
		struct vring_used_elem *e = &used->ring[m->used & (m->size - 1)];

		if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == m->used)
			return false;
		*id = e->id;
		*len = e->len;
		BUG_ON(*id >= m->size || !m->chain[*id]);
		m->used++;
	}
	free_chain(m, *id);
	return true;
}
