/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's memory with page tables of four levels, built a page at a time, for the tests of
 * what looks at a guest from outside.
 */
#ifndef LKVM_TESTS_GUEST_H
#define LKVM_TESTS_GUEST_H

#include "paging.h"
#include "types.h"

#define GUEST_MEM	(16ULL << 20)
#define GUEST_PAGE	4096ULL

/* Bits of page-table entries. */
#define PTE_PRESENT	(1ULL << 0)
#define PTE_WRITE	(1ULL << 1)
#define PTE_USER	(1ULL << 2)
#define PTE_LARGE	(1ULL << 7)
#define PTE_NX		(1ULL << 63)

/**
 * struct guest - memory from 0 on; tables are taken from its top, pages from its bottom
 * @root:	CR3
 */
struct guest {
	struct mem *mem;
	u64 root;
	u64 next_table;
	u64 next_page;
	struct paging paging;
};

void guest_new(struct guest *g);
void guest_free(struct guest *g);
u64 guest_table(struct guest *g);
void guest_map_at(struct guest *g, u64 va, u64 gpa, u64 flags);
void guest_map(struct guest *g, u64 va, u64 size, u64 flags);
void guest_write(struct guest *g, u64 va, const void *data, size_t len);
void guest_write64(struct guest *g, u64 va, u64 value);
void guest_write32(struct guest *g, u64 va, u32 value);

#endif /* LKVM_TESTS_GUEST_H */
