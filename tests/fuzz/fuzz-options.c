// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing the options: the input is a command line, a word a line, parsed by a table with an
 * option of each type and of each form that the commands have; each word is also a number, a
 * size, a time, and what --cpu takes.
 */
#include <stddef.h>

#include "cpu.h"
#include "log.h"
#include "options.h"
#include "util.h"

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct {
	const char *kernel, *cpu, *called;
	struct string_list initrds, params;
	unsigned int number;
	u64 mem;
	bool quiet, fast, force;
} opt;

static int call(const char *arg, void *value)
{
	if (!*arg)
		return usage_error("--call %s: is empty", arg);
	*(const char **)value = arg;
	return 0;
}

static const struct option_desc options[] = {
	{ 'k', "kernel", OPTION_STRING, &opt.kernel, NULL, "FILE", "a file" },
	{ 'i', "initrd", OPTION_LIST, &opt.initrds, NULL, "FILE", "several" },
	{ 'p', "params", OPTION_LIST, &opt.params, NULL, "WORDS", "several" },
	{ 'n', "number", OPTION_UINT, &opt.number, NULL, "N", "a number" },
	{ 'm', "mem", OPTION_SIZE, &opt.mem, NULL, "SIZE", "a size" },
	{ 'q', "quiet", OPTION_FLAG, &opt.quiet, NULL, NULL, "a flag" },
	{ 0, "fast", OPTION_FLAG, &opt.fast, NULL, NULL, "one without a letter" },
	{ 0, "force", OPTION_FLAG, &opt.force, NULL, NULL, "one that begins like it" },
	{ 0, "cpu", OPTION_STRING, &opt.cpu, NULL, "MODEL", "one that another begins with" },
	{ 'c', "cpus", OPTION_CALL, &opt.called, call, "N", "a function" },
	{ 0 },
};

static unsigned int lines;

static void hook(const char *line, size_t len)
{
	/* One message is one line. */
	BUG_ON(!len || line[len - 1] != '\n' || memchr(line, '\n', len - 1));
	lines++;
}

static void parse_word(const char *word)
{
	unsigned int n;
	u64 size, ns;

	parse_uint(word, &n);
	if (!parse_size(word, MiB, &size) && !parse_size(word, 1, &ns))
		BUG_ON(ns > size);
	if (!parse_seconds(word, &ns))
		BUG_ON(!ns || ns > 300000000000000000ULL);
	lines = 0;
	BUG_ON(!cpu_model_check(word) == !!lines);
}

static void parse_words(int argc, char **argv)
{
	int rest = -1, err;

	memset(&opt, 0, sizeof(opt));
	lines = 0;
	err = options_parse(argc, argv, options, &rest);
	/* Refused with one line, or taken without a word. */
	BUG_ON(lines != !!err);
	BUG_ON(!err && (rest < 1 || rest > argc));
	string_list_free(&opt.initrds);
	string_list_free(&opt.params);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *word;
	char *argv[WORDS_MAX + 1] = { (char *)"run" };
	int argc = 1;

	if (!text)
		return 0;
	log_set_hook(hook);
	memcpy(text, data, size);
	text[size] = '\0';
	while (argc < WORDS_MAX && (word = strsep(&rest, "\n"))) {
		parse_word(word);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	parse_words(argc, argv);
	free(text);
	return 0;
}
