// SPDX-License-Identifier: GPL-2.0-only
/*
 * A debug console: each byte written to the port goes to a character backend. Bochs
 * and QEMU have one at 0xe9, firmware prints to one at 0x402; both read as 0xe9 where
 * there is one.
 *
 * Runs in vCPU threads. It has no state: what the backend does not take at once is
 * dropped, for there is no way to tell the guest to wait.
 */
#include <errno.h>

#include "bus.h"
#include "chr.h"
#include "debug-port.h"
#include "device.h"
#include "log.h"
#include "util.h"

struct debug_port {
	struct device dev;
	struct chr *chr;
};

static u64 debug_port_read(struct device *dev, u64 offset, unsigned int size)
{
	return DEBUG_PORT_PRESENT;
}

static void debug_port_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct debug_port *d = container_of(dev, struct debug_port, dev);
	u8 byte = value;

	if (d->chr)
		d->chr->ops->write(d->chr, &byte, 1);
}

const struct bus_ops debug_port_bus_ops = {
	.read = debug_port_read,
	.write = debug_port_write,
	.max_size = 1,
};

static void debug_port_destroy(struct device *dev)
{
	device_fini(dev);
	free(container_of(dev, struct debug_port, dev));
}

static const struct device_ops debug_port_ops = {
	.name = "debug-port",
	.destroy = debug_port_destroy,
};

/**
 * debug_port_new() - make a debug console
 * @instance:	which one, from 0
 * @chr:	takes what the guest prints, or NULL; must outlive the device. The port
 *		does not attach a front end: it has no use for input, nor for room
 *
 * Return: the device, to be put on a bus with debug_port_bus_ops and DEBUG_PORT_PORTS, or
 * NULL when there is no memory.
 */
struct device *debug_port_new(unsigned int instance, struct chr *chr)
{
	struct debug_port *d = calloc(1, sizeof(*d));

	if (!d) {
		error(-ENOMEM, "debug port %u", instance);
		return NULL;
	}
	d->chr = chr;
	device_init(&d->dev, &debug_port_ops, instance);
	return &d->dev;
}
