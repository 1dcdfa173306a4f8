// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one-register devices: pvpanic, isa-debug-exit, the debug consoles, and system
 * control port A.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chr.h"
#include "debug-exit.h"
#include "debug-port.h"
#include "device-check.h"
#include "outcome.h"
#include "pvpanic.h"
#include "reset-port.h"
#include "util.h"

static struct outcome *outcome;

static int setup(void **state)
{
	outcome = outcome_new(NULL, NULL);
	return !outcome;
}

static int teardown(void **state)
{
	outcome_free(outcome);
	return 0;
}

/* --- a backend with room for a few bytes --- */

struct sink {
	struct chr chr;
	u8 data[16];
	size_t len;
};

static size_t sink_write(struct chr *chr, const u8 *data, size_t len)
{
	struct sink *s = container_of(chr, struct sink, chr);
	size_t n = min(len, sizeof(s->data) - s->len);

	memcpy(s->data + s->len, data, n);
	s->len += n;
	return n;
}

static const struct chr_ops sink_ops = { .write = sink_write };

/* --- pvpanic --- */

static struct device *create_pvpanic(void)
{
	return pvpanic_new(outcome);
}

static void pvpanic_tells_a_panic(void **state)
{
	struct device *dev = create_pvpanic();

	assert_int_equal(device_read(dev, &pvpanic_bus_ops, 0, 1), PVPANIC_PANICKED | PVPANIC_CRASH_LOADED);
	device_write(dev, &pvpanic_bus_ops, 0, PVPANIC_CRASH_LOADED, 1);
	device_write(dev, &pvpanic_bus_ops, 0, 0xfc, 1);
	assert_false(outcome_panicked(outcome));
	device_write(dev, &pvpanic_bus_ops, 0, PVPANIC_PANICKED, 1);
	assert_true(outcome_panicked(outcome));
	/* The kernel goes on, to its crash dump or its reset. */
	assert_false(outcome_ended(outcome));
	outcome_report(outcome, OUTCOME_RESET, "port-cf9", 0);
	assert_int_equal(outcome_exit_status(outcome), STATUS_PANIC);
	assert_string_equal(outcome_evidence(outcome), "pvpanic");
	device_destroy(dev);
}

/* --- isa-debug-exit --- */

static struct device *create_debug_exit(void)
{
	return debug_exit_new(outcome);
}

static void debug_exit_ends_the_run(void **state)
{
	struct device *dev = create_debug_exit();

	assert_int_equal(device_read(dev, &debug_exit_bus_ops, 0, 4), 0);
	assert_false(outcome_ended(outcome));
	device_write(dev, &debug_exit_bus_ops, 0, 0x10, 1);
	assert_int_equal(outcome_reason(outcome), OUTCOME_EXIT);
	assert_int_equal(outcome_exit_status(outcome), 0x21);
	assert_string_equal(outcome_evidence(outcome), "isa-debug-exit");
	/* The first word counts. */
	device_write(dev, &debug_exit_bus_ops, 0, 0x33, 1);
	assert_int_equal(outcome_exit_status(outcome), 0x21);
	device_destroy(dev);
}

static void debug_exit_fits_into_a_status(void **state)
{
	struct device *dev = create_debug_exit();

	device_write(dev, &debug_exit_bus_ops, 0, 0xffffff80, 4);
	assert_int_equal(outcome_value(outcome), 1);
	device_destroy(dev);
}

/* --- debug consoles --- */

static struct device *create_debug_port(void)
{
	return debug_port_new(1, NULL);
}

static void debug_port_prints(void **state)
{
	struct sink sink = { .chr.ops = &sink_ops };
	struct device *dev = debug_port_new(0, &sink.chr);

	assert_int_equal(device_read(dev, &debug_port_bus_ops, 0, 1), 0xe9);
	for (const char *p = "hello"; *p; p++)
		device_write(dev, &debug_port_bus_ops, 0, (u8)*p, 1);
	assert_int_equal(sink.len, 5);
	assert_memory_equal(sink.data, "hello", 5);
	/* A flood goes nowhere, and later bytes do not jump a queue: there is none. */
	for (int i = 0; i < 100000; i++)
		device_write(dev, &debug_port_bus_ops, 0, 'x', 1);
	assert_int_equal(sink.len, sizeof(sink.data));
	sink.len = 0;
	device_write(dev, &debug_port_bus_ops, 0, 'y', 1);
	assert_int_equal(sink.len, 1);
	assert_int_equal(sink.data[0], 'y');
	device_destroy(dev);
}

static void debug_port_without_backend(void **state)
{
	struct device *dev = create_debug_port();

	device_write(dev, &debug_port_bus_ops, 0, 'x', 1);
	assert_int_equal(device_read(dev, &debug_port_bus_ops, 0, 1), 0xe9);
	device_destroy(dev);
}

/* --- system control port A --- */

static struct device *create_reset_port(void)
{
	return reset_port_new(outcome);
}

static void reset_port_resets(void **state)
{
	struct device *dev = create_reset_port();

	assert_int_equal(device_read(dev, &reset_port_bus_ops, 0, 1), 0x02);
	/* A20 stays on, and is no reset. */
	device_write(dev, &reset_port_bus_ops, 0, 0x00, 1);
	device_write(dev, &reset_port_bus_ops, 0, 0xfe, 1);
	assert_int_equal(device_read(dev, &reset_port_bus_ops, 0, 1), 0x02);
	assert_false(outcome_ended(outcome));
	device_write(dev, &reset_port_bus_ops, 0, 0x03, 1);
	assert_int_equal(outcome_reason(outcome), OUTCOME_RESET);
	assert_string_equal(outcome_evidence(outcome), "port-92");
	device_destroy(dev);
}

/* --- all of them --- */

static void generic(void **state)
{
	static const struct device_check checks[] = {
		{ .create = create_pvpanic, .ranges = { { &pvpanic_bus_ops, PVPANIC_PORTS } } },
		{ .create = create_debug_exit, .ranges = { { &debug_exit_bus_ops, DEBUG_EXIT_PORTS } } },
		{ .create = create_debug_port, .ranges = { { &debug_port_bus_ops, DEBUG_PORT_PORTS } } },
		{ .create = create_reset_port, .ranges = { { &reset_port_bus_ops, RESET_PORT_PORTS } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		device_check(&checks[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pvpanic_tells_a_panic, setup, teardown),
		cmocka_unit_test_setup_teardown(debug_exit_ends_the_run, setup, teardown),
		cmocka_unit_test_setup_teardown(debug_exit_fits_into_a_status, setup, teardown),
		cmocka_unit_test_setup_teardown(debug_port_prints, setup, teardown),
		cmocka_unit_test_setup_teardown(debug_port_without_backend, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_port_resets, setup, teardown),
		cmocka_unit_test_setup_teardown(generic, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
