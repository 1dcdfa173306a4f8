// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's console on lkvm's own stdin and stdout.
 *
 * Output: the UART puts bytes into a ring of fixed size, from a vCPU thread; a worker
 * writes them out in runs, some milliseconds after the first one came, since a guest
 * sends single bytes. A reader who does not read fills the ring, and a full ring
 * holds the UART's transmitter back. Descriptors 0, 1 and 2 belong to the user's shell too, so
 * they are never made non-blocking: only workers read and write them.
 *
 * Input: the main loop waits for the descriptor where it can be waited for, a worker reads,
 * the main loop gives the bytes to the UART as it has room. A terminal is read on even if the
 * UART takes nothing, and what is too much is lost. There Ctrl-A begins a command: x ends
 * lkvm, c sends a break (so that the next key is a sysrq), Ctrl-A is Ctrl-A.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chr.h"
#include "console.h"
#include "log.h"
#include "loop.h"
#include "term.h"
#include "util.h"
#include "work.h"

#define RING_SIZE	(64 * KiB)
#define TAIL_SIZE	(16 * KiB)
#define INPUT_SIZE	1024
#define SPOOL_LIMIT	(64 * MiB)
#define GATHER_NS	2000000		/* how long output waits for more, ns */
#define RETRY_NS	500000000	/* how often a terminal is asked for that is not ours, ns */
#define CTRL_A		1

struct console {
	struct chr chr;
	struct console_config cfg;
	struct loop *loop;
	bool terminal;

	pthread_mutex_t lock;		/* for the ring and the flags below it */
	pthread_cond_t drained;
	u8 ring[RING_SIZE];
	size_t head, used;		/* first byte, and how many */
	bool writing;			/* the worker has the write job */
	bool gathering;			/* the timer is set */
	bool refused;			/* the UART waits for room */
	u8 tail[TAIL_SIZE];
	u64 total;			/* bytes that ever went through */

	struct loop_timer *timer;
	struct work write_job;
	int out_fd;			/* -1 once nobody reads any more */
	int log_fd;
	int spool_fd;			/* what --quiet keeps back */
	u64 spooled;
	bool spool_full;

	struct loop_fd *in_watch;	/* NULL for a file, which is always ready */
	struct work read_job;
	bool read_busy, in_ended, resume_posted;
	bool escape;			/* Ctrl-A was typed */
	u8 in_buf[INPUT_SIZE];		/* the worker's, while read_busy */
	ssize_t in_result;
	u8 in_wait[INPUT_SIZE];		/* for the UART: from in_at to in_len */
	size_t in_at, in_len;
	struct loop_timer *retry;	/* for a terminal that is not ours now */
};

/* --- output ------------------------------------------------------------ */

