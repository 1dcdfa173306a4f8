// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI fixed hardware (ACPI 6.5, sections 4.8.3 and 4.8.4): PM1a event and control
 * blocks with a fixed power button, the PM timer, and a GPE block.
 *
 * Accesses run in vCPU threads, the power button and the resampling in any; the
 * device's lock covers all.
 *
 * The machine is always in ACPI mode: SCI_EN reads as set, and the FADT names no SMI
 * command port. S5 ends the run; no other sleeping state is offered, and one that a
 * guest asks for all the same is over at once (WAK_STS).
 *
 * The SCI is level-triggered. It stays raised until the guest has acknowledged it at
 * the interrupt controller; the machine then calls acpi_pm_resample(), which raises it
 * again while an event is still pending.
 *
 * Left out: the SCI that the carry of the PM timer may ask for (TMR_EN): TMR_STS is
 * worked out when something else looks at the events. No ACPI driver enables it.
 */
#include <errno.h>
#include <time.h>

#include "acpi-pm.h"
#include "bus.h"
#include "device.h"
#include "irq.h"
#include "log.h"
#include "outcome.h"
#include "state.h"
#include "util.h"

#define PM1_TMR_STS	(1u << 0)
#define PM1_BM_STS	(1u << 4)
#define PM1_GBL_STS	(1u << 5)
#define PM1_PWRBTN_STS	(1u << 8)
#define PM1_SLPBTN_STS	(1u << 9)
#define PM1_RTC_STS	(1u << 10)
#define PM1_WAK_STS	(1u << 15)
#define PM1_STS		(PM1_TMR_STS | PM1_BM_STS | PM1_GBL_STS | PM1_PWRBTN_STS | PM1_SLPBTN_STS | \
			 PM1_RTC_STS | PM1_WAK_STS)
/* The enable bits stand where their status bits do. */
#define PM1_EN		(PM1_TMR_STS | PM1_GBL_STS | PM1_PWRBTN_STS | PM1_SLPBTN_STS | PM1_RTC_STS)

#define PM1_SCI_EN	(1u << 0)
#define PM1_BM_RLD	(1u << 1)
#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_TYP	(7u << PM1_SLP_TYP_SHIFT)
#define PM1_SLP_EN	(1u << 13)

#define TIMER_CARRY	31	/* the bit whose change sets TMR_STS */
#define NSEC		1000000000ULL

struct acpi_pm_regs {
	u16 status;
	u16 enable;
	u16 control;
	u16 gpe_status;
	u16 gpe_enable;
	u32 timer;		/* added to the clock's ticks */
	bool carry;		/* the timer's highest bit when TMR_STS was worked out */
};

struct acpi_pm {
	struct device dev;
	const struct irq *sci;
	struct outcome *outcome;
	u64 (*clock_ns)(void *arg);
	void *clock_arg;
	bool raised;		/* the SCI, since the last resample */
	struct acpi_pm_regs regs;
};

static u64 acpi_pm_host_clock(void *arg)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

static u32 acpi_pm_ticks(const struct acpi_pm *pm)
{
	u64 ns = pm->clock_ns(pm->clock_arg);

	return ns / NSEC * ACPI_PM_TIMER_HZ + ns % NSEC * ACPI_PM_TIMER_HZ / NSEC;
}

static u32 acpi_pm_timer(const struct acpi_pm *pm)
{
	return acpi_pm_ticks(pm) + pm->regs.timer;
}

static bool acpi_pm_pending(const struct acpi_pm_regs *r)
{
	return (r->status & r->enable) || (r->gpe_status & r->gpe_enable);
}

static void acpi_pm_update(struct acpi_pm *pm)
{
	if (!acpi_pm_pending(&pm->regs) || pm->raised)
		return;
	pm->raised = true;
	irq_raise(pm->sci);
}

static void acpi_pm_sync_timer(struct acpi_pm *pm)
{
	bool carry = acpi_pm_timer(pm) >> TIMER_CARRY;

	if (carry != pm->regs.carry)
		pm->regs.status |= PM1_TMR_STS;
	pm->regs.carry = carry;
}

