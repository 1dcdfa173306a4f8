/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux's ORC tables, as they lie in a guest's memory.
 */
#ifndef LKVM_ORC_H
#define LKVM_ORC_H

#include "types.h"

struct paging;
struct symbols;

/* What the stack pointer or RBP of the frame before is told relative to: the numbers of the tables. */
enum orc_reg {
	ORC_UNDEFINED = 0,
	ORC_PREV_SP = 1,
	ORC_DX = 2,
	ORC_DI = 3,
	ORC_BP = 4,
	ORC_SP = 5,
	ORC_R10 = 6,
	ORC_R13 = 7,
	ORC_BP_INDIRECT = 8,
	ORC_SP_INDIRECT = 9,
};

enum orc_type {
	ORC_TYPE_NONE,		/* nothing is known here */
	ORC_TYPE_END,		/* the stack ends here */
	ORC_TYPE_CALL,		/* below the frame is a return address */
	ORC_TYPE_REGS,		/* the frame is a struct pt_regs */
	ORC_TYPE_IRET,		/* the frame is what an interrupt pushes */
};

/**
 * struct orc_entry - how to go from one frame to the one before
 * @sp_reg:	enum orc_reg, as read
 * @bp_reg:	likewise
 * @type:	what is there
 * @signal:	the frame before was interrupted, and has not called
 */
struct orc_entry {
	s16 sp_offset;
	s16 bp_offset;
	u8 sp_reg;
	u8 bp_reg;
	enum orc_type type;
	bool signal;
};

/**
 * struct orc_table - a sorted table: code addresses, and an entry for each
 * @ip:		virtual address of the array of 32-bit differences, each to its own place
 * @entries:	virtual address of the array of 6-byte entries
 * @count:	of both
 * @typed:	the format of Linux 6.4 and later, with three bits of type
 */
struct orc_table {
	u64 ip;
	u64 entries;
	u32 count;
	bool typed;
};

bool orc_open(struct orc_table *t, u64 ip, u64 ip_end, u64 entries, u64 entries_end);
void orc_probe(struct orc_table *t, const struct paging *p);
bool orc_open_kernel(struct orc_table *t, const struct paging *p, const struct symbols *s);
bool orc_find(const struct orc_table *t, const struct paging *p, u64 ip, struct orc_entry *entry);

#endif /* LKVM_ORC_H */
