// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real-time clock: reading and setting in all formats, flags and interrupts, and
 * the memory behind it.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device-check.h"
#include "irq.h"
#include "loop.h"
#include "rtc.h"
#include "util.h"

#define NSEC 1000000000ULL

/* 2024-02-29 23:59:58.25 UTC, a Thursday */
#define LEAP_NIGHT (1709251198 * NSEC + NSEC / 4)

enum { SEC, SEC_ALARM, MIN, MIN_ALARM, HOUR, HOUR_ALARM, WDAY, MDAY, MON, YEAR, A, B, C, D };

static u64 clock_now;
static struct irq irq;
static struct device *rtc;

static u64 test_clock(void *arg)
{
	return clock_now;
}

static u8 get(u8 index)
{
	device_write(rtc, &rtc_bus_ops, 0, index, 1);
	return device_read(rtc, &rtc_bus_ops, 1, 1);
}

static void put(u8 index, u8 value)
{
	device_write(rtc, &rtc_bus_ops, 0, index, 1);
	device_write(rtc, &rtc_bus_ops, 1, value, 1);
}

static void assert_time(unsigned int century, unsigned int year, unsigned int mon, unsigned int mday,
			unsigned int hour, unsigned int min_, unsigned int sec)
{
	assert_int_equal(get(RTC_CENTURY), century);
	assert_int_equal(get(YEAR), year);
	assert_int_equal(get(MON), mon);
	assert_int_equal(get(MDAY), mday);
	assert_int_equal(get(HOUR), hour);
	assert_int_equal(get(MIN), min_);
	assert_int_equal(get(SEC), sec);
}

static struct device *create(void)
{
	struct device *dev = rtc_new(&irq, NULL);

	rtc_set_clock(dev, test_clock, NULL);
	return dev;
}

static int setup(void **state)
{
	clock_now = LEAP_NIGHT;
	if (irq_init(&irq, 8, false))
		return -1;
	rtc = create();
	return !rtc;
}

static int teardown(void **state)
{
	device_destroy(rtc);
	irq_fini(&irq);
	return 0;
}

static void registers(void **state)
{
	assert_int_equal(get(A), 0x26);
	assert_int_equal(get(B), 0x02);
	assert_int_equal(get(C), 0);
	/* What a driver's test of the clock looks at. */
	assert_int_equal(get(D), 0x80);
	put(D, 0);
	put(C, 0xff);
	assert_int_equal(get(D), 0x80);
	assert_int_equal(get(C), 0);
	assert_int_equal(device_read(rtc, &rtc_bus_ops, 0, 1), 0xff);
}

static void memory_bytes(void **state)
{
	for (unsigned int i = 14; i < 128; i++)
		if (i != RTC_CENTURY)
			put(i, i ^ 0x5a);
	for (unsigned int i = 14; i < 128; i++)
		if (i != RTC_CENTURY)
			assert_int_equal(get(i), i ^ 0x5a);
	/* Bit 7 of the index is the mask of the NMI. */
	assert_int_equal(get(0x80 | 0x40), 0x40 ^ 0x5a);
}

static void memory_size(void **state)
{
	unsigned int sum = 0;

	rtc_set_memory(rtc, 3 * GiB, 5 * GiB + 64 * KiB);
	assert_int_equal(get(0x15) | get(0x16) << 8, 640);
	assert_int_equal(get(0x17) | get(0x18) << 8, 0xffff);
	assert_int_equal(get(0x30) | get(0x31) << 8, 0xffff);
	assert_int_equal(get(0x34) | get(0x35) << 8, (3 * GiB - 16 * MiB) / (64 * KiB));
	assert_int_equal(get(0x5b) | get(0x5c) << 8 | get(0x5d) << 16, 5 * 16384 + 1);
	for (unsigned int i = 0x10; i <= 0x2d; i++)
		sum += get(i);
	assert_int_equal(get(0x2e) << 8 | get(0x2f), sum);

	rtc_set_memory(rtc, 8 * MiB, 0);
	assert_int_equal(get(0x17) | get(0x18) << 8, 7 * 1024);
	assert_int_equal(get(0x34) | get(0x35) << 8, 0);
	assert_int_equal(get(0x5b) | get(0x5c) | get(0x5d), 0);
	rtc_set_memory(rtc, 512 * KiB, 0);
	assert_int_equal(get(0x15) | get(0x16) << 8, 512);
	assert_int_equal(get(0x17) | get(0x18) << 8, 0);
	/* More than the format can tell. */
	rtc_set_memory(rtc, 3 * GiB, UINT64_MAX);
	assert_int_equal(get(0x5b) & get(0x5c) & get(0x5d), 0xff);

	rtc_set_cpus(rtc, 1);
	assert_int_equal(get(0x5f), 0);
	rtc_set_cpus(rtc, 16);
	assert_int_equal(get(0x5f), 15);
	rtc_set_cpus(rtc, 1000);
	assert_int_equal(get(0x5f), 255);
}

