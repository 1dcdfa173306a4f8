/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Symbols: from an address to a name and back.
 *
 * A table is filled with symbols_add() or by the readers below, which also sort it; after a
 * symbols_add() of one's own comes a symbols_sort(). Names never have a byte that a terminal
 * would take for anything but itself.
 */
#ifndef LKVM_SYMBOLS_H
#define LKVM_SYMBOLS_H

#include "types.h"

struct guest_view;
struct symbols;

/**
 * struct symbol_at - what an address is
 * @name:	of the function or object; "" when only the module is known
 * @module:	that it belongs to, or NULL for the kernel itself
 * @offset:	bytes behind the symbol's beginning; behind the module's part when there is no name
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
int symbols_add_range(struct symbols *s, const char *module, u64 start, u64 size, bool text);
int symbols_set_orc(struct symbols *s, const char *module, u64 ip_table, u64 orc_table, u32 count);
void symbols_sort(struct symbols *s);
void symbols_shift(struct symbols *s, s64 by);

size_t symbols_count(const struct symbols *s);
bool symbols_at(const struct symbols *s, u64 addr, struct symbol_at *at);
bool symbols_find(const struct symbols *s, const char *name, u64 *addr);
bool symbols_is_text(const struct symbols *s, u64 addr);
int symbols_module_orc(const struct symbols *s, u64 addr, u64 *ip_table, u64 *orc_table, u32 *count);

typedef void symbols_fn(void *arg, u64 addr, char type, const char *name, const char *module);
void symbols_each(const struct symbols *s, symbols_fn *fn, void *arg);

/* inspect/symbols-file.c: a vmlinux with its symbol table, or a real System.map */
int symbols_read_file(struct symbols *s, const char *path);
/* inspect/kallsyms.c: the kernel's own table in the guest's memory */
int symbols_read_kallsyms(struct symbols *s, const struct guest_view *view);
/* inspect/modules.c: the loaded modules and their symbols; @s has the kernel's */
int symbols_read_modules(struct symbols *s, const struct guest_view *view);

#endif /* LKVM_SYMBOLS_H */
