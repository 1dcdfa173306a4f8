/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixed hardware of ACPI: PM1 event and control blocks, the PM timer, and one
 * block of general-purpose events, one behind the other in a single port range.
 */
#ifndef LKVM_ACPI_PM_H
#define LKVM_ACPI_PM_H

#include "types.h"

struct bus_ops;
struct device;
struct irq;
struct outcome;

/* Offsets of the blocks in the range, and their lengths in bytes, for the FADT. */
#define ACPI_PM1_EVT		0x0
#define ACPI_PM1_EVT_LEN	4
#define ACPI_PM1_CNT		0x4
#define ACPI_PM1_CNT_LEN	2
#define ACPI_PM_TMR		0x8	/* 32 bits wide: TMR_VAL_EXT is set in the FADT */
#define ACPI_PM_TMR_LEN		4
#define ACPI_GPE0		0xc	/* two bytes of status, two of enable */
#define ACPI_GPE0_LEN		4
#define ACPI_PM_LEN		0x10

#define ACPI_GPE_COUNT		16
#define ACPI_PM_TIMER_HZ	3579545
#define ACPI_S5_SLP_TYP		5	/* what \_S5 holds */

extern const struct bus_ops acpi_pm_bus_ops;

struct device *acpi_pm_new(const struct irq *sci, struct outcome *outcome);
void acpi_pm_set_clock(struct device *dev, u64 (*clock_ns)(void *arg), void *arg);
bool acpi_pm_power_button(struct device *dev);
void acpi_pm_gpe(struct device *dev, unsigned int gpe);
void acpi_pm_resample(struct device *dev);

#endif /* LKVM_ACPI_PM_H */
