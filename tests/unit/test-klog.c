// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a kernel says on its console: the sentences that count, with all that may stand before
 * them, cut anywhere; and what only looks like them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "images.h"
#include "klog.h"
#include "util.h"

#define PANIC "Kernel panic - not syncing"
#define INIT  "Run /sbin/init as init process"

struct heard {
	unsigned int panics, inits;
};

static void on_panic(void *arg)
{
	((struct heard *)arg)->panics++;
}

static void on_init(void *arg)
{
	((struct heard *)arg)->inits++;
}

static struct heard heard;
static struct klog klog;

static int setup(void **state)
{
	heard = (struct heard){};
	klog = (struct klog){ .panic = on_panic, .init = on_init, .arg = &heard };
	return 0;
}

static void feed(const void *data, size_t len)
{
	klog_feed(&klog, data, len);
}

static void say(const char *text)
{
	feed(text, strlen(text));
}

static const struct {
	const char *text;
	unsigned int panics, inits;
} lines[] = {
	{ PANIC "\n", 1, 0 },
	{ PANIC ": VFS: Unable to mount root fs on unknown-block(0,0)\r\n", 1, 0 },
	{ "[    1.234567] " PANIC ": x\r\n", 1, 0 },
	{ "test running... [    1.234567] " PANIC ": x\r\n", 1, 0 },
	{ "# [    1.234567][   T12] " PANIC "\r\n", 1, 0 },
	{ "[12345.678901] " PANIC ": x\n", 1, 0 },
	{ "<0>[    1.234567] " PANIC "\n", 1, 0 },
	{ "[    1.234567][    T1] " PANIC "\n", 1, 0 },
	{ "[    1.234567][   C12] " PANIC "\n", 1, 0 },
	{ "[T1] " PANIC "\n", 1, 0 },
	{ "\r\r" PANIC "\n", 1, 0 },
	{ "   " PANIC "\n", 1, 0 },
	{ "\n\n" PANIC "\n\n", 1, 0 },
	{ PANIC "\n" PANIC "\n", 2, 0 },
	{ "[    0.912345] " INIT "\r\n", 0, 1 },
	{ INIT "\n", 0, 1 },
	{ "<6>[    1.0][    T1] Run /init as init process\n", 0, 1 },
	{ INIT "\n" PANIC "\n", 1, 1 },

	{ PANIC, 0, 0 },		/* the line has not ended yet */
	{ "Kernel panic\n", 0, 0 },
	{ "kernel panic - not syncing\n", 0, 0 },
	{ "a log: " PANIC "\n", 0, 0 },
	{ "> " PANIC "\n", 0, 0 },
	{ "[ OK ] " PANIC "\n", 0, 0 },
	{ "[guest] " PANIC "\n", 0, 0 },
	{ "<guest> " PANIC "\n", 0, 0 },
	{ "[    1.234567 " PANIC "\n", 0, 0 },
	{ "[1.2] [text] " PANIC "\n", 0, 0 },
	{ "\"" PANIC "\"\n", 0, 0 },
	{ "[                                                   1] " PANIC "\n", 0, 0 },
	{ "---[ end " PANIC ": x ]---\n", 0, 0 },
	{ "Run /sbin/init\n", 0, 0 },
	{ "Running /sbin/init as init process\n", 0, 0 },
	{ "echo " INIT "\n", 0, 0 },
	{ "as init process\n", 0, 0 },
	{ "\n\r\n\r\n", 0, 0 },
	{ "", 0, 0 },
	{ "[\n", 0, 0 },
	{ "]\n", 0, 0 },
	{ "<>[]<\n", 0, 0 },
};

static char faults[256];

static void on_fault(void *arg, const char *name)
{
	size_t len = strlen(faults);

	snprintf(faults + len, sizeof(faults) - len, "%s ", name);
}

static void each_line(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		setup(NULL);
		say(lines[i].text);
		if (heard.panics != lines[i].panics || heard.inits != lines[i].inits)
			print_error("%s\n", lines[i].text);
		assert_int_equal(heard.panics, lines[i].panics);
		assert_int_equal(heard.inits, lines[i].inits);
	}
}

/* A guest's UART sends bytes; a backend may give them in any portions. */
static void split_anywhere(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		size_t len = strlen(lines[i].text);

		for (size_t cut = 0; cut <= len; cut++) {
			setup(NULL);
			feed(lines[i].text, cut);
			feed(lines[i].text + cut, len - cut);
			assert_int_equal(heard.panics, lines[i].panics);
			assert_int_equal(heard.inits, lines[i].inits);
		}
		setup(NULL);
		for (size_t at = 0; at < len; at++)
			feed(lines[i].text + at, 1);
		assert_int_equal(heard.panics, lines[i].panics);
		assert_int_equal(heard.inits, lines[i].inits);
	}
}

