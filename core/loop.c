// SPDX-License-Identifier: GPL-2.0-only
/*
 * A loop: one thread in epoll_wait(), see include/loop.h.
 *
 * loop_call() may come from any thread. loop_add(), loop_modify(), loop_remove()
 * and the timers belong to the loop's own thread, or to the thread that builds
 * the loop before it runs and takes it down after it has stopped; so a callback never
 * runs for a descriptor that was removed.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "util.h"

struct loop_fd {
	struct loop *loop;
	int fd;
	loop_fd_fn fn;
	void *arg;
	bool dead;
	SLIST_ENTRY(loop_fd) grave;
};

struct call {
	loop_fn fn;
	void *arg;
	sem_t *done;
	STAILQ_ENTRY(call) node;
};

struct loop_timer {
	struct loop_fd *lfd;
	int fd;
	loop_fn fn;
	void *arg;
};

struct loop {
	const char *name;
	int epoll;
	int wake;			/* eventfd behind loop_call() and loop_stop() */
	pthread_t thread;		/* that runs the loop */
	bool started;			/* by loop_start() */
	_Atomic bool running;		/* from loop_start() on, or within loop_run() */
	bool stop;
	pthread_mutex_t lock;		/* for calls, stop and the end of running */
	STAILQ_HEAD(, call) calls;
	SLIST_HEAD(, loop_fd) graves;	/* removed in this round of events */
};

/**
 * loop_new() - make a loop that does not run yet
 * @name:	of its thread, up to 15 characters
 *
 * Return: the loop, or NULL with errno set.
 */
struct loop *loop_new(const char *name)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	struct epoll_event ev = { .events = EPOLLIN };

	if (!loop)
		return NULL;
	loop->name = name;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	STAILQ_INIT(&loop->calls);
	SLIST_INIT(&loop->graves);
	pthread_mutex_init(&loop->lock, NULL);
	if (loop->epoll < 0 || loop->wake < 0 ||
	    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &ev) < 0) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

/**
 * loop_halt() - stop the loop's thread if it has one, and wait until it has ended
 *
 * Afterwards the caller may remove descriptors and timers.
 */
void loop_halt(struct loop *loop)
{
	if (!loop->started)
		return;
	loop_stop(loop);
	pthread_join(loop->thread, NULL);
	loop->started = false;
}

/**
 * loop_free() - stop the loop's thread if it has one, and free the loop
 *
 * Descriptors and timers must have been removed; calls that have not run are dropped.
 */
void loop_free(struct loop *loop)
{
	struct call *c;

	if (!loop)
		return;
	loop_halt(loop);
	while ((c = STAILQ_FIRST(&loop->calls))) {
		STAILQ_REMOVE_HEAD(&loop->calls, node);
		free(c);
	}
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->wake >= 0)
		close(loop->wake);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

/* With the lock held: once it is released, the loop may act, end and be freed. */
static void wake(struct loop *loop)
{
	u64 one = 1;

	if (write(loop->wake, &one, sizeof(one)) < 0)
		BUG_ON(errno != EAGAIN);
}

static void run_call(struct call *c)
{
	c->fn(c->arg);
	if (c->done)
		sem_post(c->done);
	free(c);
}

static void run_calls(struct loop *loop)
{
	u64 count;

	if (read(loop->wake, &count, sizeof(count)) < 0)
		BUG_ON(errno != EAGAIN);
	for (;;) {
		struct call *c;

		pthread_mutex_lock(&loop->lock);
		c = STAILQ_FIRST(&loop->calls);
		if (c)
			STAILQ_REMOVE_HEAD(&loop->calls, node);
		pthread_mutex_unlock(&loop->lock);
		if (!c)
			return;
		run_call(c);
	}
}

/* Free what was removed in this round of events. */
static void bury(struct loop *loop)
{
	while (!SLIST_EMPTY(&loop->graves)) {
		struct loop_fd *lfd = SLIST_FIRST(&loop->graves);

		SLIST_REMOVE_HEAD(&loop->graves, grave);
		free(lfd);
	}
}

/* Calls that somebody waits for still run; the others are left to the next run. */
static void end_run(struct loop *loop)
{
	for (;;) {
		struct call *c;

		bury(loop);
		pthread_mutex_lock(&loop->lock);
		STAILQ_FOREACH(c, &loop->calls, node)
			if (c->done)
				break;
		if (c) {
			STAILQ_REMOVE(&loop->calls, c, call, node);
		} else {
			loop->running = false;
			loop->stop = false;
		}
		pthread_mutex_unlock(&loop->lock);
		if (!c)
			return;
		run_call(c);
	}
}

static bool stopping(struct loop *loop)
{
	bool stop;

	pthread_mutex_lock(&loop->lock);
	stop = loop->stop;
	pthread_mutex_unlock(&loop->lock);
	return stop;
}

/**
 * loop_run() - run the loop in the calling thread until loop_stop()
 */
void loop_run(struct loop *loop)
{
	struct epoll_event events[32];

	if (!loop->started)
		loop->thread = pthread_self();
	loop->running = true;
	while (!stopping(loop)) {
		int n = epoll_wait(loop->epoll, events, ARRAY_SIZE(events), -1);

		BUG_ON(n < 0 && errno != EINTR);
		for (int i = 0; i < n; i++) {
			struct loop_fd *lfd = events[i].data.ptr;

			if (!lfd)
				run_calls(loop);
			else if (!lfd->dead)
				lfd->fn(lfd->arg, events[i].events);
		}
		bury(loop);
	}
	end_run(loop);
}

static void *loop_thread(void *arg)
{
	struct loop *loop = arg;

	pthread_setname_np(pthread_self(), loop->name);
	loop_run(loop);
	return NULL;
}

