/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a vCPU's registers to the calls that have led there.
 */
#ifndef LKVM_UNWIND_H
#define LKVM_UNWIND_H

#include "types.h"

struct paging;
struct symbols;

#define UNWIND_FRAMES 64

/**
 * struct unwind_regs - where to begin
 * @rip:	as in the vCPU
 * @rsp:	likewise
 * @rbp:	likewise
 * @r10:	the others are for code that keeps a stack pointer in them
 */
struct unwind_regs {
	u64 rip;
	u64 rsp;
	u64 rbp;
	u64 r10;
	u64 r13;
	u64 rdi;
	u64 rdx;
};

enum unwind_kind {
	UNWIND_CALL,	/* a return address */
	UNWIND_REGS,	/* the instruction that an interrupt or exception came into */
	UNWIND_GUESS,	/* a word on the stack that is an address of code; Linux marks it `?` */
};

enum unwind_end {
	UNWIND_BOTTOM,	/* the stack's end */
	UNWIND_USER,	/* user mode, which has entered the kernel */
	UNWIND_LOST,	/* not known how to go on; there may be guesses */
	UNWIND_LIMIT,	/* too many frames */
};

struct unwind_frame {
	u64 rip;
	enum unwind_kind kind;
};

/**
 * struct unwind_trace - the calls, the innermost first, without the vCPU's own RIP
 * @frames:	how they were found and where they return to
 * @count:	how many
 * @end:	why there are no more
 * @user_rip:	for UNWIND_USER: where user mode was
 */
struct unwind_trace {
	struct unwind_frame frames[UNWIND_FRAMES];
	unsigned int count;
	enum unwind_end end;
	u64 user_rip;
};

void unwind(const struct paging *p, const struct symbols *s, const struct unwind_regs *regs,
	    struct unwind_trace *trace);

#endif /* LKVM_UNWIND_H */
