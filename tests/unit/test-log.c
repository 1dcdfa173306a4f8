// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is said to the user: one line, whatever is in it, and the reason at its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "util.h"

static char said[8192];
static unsigned int count;

static void hook(const char *line, size_t len)
{
	assert_true(len < sizeof(said));
	memcpy(said, line, len);
	said[len] = '\0';
	count++;
}

static int setup(void **state)
{
	log_set_hook(hook);
	log_set_level(LOG_INFO);
	count = 0;
	return 0;
}

static int teardown(void **state)
{
	log_set_hook(NULL);
	log_set_newline(false);
	log_set_level(LOG_INFO);
	return 0;
}

static void words(void **state)
{
	assert_int_equal(error(0, "%d of %s", 1, "x"), 0);
	assert_string_equal(said, "lkvm: 1 of x\n");
	assert_int_equal(error(-ENOENT, "file %s", "a"), -ENOENT);
	assert_string_equal(said, "lkvm: file a: No such file or directory\n");
	assert_int_equal(usage_error("-m %s", "0"), -EINVAL);
	assert_string_equal(said, "lkvm: -m 0\n");
	warning("w");
	assert_string_equal(said, "lkvm: warning: w\n");
	info("i");
	assert_string_equal(said, "lkvm: i\n");
	assert_int_equal(count, 5);
}

static void levels(void **state)
{
	static const unsigned int expected[] = { 1, 2, 3, 4 };

	for (enum log_level level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		count = 0;
		log_set_level(level);
		error(0, "e");
		warning("w");
		info("i");
		debug("d");
		assert_int_equal(count, expected[level]);
	}
}

/* Names of files and words of guests may hold anything. */
static void one_line(void **state)
{
	error(0, "a\nb\rc\td\033[31me\177f\001");
	assert_string_equal(said, "lkvm: a?b?c?d?[31me?f?\n");
	/* ESC [ may be one character too, others of two bytes stay. */
	error(0, "%s", "a\302\23331mb\302\240\303\233\302");
	assert_string_equal(said, "lkvm: a??31mb\302\240\303\233\302\n");
	/* What is not ASCII is left to the terminal. */
	error(0, "\xc3\xa4");
	assert_string_equal(said, "lkvm: \xc3\xa4\n");
}

static void raw_terminal(void **state)
{
	log_set_newline(true);
	error(0, "x");
	assert_string_equal(said, "lkvm: x\r\n");
}

static void long_text(void **state)
{
	char text[6000];

	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int raw = 0; raw < 2; raw++) {
		size_t len;

		log_set_newline(raw);
		error(-ENAMETOOLONG, "%s", text);
		len = strlen(said);
		assert_in_range(len, 1000, 4096);
		/* The reason is not lost behind it. */
		assert_non_null(strstr(said, "yyyy: File name too long"));
		assert_int_equal(said[len - 1], '\n');
		warning("%s", text);
		assert_in_range(strlen(said), 1000, 4096);
	}
	/* At every length around the limit. */
	for (size_t n = 1850; n < 2100; n++) {
		text[n] = '\0';
		error(-EIO, "%s", text);
		assert_non_null(strstr(said, ": Input/output error\r\n"));
		text[n] = 'y';
	}
}

static void keeps_errno(void **state)
{
	errno = EXDEV;
	error(-ENOENT, "x");
	assert_int_equal(errno, EXDEV);
	log_set_level(LOG_ERROR);
	debug("x");
	assert_int_equal(errno, EXDEV);
}

/* In a child with stderr on a pipe that keeps writes apart, or on none at all. */
static int status_of(void (*fn)(void), int fd)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		log_set_hook(NULL);
		if (fd >= 0)
			dup2(fd, STDERR_FILENO);
		else
			close(STDERR_FILENO);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void say_two(void)
{
	error(-ENOENT, "one");
	error(0, "two");
}

static void dies(void)
{
	die("bad %s", "option");
}

static void has_a_bug(void)
{
	BUG_ON(1 + 1 == 2);
}

static void one_write_a_line(void **state)
{
	char buf[512];
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe2(fds, O_DIRECT | O_CLOEXEC), 0);
	assert_int_equal(status_of(say_two, fds[1]), 0);
	n = read(fds[0], buf, sizeof(buf));
	assert_int_equal(n, 37);
	assert_memory_equal(buf, "lkvm: one: No such file or directory\n", 37);
	n = read(fds[0], buf, sizeof(buf));
	assert_memory_equal(buf, "lkvm: two\n", 10);
	/* Nobody to tell is no reason to fail. */
	assert_int_equal(status_of(say_two, -1), 0);
	close(fds[0]);
	close(fds[1]);
}

static void ways_out(void **state)
{
	char buf[512] = "";
	int fds[2], status;

	assert_int_equal(pipe2(fds, O_DIRECT | O_CLOEXEC), 0);
	status = status_of(dies, fds[1]);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 125);
	assert_true(read(fds[0], buf, sizeof(buf) - 1) > 0);
	assert_string_equal(buf, "lkvm: bad option\n");
	status = status_of(has_a_bug, fds[1]);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status));
	memset(buf, 0, sizeof(buf));
	assert_true(read(fds[0], buf, sizeof(buf) - 1) > 0);
	assert_non_null(strstr(buf, "bug: "));
	assert_non_null(strstr(buf, "1 + 1 == 2"));
	close(fds[0]);
	close(fds[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words),
		TEST(levels),
		TEST(one_line),
		TEST(raw_terminal),
		TEST(long_text),
		TEST(keeps_errno),
		TEST(one_write_a_line),
		TEST(ways_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
