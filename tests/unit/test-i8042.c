// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keyboard controller and its keyboard, driven as drivers do it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device-check.h"
#include "i8042.h"
#include "irq.h"
#include "outcome.h"
#include "util.h"

#define OBF	0x01
#define IBF	0x02
#define AUX	0x20
#define TIMEOUT	0x40

static struct irq kbd, mouse;
static struct outcome *outcome;
static struct device *k;
static unsigned int accesses;

static u8 status(void)
{
	accesses++;
	return device_read(k, &i8042_command_bus_ops, 0, 1);
}

static u8 data(void)
{
	accesses++;
	return device_read(k, &i8042_data_bus_ops, 0, 1);
}

static void command(u8 value)
{
	/* A driver waits for an empty input buffer. */
	assert_false(status() & IBF);
	accesses++;
	device_write(k, &i8042_command_bus_ops, 0, value, 1);
}

static void parameter(u8 value)
{
	assert_false(status() & IBF);
	accesses++;
	device_write(k, &i8042_data_bus_ops, 0, value, 1);
}

static u8 answer(void)
{
	assert_true(status() & OBF);
	return data();
}

static void assert_nothing(void)
{
	assert_false(status() & OBF);
}

static void write_ctr(u8 ctr)
{
	command(0x60);
	parameter(ctr);
}

static u8 read_ctr(void)
{
	command(0x20);
	return answer();
}

static struct device *create(void)
{
	return i8042_new(&kbd, &mouse, outcome);
}

static int setup(void **state)
{
	outcome = outcome_new(NULL, NULL);
	if (!outcome || irq_init(&kbd, 1, false) || irq_init(&mouse, 12, false))
		return -1;
	k = create();
	return !k;
}

static int teardown(void **state)
{
	device_destroy(k);
	irq_fini(&kbd);
	irq_fini(&mouse);
	outcome_free(outcome);
	return 0;
}

/* --- controller --- */

static void power_on(void **state)
{
	/* Nothing to fetch, not locked, tested. */
	assert_int_equal(status(), 0x14);
	assert_int_equal(read_ctr(), 0x65);
	assert_false(irq_take(&mouse));
}

static void controller_commands(void **state)
{
	command(0xaa);
	assert_int_equal(answer(), 0x55);
	command(0xab);
	assert_int_equal(answer(), 0x00);
	command(0xc0);
	assert_int_equal(answer(), 0x80);
	command(0xd0);
	assert_int_equal(answer() & 0x0f, 0x03);
	command(0x21);
	assert_int_equal(answer(), 0x00);
	/* Unknown ones, and pulses of no line. */
	command(0xb5);
	command(0xff);
	assert_nothing();
	/* The data port shows its last byte. */
	assert_int_equal(data(), 0x00);
	assert_false(outcome_ended(outcome));
}

static void status_tells_the_last_port(void **state)
{
	command(0xae);
	assert_int_equal(status() & 0x08, 0x08);
	parameter(0xee);
	assert_int_equal(status() & 0x08, 0);
}

static void command_byte(void **state)
{
	write_ctr(0xff);
	assert_int_equal(read_ctr(), 0x77);
	write_ctr(0x00);
	assert_int_equal(read_ctr(), 0x00);
	command(0xad);
	assert_int_equal(read_ctr(), 0x10);
	command(0xae);
	assert_int_equal(read_ctr(), 0x00);
	command(0xa7);
	assert_int_equal(read_ctr(), 0x20);
	command(0xa8);
	assert_int_equal(read_ctr(), 0x00);
	/* Other bytes of its memory are none. */
	command(0x61);
	parameter(0xff);
	assert_int_equal(read_ctr(), 0x00);
}

static void new_command_drops_old_answer(void **state)
{
	command(0xaa);
	command(0x20);
	assert_int_equal(answer(), 0x65);
	assert_nothing();
	/* A command instead of a parameter forgets the first command. */
	command(0x60);
	command(0xab);
	assert_int_equal(answer(), 0);
	parameter(0xee);
	assert_int_equal(answer(), 0xee);
	assert_int_equal(read_ctr(), 0x65);
}

