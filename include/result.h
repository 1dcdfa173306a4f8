/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The result of a run as a JSON file.
 */
#ifndef LKVM_RESULT_H
#define LKVM_RESULT_H

#include "types.h"
#include "vcpu.h"

struct machine;
struct outcome;

/**
 * struct result - what a result file tells beside the outcome
 * @kernel:	path, or NULL
 * @release:	the kernel's own name of its version, or NULL
 * @start_ns:	when lkvm started, CLOCK_MONOTONIC, as the others
 * @first_run_ns: when a vCPU first entered the guest, 0 if never
 * @spoke_ns:	when user space first spoke, 0 if never
 * @end_ns:	when the run had ended
 * @reboots:	how often the guest rebooted
 * @exits:	exits to user space
 * @port_exits:	65536 counts, or NULL
 */
struct result {
	const char *kernel;
	const char *release;
	u64 start_ns;
	u64 first_run_ns;
	u64 spoke_ns;
	u64 end_ns;
	unsigned int reboots;
	struct vcpu_exits exits;
	const u64 *port_exits;
};

int result_check(const char *path);
int result_write(const char *path, const struct outcome *outcome, const struct result *result);

#endif /* LKVM_RESULT_H */
