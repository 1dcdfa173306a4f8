/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workers: a bounded pool of threads for what must block.
 */
#ifndef LKVM_WORK_H
#define LKVM_WORK_H

#include "types.h"

struct loop;

/**
 * struct work - one job; belongs to the submitter until done() has been called
 * @run:	called on a worker, may block
 * @done:	called on @loop afterwards; NULL when nobody waits for it
 * @loop:	the loop that submitted the job
 * @next:	owned by work.c
 */
struct work {
	void (*run)(struct work *work);
	void (*done)(struct work *work);
	struct loop *loop;
	struct work *next;
};

int work_submit(struct work *work);

#endif /* LKVM_WORK_H */
