// SPDX-License-Identifier: GPL-2.0-only
/*
 * A UART on a pseudo-terminal: every byte both ways, a front end without room, a reader
 * who is not there, and terminal programs that come and go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "chr.h"
#include "loop.h"
#include "pty.h"
#include "util.h"

#define MSEC 1000000ULL

static struct loop *loop;
static struct pty *pty;
static int peer;

/* The front end: takes up to @room bytes. */
static struct {
	u8 data[8192];
	size_t len, room, most;
	unsigned int calls;
} front;

static size_t take_input(void *opaque, const u8 *data, size_t len)
{
	size_t n = min(len, front.room);

	assert_ptr_equal(opaque, &front);
	assert_true(front.len + n <= sizeof(front.data));
	memcpy(front.data + front.len, data, n);
	front.len += n;
	front.room -= n;
	front.calls++;
	front.most = max(front.most, len);
	return n;
}

static void nothing(void *opaque)
{
}

static const struct chr_front front_ops = { take_input, nothing, nothing };

static void stop(void *arg)
{
	loop_stop(loop);
}

static void run_for(u64 ns)
{
	struct loop_timer *t = loop_timer_new(loop, stop, NULL);

	loop_timer_set(t, ns, 0);
	loop_run(loop);
	loop_timer_free(t);
}

static void run_until(size_t len)
{
	for (unsigned int i = 0; i < 1000 && front.len < len; i++)
		run_for(5 * MSEC);
	assert_int_equal(front.len, len);
}

static void attach(void)
{
	pty_chr(pty)->opaque = &front;
	pty_chr(pty)->front = &front_ops;
}

static void open_peer(void)
{
	peer = open(pty_name(pty), O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(peer >= 0);
}

static int setup(void **state)
{
	memset(&front, 0, sizeof(front));
	front.room = SIZE_MAX;
	peer = -1;
	loop = loop_new("test");
	return !loop || pty_new(loop, NULL, NULL, &pty);
}

static int teardown(void **state)
{
	if (peer >= 0)
		close(peer);
	pty_free(pty);
	loop_free(loop);
	return 0;
}

static size_t chr_write(const void *data, size_t len)
{
	return pty_chr(pty)->ops->write(pty_chr(pty), data, len);
}

static void named(void **state)
{
	assert_memory_equal(pty_name(pty), "/dev/pts/", 9);
	open_peer();
	assert_true(isatty(peer));
	pty_free(NULL);
}

/* No byte means anything to the terminal: no echo, no signals, no ends of lines. */
static void all_bytes_in(void **state)
{
	u8 bytes[256], echo;

	attach();
	open_peer();
	for (unsigned int i = 0; i < 256; i++)
		bytes[i] = i;
	assert_int_equal(write(peer, bytes, 256), 256);
	run_until(256);
	assert_memory_equal(front.data, bytes, 256);
	assert_int_equal(read(peer, &echo, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static void all_bytes_out(void **state)
{
	u8 bytes[256], got[512];
	size_t n = 0;

	attach();
	open_peer();
	for (unsigned int i = 0; i < 256; i++) {
		bytes[i] = i;
		assert_int_equal(chr_write(&bytes[i], 1), 1);
	}
	for (unsigned int i = 0; i < 1000 && n < 256; i++) {
		ssize_t r = read(peer, got + n, sizeof(got) - n);

		n += r > 0 ? r : 0;
		usleep(1000);
	}
	assert_int_equal(n, 256);
	assert_memory_equal(got, bytes, 256);
	run_for(5 * MSEC);
	assert_int_equal(front.len, 0);
}

/* What the front end refuses waits in the pseudo-terminal, in order. */
static void no_room(void **state)
{
	u8 bytes[1000];
	struct rusage before, after;

	attach();
	open_peer();
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7;
	front.room = 3;
	assert_int_equal(write(peer, bytes, sizeof(bytes)), sizeof(bytes));
	run_until(3);
	/* It is not asked again and again. */
	front.calls = 0;
	getrusage(RUSAGE_THREAD, &before);
	run_for(100 * MSEC);
	getrusage(RUSAGE_THREAD, &after);
	assert_int_equal(front.calls, 0);
	assert_true(after.ru_utime.tv_sec - before.ru_utime.tv_sec <= 1);
	assert_true(after.ru_nvcsw - before.ru_nvcsw < 20);

	while (front.len < sizeof(bytes)) {
		size_t len = front.len;

		front.room = 16;
		pty_chr(pty)->ops->resume(pty_chr(pty));
		pty_chr(pty)->ops->resume(pty_chr(pty));
		run_until(min(len + 16, sizeof(bytes)));
	}
	assert_memory_equal(front.data, bytes, sizeof(bytes));
	/* Once too often does no harm. */
	pty_chr(pty)->ops->resume(pty_chr(pty));
	run_for(5 * MSEC);
	assert_int_equal(front.len, sizeof(bytes));
}

/* Typed ahead of the UART: it has it once it asks. */
static void no_front_yet(void **state)
{
	open_peer();
	assert_int_equal(write(peer, "early", 5), 5);
	run_for(10 * MSEC);
	attach();
	pty_chr(pty)->ops->resume(pty_chr(pty));
	run_until(5);
	assert_memory_equal(front.data, "early", 5);
	/* And when it has gone, nobody calls it. */
	pty_chr(pty)->front = NULL;
	assert_int_equal(write(peer, "late", 4), 4);
	run_for(10 * MSEC);
	assert_int_equal(front.len, 5);
}

/* A guest that floods a line without a reader neither waits nor needs memory. */
static void nobody_reads(void **state)
{
	u8 text[1024];

	attach();
	memset(text, 'x', sizeof(text));
	for (unsigned int i = 0; i < 1024; i++)
		assert_int_equal(chr_write(text, sizeof(text)), sizeof(text));
	run_for(10 * MSEC);
	assert_int_equal(front.len, 0);
	/* Whoever comes later finds a line that works. */
	open_peer();
	while (read(peer, text, sizeof(text)) > 0)
		;
	assert_int_equal(chr_write("new", 3), 3);
	for (unsigned int i = 0; i < 1000 && read(peer, text, 3) != 3; i++)
		usleep(1000);
	assert_memory_equal(text, "new", 3);
}

static void comes_and_goes(void **state)
{
	struct rusage before, after;

	attach();
	for (unsigned int i = 0; i < 3; i++) {
		open_peer();
		assert_int_equal(write(peer, "abc", 3), 3);
		run_until(3 * (i + 1));
		close(peer);
		peer = -1;
		/* A hang-up would be reported for ever. */
		getrusage(RUSAGE_THREAD, &before);
		run_for(50 * MSEC);
		getrusage(RUSAGE_THREAD, &after);
		assert_true(after.ru_nvcsw - before.ru_nvcsw + after.ru_nivcsw - before.ru_nivcsw < 50);
	}
}

static void several(void **state)
{
	struct pty *others[8];

	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(pty_new(loop, NULL, NULL, &others[i]), 0);
		assert_string_not_equal(pty_name(others[i]), pty_name(pty));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		pty_free(others[i]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(named),
		TEST(all_bytes_in),
		TEST(all_bytes_out),
		TEST(no_room),
		TEST(no_front_yet),
		TEST(nobody_reads),
		TEST(comes_and_goes),
		TEST(several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
