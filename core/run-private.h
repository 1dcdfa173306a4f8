/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What core/run.c and the commands of its control socket (core/run-control.c) share.
 */
#ifndef LKVM_RUN_PRIVATE_H
#define LKVM_RUN_PRIVATE_H

#include <signal.h>

#include "klog.h"
#include "result.h"
#include "run.h"

struct console;
struct control;
struct instance;
struct loop;
struct loop_fd;
struct loop_timer;
struct pty;

struct run {
	struct run_config *cfg;
	struct loop *loop;
	struct console *console;
	struct console *debug;		/* the debug ports' */
	struct pty *ptys[MACHINE_UARTS];
	struct outcome *outcome;
	struct machine *machine;
	struct klog klog;

	sigset_t signals;		/* that end the run */
	int signal_fd;
	struct loop_fd *signal_watch;
	struct loop_timer *tick, *timeout, *boot_timeout, *grace;
	int signal;			/* that has asked for the end */
	_Atomic u64 output;		/* bytes of console output so far */
	u64 panic_output;		/* at the last tick after a panic */
	unsigned int panic_ticks;
	_Atomic u64 init_ns;		/* when the kernel said that it starts init */
	struct result result;
	bool no_result;			/* it could not be written anyway */
	bool drained;			/* all of the console's output is out */
	struct instance *instance;	/* NULL where there is none */
	struct control *control;
	bool paused;			/* by the user */
};

int run_control_new(struct run *r);
int run_control_start(struct run *r);
void run_resume(struct run *r);

#endif /* LKVM_RUN_PRIVATE_H */