/**
 * loop_start() - run the loop in a thread of its own
 *
 * Return: 0 or -errno.
 */
int loop_start(struct loop *loop)
{
	sigset_t all, old;
	int err;

	/* From now on loop_call_wait() waits for the thread, also while that comes up. */
	loop->started = true;
	loop->running = true;
	/* Signals are for the process's first thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&loop->thread, NULL, loop_thread, loop);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		loop->started = false;
		loop->running = false;
	}
	return -err;
}

/**
 * loop_stop() - make loop_run() return after the current round; from any thread
 */
void loop_stop(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stop = true;
	wake(loop);
	pthread_mutex_unlock(&loop->lock);
}

/**
 * loop_is_current() - whether the calling thread runs the loop
 */
bool loop_is_current(const struct loop *loop)
{
	return loop->running && pthread_equal(loop->thread, pthread_self());
}

/**
 * loop_add() - call back when a descriptor is ready
 * @loop:	the loop
 * @fd:		stays the caller's
 * @events:	EPOLLIN, EPOLLOUT, ..., level-triggered unless it says EPOLLET
 * @fn:		called with the events that happened
 * @arg:	handed to @fn
 *
 * Return: the registration, or NULL with errno set (EPERM for a regular file).
 */
struct loop_fd *loop_add(struct loop *loop, int fd, u32 events, loop_fd_fn fn, void *arg)
{
	struct loop_fd *lfd = calloc(1, sizeof(*lfd));
	struct epoll_event ev = { .events = events, .data.ptr = lfd };

	if (!lfd)
		return NULL;
	*lfd = (struct loop_fd){ .loop = loop, .fd = fd, .fn = fn, .arg = arg };
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(lfd);
		return NULL;
	}
	return lfd;
}

/**
 * loop_modify() - wait for other events, or for none with 0
 */
void loop_modify(struct loop_fd *lfd, u32 events)
{
	struct epoll_event ev = { .events = events, .data.ptr = lfd };

	BUG_ON(epoll_ctl(lfd->loop->epoll, EPOLL_CTL_MOD, lfd->fd, &ev) < 0);
}

/**
 * loop_remove() - call back no more; before the descriptor is closed
 */
void loop_remove(struct loop_fd *lfd)
{
	if (!lfd)
		return;
	epoll_ctl(lfd->loop->epoll, EPOLL_CTL_DEL, lfd->fd, NULL);
	if (lfd->loop->running) {
		lfd->dead = true;
		SLIST_INSERT_HEAD(&lfd->loop->graves, lfd, grave);
	} else {
		free(lfd);
	}
}

/* A call that @done waits for is refused with -ESRCH where no thread runs the loop. */
static int post(struct loop *loop, loop_fn fn, void *arg, sem_t *done)
{
	struct call *c = malloc(sizeof(*c));
	bool ended;

	if (!c)
		return -ENOMEM;
	*c = (struct call){ .fn = fn, .arg = arg, .done = done };
	pthread_mutex_lock(&loop->lock);
	ended = done && !loop->running;
	if (!ended) {
		STAILQ_INSERT_TAIL(&loop->calls, c, node);
		wake(loop);
	}
	pthread_mutex_unlock(&loop->lock);
	if (ended)
		free(c);
	return ended ? -ESRCH : 0;
}

/**
 * loop_call() - run a function on the loop's thread, soon; from any thread
 *
 * Return: 0 or -ENOMEM.
 */
int loop_call(struct loop *loop, loop_fn fn, void *arg)
{
	return post(loop, fn, arg, NULL);
}

/**
 * loop_call_wait() - run a function on the loop's thread and wait for it
 *
 * On the loop's own thread, and while no thread runs the loop, it is called at once.
 *
 * Return: 0 or -ENOMEM.
 */
int loop_call_wait(struct loop *loop, loop_fn fn, void *arg)
{
	sem_t done;
	int err;

	if (loop_is_current(loop)) {
		fn(arg);
		return 0;
	}
	sem_init(&done, 0, 0);
	err = post(loop, fn, arg, &done);
	if (!err) {
		while (sem_wait(&done) < 0)
			;
	} else if (err == -ESRCH) {
		fn(arg);
		err = 0;
	}
	sem_destroy(&done);
	return err;
}

static void timer_expired(void *arg, u32 events)
{
	struct loop_timer *t = arg;
	u64 count;

	if (read(t->fd, &count, sizeof(count)) == sizeof(count))
		t->fn(t->arg);
}

/**
 * loop_timer_new() - make a timer that is not set
 * @fn:		called on the loop's thread; expirations that were missed are one call
 *
 * Return: the timer, or NULL with errno set.
 */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *arg)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fn = fn;
	t->arg = arg;
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (t->fd >= 0)
		t->lfd = loop_add(loop, t->fd, EPOLLIN, timer_expired, t);
	if (!t->lfd) {
		if (t->fd >= 0)
			close(t->fd);
		free(t);
		return NULL;
	}
	return t;
}

/**
 * loop_timer_set() - set or stop a timer; from any thread
 * @delay_ns:	until the first expiration, in nanoseconds; 0 stops the timer
 * @period_ns:	between later ones; 0 for none
 */
void loop_timer_set(struct loop_timer *timer, u64 delay_ns, u64 period_ns)
{
	struct itimerspec its = {
		.it_value = { delay_ns / 1000000000, delay_ns % 1000000000 },
		.it_interval = { period_ns / 1000000000, period_ns % 1000000000 },
	};

	BUG_ON(timerfd_settime(timer->fd, 0, &its, NULL) < 0);
}

/**
 * loop_timer_free() - free a timer, on the loop's thread
 */
void loop_timer_free(struct loop_timer *timer)
{
	if (!timer)
		return;
	loop_remove(timer->lfd);
	close(timer->fd);
	free(timer);
}
