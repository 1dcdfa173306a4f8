// SPDX-License-Identifier: GPL-2.0-only
/*
 * Manual pages: which one is found, and what is done with what man(1) prints. The man here
 * is a script of the test's own, first in PATH.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "manual.h"
#include "util.h"

static char dir[64], old_path[4096];

static const char *in_dir(const char *name)
{
	static char path[2][256];
	static unsigned int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void put_file(const char *name, const char *text, mode_t mode)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s", in_dir(name));
	for (char *p = path + strlen(dir) + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* @body: the shell script that is man */
static void make_man(const char *body)
{
	char text[1024];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
	put_file("bin/man", text, 0755);
}

static int setup(void **state)
{
	const char *path = getenv("PATH");
	char with[4200];

	snprintf(old_path, sizeof(old_path), "%s", path ? path : "");
	snprintf(dir, sizeof(dir), "/tmp/lkvm-manual-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(with, sizeof(with), "%s/bin:/usr/bin:/bin", dir);
	return setenv("PATH", with, 1);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	setenv("PATH", old_path, 1);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- which page -------------------------------------------------------------- */

static void assert_found(const char *program, const char *expected)
{
	char *found = manual_find(in_dir(program), "lkvm-foo");

	if (expected) {
		assert_non_null(found);
		assert_string_equal(found, in_dir(expected));
	} else {
		assert_null(found);
	}
	free(found);
}

static void test_build_before_installation(void **state)
{
	make_man("exit 16");
	put_file("tree/bin/lkvm", "", 0755);
	put_file("tree/share/man/man1/lkvm-foo.1.gz", "packed", 0644);
	assert_found("tree/bin/lkvm", "tree/bin/../share/man/man1/lkvm-foo.1.gz");
	put_file("tree/share/man/man1/lkvm-foo.1", "plain", 0644);
	assert_found("tree/bin/lkvm", "tree/bin/../share/man/man1/lkvm-foo.1");
	put_file("tree/bin/obj/man/lkvm-foo.1", "built", 0644);
	assert_found("tree/bin/lkvm", "tree/bin/obj/man/lkvm-foo.1");
}

static void test_man_knows_it(void **state)
{
	char script[512];

	put_file("elsewhere/lkvm-foo.1", "page", 0644);
	snprintf(script, sizeof(script), "[ \"$*\" = '-w lkvm-foo' ] && echo %s && echo /second",
		 in_dir("elsewhere/lkvm-foo.1"));
	make_man(script);
	assert_found("alone/lkvm", "elsewhere/lkvm-foo.1");
	/* a program without a folder has nothing beside it */
	char *found = manual_find("", "lkvm-foo");

	assert_non_null(found);
	assert_string_equal(found, in_dir("elsewhere/lkvm-foo.1"));
	free(found);
}

static void test_no_page(void **state)
{
	make_man("echo /no/such/page");
	assert_found("alone/lkvm", NULL);
	make_man("echo relative");
	assert_found("alone/lkvm", NULL);
	make_man("echo /; exit 1");
	assert_found("alone/lkvm", NULL);
	make_man(":");
	assert_found("alone/lkvm", NULL);
	assert_int_equal(unlink(in_dir("bin/man")), 0);
	setenv("PATH", in_dir("bin"), 1);
	assert_found("alone/lkvm", NULL);
}

/* --- plain text -------------------------------------------------------------- */

static void assert_plain(const char *in, const char *expected)
{
	char text[128];
	size_t len = strlen(in);

	memcpy(text, in, len);
	len = manual_plain(text, len);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(text, expected, len);
}

static void test_plain(void **state)
{
	assert_plain("", "");
	assert_plain("as it is\n", "as it is\n");
	assert_plain("N\bNA\bAM\bME\bE\n", "NAME\n");
	assert_plain("_\bf_\bi_\bl_\be", "file");
	assert_plain("_\bX\bX", "X");
	assert_plain("\xe2\x94\x80\b\xe2\x94\x80|", "\xe2\x94\x80|");
	assert_plain("\xe2\x80\x90\n", "\xe2\x80\x90\n");
	/* damaged */
	assert_plain("\b\b\bx", "x");
	assert_plain("line\n\b\bx", "line\nx");
	assert_plain("\x80\x80\bx", "x");
}

/* --- showing ------------------------------------------------------------------- */

/* What manual_show() puts on stdout, which is a file; returns what it returns. */
static int show(char *text, size_t size)
{
	int saved, fd = open(in_dir("out"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n;
	int ret;

	assert_true(fd >= 0);
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	ret = manual_show("/page");
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	n = pread(fd, text, size - 1, 0);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return ret;
}

static void test_show(void **state)
{
	char text[256];

	make_man("printf '%s|' \"$@\" ${MAN_KEEP_FORMATTING-plain}; printf 'B\\bBold\\n'; echo noise >&2");
	setenv("MAN_KEEP_FORMATTING", "1", 1);
	assert_int_equal(show(text, sizeof(text)), 0);
	assert_string_equal(text, "-l|/page|plain|Bold\n");
	/* a page is longer than a pipe */
	make_man("i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done");
	assert_int_equal(show(text, sizeof(text)), 0);
	assert_memory_equal(text, "0123456789012345678901234567890123456789\n0123", 45);
	struct stat st;

	assert_int_equal(stat(in_dir("out"), &st), 0);
	assert_int_equal(st.st_size, 3000 * 41);
}

static void test_full_output(void **state)
{
	int saved, ret, fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	make_man("i=0; while [ $i -lt 300 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done");
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	ret = manual_show("/page");
	__fpurge(stdout);
	clearerr(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	assert_int_equal(ret, -ENOSPC);
}

static void test_no_man(void **state)
{
	char text[256];

	make_man("echo half a page; exit 3");
	assert_int_equal(show(text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "");
	make_man("echo half a page; kill -TERM $$");
	assert_int_equal(show(text, sizeof(text)), -ENOENT);
	make_man(":");
	assert_int_equal(show(text, sizeof(text)), -ENOENT);
	assert_int_equal(unlink(in_dir("bin/man")), 0);
	setenv("PATH", in_dir("bin"), 1);
	assert_int_equal(show(text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "");
}

/* The status of man is known also to who was started with SIGCHLD ignored; nothing is left behind. */
static void test_children(void **state)
{
	char text[64];

	make_man("echo page");
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(show(text, sizeof(text)), 0);
	assert_string_equal(text, "page\n");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* On a terminal man has stdout itself; keys that interrupt end the pager, and not lkvm. */
static void test_terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave, saved, ret;
	struct sigaction now;
	char text[128] = "";

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	make_man("[ -t 1 ] && printf '%s|' \"$@\" on a terminal; kill -INT $PPID; kill -INT $$; exit 1");
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(slave, STDOUT_FILENO);
	ret = manual_show("/page");
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_true(read(master, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "-l|/page|on|a|terminal|");
	assert_int_equal(ret, -ENOENT);
	sigaction(SIGINT, NULL, &now);
	assert_true(now.sa_handler == SIG_DFL);
	close(slave);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_build_before_installation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_man_knows_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_page, setup, teardown),
		cmocka_unit_test(test_plain),
		cmocka_unit_test_setup_teardown(test_show, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_output, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_man, setup, teardown),
		cmocka_unit_test_setup_teardown(test_children, setup, teardown),
		cmocka_unit_test_setup_teardown(test_terminal, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
