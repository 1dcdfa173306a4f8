/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * isa-debug-exit: the port by which a test guest ends the run with a status.
 */
#ifndef LKVM_DEBUG_EXIT_H
#define LKVM_DEBUG_EXIT_H

struct bus_ops;
struct device;
struct outcome;

#define DEBUG_EXIT_PORTS 4

extern const struct bus_ops debug_exit_bus_ops;

struct device *debug_exit_new(struct outcome *outcome);

#endif /* LKVM_DEBUG_EXIT_H */