/* --- reading --- */

static void reads_bcd(void **state)
{
	assert_time(0x20, 0x24, 0x02, 0x29, 0x23, 0x59, 0x58);
	assert_int_equal(get(WDAY), 5);
	clock_now += 2 * NSEC;
	assert_time(0x20, 0x24, 0x03, 0x01, 0x00, 0x00, 0x00);
	assert_int_equal(get(WDAY), 6);
}

static void reads_binary(void **state)
{
	put(B, 0x02 | 0x04);
	assert_time(20, 24, 2, 29, 23, 59, 58);
}

static void reads_twelve_hours(void **state)
{
	static const u8 bcd[24] = {
		0x12, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x11,
		0x92, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x90, 0x91,
	};

	put(B, 0);
	clock_now = 0;
	for (unsigned int h = 0; h < 24; h++, clock_now += 3600 * NSEC)
		assert_int_equal(get(HOUR), bcd[h]);
	put(B, 0x04);
	assert_int_equal(get(HOUR), 12);
	clock_now += 13 * 3600 * NSEC;
	assert_int_equal(get(HOUR), 0x81);
}

static void update_in_progress(void **state)
{
	unsigned int seen = 0;

	clock_now = LEAP_NIGHT / NSEC * NSEC;
	for (unsigned int us = 0; us < 1000000; us += 10) {
		clock_now = LEAP_NIGHT / NSEC * NSEC + us * 1000;
		if (get(A) & 0x80)
			seen++;
	}
	/* 244 us of each second, and then it is over. */
	assert_in_range(seen, 24, 25);
	assert_true(get(A) & 0x80);
	clock_now += 10000;
	assert_int_equal(get(A), 0x26);
	clock_now += NSEC - 1;
	assert_int_equal(get(A), 0xa6);
	/* Never while the clock is stopped. */
	put(B, 0x82);
	assert_int_equal(get(A), 0x26);
}

static void reads_the_host_clock(void **state)
{
	struct device *old = rtc;
	time_t before = time(NULL), now;
	struct tm tm = { 0 };

	rtc = rtc_new(&irq, NULL);
	put(B, 0x06);
	tm.tm_sec = get(SEC);
	tm.tm_min = get(MIN);
	tm.tm_hour = get(HOUR);
	tm.tm_mday = get(MDAY);
	tm.tm_mon = get(MON) - 1;
	tm.tm_year = get(RTC_CENTURY) * 100 + get(YEAR) - 1900;
	now = timegm(&tm);
	/* The fields are read one by one, so a minute may have begun between them. */
	assert_in_range(now, before - 60, before + 70);
	device_destroy(rtc);
	rtc = old;
}

/* --- setting --- */

static void sets_with_set(void **state)
{
	put(B, 0x82);
	/* Stopped: the registers keep the time of the stop, then what is written. */
	clock_now += 10 * NSEC;
	assert_time(0x20, 0x24, 0x02, 0x29, 0x23, 0x59, 0x58);
	put(SEC, 0x01);
	put(MIN, 0x02);
	put(HOUR, 0x03);
	put(MDAY, 0x31);
	put(MON, 0x12);
	put(YEAR, 0x99);
	put(RTC_CENTURY, 0x19);
	clock_now += 10 * NSEC;
	assert_time(0x19, 0x99, 0x12, 0x31, 0x03, 0x02, 0x01);
	put(B, 0x02);
	assert_time(0x19, 0x99, 0x12, 0x31, 0x03, 0x02, 0x01);
	clock_now += NSEC * 86400;
	assert_time(0x20, 0x00, 0x01, 0x01, 0x03, 0x02, 0x01);
	assert_int_equal(get(WDAY), 7);
}

