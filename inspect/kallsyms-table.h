/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the two halves of the kallsyms reader: what the search knows of a table, and what
 * decoding it needs.
 */
#ifndef LKVM_KALLSYMS_TABLE_H
#define LKVM_KALLSYMS_TABLE_H

#include "types.h"

struct guest_view;
struct symbols;

#define KALLSYMS_TOKENS		256
#define KALLSYMS_TOKENS_MAX	(64 * 1024)	/* bytes of all tokens: the index has 16 bits */
#define KALLSYMS_SYMBOLS_MAX	1000000
#define KALLSYMS_NAME_MAX	512		/* with its type letter, without a NUL */
#define KALLSYMS_NAMES_MAX	(32 * 1024 * 1024)

/**
 * struct kallsyms - a table that was found
 * @view:		the guest's memory
 * @align:		of each part: the size of a pointer
 * @tokens_at:		guest address of the 256 tokens
 * @index_at:		guest address of the 16-bit index of the tokens, which follows them
 * @num_at:		guest address of the number of symbols
 * @tokens:		the tokens, each with a NUL
 * @tokens_len:		bytes of them
 * @index:		where in @tokens each begins
 * @num:		how many symbols there are
 * @names:		the compressed names; points into what the search has read
 * @names_len:		bytes that may be read there
 * @markers:		offset in @names of every 256th name
 * @marker_size:	4, or 8 in 64-bit kernels before 4.20
 * @work:		steps that may still be done before the search gives up
 */
struct kallsyms {
	const struct guest_view *view;
	unsigned int align;
	u64 tokens_at;
	u64 index_at;
	u64 num_at;
	u8 tokens[KALLSYMS_TOKENS_MAX + 1];
	u32 tokens_len;
	u16 index[KALLSYMS_TOKENS];
	u32 num;
	const u8 *names;
	size_t names_len;
	const u8 *markers;
	unsigned int marker_size;
	u64 work;
};

size_t kallsyms_name_length(const u8 *names, size_t room, size_t *head);
bool kallsyms_check_names(struct kallsyms *k, size_t *end);
int kallsyms_decode(struct kallsyms *k, struct symbols *s);

#endif /* LKVM_KALLSYMS_TABLE_H */