static bool write_all(int fd, const u8 *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n > 0) {
			data += n;
			len -= n;
		} else if (n < 0 && errno == EAGAIN) {
			/* Somebody else made the shared description non-blocking. */
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			poll(&p, 1, -1);
		} else if (n == 0) {
			errno = EIO;
			return false;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* On the worker, without the lock. */
static void put_out(struct console *con, const u8 *data, size_t len)
{
	if (con->log_fd >= 0 && !write_all(con->log_fd, data, len)) {
		error(-errno, "--log %s: the rest of the log is lost", con->cfg.log);
		close(con->log_fd);
		con->log_fd = -1;
	}
	if (con->spool_fd >= 0) {
		/* A guest that floods must not fill the disk: the beginning is kept. */
		if (!con->spool_full && con->spooled + len <= SPOOL_LIMIT &&
		    write_all(con->spool_fd, data, len))
			con->spooled += len;
		else
			con->spool_full = true;
	} else if (con->out_fd >= 0 && !write_all(con->out_fd, data, len)) {
		/* A reader that has gone away is not worth a word. */
		if (errno != EPIPE)
			error(-errno, "standard %s: the rest of the guest's output is lost",
			      con->out_fd == STDERR_FILENO ? "error" : "output");
		con->out_fd = -1;
	}
}

static void write_run(struct work *work)
{
	struct console *con = container_of(work, struct console, write_job);
	u8 chunk[4096];

	pthread_mutex_lock(&con->lock);
	while (con->used) {
		size_t run = min(con->used, RING_SIZE - con->head);
		size_t n = min(run, sizeof(chunk));
		bool refused = con->refused;

		memcpy(chunk, con->ring + con->head, n);
		con->head = (con->head + n) % RING_SIZE;
		con->used -= n;
		con->refused = false;
		pthread_mutex_unlock(&con->lock);
		put_out(con, chunk, n);
		if (refused && con->chr.front)
			con->chr.front->writable(con->chr.opaque);
		pthread_mutex_lock(&con->lock);
	}
	con->writing = false;
	pthread_cond_broadcast(&con->drained);
	pthread_mutex_unlock(&con->lock);
}

/* With the lock held. */
static void start_writing(struct console *con)
{
	if (con->writing || !con->used)
		return;
	con->writing = true;
	if (work_submit(&con->write_job)) {
		/* No thread to be had now; what is there waits. */
		con->writing = false;
		con->gathering = true;
		loop_timer_set(con->timer, GATHER_NS, 0);
	}
}

static void gathered(void *arg)
{
	struct console *con = arg;

	pthread_mutex_lock(&con->lock);
	con->gathering = false;
	start_writing(con);
	pthread_mutex_unlock(&con->lock);
}

static size_t console_write(struct chr *chr, const u8 *data, size_t len)
{
	struct console *con = container_of(chr, struct console, chr);
	size_t taken;

	pthread_mutex_lock(&con->lock);
	taken = min(len, RING_SIZE - con->used);
	for (size_t i = 0; i < taken; i++) {
		con->ring[(con->head + con->used++) % RING_SIZE] = data[i];
		con->tail[con->total++ % TAIL_SIZE] = data[i];
	}
	if (taken < len)
		con->refused = true;
	if (con->used >= RING_SIZE / 2) {
		start_writing(con);
	} else if (!con->gathering && !con->writing) {
		con->gathering = true;
		loop_timer_set(con->timer, GATHER_NS, 0);
	}
	pthread_mutex_unlock(&con->lock);
	if (con->cfg.output_seen && taken)
		con->cfg.output_seen(con->cfg.arg, data, taken);
	return taken;
}

/**
 * console_drain() - write out what the guest has said
 * @con:	the console
 * @limit_ms:	how long to wait for a reader, in milliseconds
 *
 * Return: whether all is out; else a worker still writes, and calls the front end
 * when it can go on.
 */
bool console_drain(struct console *con, unsigned int limit_ms)
{
	struct timespec until;
	bool drained;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += limit_ms / 1000;
	until.tv_nsec += limit_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&con->lock);
	start_writing(con);
	while (con->writing) {
		if (pthread_cond_timedwait(&con->drained, &con->lock, &until) == ETIMEDOUT)
			break;
	}
	drained = !con->writing;
	pthread_mutex_unlock(&con->lock);
	return drained;
}

/**
 * console_show() - show what --quiet has kept back; after console_drain()
 */
void console_show(struct console *con)
{
	u8 chunk[4096];
	u64 at = 0;

	if (con->spool_fd < 0 || con->out_fd < 0)
		return;
	while (at < con->spooled) {
		ssize_t n = pread(con->spool_fd, chunk, min(con->spooled - at, (u64)sizeof(chunk)), at);

		if (n <= 0 || !write_all(con->out_fd, chunk, n))
			return;
		at += n;
	}
	if (con->total > con->spooled)
		info("the console's output beyond its first %llu bytes was not kept (--log keeps all)",
		     (unsigned long long)con->spooled);
}

/**
 * console_tail() - the last of what the guest has said
 * @buf:	filled, not terminated
 * @size:	its size in bytes
 *
 * Return: how many bytes were filled in.
 */
