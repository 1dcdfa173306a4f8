// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real-time clock of a PC: a Motorola MC146818A (data sheet, "Address map" to
 * "Registers") with 128 bytes of battery-backed memory behind ports 0x70 and 0x71.
 *
 * Accesses run in vCPU threads, the timer on a loop; the device's lock covers both.
 *
 * Nothing ticks. The time is the host's UTC plus what the guest has shifted it by, and
 * is worked out when a register is read; so are the interrupt flags of register C, for
 * the time since the last look. A timer runs only while an interrupt is enabled that
 * has not come yet, so a clock that nobody reads costs nothing.
 *
 * While the guest sets the time (SET, or the divider held in reset) the registers are
 * plain memory, and the time is taken from them when that ends.
 *
 * Left out: daylight saving, the square wave, crystals other than 32768 Hz, and the
 * non-maskable interrupt that bit 7 of the index masks on a PC.
 */
#include <errno.h>
#include <time.h>

#include "bus.h"
#include "device.h"
#include "irq.h"
#include "log.h"
#include "loop.h"
#include "rtc.h"
#include "state.h"
#include "util.h"

#define RTC_SIZE		128

#define RTC_SECONDS		0
#define RTC_SECONDS_ALARM	1
#define RTC_MINUTES		2
#define RTC_MINUTES_ALARM	3
#define RTC_HOURS		4
#define RTC_HOURS_ALARM		5
#define RTC_DAY_OF_WEEK		6
#define RTC_DAY_OF_MONTH	7
#define RTC_MONTH		8
#define RTC_YEAR		9
#define RTC_A			10
#define RTC_B			11
#define RTC_C			12
#define RTC_D			13

#define RTC_A_UIP		0x80	/* an update is in progress */
#define RTC_A_DV_RESET		0x60	/* both: the divider is held in reset */
#define RTC_A_RS		0x0f	/* rate of the periodic interrupt */
#define RTC_B_SET		0x80
#define RTC_B_PIE		0x40
#define RTC_B_AIE		0x20
#define RTC_B_UIE		0x10
#define RTC_B_SQWE		0x08
#define RTC_B_DM		0x04	/* binary rather than BCD */
#define RTC_B_24H		0x02
#define RTC_C_IRQF		0x80
#define RTC_C_FLAGS		0x70	/* PF, AF, UF: where their enables stand in B */
#define RTC_D_VRT		0x80	/* the battery is good */

/* The memory of a PC's set-up program, as far as it tells the size of memory. */
#define CMOS_BASE_KIB		0x15
#define CMOS_EXTENDED_KIB	0x17
#define CMOS_CHECKED		0x10	/* the range that the checksum covers */
#define CMOS_CHECKED_END	0x2d
#define CMOS_CHECKSUM		0x2e
#define CMOS_EXTENDED_KIB_2	0x30
#define CMOS_ABOVE_16M		0x34	/* in 64 KiB */
#define CMOS_ABOVE_4G		0x5b	/* in 64 KiB, three bytes */
#define CMOS_MORE_CPUS		0x5f	/* processors beside the first */

#define NSEC			1000000000ULL
#define RTC_HZ			32768
#define RTC_UIP_NSEC		244000	/* t(BUC): the notice that UIP gives */
#define RTC_OFFSET_LIMIT	(1LL << 40)

/*
 * @offset:	seconds that the guest's clock is ahead of the host's
 * @phase:	nanoseconds that its seconds begin earlier
 * @seen:	up to when the flags have been worked out, on the host's clock + phase
 * @editing:	the guest wrote a time register of the running clock: the registers
 *		keep what it wrote until it reads, so that a date written piece by
 *		piece is not normalised half-way
 */
struct rtc_regs {
	u8 index;
	u8 cmos[RTC_SIZE];
	bool editing;
	s64 offset;
	u32 phase;
	u64 seen;
};

struct rtc {
	struct device dev;
	const struct irq *irq;
	struct loop *loop;		/* or NULL: no interrupts */
	struct loop_timer *timer;
	u64 (*clock_ns)(void *arg);
	void *clock_arg;
	bool irq_active;
	struct rtc_regs regs;
};