/* As Linux sets the time: SET, divider reset, registers, and back. */
static void sets_with_divider_reset(void **state)
{
	put(B, 0x82);
	put(A, 0x70 | 0x06);
	put(YEAR, 0x30);
	put(MON, 0x06);
	put(MDAY, 0x15);
	put(HOUR, 0x12);
	put(MIN, 0x00);
	put(SEC, 0x00);
	put(RTC_CENTURY, 0x20);
	put(B, 0x02);
	clock_now += 5 * NSEC;
	/* Still in reset */
	assert_time(0x20, 0x30, 0x06, 0x15, 0x12, 0x00, 0x00);
	put(A, 0x26);
	assert_time(0x20, 0x30, 0x06, 0x15, 0x12, 0x00, 0x00);
	/* The first second is half a second long. */
	clock_now += NSEC / 2 - 1;
	assert_int_equal(get(SEC), 0);
	clock_now += 1;
	assert_int_equal(get(SEC), 1);
	clock_now += NSEC;
	assert_int_equal(get(SEC), 2);
}

static void sets_while_running(void **state)
{
	/* 31 January; by way of "31 February" to the 15th. */
	clock_now = 1706659200 * NSEC;
	assert_time(0x20, 0x24, 0x01, 0x31, 0x00, 0x00, 0x00);
	put(MON, 0x02);
	put(MDAY, 0x15);
	assert_time(0x20, 0x24, 0x02, 0x15, 0x00, 0x00, 0x00);
	clock_now += 61 * NSEC;
	assert_time(0x20, 0x24, 0x02, 0x15, 0x00, 0x01, 0x01);
	/* Twelve hours */
	put(B, 0x00);
	put(HOUR, 0x92);
	assert_int_equal(get(HOUR), 0x92);
	put(B, 0x02);
	assert_int_equal(get(HOUR), 0x12);
}

static void sets_nonsense(void **state)
{
	static const u8 values[] = { 0xff, 0x00, 0x99, 0x5a, 0xfe, 0x80 };

	/* Any bytes make some time, and the clock goes on from there. */
	for (unsigned int mode = 0; mode < 8; mode += 2) {
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			put(B, 0x80 | mode);
			for (u8 r = SEC; r <= YEAR; r++)
				put(r, values[(i + r) % ARRAY_SIZE(values)]);
			put(RTC_CENTURY, values[i]);
			put(B, mode | 0x70);
			clock_now += 86400 * NSEC;
			get(C);
			put(B, 0x04 | 0x02);
			assert_in_range(get(MON), 1, 12);
			assert_in_range(get(MDAY), 1, 31);
			assert_in_range(get(WDAY), 1, 7);
			assert_in_range(get(HOUR), 0, 23);
			assert_in_range(get(MIN), 0, 59);
			assert_in_range(get(SEC), 0, 59);
			assert_in_range(get(RTC_CENTURY), 0, 99);
			assert_in_range(get(YEAR), 0, 99);
			put(B, 0x02);
		}
	}
}

/* --- flags --- */

static void update_flag(void **state)
{
	get(C);
	clock_now += NSEC / 2;
	assert_int_equal(get(C) & 0x10, 0);
	clock_now += NSEC / 2;
	assert_int_equal(get(C) & 0x90, 0x10);
	assert_int_equal(get(C) & 0x10, 0);
	put(B, 0x12);
	clock_now += NSEC;
	assert_int_equal(get(C) & 0x90, 0x90);
	/* SET ends it, and its enable. */
	put(B, 0x92);
	clock_now += 5 * NSEC;
	assert_int_equal(get(C) & 0x90, 0);
	assert_int_equal(get(B), 0x82);
}

