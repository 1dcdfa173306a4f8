// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of judgements: adding, counting, and what a human reads.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "findings.h"

static char *printed(const struct findings *f)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	findings_print(f, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void lines(void **state)
{
	struct findings f = { 0 };
	char *text;

	finding_mend(finding_add(&f, FINDING_NO, "One", "first", "%d is %s", 7, "wrong"), "make it %d", 8);
	finding_add(&f, FINDING_OK, "One", "second", "fine");
	finding_add(&f, FINDING_MISSING, "Two", "third", "not there");
	text = printed(&f);
	assert_string_equal(text,
			    "One\n"
			    "  NO  first                  7 is wrong\n"
			    "                             > make it 8\n"
			    "  ok  second                 fine\n"
			    "\n"
			    "Two\n"
			    "  --  third                  not there\n");
	free(text);
	findings_free(&f);
	assert_int_equal(f.count, 0);
}

static void empty(void **state)
{
	struct findings f = { 0 };
	char *text = printed(&f);

	assert_string_equal(text, "");
	free(text);
	assert_null(findings_find(&f, "first"));
	assert_int_equal(findings_count(&f, FINDING_OK), 0);
	finding_mend(NULL, "nobody to tell");
	findings_free(&f);
}

static void counts(void **state)
{
	struct findings f = { 0 };
	char name[] = "twice";

	for (unsigned int i = 0; i < 100; i++)
		finding_add(&f, i % 3, "g", i ? "other" : name, "%u", i);
	finding_add(&f, FINDING_OK, "g", "twice", "again");
	assert_int_equal(f.count, 101);
	assert_int_equal(findings_count(&f, FINDING_OK), 35);
	assert_int_equal(findings_count(&f, FINDING_MISSING), 33);
	assert_int_equal(findings_count(&f, FINDING_NO), 33);
	assert_string_equal(findings_find(&f, "twice")->text, "0");
	assert_false(f.lost);
	findings_free(&f);
}

/* A terminal must not be told what to do by a file's contents. */
static void control_characters(void **state)
{
	struct findings f = { 0 };
	char *text;

	finding_mend(finding_add(&f, FINDING_OK, "g", "n", "a\033[2Jb\nc"), "d\re\xc2\x9b" "2J\xc3\x9b");
	text = printed(&f);
	assert_non_null(strstr(text, "a?[2Jb?c\n"));
	assert_non_null(strstr(text, "> d?e?2J\xc3\x9b\n"));
	free(text);
	findings_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(empty),
		cmocka_unit_test(counts),
		cmocka_unit_test(control_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
