// SPDX-License-Identifier: GPL-2.0-only
/*
 * The console on standard input and output. Each test runs the console in a child whose
 * descriptors 0 and 1 are pipes, files or a terminal, while the parent reads, types, or
 * does not.
 *
 * In the child there is no cmocka: CHECK() ends it with a line on stderr.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "chr.h"
#include "console.h"
#include "log.h"
#include "loop.h"
#include "term.h"
#include "util.h"

#define MSEC 1000000ULL
#define CHILD_SECONDS 60

#define CHECK(cond) do {									\
	if (!(cond)) {										\
		fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #cond);	\
		_exit(1);									\
	}											\
} while (0)

/* --- in the child ---------------------------------------------------------- */

static struct loop *loop;
static struct console *con;
static char log_path[64];
static unsigned int said_count;
static char said_text[512];

static void hook(const char *line, size_t len)
{
	said_count++;
	snprintf(said_text, sizeof(said_text), "%.*s", (int)len, line);
}

/* The UART */
static struct {
	u8 data[65536];
	size_t len, room;
	unsigned int calls, breaks;
	sem_t writable;
} uart;

static unsigned int quits;
static u64 seen_bytes, seen_sum;

static size_t uart_input(void *opaque, const u8 *data, size_t len)
{
	size_t n = min(len, uart.room);

	CHECK(opaque == &uart);
	CHECK(uart.len + n <= sizeof(uart.data));
	memcpy(uart.data + uart.len, data, n);
	uart.len += n;
	uart.room -= n;
	uart.calls++;
	if (!uart.room)
		loop_stop(loop);
	return n;
}

static void uart_writable(void *opaque)
{
	sem_post(&uart.writable);
}

static void uart_break(void *opaque)
{
	uart.breaks++;
}

static const struct chr_front uart_front = { uart_input, uart_writable, uart_break };

static void output_seen(void *arg, const u8 *data, size_t len)
{
	CHECK(arg == &uart);
	seen_bytes += len;
	for (size_t i = 0; i < len; i++)
		seen_sum = seen_sum * 31 + data[i];
}

static void quit(void *arg)
{
	quits++;
}

static void make_console(const char *log, bool input, bool quiet)
{
	struct console_config cfg = {
		.log = log, .input = input, .out_fd = STDOUT_FILENO, .quiet = quiet,
		.output_seen = output_seen, .quit = quit, .arg = &uart,
	};

	CHECK(!console_new(loop, &cfg, &con));
	console_chr(con)->opaque = &uart;
	console_chr(con)->front = &uart_front;
}

static void free_console(void)
{
	console_chr(con)->front = NULL;
	console_free(con);
	loop_free(loop);
}

static void stop(void *arg)
{
	loop_stop(loop);
}

static void run_for(u64 ns)
{
	struct loop_timer *t = loop_timer_new(loop, stop, NULL);

	CHECK(t);
	loop_timer_set(t, ns, 0);
	loop_run(loop);
	loop_timer_free(t);
}

static void run_until_input(size_t len)
{
	for (unsigned int i = 0; i < 2000 && uart.len < len; i++)
		run_for(5 * MSEC);
	CHECK(uart.len == len);
}

static size_t put(const void *data, size_t len)
{
	struct chr *chr = console_chr(con);

	return chr->ops->write(chr, data, len);
}

static bool wait_writable(unsigned int seconds)
{
	struct timespec until;
	int err;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	while ((err = sem_timedwait(&uart.writable, &until)) < 0 && errno == EINTR)
		;
	return !err;
}

static u8 pattern(u64 at)
{
	return at ^ at >> 8 ^ at >> 16;
}

/* As a UART: what is not taken waits until there is room. */
static void flood(u64 total)
{
	u8 chunk[16];

	for (u64 at = 0; at < total;) {
		size_t len = min(total - at, (u64)sizeof(chunk)), n;

		for (size_t i = 0; i < len; i++)
			chunk[i] = pattern(at + i);
		n = put(chunk, len);
		at += n;
		while (n < len && sem_wait(&uart.writable) < 0)
			;
	}
}

/* --- in the parent --------------------------------------------------------- */

static pid_t child;
static int in[2], out[2], note[2];	/* note: the child's word to the parent */

