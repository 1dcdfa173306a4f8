/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System control port A (0x92): fast reset, and the gate of address line 20.
 */
#ifndef LKVM_RESET_PORT_H
#define LKVM_RESET_PORT_H

struct bus_ops;
struct device;
struct outcome;

#define RESET_PORT_PORTS 1

extern const struct bus_ops reset_port_bus_ops;

struct device *reset_port_new(struct outcome *outcome);

#endif /* LKVM_RESET_PORT_H */