static u64 rtc_host_clock(void *arg)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

static u64 rtc_now(const struct rtc *rtc)
{
	return rtc->clock_ns(rtc->clock_arg) + rtc->regs.phase;
}

static s64 rtc_seconds(const struct rtc_regs *r, u64 now)
{
	return (s64)(now / NSEC) + r->offset;
}

static bool rtc_divider_reset(const struct rtc_regs *r)
{
	return (r->cmos[RTC_A] & RTC_A_DV_RESET) == RTC_A_DV_RESET;
}

static bool rtc_running(const struct rtc_regs *r)
{
	return !(r->cmos[RTC_B] & RTC_B_SET) && !rtc_divider_reset(r);
}

static bool rtc_is_time(unsigned int index)
{
	switch (index) {
	case RTC_SECONDS:
	case RTC_MINUTES:
	case RTC_HOURS:
	case RTC_DAY_OF_WEEK:
	case RTC_DAY_OF_MONTH:
	case RTC_MONTH:
	case RTC_YEAR:
	case RTC_CENTURY:
		return true;
	}
	return false;
}

/* --- the format of the registers --- */

static u8 rtc_encode(const struct rtc_regs *r, unsigned int value)
{
	return r->cmos[RTC_B] & RTC_B_DM ? value : value / 10 << 4 | value % 10;
}

/* Any byte has a value, however little sense it makes: at most 255. */
static unsigned int rtc_decode(const struct rtc_regs *r, u8 raw)
{
	return r->cmos[RTC_B] & RTC_B_DM ? raw : (raw >> 4) * 10 + (raw & 0xf);
}

static u8 rtc_encode_hour(const struct rtc_regs *r, unsigned int hour)
{
	if (r->cmos[RTC_B] & RTC_B_24H)
		return rtc_encode(r, hour);
	return rtc_encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
}

static unsigned int rtc_decode_hour(const struct rtc_regs *r, u8 raw)
{
	if (r->cmos[RTC_B] & RTC_B_24H)
		return rtc_decode(r, raw);
	return rtc_decode(r, raw & 0x7f) % 12 + (raw & 0x80 ? 12 : 0);
}

/* Put the time into the registers. */
static void rtc_latch(struct rtc_regs *r, u64 now)
{
	time_t sec = rtc_seconds(r, now);
	struct tm tm;
	int year;

	gmtime_r(&sec, &tm);
	/* Four digits are all there is; before year 0 they count down from 9999. */
	year = ((tm.tm_year + 1900) % 10000 + 10000) % 10000;
	r->cmos[RTC_SECONDS] = rtc_encode(r, tm.tm_sec);
	r->cmos[RTC_MINUTES] = rtc_encode(r, tm.tm_min);
	r->cmos[RTC_HOURS] = rtc_encode_hour(r, tm.tm_hour);
	r->cmos[RTC_DAY_OF_WEEK] = rtc_encode(r, tm.tm_wday + 1);
	r->cmos[RTC_DAY_OF_MONTH] = rtc_encode(r, tm.tm_mday);
	r->cmos[RTC_MONTH] = rtc_encode(r, tm.tm_mon + 1);
	r->cmos[RTC_YEAR] = rtc_encode(r, year % 100);
	r->cmos[RTC_CENTURY] = rtc_encode(r, year / 100);
}

/* Take the time from the registers; the day of the week follows from the date. */
static void rtc_set(struct rtc_regs *r, u64 now)
{
	struct tm tm = {
		.tm_sec = rtc_decode(r, r->cmos[RTC_SECONDS]),
		.tm_min = rtc_decode(r, r->cmos[RTC_MINUTES]),
		.tm_hour = rtc_decode_hour(r, r->cmos[RTC_HOURS]),
		.tm_mday = rtc_decode(r, r->cmos[RTC_DAY_OF_MONTH]),
		.tm_mon = (int)rtc_decode(r, r->cmos[RTC_MONTH]) - 1,
		.tm_year = (int)(rtc_decode(r, r->cmos[RTC_CENTURY]) * 100 +
				 rtc_decode(r, r->cmos[RTC_YEAR])) - 1900,
	};

	r->offset = timegm(&tm) - (s64)(now / NSEC);
}

