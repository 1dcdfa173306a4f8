// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device that small test kernels expect (QEMU's pc-testdev, and kvm-unit-tests, which
 * uses it): a latch of four ports that reads back what was written, in whatever sizes; a
 * port for each interrupt line, which sets the line low for 0 and else high; and memory
 * whose every access is an exit.
 *
 * Runs in vCPU threads. Leaves out pc-testdev's port that takes a page of guest memory out
 * of the host's page tables, and all of its 64 KiB of memory but the first page.
 */
#include <errno.h>

#include "bus.h"
#include "device.h"
#include "log.h"
#include "state.h"
#include "test-device.h"
#include "util.h"

struct registers {
	u8 latch[TEST_DEVICE_LATCH_PORTS];
	u32 lines;		/* a bit for each that is high */
	u8 mem[TEST_DEVICE_MEM_SIZE];
};

struct test_device {
	struct device dev;
	struct registers r;
	void (*set_line)(void *arg, unsigned int line, bool level);
	void *arg;
};

static struct test_device *test_device(struct device *dev)
{
	return container_of(dev, struct test_device, dev);
}

static u64 get(const u8 *bytes, unsigned int size)
{
	u64 value = 0;

	memcpy(&value, bytes, size);
	return value;
}

static u64 latch_read(struct device *dev, u64 offset, unsigned int size)
{
	return get(test_device(dev)->r.latch + offset, size);
}

static void latch_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	memcpy(test_device(dev)->r.latch + offset, &value, size);
}

static u64 mem_bus_read(struct device *dev, u64 offset, unsigned int size)
{
	return get(test_device(dev)->r.mem + offset, size);
}

static void mem_bus_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	memcpy(test_device(dev)->r.mem + offset, &value, size);
}

static void line_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct test_device *t = test_device(dev);
	u32 bit = 1U << offset;

	t->r.lines = value ? t->r.lines | bit : t->r.lines & ~bit;
	t->set_line(t->arg, offset, value);
}

const struct bus_ops test_device_latch_bus_ops = {
	.read = latch_read,
	.write = latch_write,
	.max_size = 4,
};

const struct bus_ops test_device_line_bus_ops = {
	.write = line_write,
	.max_size = 1,
};

const struct bus_ops test_device_mem_bus_ops = {
	.read = mem_bus_read,
	.write = mem_bus_write,
	.max_size = 8,
};

static void set_lines(struct test_device *t)
{
	for (unsigned int line = 0; line < TEST_DEVICE_LINES; line++)
		t->set_line(t->arg, line, t->r.lines & 1U << line);
}

static void test_device_reset(struct device *dev)
{
	struct test_device *t = test_device(dev);

	t->r = (struct registers){ 0 };
	set_lines(t);
}

static void test_device_state(struct device *dev, struct state *st)
{
	struct test_device *t = test_device(dev);
	struct registers r = t->r;

	state_version(st, 1);
	state_bytes(st, "latch", r.latch, sizeof(r.latch));
	state_u32_max(st, "lines", &r.lines, (1U << TEST_DEVICE_LINES) - 1);
	state_bytes(st, "mem", r.mem, sizeof(r.mem));
	if (state_commit(st)) {
		t->r = r;
		set_lines(t);
	}
}

static void test_device_destroy(struct device *dev)
{
	device_fini(dev);
	free(test_device(dev));
}

static const struct device_ops test_device_ops = {
	.name = "test-device",
	.reset = test_device_reset,
	.state = test_device_state,
	.destroy = test_device_destroy,
};

/**
 * test_device_new() - make the test device
 * @set_line:	sets the interrupt line of that number, below TEST_DEVICE_LINES; called with
 *		the device's lock held
 * @arg:	for @set_line
 *
 * Return: the device, to be put on buses with test_device_latch_bus_ops and its
 * TEST_DEVICE_LATCH_PORTS, test_device_line_bus_ops and a port for each of
 * TEST_DEVICE_LINES, and test_device_mem_bus_ops and TEST_DEVICE_MEM_SIZE; or NULL when
 * there is no memory.
 */
struct device *test_device_new(void (*set_line)(void *arg, unsigned int line, bool level), void *arg)
{
	struct test_device *t = calloc(1, sizeof(*t));

	if (!t) {
		error(-ENOMEM, "test device");
		return NULL;
	}
	t->set_line = set_line;
	t->arg = arg;
	device_init(&t->dev, &test_device_ops, 0);
	return &t->dev;
}
