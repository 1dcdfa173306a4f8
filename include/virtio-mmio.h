/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio over MMIO.
 */
#ifndef LKVM_VIRTIO_MMIO_H
#define LKVM_VIRTIO_MMIO_H

#include "types.h"

struct bus_ops;
struct doorbells;
struct irq;
struct virtio_device;

#define VIRTIO_MMIO_SIZE 0x200

extern const struct bus_ops virtio_mmio_bus_ops;

int virtio_mmio_attach(struct virtio_device *dev, u64 base, const struct irq *irq, struct doorbells *doorbells);

#endif /* LKVM_VIRTIO_MMIO_H */