size_t console_tail(struct console *con, char *buf, size_t size)
{
	size_t n;

	pthread_mutex_lock(&con->lock);
	n = min(con->total, (u64)TAIL_SIZE);
	n = min(n, size);
	for (size_t i = 0; i < n; i++)
		buf[i] = con->tail[(con->total - n + i) % TAIL_SIZE];
	pthread_mutex_unlock(&con->lock);
	return n;
}

/* --- input, on the main loop unless it says otherwise --------------------- */

/* On a worker. */
static void read_run(struct work *work)
{
	struct console *con = container_of(work, struct console, read_job);

	do {
		con->in_result = read(STDIN_FILENO, con->in_buf, sizeof(con->in_buf));
	} while (con->in_result < 0 && errno == EINTR);
	if (con->in_result < 0)
		con->in_result = -errno;
}

static void read_submit(struct console *con)
{
	if (con->read_busy || con->in_ended)
		return;
	con->read_busy = !work_submit(&con->read_job);
}

static void want_input(struct console *con)
{
	if (con->in_watch)
		loop_modify(con->in_watch, EPOLLIN | EPOLLONESHOT);
	else
		read_submit(con);
}

static void in_ready(void *arg, u32 events)
{
	read_submit(arg);
}

/* Give the UART what was read; what it refuses waits for console_resume(). */
static void feed(struct console *con)
{
	if (!con->chr.front || con->in_at == con->in_len)
		return;
	con->in_at += con->chr.front->input(con->chr.opaque, con->in_wait + con->in_at,
					    con->in_len - con->in_at);
	if (con->in_at == con->in_len && !con->in_ended)
		want_input(con);
}

static void feed_again(void *arg)
{
	struct console *con = arg;

	__atomic_store_n(&con->resume_posted, false, __ATOMIC_SEQ_CST);
	feed(con);
}

/* From a vCPU thread. */
static void console_resume(struct chr *chr)
{
	struct console *con = container_of(chr, struct console, chr);

	if (!__atomic_exchange_n(&con->resume_posted, true, __ATOMIC_SEQ_CST))
		loop_call(con->loop, feed_again, con);
}

/* Take the Ctrl-A commands out of what was typed. */
static size_t take_commands(struct console *con, u8 *data, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		if (!con->escape) {
			if (data[i] == CTRL_A)
				con->escape = true;
			else
				data[out++] = data[i];
			continue;
		}
		con->escape = false;
		switch (data[i]) {
		case 'x':
			if (con->cfg.quit)
				con->cfg.quit(con->cfg.arg);
			break;
		case 'c':
			if (con->chr.front && con->chr.front->line_break)
				con->chr.front->line_break(con->chr.opaque);
			break;
		case CTRL_A:
			data[out++] = CTRL_A;
			break;
		default:
			break;		/* no command: nothing */
		}
	}
	return out;
}

static void retry(void *arg)
{
	want_input(arg);
}

static void read_done(struct work *work)
{
	struct console *con = container_of(work, struct console, read_job);
	size_t len;

	con->read_busy = false;
	if (con->in_result == -EAGAIN) {
		want_input(con);
		return;
	}
	if (con->in_result == -EIO && con->terminal) {
		/* We are in the background; waiting for the descriptor would return at once. */
		loop_timer_set(con->retry, RETRY_NS, 0);
		return;
	}
	if (con->in_result <= 0) {
		/* The end of the input is not the end of the machine. */
		con->in_ended = true;
		return;
	}
	len = con->in_result;
	if (con->terminal)
		len = take_commands(con, con->in_buf, len);
	/* Before what is new there is something only on a terminal. */
	memmove(con->in_wait, con->in_wait + con->in_at, con->in_len - con->in_at);
	con->in_len -= con->in_at;
	con->in_at = 0;
	len = min(len, sizeof(con->in_wait) - con->in_len);
	memcpy(con->in_wait + con->in_len, con->in_buf, len);
	con->in_len += len;
	feed(con);
	/* A guest that takes nothing must not lock the user in: Ctrl-A is always heard. */
	if (con->terminal || con->in_at == con->in_len)
		want_input(con);
}

