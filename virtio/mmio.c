// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio over MMIO (virtio 1.2, section 4.2), version 2.
 *
 * Registers run in vCPU threads under the device's lock; interrupts come from the device's loop.
 * The interrupt is edge-triggered, one pulse for each reason, so that devices may share it.
 *
 * Left out: the legacy interface, shared memory regions (none is offered).
 */
#include <errno.h>
#include <stdatomic.h>

#include <linux/virtio_mmio.h>

#include "bus.h"
#include "doorbell.h"
#include "irq.h"
#include "log.h"
#include "util.h"
#include "virtio-mmio.h"
#include "virtio.h"

#define MAGIC		0x74726976	/* "virt" */
#define VERSION		2
#define VENDOR		0x4d564b4c	/* "LKVM" */
#define QUEUE_RESET	0x0c0		/* 4.2.2; the kernel's header has no name for it */

struct virtio_mmio {
	u64 base;
	const struct irq *irq;
	struct doorbells *doorbells;
	u32 device_select, driver_select, queue_select;
	_Atomic u32 interrupt;
};

static struct virtio_mmio *mmio(const struct virtio_device *dev)
{
	return dev->transport_data;
}

static void interrupt(struct virtio_device *dev, u32 reason)
{
	atomic_fetch_or(&mmio(dev)->interrupt, reason);
	irq_raise(mmio(dev)->irq);
}

static void queue_interrupt(struct virtio_device *dev, unsigned int queue)
{
	interrupt(dev, VIRTIO_MMIO_INT_VRING);
}

static void config_interrupt(struct virtio_device *dev)
{
	interrupt(dev, VIRTIO_MMIO_INT_CONFIG);
}

static void started(struct virtio_device *dev, bool on)
{
	struct virtio_mmio *t = mmio(dev);

	for (unsigned int i = 0; t->doorbells && i < dev->queue_count; i++) {
		struct doorbell bell = {
			.addr = t->base + VIRTIO_MMIO_QUEUE_NOTIFY,
			.size = 4,
			.match = true,
			.value = i,
			.fd = dev->queues[i].kick_fd,
		};

		/* Where it fails, the write reaches write_register(). */
		t->doorbells->set(t->doorbells, &bell, on);
	}
	if (!on) {
		t->device_select = t->driver_select = t->queue_select = 0;
		t->interrupt = 0;
	}
}

static void destroy(struct virtio_device *dev)
{
	free(dev->transport_data);
	dev->transport_data = NULL;
}

static const struct virtio_transport virtio_mmio = {
	.name = "mmio",
	.queue_interrupt = queue_interrupt,
	.config_interrupt = config_interrupt,
	.started = started,
	.destroy = destroy,
};

static u32 read_register(struct virtio_device *dev, u64 offset)
{
	struct virtio_mmio *t = mmio(dev);
	struct virtio_queue *q = virtio_queue(dev, t->queue_select);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return dev->type->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return virtio_offered(dev, t->device_select);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return q ? vq_max_size(q->vq) : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return q && q->ready;
	case QUEUE_RESET:
		return q && q->resetting;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return t->interrupt;
	case VIRTIO_MMIO_STATUS:
		return virtio_status(dev);
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return 0xffffffff;	/* there is no such region */
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return dev->generation;
	default:
		return 0;		/* write-only, or none */
	}
}

static void set_half(u64 *field, bool high, u32 value)
{
	*field = high ? (*field & 0xffffffff) | (u64)value << 32 : (*field & ~0xffffffffULL) | value;
}

static void write_queue(struct virtio_queue *q, u64 offset, u32 value)
{
	if (offset == VIRTIO_MMIO_QUEUE_READY) {
		/* 4.2.2.1: 0 takes the queue away from the device, 1 gives it. */
		if (value)
			virtio_queue_enable(q);
		else
			virtio_queue_reset(q);
		return;
	}
	if (offset == QUEUE_RESET) {
		if (value == 1)
			virtio_queue_reset(q);
		return;
	}
	if (!virtio_queue_writable(q))
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		q->rings.size = value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&q->rings.desc, offset == VIRTIO_MMIO_QUEUE_DESC_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&q->rings.driver, offset == VIRTIO_MMIO_QUEUE_AVAIL_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&q->rings.device, offset == VIRTIO_MMIO_QUEUE_USED_HIGH, value);
		break;
	}
}

static void write_register(struct virtio_device *dev, u64 offset, u32 value)
{
	struct virtio_mmio *t = mmio(dev);
	struct virtio_queue *q = virtio_queue(dev, t->queue_select);

	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		t->device_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		t->driver_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		virtio_accept(dev, t->driver_select, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		t->queue_select = value;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		q = virtio_queue(dev, value);
		if (q)
			virtio_kick(q);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		atomic_fetch_and(&t->interrupt, ~value);
		break;
	case VIRTIO_MMIO_STATUS:
		virtio_set_status(dev, value & 0xff);
		break;
	default:
		if (q)
			write_queue(q, offset, value);
		break;
	}
}

static u64 mmio_read(struct device *d, u64 offset, unsigned int size)
{
	struct virtio_device *dev = container_of(d, struct virtio_device, dev);

	if (offset >= VIRTIO_MMIO_CONFIG)
		return virtio_config_read(dev, offset - VIRTIO_MMIO_CONFIG, size);
	/* 4.2.2.2: only aligned accesses of 32 bits. */
	return size == 4 ? read_register(dev, offset) : 0;
}

static void mmio_write(struct device *d, u64 offset, u64 value, unsigned int size)
{
	struct virtio_device *dev = container_of(d, struct virtio_device, dev);

	if (offset >= VIRTIO_MMIO_CONFIG)
		virtio_config_write(dev, offset - VIRTIO_MMIO_CONFIG, value, size);
	else if (size == 4)
		write_register(dev, offset, value);
}

const struct bus_ops virtio_mmio_bus_ops = {
	.read = mmio_read,
	.write = mmio_write,
	.max_size = 4,
};

/**
 * virtio_mmio_attach() - let the guest reach a device by MMIO
 * @dev:	has no transport yet
 * @base:	guest-physical address of its registers, for the doorbells; the caller puts
 *		&dev->dev on the bus there with virtio_mmio_bus_ops and VIRTIO_MMIO_SIZE
 * @irq:	edge-triggered
 * @doorbells:	or NULL
 *
 * Return: 0 or -ENOMEM, said.
 */
int virtio_mmio_attach(struct virtio_device *dev, u64 base, const struct irq *irq, struct doorbells *doorbells)
{
	struct virtio_mmio *t = calloc(1, sizeof(*t));

	if (!t)
		return error(-ENOMEM, "virtio %s", dev->type->name);
	t->base = base;
	t->irq = irq;
	t->doorbells = doorbells;
	dev->transport = &virtio_mmio;
	dev->transport_data = t;
	return 0;
}