static void periodic_flag(void **state)
{
	/* 1024 Hz */
	get(C);
	clock_now += NSEC / 1024 + 1;
	assert_int_equal(get(C) & 0xc0, 0x40);
	put(A, 0x20);
	clock_now += 10 * NSEC;
	assert_int_equal(get(C) & 0x40, 0);
	/* 2 Hz */
	put(A, 0x2f);
	clock_now = LEAP_NIGHT + 20 * NSEC;
	get(C);
	clock_now += NSEC / 8;
	assert_int_equal(get(C) & 0x40, 0);
	clock_now += NSEC / 8;
	assert_int_equal(get(C) & 0x40, 0x40);
}

/* How often the flag comes in a second, looked at 65536 times. */
static unsigned int rate(u8 rs)
{
	unsigned int n = 0;

	put(A, 0x20 | rs);
	clock_now = LEAP_NIGHT;
	get(C);
	for (u64 i = 1; i <= 65536; i++) {
		clock_now = LEAP_NIGHT + (i * NSEC + 65535) / 65536;
		n += get(C) >> 6 & 1;
	}
	return n;
}

static void periodic_rates(void **state)
{
	assert_int_equal(rate(1), 256);
	assert_int_equal(rate(2), 128);
	assert_int_equal(rate(3), 8192);
	assert_int_equal(rate(6), 1024);
	assert_int_equal(rate(15), 2);
}

static void alarm_flag(void **state)
{
	put(SEC_ALARM, 0x00);
	put(MIN_ALARM, 0x00);
	put(HOUR_ALARM, 0x00);
	get(C);
	clock_now += NSEC;
	assert_int_equal(get(C) & 0x20, 0);
	clock_now += NSEC;
	assert_int_equal(get(C) & 0xa0, 0x20);
	clock_now += 86399 * NSEC;
	assert_int_equal(get(C) & 0x20, 0);
	clock_now += NSEC;
	assert_int_equal(get(C) & 0x20, 0x20);

	/* Don't care: every minute at 30 seconds. */
	put(MIN_ALARM, 0xff);
	put(HOUR_ALARM, 0xc0);
	put(SEC_ALARM, 0x30);
	clock_now += 29 * NSEC;
	assert_int_equal(get(C) & 0x20, 0);
	for (int i = 0; i < 3; i++) {
		clock_now += NSEC;
		assert_int_equal(get(C) & 0x20, 0x20);
		clock_now += 59 * NSEC;
		assert_int_equal(get(C) & 0x20, 0);
	}

	/* No such time */
	put(SEC_ALARM, 0x61);
	clock_now += 86400 * NSEC;
	assert_int_equal(get(C) & 0x20, 0);

	/* 12-hour clock: at 1 pm */
	put(B, 0);
	put(SEC_ALARM, 0);
	put(MIN_ALARM, 0);
	put(HOUR_ALARM, 0x81);
	clock_now = 43200 * NSEC;
	get(C);
	clock_now += 3599 * NSEC;
	assert_int_equal(get(C) & 0x20, 0);
	clock_now += NSEC;
	assert_int_equal(get(C) & 0x20, 0x20);
}

static void enabling_a_pending_flag(void **state)
{
	get(C);
	clock_now += NSEC;
	put(B, 0x02);
	assert_false(irq_take(&irq));
	put(B, 0x12);
	assert_true(irq_take(&irq));
	/* The line stays up until C is read. */
	clock_now += NSEC;
	put(B, 0x12);
	assert_false(irq_take(&irq));
	assert_int_equal(get(C) & 0x90, 0x90);
	clock_now += NSEC;
	put(B, 0x12);
	assert_true(irq_take(&irq));
}

static void host_clock_goes_back(void **state)
{
	put(B, 0x72);
	get(C);
	irq_take(&irq);
	clock_now -= 3600 * NSEC;
	assert_int_equal(get(C), 0);
	assert_time(0x20, 0x24, 0x02, 0x29, 0x22, 0x59, 0x58);
}

static void reset(void **state)
{
	put(0x40, 0x77);
	put(B, 0x76);
	put(B, 0xf6);
	put(HOUR, 11);
	put(B, 0x76);
	device_reset(rtc);
	/* The battery keeps the time, its format, and the memory. */
	assert_int_equal(get(B), 0x06);
	assert_int_equal(get(C), 0);
	assert_int_equal(get(HOUR), 11);
	assert_int_equal(get(0x40), 0x77);
}

