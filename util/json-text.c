// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strings for JSON out of bytes that anybody may have written, and times, see include/json-text.h.
 * From any thread.
 */
#include <json-c/json.h>

#include "json-text.h"
#include "util.h"

static const char replacement[] = "\xef\xbf\xbd";	/* U+FFFD in UTF-8 */

/**
 * utf8_sequence() - the length of one well-formed character (Unicode 15, table 3-7)
 * @at:		its first byte
 * @len:	bytes that are there, at least one
 *
 * Return: 1 to 4, or 0 where the bytes are no UTF-8.
 */
size_t utf8_sequence(const u8 *at, size_t len)
{
	u8 low = 0x80, high = 0xbf;
	size_t n;

	if (at[0] < 0x80)
		return 1;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	n = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;
	/* No longer form than needed, no surrogates, nothing above U+10FFFF. */
	if (at[0] == 0xe0)
		low = 0xa0;
	else if (at[0] == 0xed)
		high = 0x9f;
	else if (at[0] == 0xf0)
		low = 0x90;
	else if (at[0] == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return n;
}

/**
 * json_text() - a JSON string; bytes that are no UTF-8 become U+FFFD
 * @text:	the bytes
 * @len:	how many
 *
 * Return: the string, the caller's, or NULL without memory.
 */
struct json_object *json_text(const char *text, size_t len)
{
	struct json_object *o = NULL;
	size_t used = 0;
	char *copy;

	if (len > INT32_MAX / (sizeof(replacement) - 1))
		return NULL;
	copy = malloc(len * (sizeof(replacement) - 1) + 1);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_sequence((const u8 *)text + i, len - i);

		memcpy(copy + used, n ? text + i : replacement, n ? n : sizeof(replacement) - 1);
		used += n ? n : sizeof(replacement) - 1;
		i += n ? n : 1;
	}
	o = json_object_new_string_len(copy, used);
	free(copy);
	return o;
}

/**
 * json_seconds() - a time, with no more digits than milliseconds have
 * @seconds:	the time
 *
 * Return: the number, the caller's, or NULL without memory.
 */
struct json_object *json_seconds(double seconds)
{
	char text[64];

	snprintf(text, sizeof(text), "%.3f", seconds);
	return json_object_new_double_s(seconds, text);
}
