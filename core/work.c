// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool of workers: threads that are started as jobs need them, up to a bound,
 * and leave when they have had nothing to do for a while. A job that is submitted
 * when all are busy waits its turn.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "loop.h"
#include "log.h"
#include "work.h"

#define WORK_MAX_THREADS 16
#define WORK_IDLE_SECONDS 5

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct work *head, **tail;
	unsigned int threads, idle, queued;
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
	.tail = &pool.head,
};

static void call_done(void *arg)
{
	struct work *w = arg;

	w->done(w);
}

/* With the lock held: the next job, or NULL after a while without one. */
static struct work *next_job(void)
{
	struct work *w;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WORK_IDLE_SECONDS;
	while (!pool.head) {
		int err;

		pool.idle++;
		err = pthread_cond_timedwait(&pool.more, &pool.lock, &until);
		pool.idle--;
		if (err == ETIMEDOUT && !pool.head)
			return NULL;
	}
	w = pool.head;
	pool.head = w->next;
	if (!pool.head)
		pool.tail = &pool.head;
	pool.queued--;
	return w;
}

static void *worker(void *unused)
{
	struct work *w;

	pthread_setname_np(pthread_self(), "worker");
	pthread_mutex_lock(&pool.lock);
	while ((w = next_job())) {
		pthread_mutex_unlock(&pool.lock);
		/* Once it has run, a job that nobody waits for may be gone. */
		if (w->done) {
			w->run(w);
			BUG_ON(loop_call(w->loop, call_done, w));
		} else {
			w->run(w);
		}
		pthread_mutex_lock(&pool.lock);
	}
	pool.threads--;
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

/**
 * work_submit() - hand a job to a worker
 * @work:	with @run, and if somebody waits @done and @loop, filled in
 *
 * Return: 0, or -errno when no worker runs and none can be started.
 */
int work_submit(struct work *work)
{
	pthread_t thread;
	sigset_t all, old;
	int err = 0;

	work->next = NULL;
	pthread_mutex_lock(&pool.lock);
	if (pool.idle <= pool.queued && pool.threads < WORK_MAX_THREADS) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		err = pthread_create(&thread, NULL, worker, NULL);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		if (!err) {
			pthread_detach(thread);
			pool.threads++;
		} else if (pool.threads) {
			err = 0;	/* the others will come to it */
		}
	}
	if (!err) {
		*pool.tail = work;
		pool.tail = &work->next;
		pool.queued++;
		pthread_cond_signal(&pool.more);
	}
	pthread_mutex_unlock(&pool.lock);
	return -err;
}