/* --- with a timer --- */

static bool wait_irq(int ms)
{
	struct pollfd p = { .fd = irq.fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && irq_take(&irq);
}

static void interrupts(void **state)
{
	struct loop *loop = loop_new("test");
	struct device *old = rtc;

	assert_non_null(loop);
	rtc = rtc_new(&irq, loop);
	assert_non_null(rtc);
	assert_int_equal(loop_start(loop), 0);
	assert_false(wait_irq(20));

	/* Periodic, 1024 Hz: one, and no more before C is read. */
	put(B, 0x42);
	assert_true(wait_irq(5000));
	assert_false(wait_irq(20));
	assert_int_equal(get(C) & 0xc0, 0xc0);
	assert_true(wait_irq(5000));
	get(C);
	for (int i = 0; i < 20; i++) {
		assert_true(wait_irq(5000));
		get(C);
	}
	put(B, 0x02);
	get(C);
	irq_take(&irq);
	assert_false(wait_irq(20));

	/* At the end of a second: an alarm at any time, and the update. */
	put(SEC_ALARM, 0xff);
	put(MIN_ALARM, 0xff);
	put(HOUR_ALARM, 0xff);
	put(B, 0x22);
	assert_true(wait_irq(5000));
	assert_int_equal(get(C) & 0xa0, 0xa0);
	put(B, 0x12);
	assert_true(wait_irq(5000));
	assert_int_equal(get(C) & 0x90, 0x90);

	device_destroy(rtc);
	loop_free(loop);
	rtc = old;
}

/* --- saved state --- */

static void saved_while_setting(void **state)
{
	struct device *other = create(), *old = rtc;

	/* As in sets_while_running(), with a transfer half-way, and a day on the road. */
	clock_now = 1706659200 * NSEC;
	put(MON, 0x02);
	device_transfer(rtc, other);
	rtc = other;
	put(MDAY, 0x15);
	assert_time(0x20, 0x24, 0x02, 0x15, 0x00, 0x00, 0x00);
	put(SEC_ALARM, 0xff);
	put(MIN_ALARM, 0xff);
	put(HOUR_ALARM, 0x12);
	get(C);
	put(B, 0x22);
	irq_take(&irq);
	device_transfer(rtc, old);
	rtc = old;
	clock_now += 86400 * NSEC;
	assert_time(0x20, 0x24, 0x02, 0x16, 0x00, 0x00, 0x00);
	/* The alarm that fell into that time comes late, not never. */
	assert_int_equal(get(C) & 0xa0, 0xa0);
	device_destroy(other);
}

static void poke(struct device *dev, u32 random)
{
	/* Ports rarely meet the few registers that matter. */
	device_write(dev, &rtc_bus_ops, 0, random % 14, 1);
	device_write(dev, &rtc_bus_ops, 1, random >> 8 & 0xff, 1);
}

static void generic(void **state)
{
	static const struct device_check check = {
		.create = create,
		.poke = poke,
		.ranges = { { &rtc_bus_ops, RTC_PORTS } },
	};

	device_check(&check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(registers, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_size, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_bcd, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_binary, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_twelve_hours, setup, teardown),
		cmocka_unit_test_setup_teardown(update_in_progress, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_the_host_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(sets_with_set, setup, teardown),
		cmocka_unit_test_setup_teardown(sets_with_divider_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(sets_while_running, setup, teardown),
		cmocka_unit_test_setup_teardown(sets_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(update_flag, setup, teardown),
		cmocka_unit_test_setup_teardown(periodic_flag, setup, teardown),
		cmocka_unit_test_setup_teardown(periodic_rates, setup, teardown),
		cmocka_unit_test_setup_teardown(alarm_flag, setup, teardown),
		cmocka_unit_test_setup_teardown(enabling_a_pending_flag, setup, teardown),
		cmocka_unit_test_setup_teardown(host_clock_goes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(reset, setup, teardown),
		cmocka_unit_test_setup_teardown(interrupts, setup, teardown),
		cmocka_unit_test_setup_teardown(saved_while_setting, setup, teardown),
		cmocka_unit_test_setup_teardown(generic, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
