/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The write-only debug consoles that firmware and small kernels print to.
 */
#ifndef LKVM_DEBUG_PORT_H
#define LKVM_DEBUG_PORT_H

struct bus_ops;
struct chr;
struct device;

#define DEBUG_PORT_PORTS	1
#define DEBUG_PORT_PRESENT	0xe9	/* what a read answers, on every such port */

extern const struct bus_ops debug_port_bus_ops;

struct device *debug_port_new(unsigned int instance, struct chr *chr);

#endif /* LKVM_DEBUG_PORT_H */
