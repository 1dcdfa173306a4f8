// SPDX-License-Identifier: GPL-2.0-only
/*
 * Find the few sentences of a Linux kernel on its console that tell how a run goes.
 *
 * A line counts only if the sentence begins it, after the time stamps and the caller's
 * mark that printk may put before it, or, for a panic, if it follows such a stamp: a program
 * may have left its line unfinished.
 */
#include <ctype.h>

#include "klog.h"
#include "util.h"

/* Skip "<4>", "[    1.234567]", "[   T12]" and spaces. */
static const char *skip_prefix(const char *s)
{
	for (;;) {
		const char *end = NULL;

		while (*s == ' ' || *s == '\r')
			s++;
		if (*s == '[')
			end = strchr(s, ']');
		else if (*s == '<')
			end = strchr(s, '>');
		if (!end || end - s > 24)
			return s;
		for (const char *p = s + 1; p < end; p++)
			if (!isdigit((unsigned char)*p) && !strchr(" .,TCt", *p))
				return s;
		s = end + 1;
	}
}

/* At the beginning, or behind a time stamp that had to follow what a program left unfinished. */
static bool says_panic(const char *line)
{
	const char *at = strstr(line, "Kernel panic - not syncing");

	if (!at)
		return false;
	for (const char *s = line; s; s = strchr(s + 1, '['))
		if (skip_prefix(s) == at)
			return true;
	return false;
}

static void line_done(struct klog *k)
{
	const char *s;

	k->line[k->len] = '\0';
	s = skip_prefix(k->line);
	if (says_panic(k->line)) {
		if (k->panic)
			k->panic(k->arg);
	} else if (!strncmp(s, "Run ", 4) && strstr(s, " as init process")) {
		if (k->init)
			k->init(k->arg);
	}
}

/**
 * klog_feed() - look at more output
 * @k:		with the callbacks set and the rest zero at first
 * @data:	bytes as the guest sent them
 * @len:	how many
 */
void klog_feed(struct klog *k, const u8 *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n') {
			line_done(k);
			k->len = 0;
		} else if (k->len < sizeof(k->line) - 1 && data[i]) {
			k->line[k->len++] = data[i];
		}
	}
}
