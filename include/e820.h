/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory map that a PC's firmware gives to a kernel.
 */
#ifndef LKVM_E820_H
#define LKVM_E820_H

#include "types.h"
#include "util.h"

struct mem;

/* ACPI 6.5, table 15.6: address range types */
enum {
	E820_RAM	= 1,
	E820_RESERVED	= 2,
	E820_ACPI	= 3,
};

/* What the zero page has room for. */
#define E820_MAX 128

/**
 * struct e820_entry - a range of guest-physical addresses, as it lies in the zero page
 * @addr:	its first address
 * @size:	its bytes
 * @type:	E820_*
 */
struct e820_entry {
	u64 addr;
	u64 size;
	u32 type;
} __packed;

int e820_build(const struct mem *mem, struct e820_entry *table, unsigned int max);

#endif /* LKVM_E820_H */
