// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options: every type in every form, and each way to get them wrong, which is one line
 * that names the option.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "images.h"
#include "log.h"
#include "options.h"
#include "util.h"

static struct {
	bool flag, quiet;
	const char *string, *called;
	struct string_list list;
	unsigned int number;
	u64 size;
} opt;

static int call(const char *arg, void *value)
{
	if (!strcmp(arg, "bad"))
		return usage_error("--call %s: is bad", arg);
	*(const char **)value = arg;
	return 0;
}

static const struct option_desc options[] = {
	{ 'f', "flag", OPTION_FLAG, &opt.flag, NULL, NULL, "a flag" },
	{ 'q', "quiet", OPTION_FLAG, &opt.quiet, NULL, NULL, "another" },
	{ 's', "string", OPTION_STRING, &opt.string, NULL, "TEXT", "a string" },
	{ 'l', "list", OPTION_LIST, &opt.list, NULL, "ITEM", "a list" },
	{ 'n', "number", OPTION_UINT, &opt.number, NULL, "N", "a number" },
	{ 'm', "size", OPTION_SIZE, &opt.size, NULL, "SIZE", "a size" },
	{ 0, "call", OPTION_CALL, &opt.called, call, "WHAT", "a call" },
	{ 0 },
};

#define WORDS 16

static int rest;

/* The words, separated by spaces; "" stands for an empty one. */
static int parse(const char *text)
{
	static char buf[1024];
	char *argv[WORDS + 1] = { (char *)"run" }, *word, *p = buf;
	int argc = 1;

	string_list_free(&opt.list);
	memset(&opt, 0, sizeof(opt));
	said_start();
	rest = -1;
	assert_true(strlen(text) < sizeof(buf));
	snprintf(buf, sizeof(buf), "%s", text);
	while (*text && (word = strsep(&p, " "))) {
		assert_true(argc < WORDS);
		argv[argc++] = strcmp(word, "\"\"") ? word : (char *)"";
	}
	argv[argc] = NULL;
	return options_parse(argc, argv, options, &rest);
}

static int teardown(void **state)
{
	string_list_free(&opt.list);
	return 0;
}

static void none(void **state)
{
	assert_int_equal(parse(""), 0);
	assert_int_equal(rest, 1);
	assert_false(opt.flag);
	assert_null(opt.string);
	assert_int_equal(opt.list.count, 0);
	assert_int_equal(said_lines(), 0);
}

static void flags(void **state)
{
	assert_int_equal(parse("--flag"), 0);
	assert_true(opt.flag && !opt.quiet);
	assert_int_equal(parse("-q"), 0);
	assert_true(!opt.flag && opt.quiet);
	assert_int_equal(parse("-fq"), 0);
	assert_true(opt.flag && opt.quiet);
	assert_int_equal(parse("-f -f --flag"), 0);
	assert_true(opt.flag);
}

static void strings(void **state)
{
	static const char *const forms[] = {
		"--string=a=b", "--string a=b", "-s a=b", "-sa=b", "-fsa=b", "-qfs a=b", "-s first -s a=b",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(forms); i++) {
		assert_int_equal(parse(forms[i]), 0);
		assert_string_equal(opt.string, "a=b");
	}
	/* With a letter there is no "=". */
	assert_int_equal(parse("-s=x"), 0);
	assert_string_equal(opt.string, "=x");
	/* Empty ones are strings, too, and so is what looks like an option. */
	assert_int_equal(parse("--string="), 0);
	assert_string_equal(opt.string, "");
	assert_int_equal(parse("--string \"\" -f"), 0);
	assert_string_equal(opt.string, "");
	assert_true(opt.flag);
	assert_int_equal(parse("-s -f"), 0);
	assert_string_equal(opt.string, "-f");
	assert_false(opt.flag);
	assert_int_equal(parse("--string --flag"), 0);
	assert_string_equal(opt.string, "--flag");
}

static void lists(void **state)
{
	assert_int_equal(parse("-l one --list two --list=three -lfour -fl five"), 0);
	assert_int_equal(opt.list.count, 5);
	assert_string_equal(opt.list.items[0], "one");
	assert_string_equal(opt.list.items[1], "two");
	assert_string_equal(opt.list.items[2], "three");
	assert_string_equal(opt.list.items[3], "four");
	assert_string_equal(opt.list.items[4], "five");
	string_list_free(&opt.list);
	assert_int_equal(opt.list.count, 0);
	assert_null(opt.list.items);
}

