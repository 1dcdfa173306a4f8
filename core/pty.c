// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pseudo-terminal as the backend of a UART (--tty). Nobody need be at its other end:
 * what does not fit into the kernel's buffer is lost then, as on a serial port
 * without a cable. Descriptors are ours alone, so they are non-blocking; the main loop
 * reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include "chr.h"
#include "log.h"
#include "loop.h"
#include "pty.h"
#include "util.h"

struct pty {
	struct chr chr;
	struct loop *loop;
	void (*output_seen)(void *arg, const u8 *data, size_t len);
	void *arg;
	int fd;
	int peer;		/* kept open, so that a terminal program may come and go */
	char name[64];
	struct loop_fd *watch;
	bool resume_posted;
	unsigned char buf[256];
	size_t at, len;
};

static size_t pty_write(struct chr *chr, const u8 *data, size_t len)
{
	struct pty *p = container_of(chr, struct pty, chr);

	if (p->output_seen)
		p->output_seen(p->arg, data, len);

	if (write(p->fd, data, len) < 0 && errno != EAGAIN)
		debug("%s: %s", p->name, strerror(errno));
	return len;
}

/* On the main loop. */
static void feed(struct pty *p)
{
	if (p->chr.front)
		p->at += p->chr.front->input(p->chr.opaque, p->buf + p->at, p->len - p->at);
	/* What the UART has no room for holds the rest back. */
	loop_modify(p->watch, p->at == p->len ? EPOLLIN : 0);
}

static void feed_again(void *arg)
{
	struct pty *p = arg;

	__atomic_store_n(&p->resume_posted, false, __ATOMIC_SEQ_CST);
	if (p->at < p->len)
		feed(p);
}

static void pty_resume(struct chr *chr)
{
	struct pty *p = container_of(chr, struct pty, chr);

	if (!__atomic_exchange_n(&p->resume_posted, true, __ATOMIC_SEQ_CST))
		loop_call(p->loop, feed_again, p);
}

static void pty_ready(void *arg, u32 events)
{
	struct pty *p = arg;
	ssize_t n = read(p->fd, p->buf, sizeof(p->buf));

	if (n <= 0)
		return;
	p->at = 0;
	p->len = n;
	feed(p);
}

static const struct chr_ops pty_ops = {
	.write = pty_write,
	.resume = pty_resume,
};

/**
 * pty_new() - make a pseudo-terminal
 * @loop:	the main loop
 * @output_seen: called with what the guest sends, from the thread that sends it, or NULL
 * @arg:	handed to @output_seen
 * @out:	set to it
 *
 * Return: 0 or -errno, said.
 */
int pty_new(struct loop *loop, void (*output_seen)(void *arg, const u8 *data, size_t len), void *arg,
	    struct pty **out)
{
	struct pty *p = calloc(1, sizeof(*p));
	struct termios raw;
	int err;

	if (!p)
		return error(-ENOMEM, "pseudo-terminal");
	p->chr.ops = &pty_ops;
	p->loop = loop;
	p->output_seen = output_seen;
	p->arg = arg;
	p->peer = -1;
	p->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (p->fd < 0 || grantpt(p->fd) < 0 || unlockpt(p->fd) < 0 ||
	    ptsname_r(p->fd, p->name, sizeof(p->name)))
		goto fail;
	p->peer = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->peer < 0 || tcgetattr(p->peer, &raw) < 0)
		goto fail;
	cfmakeraw(&raw);
	if (tcsetattr(p->peer, TCSANOW, &raw) < 0)
		goto fail;
	p->watch = loop_add(loop, p->fd, EPOLLIN, pty_ready, p);
	if (!p->watch)
		goto fail;
	*out = p;
	return 0;
fail:
	err = error(-errno, "pseudo-terminal (--tty)");
	pty_free(p);
	return err;
}

/**
 * pty_free() - close a pseudo-terminal; no front end may be attached
 */
void pty_free(struct pty *p)
{
	if (!p)
		return;
	loop_remove(p->watch);
	if (p->peer >= 0)
		close(p->peer);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

/**
 * pty_chr() - the pseudo-terminal as a UART's backend
 */
struct chr *pty_chr(struct pty *p)
{
	return &p->chr;
}

/**
 * pty_name() - the path that a terminal program opens
 */
const char *pty_name(const struct pty *p)
{
	return p->name;
}