static void no_mouse(void **state)
{
	write_ctr(0x47);
	/* The tests by which a driver finds out, and gives up. */
	command(0xd3);
	parameter(0x5a);
	assert_int_equal(status() & (OBF | AUX), OBF);
	command(0xa9);
	assert_int_equal(answer(), 0x01);
	assert_nothing();
	/* Whoever talks to the mouse all the same need not wait. */
	irq_take(&kbd);
	assert_false(irq_take(&mouse));
	command(0xd4);
	parameter(0xff);
	assert_true(irq_take(&mouse));
	assert_false(irq_take(&kbd));
	assert_int_equal(status() & (OBF | AUX | TIMEOUT), OBF | AUX | TIMEOUT);
	assert_int_equal(data(), 0xfe);
	assert_int_equal(status() & (OBF | AUX | TIMEOUT), 0);
}

static void reset_lines(void **state)
{
	command(0xfe);
	assert_int_equal(outcome_reason(outcome), OUTCOME_RESET);
	assert_string_equal(outcome_evidence(outcome), "i8042");
}

static void reset_by_output_port(void **state)
{
	command(0xd1);
	parameter(0x03);
	command(0xd1);
	parameter(0x01);
	assert_false(outcome_ended(outcome));
	/* A20 is on all the same. */
	command(0xd0);
	assert_int_equal(answer() & 0x03, 0x03);
	command(0xd1);
	parameter(0x02);
	assert_int_equal(outcome_reason(outcome), OUTCOME_RESET);
}

/* --- keyboard --- */

/* The probe of a system that takes interrupts, with the exits that it costs. */
static void probe(void **state)
{
	static const u8 commands[] = { 0xf5, 0xed, 0x00, 0xf3, 0x00, 0xf4 };
	u8 ctr;

	accesses = 0;
	assert_nothing();
	command(0xaa);
	assert_int_equal(answer(), 0x55);
	ctr = read_ctr();
	assert_int_equal(read_ctr(), ctr);
	assert_true(status() & 0x10);
	assert_true(ctr & 0x40);
	write_ctr((ctr | 0x10) & ~0x01);
	assert_nothing();
	command(0xd3);
	parameter(0x5a);
	assert_false(status() & AUX);
	command(0xa9);
	assert_int_equal(answer(), 0x01);
	write_ctr((ctr & ~0x10) | 0x01);
	assert_in_range(accesses, 1, 50);

	parameter(0xf2);
	assert_true(irq_take(&kbd));
	assert_int_equal(answer(), 0xfa);
	assert_true(irq_take(&kbd));
	assert_int_equal(answer(), 0xab);
	assert_true(irq_take(&kbd));
	/* 0x83, translated */
	assert_int_equal(answer(), 0x41);
	assert_false(irq_take(&kbd));
	assert_nothing();
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		parameter(commands[i]);
		assert_true(irq_take(&kbd));
		assert_int_equal(answer(), 0xfa);
	}
	assert_nothing();
	assert_false(irq_take(&kbd));
	assert_in_range(accesses, 1, 100);
}

