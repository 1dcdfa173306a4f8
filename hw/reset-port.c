// SPDX-License-Identifier: GPL-2.0-only
/*
 * System control port A of a PS/2 (IBM PS/2 Hardware Interface Technical Reference):
 * bit 0 resets the processor, bit 1 is the gate of address line 20.
 *
 * Runs in vCPU threads. It has no state: address line 20 is always on. The other reset
 * register, at port 0xcf9, is part of the PCI host bridge.
 */
#include <errno.h>

#include "bus.h"
#include "device.h"
#include "log.h"
#include "outcome.h"
#include "reset-port.h"
#include "util.h"

#define FAST_RESET	0x01
#define A20		0x02

struct reset_port {
	struct device dev;
	struct outcome *outcome;
};

static u64 reset_port_read(struct device *dev, u64 offset, unsigned int size)
{
	return A20;
}

static void reset_port_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct reset_port *p = container_of(dev, struct reset_port, dev);

	if (value & FAST_RESET)
		outcome_report(p->outcome, OUTCOME_RESET, "port-92", 0);
}

const struct bus_ops reset_port_bus_ops = {
	.read = reset_port_read,
	.write = reset_port_write,
	.max_size = 1,
};

static void reset_port_destroy(struct device *dev)
{
	device_fini(dev);
	free(container_of(dev, struct reset_port, dev));
}

static const struct device_ops reset_port_ops = {
	.name = "reset-port",
	.destroy = reset_port_destroy,
};

/**
 * reset_port_new() - make system control port A
 * @outcome:	told when the guest resets the machine; must outlive the device
 *
 * Return: the device, to be put on a bus with reset_port_bus_ops and RESET_PORT_PORTS, or
 * NULL when there is no memory.
 */
struct device *reset_port_new(struct outcome *outcome)
{
	struct reset_port *p = calloc(1, sizeof(*p));

	if (!p) {
		error(-ENOMEM, "system control port");
		return NULL;
	}
	p->outcome = outcome;
	device_init(&p->dev, &reset_port_ops, 0);
	return &p->dev;
}
