/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keyboard controller of a PC with an AT keyboard attached.
 */
#ifndef LKVM_I8042_H
#define LKVM_I8042_H

#include "types.h"

struct bus_ops;
struct device;
struct irq;
struct outcome;

/* One port each: 0x60 and 0x64. */
extern const struct bus_ops i8042_data_bus_ops;
extern const struct bus_ops i8042_command_bus_ops;

struct device *i8042_new(const struct irq *keyboard, const struct irq *mouse, struct outcome *outcome);
bool i8042_key(struct device *dev, u8 scancode);
bool i8042_sysrq(struct device *dev, char key);

#endif /* LKVM_I8042_H */
