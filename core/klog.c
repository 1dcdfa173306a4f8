// SPDX-License-Identifier: GPL-2.0-only
/*
 * Find the few sentences of a Linux kernel on its console that tell how a run goes.
 *
 * A line counts only if the sentence begins it, after the time stamps and the caller's
 * mark that printk may put before it, or, for a panic, if it follows such a stamp: a program
 * may have left its line unfinished.
 */
#include <ctype.h>
#include <errno.h>

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

/*
 * Reports of the kernel by class: how the line begins, and what else it has. The words are
 * those of Linux 6.1 to 6.12 (kernel/panic.c, mm/kasan, kernel/locking/lockdep.c, kernel/rcu,
 * kernel/hung_task.c, kernel/watchdog.c, mm/kmemleak.c, arch/x86).
 */
static const struct {
	const char *name, *begin, *has;
} faults[] = {
	{ "warn", "WARNING: ", "" },
	{ "oops", "Oops: ", "" },
	{ "oops", "BUG: ", "" },
	{ "oops", "kernel BUG at ", "" },
	{ "oops", "general protection fault", "" },
	{ "kasan", "BUG: KASAN: ", "" },
	{ "lockdep", "WARNING: possible ", "" },
	{ "lockdep", "WARNING: inconsistent lock state", "" },
	{ "lockdep", "WARNING: suspicious RCU usage", "" },
	{ "rcu", "rcu: INFO: ", "stall" },
	{ "hung", "INFO: task ", " blocked for more than " },
	{ "hung", "watchdog: BUG: soft lockup", "" },
	{ "hung", "watchdog: Watchdog detected hard LOCKUP", "" },
	{ "kmemleak", "kmemleak: ", " suspected memory leak" },
};

/* The bit of a class is that of its first row. */
static unsigned int class_bit(const char *name, size_t len)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(faults); i++)
		if (strlen(faults[i].name) == len && !memcmp(faults[i].name, name, len))
			return 1U << i;
	return 0;
}

/**
 * klog_classes() - the classes of faults that have these names
 * @names:	warn, oops, kasan, lockdep, rcu, hung and kmemleak, separated by commas, or all
 * @classes:	those are added
 *
 * Return: 0, or -EINVAL for a name that there is not.
 */
int klog_classes(const char *names, unsigned int *classes)
{
	for (;;) {
		size_t len = strcspn(names, ",");
		unsigned int bit = len == 3 && !memcmp(names, "all", 3) ? ~0U : class_bit(names, len);

		if (!bit)
			return -EINVAL;
		*classes |= bit;
		if (!names[len])
			return 0;
		names += len + 1;
	}
}

static void look_for_faults(struct klog *k, const char *text)
{
	for (unsigned int i = 0; k->classes && i < ARRAY_SIZE(faults); i++)
		if (k->classes & class_bit(faults[i].name, strlen(faults[i].name)) &&
		    !strncmp(text, faults[i].begin, strlen(faults[i].begin)) && strstr(text, faults[i].has))
			k->fault(k->arg, faults[i].name);
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
	look_for_faults(k, s);
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