static void start(void (*scenario)(void), int fd0, int fd1)
{
	child = fork();
	assert_true(child >= 0);
	if (child)
		return;
	alarm(CHILD_SECONDS);
	signal(SIGPIPE, SIG_IGN);
	if ((fd0 >= 0 && dup2(fd0, 0) < 0) || (fd1 >= 0 && dup2(fd1, 1) < 0))
		_exit(2);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
	close(note[0]);
	log_set_hook(hook);
	sem_init(&uart.writable, 0, 0);
	uart.room = SIZE_MAX;
	loop = loop_new("test");
	CHECK(loop);
	scenario();
	_exit(0);
}

static int child_status(void)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	child = 0;
	return status;
}

static void assert_child_fine(void)
{
	assert_int_equal(child_status(), 0);
}

static void tell_parent(void)
{
	CHECK(write(note[1], "", 1) == 1);
}

static void await_child(void)
{
	struct pollfd p = { .fd = note[0], .events = POLLIN };
	char byte;

	assert_int_equal(poll(&p, 1, CHILD_SECONDS * 1000), 1);
	assert_int_equal(read(note[0], &byte, 1), 1);
}

static int setup(void **state)
{
	snprintf(log_path, sizeof(log_path), "/tmp/lkvm-console-%d", getpid());
	child = 0;
	return pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(note, O_CLOEXEC);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int teardown(void **state)
{
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	for (unsigned int i = 0; i < 2; i++) {
		close_one(&in[i]);
		close_one(&out[i]);
		close_one(&note[i]);
	}
	unlink(log_path);
	return 0;
}

static u64 read_pattern(int fd, u64 at)
{
	u8 buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(buf[i], pattern(at++));
	return at;
}

static void assert_log_has(u64 bytes)
{
	int fd = open(log_path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read_pattern(fd, 0), bytes);
	close(fd);
}

/* --- output ---------------------------------------------------------------- */

static void child_speaks(void)
{
	make_console(NULL, false, false);
	CHECK(!console_is_terminal(con));
	for (unsigned int i = 0; i < 100; i++)
		CHECK(put(&"0123456789"[i % 10], 1) == 1);
	CHECK(seen_bytes == 100);
	run_for(50 * MSEC);
	console_drain(con, 5000);
	tell_parent();
	/* Then some that only draining brings out. */
	CHECK(put("end", 3) == 3);
	console_drain(con, 5000);
	free_console();
	CHECK(!said_count);
}

static void speaks(void **state)
{
	char buf[256];
	int packets[2];
	ssize_t n;

	/* A pipe in which each write stays one. */
	assert_int_equal(pipe2(packets, O_CLOEXEC | O_DIRECT), 0);
	start(child_speaks, -1, packets[1]);
	close(packets[1]);
	await_child();
	n = read(packets[0], buf, sizeof(buf));
	assert_int_equal(n, 100);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(buf[i], '0' + i % 10);
	assert_child_fine();
	assert_int_equal(read(packets[0], buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "end", 3);
	assert_int_equal(read(packets[0], buf, sizeof(buf)), 0);
	close(packets[0]);
}

#define FLOOD (1 * MiB)

static void child_waits_for_reader(void)
{
	u8 chunk[16];
	u64 at = 0;
	size_t n;

	make_console(log_path, false, false);
	do {
		for (unsigned int i = 0; i < sizeof(chunk); i++)
			chunk[i] = pattern(at + i);
		n = put(chunk, sizeof(chunk));
		at += n;
		/* Memory is bounded, whatever the guest does. */
		CHECK(at < MiB);
		/* Room may come before we are told of it, while the writer is held up. */
	} while (n || wait_writable(1));
	/* The pipe's 64 KiB and ours are full. */
	CHECK(at > 100 * KiB);
	tell_parent();
	for (; at < FLOOD; at += n) {
		u8 byte = pattern(at);

		n = put(&byte, 1);
		while (!n && sem_wait(&uart.writable) < 0)
			;
	}
	console_drain(con, 5000);
	CHECK(seen_bytes == FLOOD);
	free_console();
	CHECK(!said_count);
}

static void slow_reader(void **state)
{
	start(child_waits_for_reader, -1, out[1]);
	close_one(&out[1]);
	await_child();
	usleep(50000);
	assert_int_equal(read_pattern(out[0], 0), FLOOD);
	assert_child_fine();
	assert_log_has(FLOOD);
}

static void child_floods(void)
{
	make_console(log_path, false, false);
	flood(FLOOD);
	console_drain(con, 5000);
	free_console();
	CHECK(!said_count);
}

/* The reader goes away: the guest goes on, and the log has it all. */
static void reader_leaves(void **state)
{
	u8 some[1000];

	start(child_floods, -1, out[1]);
	close_one(&out[1]);
	assert_true(read(out[0], some, sizeof(some)) > 0);
	close_one(&out[0]);
	assert_child_fine();
	assert_log_has(FLOOD);
}

static void reader_never_there(void **state)
{
	close_one(&out[0]);
	start(child_floods, -1, out[1]);
	assert_child_fine();
	assert_log_has(FLOOD);
}

static void log_has_the_same(void **state)
{
	start(child_floods, -1, out[1]);
	close_one(&out[1]);
	assert_int_equal(read_pattern(out[0], 0), FLOOD);
	assert_child_fine();
	assert_log_has(FLOOD);
}

/* Somebody else made the description that we share non-blocking. */
static void nonblocking_output(void **state)
{
	assert_int_equal(fcntl(out[1], F_SETFL, O_NONBLOCK), 0);
	start(child_floods, -1, out[1]);
	usleep(100000);
	/* We have not changed that either. */
	assert_true(fcntl(out[1], F_GETFL) & O_NONBLOCK);
	close_one(&out[1]);
	assert_int_equal(read_pattern(out[0], 0), FLOOD);
	assert_child_fine();
}

static void child_blocking_stays(void)
{
	make_console(NULL, true, false);
	flood(100);
	run_for(20 * MSEC);
	console_drain(con, 5000);
	CHECK(!(fcntl(0, F_GETFL) & O_NONBLOCK));
	CHECK(!(fcntl(1, F_GETFL) & O_NONBLOCK));
	console_chr(con)->front = NULL;
	console_free(con);
}

static void flags_are_untouched(void **state)
{
	start(child_blocking_stays, in[0], out[1]);
	assert_child_fine();
}

static void child_on_full_disk(void)
{
	make_console(NULL, false, false);
	flood(FLOOD);
	console_drain(con, 5000);
	/* Said once, by name. */
	CHECK(said_count == 1);
	CHECK(strstr(said_text, "standard output") && strstr(said_text, strerror(ENOSPC)));
	free_console();
}

static void full_disk(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	start(child_on_full_disk, -1, fd);
	close(fd);
	assert_child_fine();
}

static void child_with_full_log(void)
{
	make_console("/dev/full", false, false);
	flood(FLOOD);
	console_drain(con, 5000);
	CHECK(said_count == 1);
	CHECK(strstr(said_text, "--log /dev/full") && strstr(said_text, strerror(ENOSPC)));
	free_console();
}

static void full_log(void **state)
{
	start(child_with_full_log, -1, out[1]);
	close_one(&out[1]);
	assert_int_equal(read_pattern(out[0], 0), FLOOD);
	assert_child_fine();
}

static void child_bad_log(void)
{
	struct console_config cfg = { .log = "/no/such/folder/log", .out_fd = STDOUT_FILENO };

	CHECK(console_new(loop, &cfg, &con) == -ENOENT);
	CHECK(said_count == 1);
	CHECK(strstr(said_text, "--log /no/such/folder/log"));
	loop_free(loop);
}

static void bad_log(void **state)
{
	start(child_bad_log, -1, out[1]);
	assert_child_fine();
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void child_gives_up(void)
{
	u64 began;

	make_console(NULL, false, false);
	for (unsigned int i = 0; i < 200 * KiB; i++)
		put("x", 1);
	began = now_ns();
	console_drain(con, 1200);
	CHECK(now_ns() - began >= 1200 * MSEC);
	CHECK(now_ns() - began < 20000 * MSEC);
	/* A worker sits in the write; this must neither hang nor pull its memory away. */
	free_console();
	usleep(10000);
}

static void drain_gives_up(void **state)
{
	start(child_gives_up, -1, out[1]);
	assert_child_fine();
}

/* --- what is kept ---------------------------------------------------------- */

static void child_quiet(void)
{
	char byte;

	make_console(log_path, false, true);
	flood(200 * KiB);
	console_drain(con, 5000);
	tell_parent();
	CHECK(read(STDIN_FILENO, &byte, 1) == 1);
	console_show(con);
	free_console();
	CHECK(!said_count);
}

static void quiet(void **state)
{
	int waiting;

	start(child_quiet, in[0], out[1]);
	close_one(&out[1]);
	await_child();
	assert_int_equal(ioctl(out[0], FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 0);
	assert_int_equal(write(in[1], "", 1), 1);
	assert_int_equal(read_pattern(out[0], 0), 200 * KiB);
	assert_child_fine();
	assert_log_has(200 * KiB);
}

static void child_quiet_success(void)
{
	make_console(NULL, false, true);
	flood(1000);
	console_drain(con, 5000);
	free_console();
}

static void quiet_success(void **state)
{
	start(child_quiet_success, -1, out[1]);
	close_one(&out[1]);
	assert_int_equal(read_pattern(out[0], 0), 0);
	assert_child_fine();
}

#define KEPT (64 * MiB)

static void child_quiet_flood(void)
{
	static u8 chunk[4096];
	u64 at = 0;

	make_console(NULL, false, true);
	while (at < KEPT + 100 * KiB) {
		size_t n;

		for (unsigned int i = 0; i < sizeof(chunk); i++)
			chunk[i] = pattern(at + i);
		n = put(chunk, sizeof(chunk) - at % 7);
		at += n;
		if (!n)
			while (sem_wait(&uart.writable) < 0)
				;
	}
	console_drain(con, 5000);
	console_show(con);
	CHECK(said_count == 1);
	CHECK(strstr(said_text, "not kept"));
	free_console();
}

/* A guest that floods does not fill the disk; what is kept is the beginning, unbroken. */
static void quiet_flood(void **state)
{
	u64 got;

	start(child_quiet_flood, -1, out[1]);
	close_one(&out[1]);
	got = read_pattern(out[0], 0);
	assert_in_range(got, KEPT - 4096, KEPT);
	assert_child_fine();
}

static void child_nowhere_to_keep(void)
{
	struct console_config cfg = { .out_fd = STDOUT_FILENO, .quiet = true };

	setenv("TMPDIR", "/no/such/folder", 1);
	CHECK(console_new(loop, &cfg, &con) == -ENOENT);
	CHECK(said_count == 1);
	CHECK(strstr(said_text, "--quiet") && strstr(said_text, "/no/such/folder"));
	loop_free(loop);
}

static void nowhere_to_keep(void **state)
{
	start(child_nowhere_to_keep, -1, out[1]);
	assert_child_fine();
}

static void child_tail(void)
{
	char buf[32 * 1024];
	u64 total = 40000;

	make_console(NULL, false, false);
	CHECK(console_tail(con, buf, sizeof(buf)) == 0);
	CHECK(put("abc", 3) == 3);
	CHECK(console_tail(con, buf, sizeof(buf)) == 3 && !memcmp(buf, "abc", 3));
	CHECK(console_tail(con, buf, 2) == 2 && !memcmp(buf, "bc", 2));
	CHECK(console_tail(con, buf, 0) == 0);
	flood(total);
	CHECK(console_tail(con, buf, sizeof(buf)) == 16 * KiB);
	for (u64 i = 0; i < 16 * KiB; i++)
		CHECK((u8)buf[i] == pattern(total - 16 * KiB + i));
	CHECK(console_tail(con, buf, 100) == 100);
	CHECK((u8)buf[99] == pattern(total - 1));
	console_drain(con, 5000);
	free_console();
}

static void tail(void **state)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	start(child_tail, -1, null);
	close(null);
	assert_child_fine();
}

/* --- input ----------------------------------------------------------------- */

/* Until the end of the input was seen: then there is nothing more to wait for. */
static void check_quiet_loop(void)
{
	struct rusage before, after;
	unsigned int calls = uart.calls;

	getrusage(RUSAGE_SELF, &before);
	run_for(100 * MSEC);
	getrusage(RUSAGE_SELF, &after);
	CHECK(uart.calls == calls);
	CHECK(after.ru_nvcsw - before.ru_nvcsw < 30);
}

static void child_reads_to_the_end(void)
{
	make_console(NULL, true, false);
	run_until_input(3);
	CHECK(!memcmp(uart.data, "abc", 3));
	tell_parent();
	run_until_input(6);
	CHECK(!memcmp(uart.data, "abcdef", 6));
	run_for(50 * MSEC);
	check_quiet_loop();
	CHECK(!quits);
	/* The end of the input is not the end of the output. */
	CHECK(put("still here", 10) == 10);
	console_drain(con, 5000);
	free_console();
	CHECK(!said_count);
}

static void end_of_input(void **state)
{
	char buf[64];

	start(child_reads_to_the_end, in[0], out[1]);
	close_one(&in[0]);
	close_one(&out[1]);
	assert_int_equal(write(in[1], "abc", 3), 3);
	await_child();
	assert_int_equal(write(in[1], "def", 3), 3);
	close_one(&in[1]);
	assert_int_equal(read(out[0], buf, sizeof(buf)), 10);
	assert_child_fine();
}

static void child_reads_slowly(void)
{
	size_t len = 0;

	make_console(NULL, true, false);
	/* Without a terminal there are no commands. */
	uart.room = 50;
	for (;;) {
		run_until_input(len = min(len + 50, (size_t)10000));
		if (len == 10000)
			break;
		if (len % 2500 == 0)
			check_quiet_loop();
		uart.room = 50;
		console_chr(con)->ops->resume(console_chr(con));
	}
	for (unsigned int i = 0; i < len; i++)
		CHECK(uart.data[i] == pattern(i));
	uart.room = SIZE_MAX;
	console_chr(con)->ops->resume(console_chr(con));
	run_for(20 * MSEC);
	CHECK(uart.len == 10000);
	check_quiet_loop();
	CHECK(!quits && !uart.breaks);
	free_console();
}

static void fill(int fd, unsigned int len)
{
	u8 bytes[10000];

	for (unsigned int i = 0; i < len; i++)
		bytes[i] = pattern(i);
	assert_int_equal(write(fd, bytes, len), len);
}

static void input_from_a_file(void **state)
{
	int fd = open(log_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	fill(fd, 10000);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	start(child_reads_slowly, fd, out[1]);
	close(fd);
	assert_child_fine();
}

static void input_from_a_pipe(void **state)
{
	start(child_reads_slowly, in[0], out[1]);
	close_one(&in[0]);
	fill(in[1], 10000);
	close_one(&in[1]);
	assert_child_fine();
}

static void child_with_dev_null(void)
{
	make_console(NULL, true, false);
	run_for(20 * MSEC);
	check_quiet_loop();
	CHECK(!uart.len);
	free_console();
	CHECK(!said_count);
}

static void input_from_dev_null(void **state)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	start(child_with_dev_null, fd, out[1]);
	close(fd);
	assert_child_fine();
}

static void child_takes_nothing(void)
{
	make_console(NULL, true, false);
	uart.room = 0;
	for (unsigned int i = 0; i < 1000 && !uart.calls; i++)
		run_for(5 * MSEC);
	check_quiet_loop();
	CHECK(!uart.len);
	tell_parent();
	run_for(10 * MSEC);
	free_console();
}

/* What the guest has no room for stays with the writer, but for one buffer. */
static void input_is_held_back(void **state)
{
	int waiting;

	fill(in[1], 10000);
	start(child_takes_nothing, in[0], out[1]);
	await_child();
	assert_int_equal(ioctl(in[0], FIONREAD, &waiting), 0);
	assert_in_range(waiting, 10000 - 4096, 9999);
	assert_child_fine();
}

/* --- terminal -------------------------------------------------------------- */

static int master;
static char terminal[64];

static void open_terminal(void)
{
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(master >= 0);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, terminal, sizeof(terminal)), 0);
}

/* In the child: become the session that owns the terminal. */
static void take_terminal(void)
{
	int fd;

	CHECK(setsid() > 0);
	fd = open(terminal, O_RDWR);
	CHECK(fd >= 0);
	CHECK(dup2(fd, 0) == 0 && dup2(fd, 1) == 1);
	close(fd);
	CHECK(term_is_foreground(0));
}

static bool is_raw(void)
{
	struct termios t;

	return !tcgetattr(master, &t) && !(t.c_lflag & (ICANON | ECHO | ISIG)) && !(t.c_oflag & OPOST);
}

static void type(const char *keys, size_t len)
{
	assert_int_equal(write(master, keys, len), len);
}

static void child_at_terminal(void)
{
	take_terminal();
	make_console(NULL, true, false);
	CHECK(console_is_terminal(con));
	tell_parent();

	run_until_input(5);		/* three keys, ^C and return */
	CHECK(!memcmp(uart.data, "abc\x03\r", 5));
	tell_parent();
	run_until_input(6);		/* Ctrl-A Ctrl-A */
	CHECK(uart.data[5] == 1 && !uart.breaks && !quits);
	tell_parent();
	run_until_input(7);		/* Ctrl-A c z */
	CHECK(uart.data[6] == 'z' && uart.breaks == 1 && !quits);
	tell_parent();
	run_until_input(8);		/* Ctrl-A, and later y, which is no command; then q */
	CHECK(uart.data[7] == 'q' && uart.breaks == 1 && !quits);
	tell_parent();
	run_until_input(9);		/* Ctrl-A x, then w */
	CHECK(quits == 1 && uart.data[8] == 'w' && uart.breaks == 1);

	CHECK(put("\n\x1b[0m", 5) == 5);
	console_drain(con, 5000);
	tell_parent();
	run_for(20 * MSEC);
	free_console();
	exit(0);			/* the way out that restores the terminal */
}

static void at_terminal(void **state)
{
	char buf[64];
	struct termios t;

	open_terminal();
	start(child_at_terminal, -1, -1);
	await_child();
	assert_true(is_raw());
	type("abc\x03\r", 5);
	await_child();
	type("\x01\x01", 2);
	await_child();
	type("\x01" "cz", 3);
	await_child();
	type("\x01", 1);
	usleep(50000);
	type("y", 1);
	usleep(20000);
	type("q", 1);
	await_child();
	type("\x01xw", 3);
	await_child();
	/* No echo of what was typed, no carriage returns added. */
	assert_int_equal(read(master, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "\n\x1b[0m", 5);
	assert_child_fine();
	assert_int_equal(tcgetattr(master, &t), 0);
	assert_true(t.c_lflag & ICANON && t.c_lflag & ECHO && t.c_lflag & ISIG && t.c_oflag & OPOST);
	close(master);
}

/* A guest that takes no key must not lock the user in. */
static void child_takes_no_key(void)
{
	take_terminal();
	make_console(NULL, true, false);
	uart.room = 0;
	tell_parent();
	for (unsigned int i = 0; i < 1000 && !uart.calls; i++)
		run_for(5 * MSEC);
	CHECK(uart.calls && !quits);
	tell_parent();
	for (unsigned int i = 0; i < 1000 && !quits; i++)
		run_for(5 * MSEC);
	CHECK(quits == 1);
	/* and what was typed before is still there when it takes some */
	uart.room = 3;
	console_chr(con)->ops->resume(console_chr(con));
	run_until_input(3);
	CHECK(!memcmp(uart.data, "abc", 3));
	free_console();
}

static void quits_a_deaf_guest(void **state)
{
	open_terminal();
	start(child_takes_no_key, -1, -1);
	await_child();
	type("ab", 2);
	await_child();
	type("c\x01x", 3);
	assert_child_fine();
	close(master);
}

static void child_crashes(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	take_terminal();
	make_console(NULL, true, false);
	tell_parent();
	run_for(50 * MSEC);
	raise(SIGABRT);
}

static void terminal_after_a_crash(void **state)
{
	int status;

	open_terminal();
	start(child_crashes, -1, -1);
	await_child();
	assert_true(is_raw());
	status = child_status();
	/* It is still that signal's death. */
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_false(is_raw());
	close(master);
}

static void child_in_background(void)
{
	pid_t pid;
	int status;

	take_terminal();
	signal(SIGTTOU, SIG_IGN);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		CHECK(!setpgid(0, 0));
		CHECK(!term_is_foreground(0));
		make_console(NULL, true, false);
		CHECK(!console_is_terminal(con));
		CHECK(put("background", 10) == 10);
		run_for(30 * MSEC);
		console_drain(con, 5000);
		CHECK(!uart.len);
		free_console();
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
}

/* Started with "&": it neither takes the shell's input nor its terminal mode. */
static void in_background(void **state)
{
	char buf[64];

	open_terminal();
	start(child_in_background, -1, -1);
	type("for the shell\n", 14);
	assert_child_fine();
	assert_false(is_raw());
	assert_true(read(master, buf, sizeof(buf)) > 0);
	close(master);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(speaks),
		TEST(slow_reader),
		TEST(reader_leaves),
		TEST(reader_never_there),
		TEST(log_has_the_same),
		TEST(nonblocking_output),
		TEST(flags_are_untouched),
		TEST(full_disk),
		TEST(full_log),
		TEST(bad_log),
		TEST(drain_gives_up),
		TEST(quiet),
		TEST(quiet_success),
		TEST(quiet_flood),
		TEST(nowhere_to_keep),
		TEST(tail),
		TEST(end_of_input),
		TEST(input_from_a_file),
		TEST(input_from_a_pipe),
		TEST(input_from_dev_null),
		TEST(input_is_held_back),
		TEST(at_terminal),
		TEST(quits_a_deaf_guest),
		TEST(terminal_after_a_crash),
		TEST(in_background),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
