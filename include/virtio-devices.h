/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * THE list of virtio devices. A line makes the option of lkvm run: --NAME, which may be given
 * several times; its argument, or NULL for none; its line of help. The device is the
 * struct virtio_type virtio_NAME in virtio/NAME.c.
 *
 * Whoever includes this says what a line means by defining VIRTIO_DEVICE before.
 */
#ifndef VIRTIO_DEVICE
struct virtio_type;
#define VIRTIO_DEVICE(name, arg, help) extern const struct virtio_type virtio_##name;
#endif

VIRTIO_DEVICE(rng, NULL, "a virtio entropy device")

#undef VIRTIO_DEVICE