static void keyboard_commands(void **state)
{
	write_ctr(0x04);
	parameter(0xff);
	assert_int_equal(answer(), 0xfa);
	assert_int_equal(answer(), 0xaa);
	parameter(0xf2);
	assert_int_equal(answer(), 0xfa);
	assert_int_equal(answer(), 0xab);
	assert_int_equal(answer(), 0x83);
	parameter(0xee);
	assert_int_equal(answer(), 0xee);
	parameter(0xf6);
	assert_int_equal(answer(), 0xfa);
	parameter(0xfe);
	assert_int_equal(answer(), 0xfa);
	/* Scan code set: ask, set, ask, a wrong one. */
	parameter(0xf0);
	assert_int_equal(answer(), 0xfa);
	parameter(0x00);
	assert_int_equal(answer(), 0xfa);
	assert_int_equal(answer(), 0x02);
	parameter(0xf0);
	assert_int_equal(answer(), 0xfa);
	parameter(0x01);
	assert_int_equal(answer(), 0xfa);
	parameter(0xf0);
	assert_int_equal(answer(), 0xfa);
	parameter(0x00);
	assert_int_equal(answer(), 0xfa);
	assert_int_equal(answer(), 0x01);
	parameter(0xf0);
	assert_int_equal(answer(), 0xfa);
	parameter(0x04);
	assert_int_equal(answer(), 0xfe);
	/* A command where a parameter was due. */
	parameter(0xed);
	assert_int_equal(answer(), 0xfa);
	parameter(0xee);
	assert_int_equal(answer(), 0xee);
	parameter(0x07);
	assert_int_equal(answer(), 0xfe);
	/* No such command */
	parameter(0xef);
	assert_int_equal(answer(), 0xfe);
	assert_nothing();
	/* No interrupt was enabled. */
	assert_false(irq_take(&kbd));
}

static void keys(void **state)
{
	/* A and its release, translated; then the left arrow. */
	assert_true(i8042_key(k, 0x1c));
	assert_true(irq_take(&kbd));
	assert_true(i8042_key(k, 0xf0));
	assert_true(i8042_key(k, 0x1c));
	assert_false(irq_take(&kbd));
	assert_int_equal(answer(), 0x1e);
	assert_true(irq_take(&kbd));
	assert_int_equal(answer(), 0x9e);
	assert_nothing();
	i8042_key(k, 0xe0);
	i8042_key(k, 0x6b);
	assert_int_equal(answer(), 0xe0);
	assert_int_equal(answer(), 0x4b);
	/* F7 has the one make code above 0x80. */
	i8042_key(k, 0x83);
	assert_int_equal(answer(), 0x41);

	write_ctr(0x05);
	i8042_key(k, 0xf0);
	i8042_key(k, 0x1c);
	assert_int_equal(answer(), 0xf0);
	assert_int_equal(answer(), 0x1c);

	/* Switched off by command: keys are lost; by the port: they wait. */
	parameter(0xf5);
	assert_int_equal(answer(), 0xfa);
	assert_false(i8042_key(k, 0x1c));
	assert_nothing();
	parameter(0xf4);
	assert_int_equal(answer(), 0xfa);
	command(0xad);
	irq_take(&kbd);
	assert_true(i8042_key(k, 0x1c));
	assert_nothing();
	assert_false(irq_take(&kbd));
	command(0xae);
	assert_true(irq_take(&kbd));
	assert_int_equal(answer(), 0x1c);
}

static void sysrq(void **state)
{
	static const u8 set1[] = { 0x38, 0x54, 0x14, 0x94, 0xd4, 0xb8 };
	static const u8 set2[] = { 0x11, 0x84, 0x45, 0xf0, 0x45, 0xf0, 0x84, 0xf0, 0x11 };

	/* What firmware left does not show that somebody listens. */
	assert_false(i8042_sysrq(k, 't'));
	write_ctr(0x65);
	irq_take(&kbd);
	assert_true(i8042_sysrq(k, 't'));
	for (size_t i = 0; i < ARRAY_SIZE(set1); i++) {
		assert_true(irq_take(&kbd));
		assert_int_equal(answer(), set1[i]);
	}
	assert_nothing();
	assert_false(i8042_sysrq(k, 'T'));
	assert_false(i8042_sysrq(k, '?'));
	assert_false(i8042_sysrq(k, '\0'));
	assert_nothing();

	write_ctr(0x05);
	assert_true(i8042_sysrq(k, '0'));
	/* All of it or nothing. */
	assert_false(i8042_sysrq(k, '1'));
	for (size_t i = 0; i < ARRAY_SIZE(set2); i++)
		assert_int_equal(answer(), set2[i]);
	assert_nothing();

	write_ctr(0x64);
	assert_false(i8042_sysrq(k, 't'));
	write_ctr(0x75);
	assert_false(i8042_sysrq(k, 't'));
	write_ctr(0x65);
	parameter(0xf5);
	assert_int_equal(answer(), 0xfa);
	assert_false(i8042_sysrq(k, 't'));
	parameter(0xf4);
	assert_int_equal(answer(), 0xfa);
	assert_true(i8042_sysrq(k, 'a'));
}