/* --- interrupts --- */

/* The first second after @after that the alarm registers name, or -1. */
static s64 rtc_alarm(const struct rtc_regs *r, s64 after)
{
	u8 raw_s = r->cmos[RTC_SECONDS_ALARM], raw_m = r->cmos[RTC_MINUTES_ALARM],
	   raw_h = r->cmos[RTC_HOURS_ALARM];
	unsigned int s = rtc_decode(r, raw_s), m = rtc_decode(r, raw_m), h = rtc_decode_hour(r, raw_h);
	/* Two high bits set: "don't care". */
	bool any_s = raw_s >= 0xc0, any_m = raw_m >= 0xc0, any_h = raw_h >= 0xc0;
	s64 midnight, t, end;

	if ((!any_s && s > 59) || (!any_m && m > 59) || (!any_h && h > 23))
		return -1;
	t = after + 1;
	midnight = t - ((t % 86400) + 86400) % 86400;
	t -= midnight;
	/* At most 24 steps of an hour, then 60 of a minute, then 60 of a second. */
	for (end = t + 86400; t <= end; ) {
		if (!any_h && t / 3600 % 24 != h)
			t = (t / 3600 + 1) * 3600;
		else if (!any_m && t / 60 % 60 != m)
			t = (t / 60 + 1) * 60;
		else if (!any_s && t % 60 != s)
			t++;
		else
			return midnight + t;
	}
	return -1;
}

/* Length of the periodic interrupt's period in ticks of 1/32768 s, 0 for none. */
static u64 rtc_period(const struct rtc_regs *r)
{
	unsigned int rs = r->cmos[RTC_A] & RTC_A_RS;

	if (!rs || rtc_divider_reset(r))
		return 0;
	/* The two rates that do not fit the row stand at its beginning. */
	return 1u << (rs <= 2 ? rs + 6 : rs - 1);
}

static u64 rtc_ticks(u64 ns)
{
	return ns / NSEC * RTC_HZ + ns % NSEC * RTC_HZ / NSEC;
}

static u64 rtc_ticks_to_ns(u64 ticks)
{
	return ticks / RTC_HZ * NSEC + (ticks % RTC_HZ * NSEC + RTC_HZ - 1) / RTC_HZ;
}

static bool rtc_interrupting(const struct rtc_regs *r)
{
	return r->cmos[RTC_B] & r->cmos[RTC_C] & RTC_C_FLAGS;
}

/* Nanoseconds until an enabled interrupt comes, 0 if none will. */
static u64 rtc_next(const struct rtc_regs *r, u64 now)
{
	u8 wanted = r->cmos[RTC_B] & RTC_C_FLAGS;
	u64 period = rtc_period(r), next = UINT64_MAX;

	/* One that has come holds the line until register C is read. */
	if (!wanted || rtc_interrupting(r))
		return 0;
	if ((wanted & RTC_B_PIE) && period)
		next = rtc_ticks_to_ns((rtc_ticks(now) / period + 1) * period) - now;
	if ((wanted & RTC_B_UIE) && rtc_running(r))
		next = min(next, NSEC - now % NSEC);
	if ((wanted & RTC_B_AIE) && rtc_running(r)) {
		s64 sec = rtc_seconds(r, now), alarm = rtc_alarm(r, sec);

		if (alarm > sec)
			next = min(next, (alarm - sec) * NSEC - now % NSEC);
	}
	return next == UINT64_MAX ? 0 : next;
}

/* Raise the interrupt if it has become due, and wait for the next. */
static void rtc_update(struct rtc *rtc, u64 now)
{
	bool active = rtc_interrupting(&rtc->regs);

	if (active && !rtc->irq_active)
		irq_raise(rtc->irq);
	rtc->irq_active = active;
	if (rtc->timer)
		loop_timer_set(rtc->timer, rtc_next(&rtc->regs, now), 0);
}

