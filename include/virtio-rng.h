/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio entropy device.
 */
#ifndef LKVM_VIRTIO_RNG_H
#define LKVM_VIRTIO_RNG_H

struct loop;
struct mem;
struct virtio_device;

struct virtio_device *virtio_rng_new(unsigned int instance, struct mem *mem, struct loop *loop);

#endif /* LKVM_VIRTIO_RNG_H */
