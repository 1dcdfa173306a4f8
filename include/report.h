/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the vCPUs of a guest are, as text.
 */
#ifndef LKVM_REPORT_H
#define LKVM_REPORT_H

#include <stdio.h>

#include "types.h"

struct cpu_look;
struct mem;
struct report;

/**
 * struct report_config - what reports are made from; all it points to outlives them
 * @mem:	the guest's memory
 * @symbols:	a vmlinux or System.map that the user named, or NULL
 * @kernel:	path of the guest's kernel, or NULL
 */
struct report_config {
	const struct mem *mem;
	const char *symbols;
	const char *kernel;
};

struct report *report_new(const struct report_config *cfg);
void report_free(struct report *r);
void report_print(struct report *r, const struct cpu_look *cpus, unsigned int count, FILE *f);

#endif /* LKVM_REPORT_H */