static void numbers(void **state)
{
	static const struct { const char *text; unsigned int value; } good[] = {
		{ "-n 0", 0 }, { "-n1", 1 }, { "--number=4294967295", UINT32_MAX }, { "--number 0010", 10 },
	};
	static const char *const bad[] = {
		"-n -1", "-n +1", "-n x", "-n 1x", "-n 0x10", "-n 4294967296", "-n 99999999999999999999999",
		"-n 1.5", "--number=", "-n \"\"", "-n 1,2",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(parse(good[i].text), 0);
		assert_int_equal(opt.number, good[i].value);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(parse(bad[i]) < 0);
		assert_int_equal(said_lines(), 1);
		assert_non_null(strstr(said(), "--number"));
	}
	assert_true(parse("-n seven") < 0);
	assert_non_null(strstr(said(), "seven"));
}

static void sizes(void **state)
{
	assert_int_equal(parse("--size=512M"), 0);
	assert_int_equal(opt.size, 512 * MiB);
	/* A bare number is MiB. */
	assert_int_equal(parse("-m 512"), 0);
	assert_int_equal(opt.size, 512 * MiB);
	assert_true(parse("-m 1Q") < 0);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "--size 1Q"));
	assert_non_null(strstr(said(), "512M"));
	assert_true(parse("-m 99999999999999999999T") < 0);
	assert_int_equal(said_lines(), 1);
}

static void calls(void **state)
{
	assert_int_equal(parse("--call=x --call y"), 0);
	assert_string_equal(opt.called, "y");
	/* The function has said it. */
	assert_int_equal(parse("--call bad -n x"), -EINVAL);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "--call bad: is bad"));
}

static void words_that_are_left(void **state)
{
	assert_int_equal(parse("-f word -q"), 0);
	assert_int_equal(rest, 2);
	assert_true(opt.flag && !opt.quiet);
	assert_int_equal(parse("-f -- -q"), 0);
	assert_int_equal(rest, 3);
	assert_false(opt.quiet);
	assert_int_equal(parse("--"), 0);
	assert_int_equal(rest, 2);
	assert_int_equal(parse("- -f"), 0);
	assert_int_equal(rest, 1);
	assert_false(opt.flag);
	assert_int_equal(parse("\"\" -f"), 0);
	assert_int_equal(rest, 1);
}

static void no_words_at_all(void **state)
{
	char *argv[] = { NULL };

	assert_int_equal(options_parse(0, argv, options, &rest), 0);
}

static void missing_values(void **state)
{
	static const struct { const char *text, *option, *arg; } table[] = {
		{ "--string", "--string", "TEXT" }, { "-s", "--string", "TEXT" }, { "-f --list", "--list", "ITEM" },
		{ "-fqn", "--number", "N" }, { "-m", "--size", "SIZE" }, { "-f -q --call", "--call", "WHAT" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(parse(table[i].text), -EINVAL);
		assert_int_equal(said_lines(), 1);
		assert_non_null(strstr(said(), table[i].option));
		assert_non_null(strstr(said(), table[i].arg));
		assert_non_null(strstr(said(), "value"));
	}
}

static void unknown(void **state)
{
	static const struct { const char *text, *named; } table[] = {
		{ "--nonsense", "--nonsense" }, { "--nonsense=5", "--nonsense" }, { "-z", "-z" }, { "-fz", "-z" },
		{ "-f --flagg -q", "--flagg" }, { "---", "---" }, { "--=5", "--=5" }, { "-:", "-:" },
		{ "-f -? -q", "-?" }, { "-1", "-1" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(parse(table[i].text), -EINVAL);
		assert_int_equal(said_lines(), 1);
		assert_non_null(strstr(said(), table[i].named));
	}
	/* Bytes that are no letters come out as something printable, on one line. */
	assert_int_equal(parse("-\n"), -EINVAL);
	assert_int_equal(said_lines(), 1);
	assert_ptr_equal(strchr(said(), '\n'), said() + strlen(said()) - 1);
	assert_int_equal(parse("-\xff"), -EINVAL);
	assert_int_equal(said_lines(), 1);
}

static void value_for_a_flag(void **state)
{
	assert_int_equal(parse("--flag=yes"), -EINVAL);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "--flag=yes"));
	assert_non_null(strstr(said(), "no value"));
	/* -f takes none, so what follows are letters. */
	assert_int_equal(parse("-f=x"), -EINVAL);
	assert_int_equal(said_lines(), 1);
}

