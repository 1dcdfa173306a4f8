// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entropy device (virtio 1.2, section 5.4): random bytes from the host's kernel.
 *
 * A request gets at most RNG_MAX bytes, whatever it asks for: 5.4.6.1 lets a device give
 * fewer, and a guest shall not make the host work for megabytes. getrandom() does not block
 * once the host has booted, so that it may be called on the loop.
 */
#include <errno.h>
#include <sys/random.h>

#include "log.h"
#include "util.h"
#include "virtio-devices.h"
#include "virtio.h"

#define RNG_QUEUE	64
#define RNG_MAX		4096

static bool rng_request(struct virtio_device *dev, unsigned int queue, struct vq_request *req)
{
	u8 bytes[RNG_MAX];
	size_t len = min(vq_writable(req), (u64)sizeof(bytes));
	ssize_t got;

	if (!len)
		return false;
	got = getrandom(bytes, len, GRND_NONBLOCK);
	if (got < 0) {
		/* The host has none yet: the guest gets none. */
		warning("virtio rng: %s", strerror(errno));
		got = 0;
	}
	vq_write(req, bytes, got);
	vq_push(req);
	return true;
}

static void rng_destroy(struct virtio_device *dev)
{
	virtio_fini(dev);
	free(dev);
}

static struct virtio_device *rng_create(const struct virtio_place *place, const char *arg)
{
	struct virtio_device *dev = calloc(1, sizeof(*dev));

	if (!dev) {
		error(-ENOMEM, "virtio rng");
		return NULL;
	}
	if (virtio_init(dev, &virtio_rng, place, 1, RNG_QUEUE)) {
		rng_destroy(dev);
		return NULL;
	}
	return dev;
}

const struct virtio_type virtio_rng = {
	.name = "rng",
	.create = rng_create,
	.id = VIRTIO_ID_RNG,
	.pci_class = 0x00ff00,
	.request = rng_request,
	.destroy = rng_destroy,
};
