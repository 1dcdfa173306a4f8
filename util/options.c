// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options from a table, parsed by getopt_long(): long options with "=" or a space,
 * letters that may be joined, and "--" before what is not ours.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>

#include "log.h"
#include "options.h"
#include "util.h"

#define OPTIONS_MAX 64
#define LONG_BASE 256	/* above all letters */

static enum options_form print_form;

/**
 * string_list_add() - append a string that outlives the list
 *
 * Return: 0 or -ENOMEM.
 */
int string_list_add(struct string_list *list, const char *item)
{
	const char **items = realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	items[list->count++] = item;
	list->items = items;
	return 0;
}

/**
 * string_list_free() - free the list, not the strings
 */
void string_list_free(struct string_list *list)
{
	free(list->items);
	*list = (struct string_list){};
}

/**
 * parse_uint() - a decimal number
 *
 * Return: 0, or -EINVAL for anything else or one that is too large.
 */
int parse_uint(const char *text, unsigned int *value)
{
	unsigned long v;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (*end || errno || v > UINT_MAX)
		return -EINVAL;
	*value = v;
	return 0;
}

/**
 * parse_size() - a size such as 512M or 2G
 * @text:	a decimal number, and B, K, M, G or T (powers of 1024; either case)
 * @unit:	of a number without a letter, in bytes
 * @size:	set to the size in bytes
 *
 * Return: 0, -EINVAL for anything else, -ERANGE for more than 64 bits.
 */
int parse_size(const char *text, u64 unit, u64 *size)
{
	static const char letters[] = "bkmgt";
	const char *letter;
	unsigned long long v;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	if (*end) {
		letter = strchr(letters, *end | 0x20);
		if (!letter || end[1])
			return -EINVAL;
		unit = 1ULL << 10 * (letter - letters);
	}
	if (__builtin_mul_overflow((u64)v, unit, size))
		return -ERANGE;
	return 0;
}

/**
 * parse_seconds() - a time such as 30 or 0.5
 * @text:	decimal seconds
 * @ns:		set to nanoseconds
 *
 * Return: 0, or -EINVAL for anything else, for 0, and for more than ten years.
 */
int parse_seconds(const char *text, u64 *ns)
{
	double v;
	char *end;

	if ((*text < '0' || *text > '9') && *text != '.')
		return -EINVAL;
	v = strtod(text, &end);
	if (*end || !(v > 0) || v > 3e8)
		return -EINVAL;
	*ns = v * 1e9;
	return *ns ? 0 : -EINVAL;
}

static int set(const struct option_desc *o, const char *arg)
{
	int err;

	switch (o->type) {
	case OPTION_FLAG:
		*(bool *)o->value = true;
		return 0;
	case OPTION_STRING:
		*(const char **)o->value = arg;
		return 0;
	case OPTION_LIST:
		err = string_list_add(o->value, arg);
		return err ? error(err, "--%s", o->name) : 0;
	case OPTION_UINT:
		if (parse_uint(arg, o->value))
			return usage_error("--%s %s: not a number", o->name, arg);
		return 0;
	case OPTION_SIZE:
		if (parse_size(arg, MiB, o->value))
			return usage_error("--%s %s: not a size such as 512M or 2G", o->name, arg);
		return 0;
	case OPTION_CALL:
		return o->parse(arg, o->value);
	}
	return -EINVAL;
}

/* The word of the command line that getopt_long() has just refused. */
static int refuse(char **argv, const struct option_desc *options, int c)
{
	const char *word = argv[optind - 1];

	if (c == ':') {
		const struct option_desc *o;

		for (o = options; o->name; o++)
			if ((optopt >= LONG_BASE && o - options == optopt - LONG_BASE) || o->short_name == optopt)
				return usage_error("--%s needs a value: --%s %s", o->name, o->name, o->arg);
	}
	if (optopt >= LONG_BASE)
		return usage_error("%s: this option takes no value", word);
	if (optopt)
		return usage_error("unknown option -%c (see lkvm help)", optopt);
	return usage_error("unknown option %s (see lkvm help)", word);
}

/**
 * options_parse() - parse a command's options
 * @argc:	number of words
 * @argv:	argv[0] is the command
 * @options:	what the command takes
 * @rest:	set to the index of the first word that is no option; options come first
 *
 * Return: 0 or -errno, said.
 */
int options_parse(int argc, char **argv, const struct option_desc *options, int *rest)
{
	struct option longs[OPTIONS_MAX + 1] = {};
	char letters[2 * OPTIONS_MAX + 3] = "+:";
	size_t n = strlen(letters);
	int c;

	for (unsigned int i = 0; options[i].name; i++) {
		bool takes = options[i].type != OPTION_FLAG && (options[i].type != OPTION_CALL || options[i].arg);

		BUG_ON(i >= OPTIONS_MAX);
		longs[i] = (struct option){ options[i].name, takes, NULL, LONG_BASE + i };
		if (options[i].short_name) {
			letters[n++] = options[i].short_name;
			if (takes)
				letters[n++] = ':';
		}
	}
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_desc *o = NULL;
		int err;

		if (c == '?' || c == ':')
			return refuse(argv, options, c);
		for (unsigned int i = 0; options[i].name; i++)
			if (c == LONG_BASE + (int)i || c == options[i].short_name)
				o = &options[i];
		err = set(o, optarg);
		if (err)
			return err;
	}
	*rest = optind;
	return 0;
}

/**
 * options_set_form() - how options_print() prints from now on
 */
void options_set_form(enum options_form form)
{
	print_form = form;
}

static void print_for_programs(const struct option_desc *o)
{
	const char letter[] = { o->short_name, '\0' };

	printf("-%s\t--%s\t%s\t%s\n", letter, o->name, o->arg ? o->arg : "-", o->help);
}

/**
 * options_print() - the options and what they do, on stdout
 */
void options_print(const struct option_desc *options)
{
	for (const struct option_desc *o = options; o->name; o++) {
		char left[128];

		if (print_form == OPTIONS_FOR_PROGRAMS) {
			print_for_programs(o);
			continue;
		}
		if (o->short_name)
			snprintf(left, sizeof(left), "-%c, --%s %s", o->short_name, o->name, o->arg ? o->arg : "");
		else
			snprintf(left, sizeof(left), "    --%s %s", o->name, o->arg ? o->arg : "");
		printf(strlen(left) > 28 ? "  %s\n%31s%s\n" : "  %-28s %s%s\n", left,
		       strlen(left) > 28 ? "" : o->help, strlen(left) > 28 ? o->help : "");
	}
}
