// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory map that a kernel is given (ACPI 6.5, 15.4), made from the guest's
 * memory and the fixed ranges of layout.h. Pure; runs in the thread that loads the
 * kernel.
 */
#include <errno.h>

#include "e820.h"
#include "layout.h"
#include "mem.h"

/* Where memory may be given to the kernel: not where firmware keeps things. */
static const struct window {
	u64 start, end;
} windows[] = {
	{ 0, LAYOUT_EBDA },
	{ LAYOUT_HIGH, LAYOUT_LOW_RAM_END },
	{ LAYOUT_HIGH_RAM, UINT64_MAX },
};

static const struct e820_entry fixed[] = {
	{ LAYOUT_EBDA, LAYOUT_ACPI - LAYOUT_EBDA, E820_RESERVED },
	{ LAYOUT_ACPI, LAYOUT_ACPI_SIZE, E820_ACPI },
	{ LAYOUT_BIOS, LAYOUT_HIGH - LAYOUT_BIOS, E820_RESERVED },
	/* Linux uses ECAM only where the map, or ACPI's namespace, reserves it. */
	{ LAYOUT_PCI_ECAM, LAYOUT_PCI_ECAM_SIZE, E820_RESERVED },
	/* KVM puts pages of its own here, on CPUs that cannot run real mode. */
	{ LAYOUT_KVM_IDENTITY, LAYOUT_KVM_TSS + 0x3000 - LAYOUT_KVM_IDENTITY, E820_RESERVED },
};

/* Insert in order of addresses, growing the entry before where that continues into this one. */
static int insert(struct e820_entry *table, unsigned int *count, unsigned int max, const struct e820_entry *e)
{
	unsigned int at = *count;

	while (at > 0 && table[at - 1].addr > e->addr)
		at--;
	if (at > 0 && table[at - 1].type == e->type && table[at - 1].addr + table[at - 1].size == e->addr) {
		table[at - 1].size += e->size;
		return 0;
	}
	if (*count >= max)
		return -ENOSPC;
	memmove(&table[at + 1], &table[at], (*count - at) * sizeof(*table));
	table[at] = *e;
	(*count)++;
	return 0;
}

/**
 * e820_build() - the memory map of a guest
 * @mem:	its memory
 * @table:	set to the map, in rising order of addresses, without overlaps
 * @max:	entries that @table has room for
 *
 * Return: the number of entries, or -ENOSPC.
 */
int e820_build(const struct mem *mem, struct e820_entry *table, unsigned int max)
{
	unsigned int count = 0;
	int err = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(fixed) && !err; i++)
		err = insert(table, &count, max, &fixed[i]);
	for (unsigned int i = 0; i < mem_count(mem); i++) {
		const struct mem_region *r = mem_region(mem, i);

		for (unsigned int w = 0; w < ARRAY_SIZE(windows) && r->kind == MEM_RAM && !err; w++) {
			u64 start = max(r->gpa, windows[w].start);
			u64 end = min(r->gpa + r->size, windows[w].end);
			struct e820_entry e = { .addr = start, .size = end - start, .type = E820_RAM };

			if (start < end)
				err = insert(table, &count, max, &e);
		}
	}
	return err ? err : (int)count;
}
