/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run: a machine from its start to its end, watched over by the main loop.
 */
#ifndef LKVM_RUN_H
#define LKVM_RUN_H

#include "machine.h"
#include "types.h"

/**
 * struct run_config - what is watched, and what is told of it
 * @machine:	what to build; the run fills in the backends and the outcome
 * @board:	how
 * @named:	the user chose the machine's name
 * @kernel:	path of the kernel, for the result
 * @timeout_ns:	end after this time, 0 for never
 * @boot_timeout_ns: end if user space has not spoken by then, 0 for never
 * @result:	file that gets the result, or NULL
 * @log:	file that gets the console's output, or NULL
 * @ptys:	bit n: UART n is a pseudo-terminal
 * @console:	whether UART 0 is on stdin and stdout
 * @quiet:	show the console only if the run fails
 * @reboot:	let the guest reboot
 * @fail_on:	classes of faults in the kernel's log that fail a run, from klog_classes()
 * @start_ns:	when lkvm started, CLOCK_MONOTONIC
 */
struct run_config {
	struct machine_config machine;
	const struct board *board;
	bool named;
	const char *kernel;
	const char *release;
	u64 timeout_ns;
	u64 boot_timeout_ns;
	const char *result;
	const char *log;
	unsigned int ptys;
	bool console;
	bool quiet;
	bool reboot;
	unsigned int fail_on;
	u64 start_ns;
};

int run_vm(struct run_config *cfg);

#endif /* LKVM_RUN_H */
