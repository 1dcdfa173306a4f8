/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A UART, and what of it a machine needs to wire.
 */
#ifndef LKVM_SERIAL_H
#define LKVM_SERIAL_H

#include "types.h"

struct bus_ops;
struct chr;
struct device;
struct irq;

#define SERIAL_PORTS 8

extern const struct bus_ops serial_bus_ops;

struct device *serial_new(unsigned int instance, const struct irq *irq, struct chr *chr);
u64 serial_user_time(struct device *dev);
bool serial_sysrq(struct device *dev, char key);

#endif /* LKVM_SERIAL_H */
