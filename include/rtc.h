/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real-time clock of a PC, with its CMOS memory.
 */
#ifndef LKVM_RTC_H
#define LKVM_RTC_H

#include "types.h"

struct bus_ops;
struct device;
struct irq;
struct loop;

#define RTC_PORTS	2
#define RTC_CENTURY	0x32	/* what the FADT tells of: the century's index */

extern const struct bus_ops rtc_bus_ops;

struct device *rtc_new(const struct irq *irq, struct loop *loop);
void rtc_set_clock(struct device *dev, u64 (*clock_ns)(void *arg), void *arg);
void rtc_set_memory(struct device *dev, u64 low_bytes, u64 high_bytes);
void rtc_set_cpus(struct device *dev, unsigned int cpus);

#endif /* LKVM_RTC_H */
