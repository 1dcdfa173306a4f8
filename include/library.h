/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Libraries that are loaded when they are needed first: each one that a program is linked
 * with costs every start of it a tenth of a millisecond or more.
 */
#ifndef LKVM_LIBRARY_H
#define LKVM_LIBRARY_H

#include "types.h"
#include "util.h"

/**
 * struct library_symbol - a function of a library
 * @name:	its name
 * @fn:		address of the pointer to fill in
 */
struct library_symbol {
	const char *name;
	void *fn;
};

bool library_load(const char *const *sonames, const struct library_symbol *symbols, unsigned int count);

/* Whether the library is there; called before each use, its handle is kept. */
#define LIBRARY(loaded, symbols, ...) ({						\
	static bool loaded;								\
	static const char *const sonames[] = { __VA_ARGS__, NULL };			\
	loaded = loaded || library_load(sonames, symbols, ARRAY_SIZE(symbols));	\
	loaded; })

#endif /* LKVM_LIBRARY_H */