static void long_lines(void **state)
{
	static char text[100000];

	/* Beyond what is kept of a line, nothing counts. */
	memset(text, 'x', sizeof(text));
	feed(text, sizeof(text));
	say(PANIC);
	feed(text, 10);
	say("\n");
	assert_int_equal(heard.panics, 0);
	/* The next line is as good as any. */
	say(PANIC "\n");
	assert_int_equal(heard.panics, 1);
	/* A long end does not matter. */
	say(PANIC ": ");
	feed(text, sizeof(text));
	assert_int_equal(heard.panics, 1);
	say("\n");
	assert_int_equal(heard.panics, 2);
}

/* The sentence at every distance from the end of what is kept. */
static void around_the_limit(void **state)
{
	char spaces[2 * KLOG_LINE];

	memset(spaces, ' ', sizeof(spaces));
	for (size_t n = KLOG_LINE - 60; n < KLOG_LINE + 20; n++) {
		setup(NULL);
		feed(spaces, n);
		say(PANIC "\n");
		assert_int_equal(heard.panics, n + strlen(PANIC) <= KLOG_LINE - 1);
		say(INIT "\n");
		assert_int_equal(heard.inits, 1);
	}
}

static void nuls(void **state)
{
	static const char with_nul[] = "\0\0[    1.0]\0 Kernel \0panic - not syncing\0: x\0\n";
	char zeros[1000] = {};

	feed(with_nul, sizeof(with_nul) - 1);
	assert_int_equal(heard.panics, 1);
	feed(zeros, sizeof(zeros));
	say(PANIC "\n");
	assert_int_equal(heard.panics, 2);
}

static void noise(void **state)
{
	u8 data[4096];

	for (unsigned int seed = 1; seed < 200; seed++) {
		image_fill(data, sizeof(data), seed);
		/* Many brackets and ends of lines. */
		for (unsigned int i = 0; i < sizeof(data); i += 3)
			data[i] = "[]<>\n\r 1."[data[i] % 9];
		feed(data, sizeof(data));
	}
	say("\n" PANIC "\n" INIT "\n");
	assert_int_equal(heard.panics, 1);
	assert_int_equal(heard.inits, 1);
}

static void nobody_listens(void **state)
{
	klog = (struct klog){};
	say(PANIC "\n" INIT "\n");
	assert_int_equal(heard.panics + heard.inits, 0);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

static void faults_by_class(void **state)
{
	static const struct {
		const char *text, *faults;
	} reports[] = {
		{ "[    1.0] WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x0/0x1\r\n", "warn " },
		{ "[    1.0] WARNING: possible circular locking dependency detected\n", "warn lockdep " },
		{ "[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000000\n", "oops " },
		{ "[    1.0] Oops: 0002 [#1] PREEMPT SMP NOPTI\n", "oops " },
		{ "[    1.0] BUG: KASAN: slab-use-after-free in f+0x1/0x2\n", "oops kasan " },
		{ "[    1.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n", "rcu " },
		{ "[    1.0] INFO: task sh:12 blocked for more than 120 seconds.\n", "hung " },
		{ "[    1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:12]\n", "hung " },
		{ "[    1.0] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)\n", "kmemleak " },
		{ "a program says WARNING: CPU\n", "" },
		{ "[    1.0] INFO: task accounting is on\n", "" },
		{ "[    1.0] rcu: INFO: nothing\n", "" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(reports); i++) {
		setup(NULL);
		faults[0] = '\0';
		klog.fault = on_fault;
		assert_int_equal(klog_classes("all", &klog.classes), 0);
		say(reports[i].text);
		assert_string_equal(faults, reports[i].faults);
	}
	setup(NULL);
	faults[0] = '\0';
	klog.fault = on_fault;
	assert_int_equal(klog_classes("kasan,rcu", &klog.classes), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(reports); i++)
		say(reports[i].text);
	assert_string_equal(faults, "kasan rcu ");
	assert_int_not_equal(klog_classes("", &klog.classes), 0);
	assert_int_not_equal(klog_classes("warn,", &klog.classes), 0);
	assert_int_not_equal(klog_classes("warnings", &klog.classes), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_line),
		TEST(faults_by_class),
		TEST(split_anywhere),
		TEST(long_lines),
		TEST(around_the_limit),
		TEST(nuls),
		TEST(noise),
		TEST(nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
