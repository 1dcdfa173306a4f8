// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test device: latch, interrupt lines, memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device-check.h"
#include "test-device.h"
#include "util.h"

static struct {
	unsigned int calls;
	u32 levels;
	unsigned int last;
} lines;

static void set_line(void *arg, unsigned int line, bool level)
{
	assert_ptr_equal(arg, &lines);
	assert_true(line < TEST_DEVICE_LINES);
	lines.calls++;
	lines.last = line;
	lines.levels = level ? lines.levels | 1U << line : lines.levels & ~(1U << line);
}

static struct device *create(void)
{
	memset(&lines, 0, sizeof(lines));
	return test_device_new(set_line, &lines);
}

static void latch_reads_back(void **state)
{
	struct device *dev = create();
	const struct bus_ops *ops = &test_device_latch_bus_ops;

	assert_int_equal(device_read(dev, ops, 0, 4), 0);
	device_write(dev, ops, 0, 0x12345678, 4);
	assert_int_equal(device_read(dev, ops, 0, 4), 0x12345678);
	assert_int_equal(device_read(dev, ops, 0, 1), 0x78);
	assert_int_equal(device_read(dev, ops, 3, 1), 0x12);
	assert_int_equal(device_read(dev, ops, 2, 2), 0x1234);
	device_write(dev, ops, 1, 0xab, 1);
	device_write(dev, ops, 2, 0xcdef, 2);
	assert_int_equal(device_read(dev, ops, 0, 4), 0xcdefab78);
	device_reset(dev);
	assert_int_equal(device_read(dev, ops, 0, 4), 0);
	device_destroy(dev);
}

static void lines_are_levels(void **state)
{
	struct device *dev = create();
	const struct bus_ops *ops = &test_device_line_bus_ops;

	for (unsigned int line = 0; line < TEST_DEVICE_LINES; line++) {
		device_write(dev, ops, line, 0x80, 1);
		assert_int_equal(lines.last, line);
		assert_int_equal(lines.levels, 1U << line);
		device_write(dev, ops, line, 0, 1);
		assert_int_equal(lines.levels, 0);
	}
	assert_int_equal(lines.calls, 2 * TEST_DEVICE_LINES);
	assert_int_equal(device_read(dev, ops, 5, 1), 0xff);
	device_write(dev, ops, 5, 1, 1);
	device_reset(dev);
	assert_int_equal(lines.levels, 0);
	device_destroy(dev);
}

/* Lines that were high are high again where the state is loaded. */
static void state_carries_lines(void **state)
{
	struct device *dev = create(), *other;

	device_write(dev, &test_device_line_bus_ops, 3, 1, 1);
	device_write(dev, &test_device_line_bus_ops, 23, 1, 1);
	other = create();
	device_transfer(dev, other);
	assert_int_equal(lines.levels, 1U << 3 | 1U << 23);
	device_destroy(dev);
	device_destroy(other);
}

static void memory_reads_back(void **state)
{
	struct device *dev = create();
	const struct bus_ops *ops = &test_device_mem_bus_ops;

	device_write(dev, ops, 0, 0x1122334455667788, 8);
	assert_int_equal(device_read(dev, ops, 0, 8), 0x1122334455667788);
	assert_int_equal(device_read(dev, ops, 6, 2), 0x1122);
	device_write(dev, ops, TEST_DEVICE_MEM_SIZE - 1, 0x5a, 1);
	assert_int_equal(device_read(dev, ops, TEST_DEVICE_MEM_SIZE - 8, 8), 0x5a00000000000000);
	device_destroy(dev);
}

static void generic(void **state)
{
	static const struct device_check check = {
		.create = create,
		.ranges = {
			{ &test_device_latch_bus_ops, TEST_DEVICE_LATCH_PORTS },
			{ &test_device_line_bus_ops, TEST_DEVICE_LINES },
			{ &test_device_mem_bus_ops, TEST_DEVICE_MEM_SIZE },
		},
	};

	device_check(&check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(latch_reads_back),
		cmocka_unit_test(lines_are_levels),
		cmocka_unit_test(state_carries_lines),
		cmocka_unit_test(memory_reads_back),
		cmocka_unit_test(generic),
	};

	return cmocka_run_group_tests_name("test-device", tests, NULL, NULL);
}
