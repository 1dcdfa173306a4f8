// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI fixed hardware: events and the SCI, sleeping, the timer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acpi-pm.h"
#include "device-check.h"
#include "irq.h"
#include "outcome.h"
#include "util.h"

#define NSEC		1000000000ULL
#define STATUS		ACPI_PM1_EVT
#define ENABLE		(ACPI_PM1_EVT + 2)
#define GPE_STATUS	ACPI_GPE0
#define GPE_ENABLE	(ACPI_GPE0 + 2)
#define TMR_STS		0x0001
#define PWRBTN		0x0100
#define WAK_STS		0x8000

static u64 clock_now;
static struct irq sci;
static struct outcome *outcome;
static struct device *pm;

static u64 test_clock(void *arg)
{
	return clock_now;
}

static u32 get(unsigned int offset, unsigned int size)
{
	return device_read(pm, &acpi_pm_bus_ops, offset, size);
}

static void put(unsigned int offset, u32 value, unsigned int size)
{
	device_write(pm, &acpi_pm_bus_ops, offset, value, size);
}

static struct device *create(void)
{
	struct device *dev = acpi_pm_new(&sci, outcome);

	acpi_pm_set_clock(dev, test_clock, NULL);
	return dev;
}

static int setup(void **state)
{
	clock_now = 12345 * NSEC;
	outcome = outcome_new(NULL, NULL);
	if (!outcome || irq_init(&sci, 9, true))
		return -1;
	pm = create();
	return !pm;
}

static int teardown(void **state)
{
	device_destroy(pm);
	irq_fini(&sci);
	outcome_free(outcome);
	return 0;
}

static void power_on(void **state)
{
	assert_int_equal(get(STATUS, 2), 0);
	assert_int_equal(get(ENABLE, 2), 0);
	/* ACPI mode, and no way out of it. */
	assert_int_equal(get(ACPI_PM1_CNT, 2), 0x0001);
	put(ACPI_PM1_CNT, 0, 2);
	assert_int_equal(get(ACPI_PM1_CNT, 2), 0x0001);
	assert_int_equal(get(ACPI_PM1_CNT + 2, 2), 0);
	assert_int_equal(get(ACPI_GPE0, 4), 0);
	assert_false(irq_take(&sci));
}

static void every_width(void **state)
{
	put(ENABLE, 0x20, 1);
	put(ENABLE + 1, 0x05, 1);
	assert_int_equal(get(ENABLE, 2), 0x0520);
	assert_int_equal(get(STATUS, 4), 0x05200000);
	put(STATUS, 0x0101ffff, 4);
	assert_int_equal(get(ENABLE, 1), 0x01);
	assert_int_equal(get(ENABLE + 1, 1), 0x01);
	/* Bits that do not exist cannot be set. */
	put(ENABLE, 0xffff, 2);
	assert_int_equal(get(ENABLE, 2), 0x0721);
	put(ACPI_GPE0, 0xffffffff, 4);
	assert_int_equal(get(ACPI_GPE0, 4), 0xffff0000);
	put(ACPI_PM1_CNT, 0xdfff, 2);
	assert_int_equal(get(ACPI_PM1_CNT, 4), 0x00001c03);
	assert_false(outcome_ended(outcome));
}

static void power_button(void **state)
{
	/* Pressed while nobody cares: seen later. */
	assert_false(acpi_pm_power_button(pm));
	assert_false(irq_take(&sci));
	assert_int_equal(get(STATUS, 2), PWRBTN);
	put(ENABLE, PWRBTN, 2);
	assert_true(irq_take(&sci));
	/* Cleared, then acknowledged at the interrupt controller: silence. */
	put(STATUS, PWRBTN, 2);
	assert_int_equal(get(STATUS, 2), 0);
	acpi_pm_resample(pm);
	assert_false(irq_take(&sci));

	assert_true(acpi_pm_power_button(pm));
	assert_true(irq_take(&sci));
	/* The line is up already. */
	assert_true(acpi_pm_power_button(pm));
	assert_false(irq_take(&sci));
	/* Acknowledged but not cleared: it comes again. */
	acpi_pm_resample(pm);
	assert_true(irq_take(&sci));
	/* Writing zeros, or other bits, clears nothing. */
	put(STATUS, (u16)~PWRBTN, 2);
	assert_int_equal(get(STATUS, 2), PWRBTN);
	put(ENABLE, 0, 2);
	acpi_pm_resample(pm);
	assert_false(irq_take(&sci));
}

static void general_purpose_events(void **state)
{
	put(GPE_ENABLE, 0x8002, 2);
	acpi_pm_gpe(pm, 0);
	assert_false(irq_take(&sci));
	acpi_pm_gpe(pm, 1);
	assert_true(irq_take(&sci));
	acpi_pm_gpe(pm, 15);
	assert_int_equal(get(GPE_STATUS, 2), 0x8003);
	put(GPE_STATUS, 0x02, 1);
	acpi_pm_resample(pm);
	assert_true(irq_take(&sci));
	put(GPE_STATUS + 1, 0x80, 1);
	assert_int_equal(get(GPE_STATUS, 2), 0x0001);
	acpi_pm_resample(pm);
	assert_false(irq_take(&sci));
}

static void soft_off(void **state)
{
	/* The type first, the enable bit after it, as ACPICA does it. */
	put(ACPI_PM1_CNT, ACPI_S5_SLP_TYP << 10 | 1, 2);
	assert_false(outcome_ended(outcome));
	put(ACPI_PM1_CNT, ACPI_S5_SLP_TYP << 10 | 1 << 13 | 1, 2);
	assert_int_equal(outcome_reason(outcome), OUTCOME_POWEROFF);
	assert_string_equal(outcome_evidence(outcome), "acpi");
	/* The enable bit does not stick. */
	assert_int_equal(get(ACPI_PM1_CNT, 2), ACPI_S5_SLP_TYP << 10 | 1);
}

