// SPDX-License-Identifier: GPL-2.0-only
/*
 * isa-debug-exit as QEMU has it: a write of v ends the run with status (v << 1) | 1, so
 * that no status can be mistaken for a success of the machine itself.
 *
 * Runs in vCPU threads. It has no state.
 */
#include <errno.h>

#include "bus.h"
#include "debug-exit.h"
#include "device.h"
#include "log.h"
#include "outcome.h"
#include "util.h"

struct debug_exit {
	struct device dev;
	struct outcome *outcome;
};

static u64 debug_exit_read(struct device *dev, u64 offset, unsigned int size)
{
	return 0;
}

static void debug_exit_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct debug_exit *d = container_of(dev, struct debug_exit, dev);

	outcome_report(d->outcome, OUTCOME_EXIT, "isa-debug-exit", (value << 1 | 1) & 0xff);
}

const struct bus_ops debug_exit_bus_ops = {
	.read = debug_exit_read,
	.write = debug_exit_write,
	.max_size = 4,
};

static void debug_exit_destroy(struct device *dev)
{
	device_fini(dev);
	free(container_of(dev, struct debug_exit, dev));
}

static const struct device_ops debug_exit_ops = {
	.name = "debug-exit",
	.destroy = debug_exit_destroy,
};

/**
 * debug_exit_new() - make the exit port
 * @outcome:	told of the status; must outlive the device
 *
 * Return: the device, to be put on a bus with debug_exit_bus_ops and DEBUG_EXIT_PORTS, or
 * NULL when there is no memory.
 */
struct device *debug_exit_new(struct outcome *outcome)
{
	struct debug_exit *d = calloc(1, sizeof(*d));

	if (!d) {
		error(-ENOMEM, "isa-debug-exit");
		return NULL;
	}
	d->outcome = outcome;
	device_init(&d->dev, &debug_exit_ops, 0);
	return &d->dev;
}
