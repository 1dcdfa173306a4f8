/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test device: a latch, interrupt lines and a page of memory behind exits, for small
 * test kernels.
 */
#ifndef LKVM_TEST_DEVICE_H
#define LKVM_TEST_DEVICE_H

#include "types.h"

struct bus_ops;
struct device;

#define TEST_DEVICE_LATCH_PORTS	4
#define TEST_DEVICE_LINES	24	/* a port each */
#define TEST_DEVICE_MEM_SIZE	0x1000

extern const struct bus_ops test_device_latch_bus_ops;
extern const struct bus_ops test_device_line_bus_ops;
extern const struct bus_ops test_device_mem_bus_ops;

struct device *test_device_new(void (*set_line)(void *arg, unsigned int line, bool level), void *arg);

#endif /* LKVM_TEST_DEVICE_H */