static void answers_come_before_keys(void **state)
{
	assert_true(i8042_key(k, 0x1c));
	assert_true(status() & OBF);
	assert_int_equal(read_ctr(), 0x65);
	assert_int_equal(answer(), 0x1e);
	/* A key that arrives between a command and its answer changes nothing. */
	command(0xaa);
	assert_true(i8042_key(k, 0x1c));
	assert_int_equal(answer(), 0x55);
	assert_int_equal(answer(), 0x1e);
}

static void queue_is_bounded(void **state)
{
	unsigned int taken = 0;

	for (int i = 0; i < 100000; i++)
		taken += i8042_key(k, 0x1c);
	assert_int_equal(taken, 16);
	for (int i = 0; i < 16; i++)
		assert_int_equal(answer(), 0x1e);
	assert_nothing();
	/* Round and round, never empty. */
	i8042_key(k, 0x1c);
	for (int i = 0; i < 1000; i++) {
		assert_true(i8042_key(k, i & 1 ? 0x32 : 0x1c));
		assert_int_equal(answer(), i && !(i & 1) ? 0x30 : 0x1e);
	}
	/* Commands whose answers nobody fetches. */
	for (int i = 0; i < 100000; i++)
		parameter(i & 1 ? 0xf2 : 0xff);
	for (taken = 0; status() & OBF; taken++)
		data();
	assert_in_range(taken, 1, 16);
	parameter(0xee);
	assert_int_equal(answer(), 0xee);
}

static void reset(void **state)
{
	write_ctr(0x30);
	i8042_key(k, 0x1c);
	command(0xd4);
	device_reset(k);
	assert_int_equal(status(), 0x14);
	assert_int_equal(read_ctr(), 0x65);
}

/* --- saved state --- */

static void saved_within_a_key(void **state)
{
	struct device *other = create(), *old = k;

	i8042_key(k, 0xe0);
	i8042_key(k, 0xf0);
	irq_take(&kbd);
	device_transfer(k, other);
	k = other;
	/* The interrupt that was in flight is not lost. */
	assert_true(irq_take(&kbd));
	i8042_key(k, 0x6b);
	assert_int_equal(answer(), 0xe0);
	assert_int_equal(answer(), 0xcb);
	k = old;
	device_destroy(other);
}

static void poke(struct device *dev, u32 random)
{
	i8042_key(dev, random & 0x100 ? 0xf0 : random);
}

static void generic(void **state)
{
	static const struct device_check check = {
		.create = create,
		.poke = poke,
		.ranges = { { &i8042_data_bus_ops, 1 }, { &i8042_command_bus_ops, 1 } },
	};

	device_check(&check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(power_on, setup, teardown),
		cmocka_unit_test_setup_teardown(controller_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(status_tells_the_last_port, setup, teardown),
		cmocka_unit_test_setup_teardown(command_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(new_command_drops_old_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(no_mouse, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_by_output_port, setup, teardown),
		cmocka_unit_test_setup_teardown(probe, setup, teardown),
		cmocka_unit_test_setup_teardown(keyboard_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(keys, setup, teardown),
		cmocka_unit_test_setup_teardown(sysrq, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_come_before_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(queue_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(reset, setup, teardown),
		cmocka_unit_test_setup_teardown(saved_within_a_key, setup, teardown),
		cmocka_unit_test_setup_teardown(generic, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