static int start_input(struct console *con)
{
	con->in_watch = loop_add(con->loop, STDIN_FILENO, EPOLLIN | EPOLLONESHOT, in_ready, con);
	if (!con->in_watch && errno != EPERM)
		return error(-errno, "cannot wait for standard input");
	if (!con->in_watch)
		read_submit(con);	/* a file or /dev/null */
	return 0;
}

/* A file without a name; not every file system can make one that never had one. */
static int open_spool(const char *dir)
{
	char name[PATH_MAX];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if (errno != EOPNOTSUPP && errno != EISDIR)
		return -errno;
	if ((size_t)snprintf(name, sizeof(name), "%s/lkvm-XXXXXX", dir) >= sizeof(name))
		return -ENAMETOOLONG;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(name);
	return fd;
}

static const struct chr_ops console_ops = {
	.write = console_write,
	.resume = console_resume,
};

/**
 * console_new() - make the console
 * @loop:	the main loop
 * @cfg:	see there; copied
 * @out:	set to the console
 *
 * Input that comes before a front end has attached waits.
 *
 * Return: 0 or -errno, said.
 */
int console_new(struct loop *loop, const struct console_config *cfg, struct console **out)
{
	struct console *con = calloc(1, sizeof(*con));
	const char *dir = getenv("TMPDIR");
	pthread_condattr_t monotonic;
	int err = 0;

	if (!con)
		return error(-ENOMEM, "console");
	con->chr.ops = &console_ops;
	con->cfg = *cfg;
	con->loop = loop;
	con->log_fd = con->spool_fd = -1;
	con->out_fd = cfg->out_fd;
	con->write_job.run = write_run;
	con->read_job = (struct work){ .run = read_run, .done = read_done, .loop = loop };
	pthread_mutex_init(&con->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&con->drained, &monotonic);
	pthread_condattr_destroy(&monotonic);
	con->timer = loop_timer_new(loop, gathered, con);
	con->retry = loop_timer_new(loop, retry, con);
	if (!con->timer || !con->retry) {
		err = error(-errno, "console");
		goto fail;
	}
	if (cfg->log) {
		con->log_fd = open(cfg->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
		if (con->log_fd < 0) {
			err = error(-errno, "--log %s", cfg->log);
			goto fail;
		}
	}
	if (cfg->quiet) {
		con->spool_fd = open_spool(dir ? dir : "/tmp");
		if (con->spool_fd < 0) {
			err = error(con->spool_fd, "--quiet: cannot keep the console's output in %s (TMPDIR)",
				    dir ? dir : "/tmp");
			goto fail;
		}
	}
	if (cfg->input) {
		con->terminal = term_is_foreground(STDIN_FILENO);
		if (con->terminal)
			err = term_raw(STDIN_FILENO);
		if (!err && (con->terminal || !isatty(STDIN_FILENO)))
			err = start_input(con);
		if (err)
			goto fail;
	}
	*out = con;
	return 0;
fail:
	console_free(con);
	return err;
}

/**
 * console_free() - free the console; no front end may be attached
 *
 * A worker may still be in a read or write of the user's descriptors: then its
 * memory is left to the end of the process.
 */
void console_free(struct console *con)
{
	bool busy;

	if (!con)
		return;
	loop_remove(con->in_watch);
	con->in_watch = NULL;
	con->in_ended = true;
	loop_timer_free(con->timer);
	loop_timer_free(con->retry);
	pthread_mutex_lock(&con->lock);
	busy = con->read_busy || con->writing;
	pthread_mutex_unlock(&con->lock);
	if (busy)
		return;
	if (con->spool_fd >= 0)
		close(con->spool_fd);
	if (con->log_fd >= 0)
		close(con->log_fd);
	pthread_cond_destroy(&con->drained);
	pthread_mutex_destroy(&con->lock);
	free(con);
}

/**
 * console_chr() - the console as a UART's backend
 */
struct chr *console_chr(struct console *con)
{
	return &con->chr;
}

/**
 * console_is_terminal() - whether the user types at a terminal in raw mode
 */
bool console_is_terminal(const struct console *con)
{
	return con->terminal;
}