/* Work out the flags for the time that has passed. */
static void rtc_sync(struct rtc_regs *r, u64 now)
{
	u64 seen = r->seen, period = rtc_period(r);

	r->seen = now;
	if (now <= seen)
		return;		/* the host's clock was set back */
	if (period && rtc_ticks(now) / period != rtc_ticks(seen) / period)
		r->cmos[RTC_C] |= RTC_B_PIE;
	if (rtc_running(r) && now / NSEC != seen / NSEC) {
		s64 alarm = rtc_alarm(r, rtc_seconds(r, seen));

		r->cmos[RTC_C] |= RTC_B_UIE;
		if (alarm > rtc_seconds(r, seen) && alarm <= rtc_seconds(r, now))
			r->cmos[RTC_C] |= RTC_B_AIE;
	}
}

static void rtc_timer(void *arg)
{
	struct rtc *rtc = arg;
	u64 now;

	pthread_mutex_lock(&rtc->dev.lock);
	now = rtc_now(rtc);
	rtc_sync(&rtc->regs, now);
	rtc_update(rtc, now);
	pthread_mutex_unlock(&rtc->dev.lock);
}

/* --- registers --- */

static u8 rtc_read_c(struct rtc *rtc, u64 now)
{
	struct rtc_regs *r = &rtc->regs;
	u8 value;

	rtc_sync(r, now);
	value = r->cmos[RTC_C] | (rtc_interrupting(r) ? RTC_C_IRQF : 0);
	r->cmos[RTC_C] = 0;
	rtc_update(rtc, now);
	return value;
}

static u64 rtc_read(struct device *dev, u64 offset, unsigned int size)
{
	struct rtc *rtc = container_of(dev, struct rtc, dev);
	struct rtc_regs *r = &rtc->regs;
	u64 now;

	/* The index cannot be read back. */
	if (!offset)
		return 0xff;
	now = rtc_now(rtc);
	r->editing = false;
	if (r->index == RTC_C)
		return rtc_read_c(rtc, now);
	if (r->index == RTC_A && rtc_running(r) && now % NSEC >= NSEC - RTC_UIP_NSEC)
		return r->cmos[RTC_A] | RTC_A_UIP;
	if (rtc_is_time(r->index) && rtc_running(r))
		rtc_latch(r, now);
	return r->cmos[r->index];
}

static void rtc_write_control(struct rtc *rtc, unsigned int index, u8 value)
{
	struct rtc_regs *r = &rtc->regs;
	bool was_running = rtc_running(r), was_reset = rtc_divider_reset(r);
	u64 now = rtc_now(rtc);

	rtc_sync(r, now);
	if (was_running)
		rtc_latch(r, now);
	if (index == RTC_A)
		value &= ~RTC_A_UIP;
	else if (value & RTC_B_SET)
		value &= ~RTC_B_UIE;
	r->cmos[index] = value;
	r->editing = false;
	if (was_reset && !rtc_divider_reset(r)) {
		/* The first update comes half a second after the divider's release. */
		r->phase = 0;
		now = rtc_now(rtc);
		r->phase = (NSEC + NSEC / 2 - now % NSEC) % NSEC;
		now += r->phase;
		r->seen = now;
	}
	if (!was_running && rtc_running(r))
		rtc_set(r, now);
	rtc_update(rtc, now);
}

static void rtc_write_time(struct rtc *rtc, unsigned int index, u8 value)
{
	struct rtc_regs *r = &rtc->regs;
	u64 now = rtc_now(rtc);

	rtc_sync(r, now);
	if (rtc_running(r) && !r->editing)
		rtc_latch(r, now);
	r->cmos[index] = value;
	if (rtc_running(r)) {
		r->editing = true;
		rtc_set(r, now);
	}
	rtc_update(rtc, now);
}

static void rtc_write_alarm(struct rtc *rtc, unsigned int index, u8 value)
{
	u64 now = rtc_now(rtc);

	rtc_sync(&rtc->regs, now);
	rtc->regs.cmos[index] = value;
	rtc_update(rtc, now);
}

