/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pvpanic: the port by which a guest kernel says that it has panicked.
 */
#ifndef LKVM_PVPANIC_H
#define LKVM_PVPANIC_H

struct bus_ops;
struct device;
struct outcome;

#define PVPANIC_PORTS		1
#define PVPANIC_PANICKED	0x01
#define PVPANIC_CRASH_LOADED	0x02	/* a crash kernel takes over */

extern const struct bus_ops pvpanic_bus_ops;

struct device *pvpanic_new(struct outcome *outcome);

#endif /* LKVM_PVPANIC_H */
