/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The symbols of the kernel that a guest runs, wherever they can be had; for x86/report.c.
 */
#ifndef LKVM_X86_GUEST_SYMBOLS_H
#define LKVM_X86_GUEST_SYMBOLS_H

#include "types.h"

struct paging;
struct paging_view;
struct symbols;

/**
 * struct guest_symbols - what is known of a guest's symbols
 * @file:	what the user named, or NULL
 * @kernel:	the kernel's file, or NULL
 * @found:	the symbols, or NULL
 * @line:	what they are, or why there are none
 * @refused:	why the user's file was not taken, or ""
 * @banner:	address of the kernel's banner, by which the kernel is known again; or 0
 * @seen:	a hash of the banner and of the loaded modules
 */
struct guest_symbols {
	const char *file;
	const char *kernel;
	struct symbols *found;
	char line[512];
	char refused[512];
	u64 banner;
	u64 seen;
};

void guest_symbols_get(struct guest_symbols *g, const struct paging *paging, unsigned int count);
void guest_symbols_fini(struct guest_symbols *g);

#endif /* LKVM_X86_GUEST_SYMBOLS_H */