static void soft_off_by_byte(void **state)
{
	put(ACPI_PM1_CNT + 1, ACPI_S5_SLP_TYP << 2 | 1 << 5, 1);
	assert_int_equal(outcome_reason(outcome), OUTCOME_POWEROFF);
}

static void other_sleeps_are_over_at_once(void **state)
{
	for (u32 type = 0; type < 8; type++) {
		if (type == ACPI_S5_SLP_TYP)
			continue;
		put(ACPI_PM1_CNT, type << 10 | 1 << 13, 2);
		assert_int_equal(get(STATUS, 2), WAK_STS);
		put(STATUS, WAK_STS, 2);
		assert_int_equal(get(STATUS, 2), 0);
	}
	assert_false(outcome_ended(outcome));
}

static void timer(void **state)
{
	u32 first = get(ACPI_PM_TMR, 4);

	assert_int_equal(first, 0);
	clock_now += NSEC;
	assert_int_equal(get(ACPI_PM_TMR, 4), ACPI_PM_TIMER_HZ);
	clock_now += 999 * NSEC;
	assert_int_equal(get(ACPI_PM_TMR, 4), 1000u * ACPI_PM_TIMER_HZ);
	/* Parts of it, and writes that do nothing. */
	put(ACPI_PM_TMR, 0, 4);
	assert_int_equal(get(ACPI_PM_TMR, 1) | get(ACPI_PM_TMR + 1, 1) << 8 | get(ACPI_PM_TMR + 2, 2) << 16,
			 1000u * ACPI_PM_TIMER_HZ);
	/* It runs around after 2^32 ticks, in all of a year and beyond. */
	clock_now = 12345 * NSEC + 365 * 86400 * NSEC;
	assert_int_equal(get(ACPI_PM_TMR, 4), (u32)(365ULL * 86400 * ACPI_PM_TIMER_HZ));
	/* Steady: no step back within a second, at any nanosecond. */
	first = get(ACPI_PM_TMR, 4);
	for (int i = 0; i < 100000; i++) {
		u32 now;

		clock_now += 9973;
		now = get(ACPI_PM_TMR, 4);
		assert_in_range(now - first, 35, 36);
		first = now;
	}
}

static void timer_carry(void **state)
{
	/* The highest bit changes after 599.9 seconds. */
	clock_now += 599 * NSEC;
	assert_int_equal(get(STATUS, 2), 0);
	clock_now += NSEC;
	assert_int_equal(get(STATUS, 2), TMR_STS);
	put(STATUS, TMR_STS, 2);
	assert_int_equal(get(STATUS, 2), 0);
	clock_now += 600 * NSEC;
	assert_int_equal(get(STATUS, 2), TMR_STS);
}

static void timer_goes_on_after_loading(void **state)
{
	struct device *other = create(), *old = pm;

	clock_now += 7 * NSEC;
	put(ENABLE, PWRBTN, 2);
	acpi_pm_power_button(pm);
	irq_take(&sci);
	device_transfer(pm, other);
	pm = other;
	assert_int_equal(get(ACPI_PM_TMR, 4), 7u * ACPI_PM_TIMER_HZ);
	clock_now += NSEC;
	assert_int_equal(get(ACPI_PM_TMR, 4), 8u * ACPI_PM_TIMER_HZ);
	/* The SCI that was in flight is not lost. */
	assert_true(irq_take(&sci));

	/* A carry that was seen is not seen again. */
	clock_now += 600 * NSEC;
	assert_int_equal(get(STATUS, 2), PWRBTN | TMR_STS);
	put(STATUS, TMR_STS, 2);
	device_transfer(pm, old);
	pm = old;
	assert_int_equal(get(STATUS, 2), PWRBTN);
	device_destroy(other);
}

static void reset(void **state)
{
	clock_now += 7 * NSEC;
	assert_int_equal(get(ACPI_PM_TMR, 4), 7u * ACPI_PM_TIMER_HZ);
	put(ENABLE, PWRBTN, 2);
	acpi_pm_power_button(pm);
	irq_take(&sci);
	device_reset(pm);
	assert_int_equal(get(ACPI_PM_TMR, 4), 0);
	acpi_pm_resample(pm);
	power_on(state);
}

/* --- saved state --- */

static void poke(struct device *dev, u32 random)
{
	if (random % 3 == 0)
		acpi_pm_power_button(dev);
	else if (random % 3 == 1)
		acpi_pm_gpe(dev, random / 3 % ACPI_GPE_COUNT);
	else
		acpi_pm_resample(dev);
}

static void generic(void **state)
{
	static const struct device_check check = {
		.create = create,
		.poke = poke,
		.ranges = { { &acpi_pm_bus_ops, ACPI_PM_LEN } },
	};

	device_check(&check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(power_on, setup, teardown),
		cmocka_unit_test_setup_teardown(every_width, setup, teardown),
		cmocka_unit_test_setup_teardown(power_button, setup, teardown),
		cmocka_unit_test_setup_teardown(general_purpose_events, setup, teardown),
		cmocka_unit_test_setup_teardown(soft_off, setup, teardown),
		cmocka_unit_test_setup_teardown(soft_off_by_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(other_sleeps_are_over_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(timer, setup, teardown),
		cmocka_unit_test_setup_teardown(timer_carry, setup, teardown),
		cmocka_unit_test_setup_teardown(timer_goes_on_after_loading, setup, teardown),
		cmocka_unit_test_setup_teardown(reset, setup, teardown),
		cmocka_unit_test_setup_teardown(generic, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
