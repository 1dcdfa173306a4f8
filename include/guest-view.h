/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the readers of inspect/ look at a guest: the virtual addresses of its kernel, from
 * outside. The architecture walks the page tables (x86/paging.c); a unit test has an array.
 */
#ifndef LKVM_GUEST_VIEW_H
#define LKVM_GUEST_VIEW_H

#include "types.h"

/**
 * struct guest_view - embed it in what has the memory
 * @read:	copy @len bytes at @va to @data; returns 0, or -EFAULT when some of them are not
 *		mapped to memory
 * @next:	the first run of mapped kernel memory that ends above @va: sets @start and
 *		@end (exclusive), both within the kernel's own half; false when there is none
 * @is64:	the kernel's pointers have 8 bytes, else 4
 *
 * The guest may be running other code than its tables tell of, or be hostile: what is read
 * is to be checked like any other input.
 */
struct guest_view {
	int (*read)(const struct guest_view *view, u64 va, void *data, size_t len);
	bool (*next)(const struct guest_view *view, u64 va, u64 *start, u64 *end);
	bool is64;
};

#endif /* LKVM_GUEST_VIEW_H */
