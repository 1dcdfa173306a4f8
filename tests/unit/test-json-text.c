// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes become a JSON string that is UTF-8, and what was UTF-8 stays as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "json-text.h"
#include "util.h"

static void assert_text(const char *in, size_t len, const char *out)
{
	struct json_object *o = json_text(in, len);

	assert_non_null(o);
	assert_int_equal(json_object_get_string_len(o), strlen(out));
	assert_string_equal(json_object_get_string(o), out);
	json_object_put(o);
}

#define SAME(s) assert_text(s, strlen(s), s)
#define BECOMES(in, out) assert_text(in, strlen(in), out)
#define BAD "\xef\xbf\xbd"

static void good_text(void **state)
{
	SAME("");
	SAME("plain\n\x7f");
	SAME("\xc2\x80\xdf\xbf");
	SAME("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf");
	SAME("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
}

static void bad_text(void **state)
{
	BECOMES("a\xff" "b", "a" BAD "b");
	BECOMES("\x80", BAD);
	BECOMES("\xc0\x80", BAD BAD);			/* longer than needed */
	BECOMES("\xc1\xbf", BAD BAD);
	BECOMES("\xe0\x9f\xbf", BAD BAD BAD);
	BECOMES("\xf0\x8f\xbf\xbf", BAD BAD BAD BAD);
	BECOMES("\xed\xa0\x80", BAD BAD BAD);		/* a surrogate */
	BECOMES("\xf4\x90\x80\x80", BAD BAD BAD BAD);	/* beyond the last character */
	BECOMES("\xf5\x80\x80\x80", BAD BAD BAD BAD);
	BECOMES("\xe2\x82", BAD BAD);			/* cut off */
	BECOMES("\xe2\x82x", BAD BAD "x");
	BECOMES("\xf0\x9f\x98", BAD BAD BAD);
}

static void nul_bytes(void **state)
{
	struct json_object *o = json_text("a\0b", 3);

	assert_int_equal(json_object_get_string_len(o), 3);
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), "\"a\\u0000b\"");
	json_object_put(o);
}

/* Every sequence of up to three bytes: the result is good text, and good text is not changed. */
static void all_short_ones(void **state)
{
	unsigned int good = 0;

	for (unsigned int n = 0; n < 1 << 24; n += n < 1 << 16 ? 1 : 7) {
		u8 in[3] = { n >> 16, n >> 8, n };
		size_t len = utf8_sequence(in, 3);

		assert_true(len <= 3);
		for (size_t shorter = 1; shorter < len; shorter++)
			assert_int_equal(utf8_sequence(in, shorter), 0);
		good += len > 0;
	}
	assert_true(good > 1 << 16);
}

static void times(void **state)
{
	struct json_object *o = json_seconds(1.56);

	assert_string_equal(json_object_to_json_string(o), "1.560");
	json_object_put(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_text),
		cmocka_unit_test(bad_text),
		cmocka_unit_test(nul_bytes),
		cmocka_unit_test(all_short_ones),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
