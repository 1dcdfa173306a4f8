// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing virtqueues: the input is a hostile driver. It sets up a queue of either layout with
 * requests that are good, then writes where it likes while the device works on them.
 *
 * Each step of the input is an opcode and its operands; what is in flight is
 * limited by the queue, and everything that the device is shown is touched.
 */
#include <stddef.h>

#include <linux/virtio_config.h>

#include "mem.h"
#include "../unit/mock-driver.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define MEMORY	(1 * MiB)
#define RINGS	0x10000
#define SIZE	32

struct input {
	const u8 *data;
	size_t size;
};

static u32 take(struct input *in, unsigned int bytes)
{
	u32 value = 0;

	for (unsigned int i = 0; i < bytes && in->size; i++, in->size--)
		value = value << 8 | *in->data++;
	return value;
}

static void add(struct input *in, struct mock_driver *m)
{
	struct mock_buffer b[MOCK_TABLE];
	unsigned int count = 1 + take(in, 1) % 20, readable = take(in, 1) % 20;

	for (unsigned int i = 0; i < count; i++)
		b[i] = (struct mock_buffer){ 0x80000 + take(in, 2) * 7, take(in, 1) * 33, i >= readable };
	mock_add(m, b, count);
}

/* Somewhere in the rings or tables, at a place that matters. */
static void spoil(struct input *in, struct mem *mem)
{
	static const u32 places[] = { 0, 0x8000, 0x9000, 0x10000 };
	u64 gpa = RINGS + places[take(in, 1) % ARRAY_SIZE(places)] + take(in, 1) * 2;
	u64 value = (u64)take(in, 4) << 32 | take(in, 4);

	mem_write(mem, gpa, &value, 1 + take(in, 1) % 8);
}

static void finish(struct input *in, struct vq_request **out, unsigned int *count)
{
	unsigned int at = take(in, 1) % *count;
	struct vq_request *req = out[at];
	u8 byte;

	while (vq_readable(req) > 4096)
		vq_did_read(req, 4096);
	while (vq_read(req, &byte, 1))
		;
	if (take(in, 1) & 1) {
		u8 *last = vq_take_last(req);

		if (last)
			*last = 1;
	}
	while (vq_writable(req) > 100000)
		vq_did_write(req, 4096);
	while (vq_write(req, "0123456789abcdef", 16) == 16)
		;
	vq_push(req);
	out[at] = out[--*count];
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct mem *mem;
	struct vq_config cfg = { .max_size = SIZE, .private_size = 8 };
	struct vq_request *out[SIZE];
	struct input in = { data, size };
	struct mock_driver m;
	struct virtqueue *vq;
	unsigned int count = 0;
	u64 features;
	u8 kind = take(&in, 1);

	if (!mem) {
		mem = mem_new();
		mem_add(mem, 0, MEMORY, MEM_RAM, NULL);
	}
	features = (kind & 1 ? 1ULL << VIRTIO_F_RING_PACKED : 0) |
		   (kind & 2 ? 1ULL << VIRTIO_RING_F_INDIRECT_DESC : 0) |
		   (kind & 4 ? 1ULL << VIRTIO_RING_F_EVENT_IDX : 0);
	cfg.mem = mem;
	vq = vq_new(&cfg);
	mock_init(&m, mem, RINGS, SIZE, features);
	if (kind & 8)
		m.rings.size = take(&in, 2);
	if (vq_enable(vq, &m.rings, features))
		goto out;
	while (in.size) {
		struct vq_request *req;

		switch (take(&in, 1) % 8) {
		case 0:
		case 1:
			add(&in, &m);
			break;
		case 2:
		case 3:
			spoil(&in, mem);
			break;
		case 4:
			while (count < SIZE && (req = vq_pop(vq)))
				out[count++] = req;
			break;
		case 5:
			if (count)
				finish(&in, out, &count);
			break;
		case 6:
			vq_notify(vq);
			vq_disarm(vq);
			vq_arm(vq);
			break;
		default:
			/* A reset, with requests in flight. */
			if (in.size % 4 == 0) {
				vq_disable(vq);
				count = 0;
				mock_init(&m, mem, RINGS, SIZE, features);
				if (vq_enable(vq, &m.rings, features))
					goto out;
			}
			break;
		}
	}
out:
	vq_free(vq);
	return 0;
}
