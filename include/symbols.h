/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Symbols: from an address to a name and back.
 */
#ifndef LKVM_SYMBOLS_H
#define LKVM_SYMBOLS_H

#include "types.h"

struct guest_view;
struct symbols;

/**
 * struct symbol_at - what an address is
 * @name:	of the function or object
 * @module:	that it belongs to, or NULL for the kernel itself
 * @offset:	bytes behind the symbol's beginning
 * @size:	bytes up to the next symbol or to its own end, 0 if unknown
 */
struct symbol_at {
	const char *name;
	const char *module;
	u64 offset;
	u64 size;
};

struct symbols *symbols_new(void);
void symbols_free(struct symbols *s);

int symbols_add(struct symbols *s, u64 addr, u64 size, char type, const char *name, const char *module);
void symbols_sort(struct symbols *s);
void symbols_shift(struct symbols *s, s64 by);

size_t symbols_count(const struct symbols *s);
bool symbols_at(const struct symbols *s, u64 addr, struct symbol_at *at);
bool symbols_find(const struct symbols *s, const char *name, u64 *addr);
bool symbols_is_text(const struct symbols *s, u64 addr);

/* inspect/symbols-file.c: a vmlinux with its symbol table, or a real System.map */
int symbols_read_file(struct symbols *s, const char *path);
/* inspect/kallsyms.c: the kernel's own table in the guest's memory */
int symbols_read_kallsyms(struct symbols *s, const struct guest_view *view);
/* inspect/modules.c: the loaded modules and their symbols; @s has the kernel's */
int symbols_read_modules(struct symbols *s, const struct guest_view *view);

#endif /* LKVM_SYMBOLS_H */
