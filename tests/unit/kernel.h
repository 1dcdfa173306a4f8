/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A synthetic kernel in a guest's memory: functions, stacks and ORC tables, for the tests of
 * backtraces and reports.
 */
#ifndef LKVM_TESTS_KERNEL_H
#define LKVM_TESTS_KERNEL_H

#include "guest.h"
#include "orc.h"
#include "symbols.h"
#include "unwind.h"

#define TEXT		0xffffffff81000000ULL
#define TEXT_SIZE	0x4000ULL
#define ORC_IP		0xffffffff82000000ULL
#define ORC_ENTRIES	0xffffffff82004000ULL
#define MODULE		0xffffffffc0200000ULL
#define MODULE_ORC	0xffffffffc0300000ULL
#define STACK		0xffffc90000010000ULL
#define STACK_END	(STACK + 0x4000)
#define IRQ_STACK	0xffffc90000020000ULL
#define FUNC_SIZE	0x100ULL

/* The functions, in the order of their addresses, each FUNC_SIZE long from TEXT on. */
enum func { F_ENTRY, F_SYSCALL, F_WRITE, F_CRASH, F_PANIC, F_IRQ_ENTRY, F_IRQ, F_IDLE, F_SWITCH, F_LOOP, F_COUNT };

#define FUNC(f)		(TEXT + (f) * FUNC_SIZE)
#define IN(f, offset)	(FUNC(f) + (offset))

/**
 * struct kernel - what is built
 * @typed:	the ORC tables have the format of Linux 6.4
 */
struct kernel {
	struct guest guest;
	struct symbols *symbols;
	bool typed;
	unsigned int orc_count;
	u64 orc_ip, orc_entries;
};

void kernel_new(struct kernel *k, bool orc, bool typed);
void kernel_free(struct kernel *k);
void kernel_orc_at(struct kernel *k, u64 ip_table, u64 entries);
void kernel_orc(struct kernel *k, u64 ip, enum orc_type type, u8 sp_reg, s16 sp_offset, u8 bp_reg, s16 bp_offset,
		bool signal);
void kernel_put(struct kernel *k, u64 va, u64 value);
void kernel_put_iret(struct kernel *k, u64 va, u64 rip, u64 cs, u64 rsp);
void kernel_call(struct kernel *k, u64 at, u64 target);

#endif /* LKVM_TESTS_KERNEL_H */
