// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvpanic, the ISA form (QEMU's docs/specs/pvpanic): one port that tells which events
 * it takes when read, and takes them when written.
 *
 * Runs in vCPU threads. It has no state. A panic does not end the run: the kernel
 * that tells of it then resets, halts, or starts its crash kernel.
 */
#include <errno.h>

#include "bus.h"
#include "device.h"
#include "log.h"
#include "outcome.h"
#include "pvpanic.h"
#include "util.h"

struct pvpanic {
	struct device dev;
	struct outcome *outcome;
};

static u64 pvpanic_read(struct device *dev, u64 offset, unsigned int size)
{
	return PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;
}

static void pvpanic_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct pvpanic *p = container_of(dev, struct pvpanic, dev);

	if (value & PVPANIC_PANICKED)
		outcome_panic_seen(p->outcome, "pvpanic");
	if (value & PVPANIC_CRASH_LOADED)
		debug("the guest kernel has panicked, and starts its crash kernel");
}

const struct bus_ops pvpanic_bus_ops = {
	.read = pvpanic_read,
	.write = pvpanic_write,
	.max_size = 1,
};

static void pvpanic_destroy(struct device *dev)
{
	device_fini(dev);
	free(container_of(dev, struct pvpanic, dev));
}

static const struct device_ops pvpanic_ops = {
	.name = "pvpanic",
	.destroy = pvpanic_destroy,
};

/**
 * pvpanic_new() - make the panic port
 * @outcome:	told of a panic; must outlive the device
 *
 * Return: the device, to be put on a bus with pvpanic_bus_ops and PVPANIC_PORTS, or NULL
 * when there is no memory.
 */
struct device *pvpanic_new(struct outcome *outcome)
{
	struct pvpanic *p = calloc(1, sizeof(*p));

	if (!p) {
		error(-ENOMEM, "pvpanic");
		return NULL;
	}
	p->outcome = outcome;
	device_init(&p->dev, &pvpanic_ops, 0);
	return &p->dev;
}