/* Registers are read and written byte by byte: any width of access is then right. */
static u8 acpi_pm_get(const struct acpi_pm *pm, unsigned int offset, u32 timer)
{
	const struct acpi_pm_regs *r = &pm->regs;
	unsigned int high = offset & 1 ? 8 : 0;

	switch (offset & ~1u) {
	case ACPI_PM1_EVT:
		return r->status >> high;
	case ACPI_PM1_EVT + ACPI_PM1_EVT_LEN / 2:
		return r->enable >> high;
	case ACPI_PM1_CNT:
		return r->control >> high;
	case ACPI_PM_TMR:
	case ACPI_PM_TMR + 2:
		return timer >> (offset - ACPI_PM_TMR) * 8;
	case ACPI_GPE0:
		return r->gpe_status >> high;
	case ACPI_GPE0 + ACPI_GPE0_LEN / 2:
		return r->gpe_enable >> high;
	}
	return 0;
}

static u64 acpi_pm_read(struct device *dev, u64 offset, unsigned int size)
{
	struct acpi_pm *pm = container_of(dev, struct acpi_pm, dev);
	u32 timer = acpi_pm_timer(pm);
	u64 value = 0;

	if (offset < ACPI_PM1_CNT) {
		acpi_pm_sync_timer(pm);
		acpi_pm_update(pm);
	}
	for (unsigned int i = 0; i < size; i++)
		value |= (u64)acpi_pm_get(pm, offset + i, timer) << i * 8;
	return value;
}

static void acpi_pm_sleep(struct acpi_pm *pm)
{
	if ((pm->regs.control & PM1_SLP_TYP) >> PM1_SLP_TYP_SHIFT == ACPI_S5_SLP_TYP)
		outcome_report(pm->outcome, OUTCOME_POWEROFF, "acpi", 0);
	else
		pm->regs.status |= PM1_WAK_STS;
}

static void acpi_pm_put(struct acpi_pm *pm, unsigned int offset, u8 byte)
{
	struct acpi_pm_regs *r = &pm->regs;
	unsigned int high = offset & 1 ? 8 : 0;
	u16 value = byte << high, lane = 0xff << high;

	switch (offset & ~1u) {
	case ACPI_PM1_EVT:
		r->status &= ~value;
		break;
	case ACPI_PM1_EVT + ACPI_PM1_EVT_LEN / 2:
		r->enable = (r->enable & ~lane) | (value & PM1_EN);
		break;
	case ACPI_PM1_CNT:
		r->control = ((r->control & ~lane) | (value & (PM1_BM_RLD | PM1_SLP_TYP))) | PM1_SCI_EN;
		if (value & PM1_SLP_EN)
			acpi_pm_sleep(pm);
		break;
	case ACPI_GPE0:
		r->gpe_status &= ~value;
		break;
	case ACPI_GPE0 + ACPI_GPE0_LEN / 2:
		r->gpe_enable = (r->gpe_enable & ~lane) | value;
		break;
	}
}

static void acpi_pm_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct acpi_pm *pm = container_of(dev, struct acpi_pm, dev);

	if (offset < ACPI_PM1_CNT)
		acpi_pm_sync_timer(pm);
	for (unsigned int i = 0; i < size; i++)
		acpi_pm_put(pm, offset + i, value >> i * 8);
	acpi_pm_update(pm);
}

const struct bus_ops acpi_pm_bus_ops = {
	.read = acpi_pm_read,
	.write = acpi_pm_write,
	.max_size = 4,
};

/* --- the machine's side --- */

static void acpi_pm_reset(struct device *dev)
{
	struct acpi_pm *pm = container_of(dev, struct acpi_pm, dev);

	/* The timer counts from 0. */
	pm->regs = (struct acpi_pm_regs){ .control = PM1_SCI_EN, .timer = -acpi_pm_ticks(pm) };
	pm->raised = false;
}

static void acpi_pm_state(struct device *dev, struct state *st)
{
	struct acpi_pm *pm = container_of(dev, struct acpi_pm, dev);
	struct acpi_pm_regs r = pm->regs;
	u32 timer = acpi_pm_timer(pm);

	state_version(st, 1);
	state_u16(st, "pm1-status", &r.status);
	state_u16(st, "pm1-enable", &r.enable);
	state_u16(st, "pm1-control", &r.control);
	state_u16(st, "gpe0-status", &r.gpe_status);
	state_u16(st, "gpe0-enable", &r.gpe_enable);
	state_u32(st, "timer", &timer);
	state_bool(st, "timer-carry", &r.carry);
	if (state_loading(st) && ((r.status & ~PM1_STS) || (r.enable & ~PM1_EN) ||
				  (r.control & ~(PM1_BM_RLD | PM1_SLP_TYP)) != PM1_SCI_EN))
		state_fail(st, "acpi-pm registers");
	if (!state_commit(st))
		return;
	/* It goes on from where it stood. */
	r.timer = timer - acpi_pm_ticks(pm);
	pm->regs = r;
	pm->raised = false;
	acpi_pm_update(pm);
}

