// SPDX-License-Identifier: GPL-2.0-only
/*
 * See guest.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest.h"
#include "mem.h"
#include "util.h"

#define CR0_PE_PG	0x80000001
#define CR4_PAE		0x20
#define EFER_LMA_LME	0x500

void guest_new(struct guest *g)
{
	*g = (struct guest){ .mem = mem_new(), .next_table = GUEST_MEM, .next_page = GUEST_PAGE };
	assert_non_null(g->mem);
	assert_int_equal(mem_add(g->mem, 0, GUEST_MEM, MEM_RAM, NULL), 0);
	g->root = guest_table(g);
	paging_init(&g->paging, g->mem, CR0_PE_PG, g->root, CR4_PAE, EFER_LMA_LME);
}

void guest_free(struct guest *g)
{
	mem_free(g->mem);
	*g = (struct guest){};
}

/* An empty table, or any other page. */
u64 guest_table(struct guest *g)
{
	g->next_table -= GUEST_PAGE;
	assert_true(g->next_table > g->next_page);
	return g->next_table;
}

void guest_map_at(struct guest *g, u64 va, u64 gpa, u64 flags)
{
	u64 table = g->root, entry, at;

	for (unsigned int level = 3; level > 0; level--) {
		at = table + (va >> (12 + 9 * level) & 511) * 8;
		assert_int_equal(mem_read(g->mem, at, &entry, 8), 0);
		if (!entry)
			entry = guest_table(g) | PTE_PRESENT | PTE_WRITE | PTE_USER;
		assert_int_equal(mem_write(g->mem, at, &entry, 8), 0);
		table = entry & 0x000ffffffffff000;
	}
	entry = gpa | flags;
	assert_int_equal(mem_write(g->mem, table + (va >> 12 & 511) * 8, &entry, 8), 0);
}

/* Fresh pages. */
void guest_map(struct guest *g, u64 va, u64 size, u64 flags)
{
	for (u64 at = 0; at < size; at += GUEST_PAGE) {
		guest_map_at(g, va + at, g->next_page, flags | PTE_PRESENT);
		g->next_page += GUEST_PAGE;
	}
}

void guest_write(struct guest *g, u64 va, const void *data, size_t len)
{
	const u8 *from = data;

	for (size_t i = 0; i < len; i++) {
		struct paging_step step;

		paging_walk(&g->paging, va + i, &step);
		assert_true(step.mapped);
		assert_int_equal(mem_write(g->mem, step.gpa, from + i, 1), 0);
	}
}

void guest_write64(struct guest *g, u64 va, u64 value)
{
	guest_write(g, va, &value, sizeof(value));
}

void guest_write32(struct guest *g, u64 va, u32 value)
{
	guest_write(g, va, &value, sizeof(value));
}
