/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command-line options from a table.
 */
#ifndef LKVM_OPTIONS_H
#define LKVM_OPTIONS_H

#include "types.h"

enum option_type {
	OPTION_FLAG,	/* bool: set to true */
	OPTION_STRING,	/* const char *: set to the argument */
	OPTION_LIST,	/* struct string_list: the argument is added */
	OPTION_UINT,	/* unsigned int */
	OPTION_SIZE,	/* u64: bytes, with a suffix K, M, G or T; a bare number is MiB */
	OPTION_CALL,	/* parse() is called; without @arg it takes no argument, and gets NULL */
};

/**
 * struct string_list - strings that live as long as argv does
 */
struct string_list {
	const char **items;
	unsigned int count;
};

/**
 * struct option_desc - one option; the array ends with one that has no name
 * @short_name:	its letter, or 0
 * @name:	its long name
 * @type:	what its argument is
 * @value:	where it goes
 * @parse:	for OPTION_CALL: takes the argument and @value, returns 0 or -errno, said
 * @arg:	the argument's name for the help text, in capitals; words in small letters stand for
 *		themselves, as in "serial|none", and "a|b,..." is a list of such words
 * @help:	one line
 */
struct option_desc {
	char short_name;
	const char *name;
	enum option_type type;
	void *value;
	int (*parse)(const char *arg, void *value);
	const char *arg;
	const char *help;
};

/* What options_print() prints. */
enum options_form {
	OPTIONS_FOR_PEOPLE,
	OPTIONS_FOR_PROGRAMS,	/* letter, name, argument and help, separated by tabs; "-" for none */
};

int options_parse(int argc, char **argv, const struct option_desc *options, int *rest);
void options_set_form(enum options_form form);
void options_print(const struct option_desc *options);

int string_list_add(struct string_list *list, const char *item);
void string_list_free(struct string_list *list);

int parse_size(const char *text, u64 unit, u64 *size);
int parse_uint(const char *text, unsigned int *value);
int parse_seconds(const char *text, u64 *ns);

#endif /* LKVM_OPTIONS_H */