static void acpi_pm_destroy(struct device *dev)
{
	device_fini(dev);
	free(container_of(dev, struct acpi_pm, dev));
}

static const struct device_ops acpi_pm_ops = {
	.name = "acpi-pm",
	.reset = acpi_pm_reset,
	.state = acpi_pm_state,
	.destroy = acpi_pm_destroy,
};

/**
 * acpi_pm_new() - make the fixed hardware of ACPI
 * @sci:	level-triggered; whoever watches its resample descriptor calls
 *		acpi_pm_resample()
 * @outcome:	told when the guest enters S5
 *
 * Both must outlive the device.
 *
 * Return: the device, to be put on a bus with acpi_pm_bus_ops and ACPI_PM_LEN, or NULL
 * when there is no memory.
 */
struct device *acpi_pm_new(const struct irq *sci, struct outcome *outcome)
{
	struct acpi_pm *pm = calloc(1, sizeof(*pm));

	if (!pm) {
		error(-ENOMEM, "ACPI power management");
		return NULL;
	}
	pm->sci = sci;
	pm->outcome = outcome;
	pm->clock_ns = acpi_pm_host_clock;
	device_init(&pm->dev, &acpi_pm_ops, 0);
	acpi_pm_reset(&pm->dev);
	return &pm->dev;
}

/**
 * acpi_pm_set_clock() - replace the host's clock, before the guest runs
 * @dev:	the device; its timer begins again from 0
 * @clock_ns:	returns nanoseconds that never go back
 * @arg:	handed to @clock_ns
 */
void acpi_pm_set_clock(struct device *dev, u64 (*clock_ns)(void *arg), void *arg)
{
	struct acpi_pm *pm = container_of(dev, struct acpi_pm, dev);

	pthread_mutex_lock(&dev->lock);
	pm->clock_ns = clock_ns;
	pm->clock_arg = arg;
	acpi_pm_reset(dev);
	pthread_mutex_unlock(&dev->lock);
}

/**
 * acpi_pm_power_button() - press the power button (ACPI 6.5, section 4.8.2.2.1)
 * @dev:	the device
 *
 * From any thread.
 *
 * Return: whether the guest has enabled the event, so that it may be expected to react.
 */
bool acpi_pm_power_button(struct device *dev)
{
	struct acpi_pm *pm = container_of(dev, struct acpi_pm, dev);
	bool enabled;

	pthread_mutex_lock(&dev->lock);
	pm->regs.status |= PM1_PWRBTN_STS;
	enabled = pm->regs.enable & PM1_PWRBTN_STS;
	acpi_pm_update(pm);
	pthread_mutex_unlock(&dev->lock);
	return enabled;
}

/**
 * acpi_pm_gpe() - a general-purpose event has happened
 * @dev:	the device
 * @gpe:	which one, below ACPI_GPE_COUNT
 *
 * From any thread.
 */
void acpi_pm_gpe(struct device *dev, unsigned int gpe)
{
	struct acpi_pm *pm = container_of(dev, struct acpi_pm, dev);

	BUG_ON(gpe >= ACPI_GPE_COUNT);
	pthread_mutex_lock(&dev->lock);
	pm->regs.gpe_status |= 1u << gpe;
	acpi_pm_update(pm);
	pthread_mutex_unlock(&dev->lock);
}

/**
 * acpi_pm_resample() - the guest has acknowledged the SCI, and the line has fallen
 * @dev:	the device
 *
 * From any thread.
 */
void acpi_pm_resample(struct device *dev)
{
	struct acpi_pm *pm = container_of(dev, struct acpi_pm, dev);

	pthread_mutex_lock(&dev->lock);
	pm->raised = false;
	acpi_pm_update(pm);
	pthread_mutex_unlock(&dev->lock);
}