static void rtc_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct rtc *rtc = container_of(dev, struct rtc, dev);
	struct rtc_regs *r = &rtc->regs;

	if (!offset) {
		r->index = value & (RTC_SIZE - 1);
		return;
	}
	switch (r->index) {
	case RTC_A:
	case RTC_B:
		rtc_write_control(rtc, r->index, value);
		break;
	case RTC_C:
	case RTC_D:
		break;
	case RTC_SECONDS_ALARM:
	case RTC_MINUTES_ALARM:
	case RTC_HOURS_ALARM:
		rtc_write_alarm(rtc, r->index, value);
		break;
	default:
		if (rtc_is_time(r->index))
			rtc_write_time(rtc, r->index, value);
		else
			r->cmos[r->index] = value;
	}
}

const struct bus_ops rtc_bus_ops = {
	.read = rtc_read,
	.write = rtc_write,
	.max_size = 1,
};

/* --- the machine's side --- */

/* What the RESET pin does: the battery keeps the time and the memory. */
static void rtc_reset(struct device *dev)
{
	struct rtc *rtc = container_of(dev, struct rtc, dev);
	struct rtc_regs *r = &rtc->regs;
	u64 now = rtc_now(rtc);

	r->index = 0;
	r->editing = false;
	r->cmos[RTC_B] &= ~(RTC_B_PIE | RTC_B_AIE | RTC_B_UIE | RTC_B_SQWE);
	r->cmos[RTC_C] = 0;
	r->seen = now;
	rtc_update(rtc, now);
}

static bool rtc_valid(const struct rtc_regs *r)
{
	return r->index < RTC_SIZE && !(r->cmos[RTC_A] & RTC_A_UIP) && !(r->cmos[RTC_C] & ~RTC_C_FLAGS) &&
	       r->cmos[RTC_D] == RTC_D_VRT && r->offset >= -RTC_OFFSET_LIMIT && r->offset <= RTC_OFFSET_LIMIT;
}

static void rtc_state(struct device *dev, struct state *st)
{
	struct rtc *rtc = container_of(dev, struct rtc, dev);
	struct rtc_regs r = rtc->regs;
	u64 offset = r.offset;

	state_version(st, 1);
	state_u8(st, "index", &r.index);
	state_bytes(st, "cmos", r.cmos, sizeof(r.cmos));
	state_bool(st, "editing", &r.editing);
	state_u64(st, "offset-seconds", &offset);
	state_u32_max(st, "phase-ns", &r.phase, NSEC - 1);
	state_u64(st, "seen-ns", &r.seen);
	r.offset = offset;
	if (state_loading(st) && !rtc_valid(&r))
		state_fail(st, "rtc registers");
	if (!state_commit(st))
		return;
	rtc->regs = r;
	/* An interrupt may have been in flight: once too often is better than lost. */
	rtc->irq_active = false;
	rtc_update(rtc, rtc_now(rtc));
}

static void rtc_free_timer(void *arg)
{
	loop_timer_free(arg);
}

static void rtc_destroy(struct device *dev)
{
	struct rtc *rtc = container_of(dev, struct rtc, dev);

	/* Out of memory: only on the way to the end of the process; the timer stays. */
	if (rtc->timer && loop_call_wait(rtc->loop, rtc_free_timer, rtc->timer))
		return;
	device_fini(dev);
	free(rtc);
}

static const struct device_ops rtc_ops = {
	.name = "rtc",
	.reset = rtc_reset,
	.state = rtc_state,
	.destroy = rtc_destroy,
};

/**
 * rtc_new() - make a clock that shows the host's time, in UTC
 * @irq:	edge-triggered, GSI 8 on a PC; must outlive the device
 * @loop:	where its timer runs, or NULL: it then raises no interrupts by itself. The
 *		device is made before the loop runs, and destroyed before the loop is
 *		stopped, or after it has stopped, but before it is freed
 *
 * Return: the device, to be put on a bus with rtc_bus_ops and RTC_PORTS, or NULL when
 * there is no memory or no timer.
 */
struct device *rtc_new(const struct irq *irq, struct loop *loop)
{
	struct rtc *rtc = calloc(1, sizeof(*rtc));