static void called_again(void **state)
{
	/* What an earlier call has left half done does not matter. */
	assert_true(parse("-fz -q") < 0);
	assert_int_equal(parse("-q word"), 0);
	assert_true(opt.quiet && !opt.flag);
	assert_int_equal(rest, 2);
}

/* --- the parsers --- */

static void parse_uints(void **state)
{
	unsigned int v = 77;

	assert_int_equal(parse_uint("", &v), -EINVAL);
	assert_int_equal(parse_uint(" 1", &v), -EINVAL);
	assert_int_equal(parse_uint("1 ", &v), -EINVAL);
	assert_int_equal(parse_uint("18446744073709551616", &v), -EINVAL);
	assert_int_equal(v, 77);
	assert_int_equal(parse_uint("4294967295", &v), 0);
	assert_int_equal(v, UINT32_MAX);
}

static void parse_sizes(void **state)
{
	static const struct { const char *text; u64 unit; int err; u64 size; } table[] = {
		{ "0", 1, 0, 0 }, { "1", 1, 0, 1 }, { "1", MiB, 0, MiB }, { "7b", MiB, 0, 7 }, { "7B", MiB, 0, 7 },
		{ "1k", 1, 0, KiB }, { "1K", MiB, 0, KiB }, { "512m", 1, 0, 512 * MiB }, { "2G", 1, 0, 2 * GiB },
		{ "3t", 1, 0, 3072 * GiB }, { "0T", 1, 0, 0 }, { "18446744073709551615", 1, 0, UINT64_MAX },
		{ "16777215T", 1, 0, 16777215ULL << 40 }, { "18014398509481983K", 1, 0, UINT64_MAX - 1023 },
		{ "18446744073709551615b", MiB, 0, UINT64_MAX },
		{ "16777216T", 1, -ERANGE, 0 }, { "18446744073709551616", 1, -ERANGE, 0 },
		{ "18446744073709551615", 2, -ERANGE, 0 }, { "18446744073709551615k", 1, -ERANGE, 0 },
		{ "99999999999999999999999999", 1, -ERANGE, 0 },
		{ "", 1, -EINVAL, 0 }, { "M", 1, -EINVAL, 0 }, { "-1", 1, -EINVAL, 0 }, { "+1", 1, -EINVAL, 0 },
		{ " 1", 1, -EINVAL, 0 }, { "1 M", 1, -EINVAL, 0 }, { "1MB", 1, -EINVAL, 0 }, { "1MiB", 1, -EINVAL, 0 },
		{ "1P", 1, -EINVAL, 0 }, { "1.5G", 1, -EINVAL, 0 }, { "0x10", 1, -EINVAL, 0 }, { "1\n", 1, -EINVAL, 0 },
		{ "1\xcb", 1, -EINVAL, 0 }, { "1,", 1, -EINVAL, 0 }, { "1@", 1, -EINVAL, 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		u64 size = 0;

		assert_int_equal(parse_size(table[i].text, table[i].unit, &size), table[i].err);
		if (!table[i].err)
			assert_int_equal(size, table[i].size);
	}
}

static void parse_times(void **state)
{
	static const struct { const char *text; u64 ns; } good[] = {
		{ "1", 1000000000 }, { "0.5", 500000000 }, { ".25", 250000000 }, { "30", 30000000000 },
		{ "1e2", 100000000000 }, { "0.000000001", 1 }, { "2.", 2000000000 },
		{ "300000000", 300000000000000000 },
	};
	static const char *const bad[] = {
		"", "0", "0.0", "-1", "+1", " 1", "1s", "1 ", "x", ".", "..5", "inf", "nan", "1e99", "1e400",
		"400000000", "1e-30", "0.0000000001", "1,5", "1e", "0x", "9999999999999999999999",
	};
	u64 ns;

	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(parse_seconds(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_seconds(bad[i], &ns), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none),
		cmocka_unit_test(flags),
		cmocka_unit_test(strings),
		cmocka_unit_test(lists),
		cmocka_unit_test(numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(calls),
		cmocka_unit_test(words_that_are_left),
		cmocka_unit_test(no_words_at_all),
		cmocka_unit_test(missing_values),
		cmocka_unit_test(unknown),
		cmocka_unit_test(value_for_a_flag),
		cmocka_unit_test(called_again),
		cmocka_unit_test(parse_uints),
		cmocka_unit_test(parse_sizes),
		cmocka_unit_test(parse_times),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