	if (!rtc) {
		error(-ENOMEM, "real-time clock");
		return NULL;
	}
	rtc->irq = irq;
	rtc->loop = loop;
	rtc->clock_ns = rtc_host_clock;
	rtc->regs.cmos[RTC_A] = 0x26;	/* 32768 Hz crystal, 1024 Hz periodic rate */
	rtc->regs.cmos[RTC_B] = RTC_B_24H;
	rtc->regs.cmos[RTC_D] = RTC_D_VRT;
	device_init(&rtc->dev, &rtc_ops, 0);
	if (loop) {
		rtc->timer = loop_timer_new(loop, rtc_timer, rtc);
		if (!rtc->timer) {
			error(-errno, "timer of the real-time clock");
			rtc_destroy(&rtc->dev);
			return NULL;
		}
	}
	rtc_reset(&rtc->dev);
	return &rtc->dev;
}

/**
 * rtc_set_clock() - replace the host's clock, before the guest runs
 * @dev:	the clock
 * @clock_ns:	returns nanoseconds since 1970-01-01 00:00 UTC
 * @arg:	handed to @clock_ns
 */
void rtc_set_clock(struct device *dev, u64 (*clock_ns)(void *arg), void *arg)
{
	struct rtc *rtc = container_of(dev, struct rtc, dev);

	pthread_mutex_lock(&dev->lock);
	rtc->clock_ns = clock_ns;
	rtc->clock_arg = arg;
	rtc->regs.seen = rtc_now(rtc);
	pthread_mutex_unlock(&dev->lock);
}

static void cmos_u16(u8 *cmos, unsigned int index, u64 value)
{
	value = min(value, (u64)0xffff);
	cmos[index] = value;
	cmos[index + 1] = value >> 8;
}

/**
 * rtc_set_memory() - tell the size of memory where a PC's set-up program keeps it
 * @dev:	the clock
 * @low_bytes:	of memory from address 0, below the hole under 4 GiB
 * @high_bytes:	of memory from 4 GiB on
 */
void rtc_set_memory(struct device *dev, u64 low_bytes, u64 high_bytes)
{
	struct rtc *rtc = container_of(dev, struct rtc, dev);
	u8 *cmos = rtc->regs.cmos;
	u64 above_4g = min(high_bytes / (64 * KiB), (u64)0xffffff);
	unsigned int sum = 0;

	pthread_mutex_lock(&dev->lock);
	cmos_u16(cmos, CMOS_BASE_KIB, min(low_bytes / KiB, (u64)640));
	cmos_u16(cmos, CMOS_EXTENDED_KIB, low_bytes > MiB ? (low_bytes - MiB) / KiB : 0);
	cmos_u16(cmos, CMOS_EXTENDED_KIB_2, low_bytes > MiB ? (low_bytes - MiB) / KiB : 0);
	cmos_u16(cmos, CMOS_ABOVE_16M, low_bytes > 16 * MiB ? (low_bytes - 16 * MiB) / (64 * KiB) : 0);
	cmos_u16(cmos, CMOS_ABOVE_4G, above_4g & 0xffff);
	cmos[CMOS_ABOVE_4G + 2] = above_4g >> 16;
	for (unsigned int i = CMOS_CHECKED; i <= CMOS_CHECKED_END; i++)
		sum += cmos[i];
	/* The one number here that is big-endian. */
	cmos[CMOS_CHECKSUM] = sum >> 8;
	cmos[CMOS_CHECKSUM + 1] = sum;
	pthread_mutex_unlock(&dev->lock);
}

/**
 * rtc_set_cpus() - tell firmware how many processors to wait for
 * @dev:	the clock
 * @cpus:	how many there are
 *
 * Where SeaBIOS has no other source it looks here, as the virtual machines have it that it
 * comes from. Without a number it goes on after the first one, and takes the others' code away.
 */
void rtc_set_cpus(struct device *dev, unsigned int cpus)
{
	struct rtc *rtc = container_of(dev, struct rtc, dev);

	pthread_mutex_lock(&dev->lock);
	rtc->regs.cmos[CMOS_MORE_CPUS] = min(cpus - 1, 255U);
	pthread_mutex_unlock(&dev->lock);
}
