// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loop: descriptors, timers, calls from other threads, and removal of anything from
 * within anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop.h"
#include "util.h"

#define MSEC	1000000ULL

static struct loop *loop;

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void stop(void *arg)
{
	loop_stop(loop);
}

static void run_for(u64 ns)
{
	struct loop_timer *t = loop_timer_new(loop, stop, NULL);

	assert_non_null(t);
	loop_timer_set(t, ns, 0);
	loop_run(loop);
	loop_timer_free(t);
}

static int setup(void **state)
{
	loop = loop_new("test-loop");
	return !loop;
}

static int teardown(void **state)
{
	loop_free(loop);
	loop = NULL;
	return 0;
}

/* --- descriptors --- */

struct watch {
	int fd;
	struct loop_fd *lfd;
	unsigned int calls;
	u32 events;
	unsigned int stop_after;
	struct watch *removes;		/* on its first call */
	bool drains;
};

static void watch_fn(void *arg, u32 events)
{
	struct watch *w = arg;
	u64 count;

	assert_true(loop_is_current(loop));
	w->calls++;
	w->events = events;
	if (w->drains)
		assert_int_equal(read(w->fd, &count, sizeof(count)), sizeof(count));
	if (w->removes) {
		loop_remove(w->removes->lfd);
		w->removes->lfd = NULL;
		w->removes = NULL;
	}
	if (w->calls == w->stop_after)
		loop_stop(loop);
}

static void watch_open(struct watch *w, u32 events)
{
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(w->fd >= 0);
	w->lfd = loop_add(loop, w->fd, events, watch_fn, w);
	assert_non_null(w->lfd);
}

static void watch_close(struct watch *w)
{
	loop_remove(w->lfd);
	close(w->fd);
}

static void raise_fd(int fd)
{
	u64 one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static void level_triggered(void **state)
{
	struct watch w = { .stop_after = 3 };

	watch_open(&w, EPOLLIN);
	raise_fd(w.fd);
	/* Nobody reads it: it comes again and again. */
	loop_run(loop);
	assert_int_equal(w.calls, 3);
	assert_int_equal(w.events, EPOLLIN);

	w = (struct watch){ .fd = w.fd, .lfd = w.lfd, .drains = true };
	run_for(20 * MSEC);
	assert_int_equal(w.calls, 1);
	watch_close(&w);
}

static void modified(void **state)
{
	struct watch w = {};

	watch_open(&w, EPOLLIN | EPOLLOUT);
	w.stop_after = 1;
	loop_run(loop);
	assert_int_equal(w.events, EPOLLOUT);
	loop_modify(w.lfd, 0);
	raise_fd(w.fd);
	w.stop_after = 0;
	run_for(10 * MSEC);
	assert_int_equal(w.calls, 1);
	loop_modify(w.lfd, EPOLLIN | EPOLLONESHOT);
	run_for(10 * MSEC);
	assert_int_equal(w.calls, 2);
	assert_int_equal(w.events, EPOLLIN);
	run_for(10 * MSEC);
	assert_int_equal(w.calls, 2);
	watch_close(&w);
}

static void refused_descriptors(void **state)
{
	char path[] = "/tmp/lkvm-loop-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_null(loop_add(loop, fd, EPOLLIN, watch_fn, NULL));
	assert_int_equal(errno, EPERM);
	close(fd);
	assert_null(loop_add(loop, -1, EPOLLIN, watch_fn, NULL));
	assert_int_equal(errno, EBADF);
	loop_remove(NULL);
}

/* Two that are ready in the same round: each may remove the other, or itself. */
static void removed_in_dispatch(void **state)
{
	for (unsigned int which = 0; which < 4; which++) {
		struct watch a = {}, b = {};
		bool a_itself = which == 0, b_itself = which == 1;

		watch_open(&a, EPOLLIN);
		watch_open(&b, EPOLLIN);
		raise_fd(a.fd);
		raise_fd(b.fd);
		a.drains = b.drains = true;
		a.removes = a_itself ? &a : which == 1 ? NULL : &b;
		b.removes = b_itself ? &b : which == 0 ? NULL : &a;
		run_for(10 * MSEC);
		if (a_itself || b_itself) {
			assert_int_equal(a.calls, 1);
			assert_int_equal(b.calls, 1);
		} else {
			/* Whoever came first has silenced the other. */
			assert_int_equal(a.calls + b.calls, 1);
		}
		raise_fd(a.fd);
		raise_fd(b.fd);
		a.stop_after = b.stop_after = 0;
		run_for(10 * MSEC);
		assert_int_equal(a.calls + b.calls, a_itself || b_itself ? 3 : 2);
		watch_close(&a);
		watch_close(&b);
	}
}

/* More than one round of events can hold. */
static void many_descriptors(void **state)
{
	struct watch w[100] = {};

	for (unsigned int i = 0; i < ARRAY_SIZE(w); i++) {
		w[i].drains = true;
		watch_open(&w[i], EPOLLIN);
		raise_fd(w[i].fd);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(w); i += 2)
		if (i + 1 < ARRAY_SIZE(w))
			w[i].removes = &w[i];
	run_for(20 * MSEC);
	for (unsigned int i = 0; i < ARRAY_SIZE(w); i++) {
		assert_int_equal(w[i].calls, 1);
		assert_int_equal(!w[i].lfd, i % 2 == 0);
		watch_close(&w[i]);
	}
}

/* --- timers --- */

static void count(void *arg)
{
	++*(unsigned int *)arg;
}

static void timers(void **state)
{
	unsigned int never = 0, once = 0, often = 0, stopped = 0;
	struct loop_timer *t[] = {
		loop_timer_new(loop, count, &never), loop_timer_new(loop, count, &once),
		loop_timer_new(loop, count, &often), loop_timer_new(loop, count, &stopped),
	};
	u64 began = now_ns();

	loop_timer_set(t[1], 5 * MSEC, 0);
	loop_timer_set(t[2], 1, 2 * MSEC);
	loop_timer_set(t[3], 5 * MSEC, MSEC);
	loop_timer_set(t[3], 0, MSEC);
	run_for(60 * MSEC);
	assert_true(now_ns() - began >= 60 * MSEC);
	assert_int_equal(never, 0);
	assert_int_equal(once, 1);
	assert_in_range(often, 1, 31);
	assert_int_equal(stopped, 0);
	/* Set anew. */
	loop_timer_set(t[1], 1, 0);
	loop_timer_set(t[2], 0, 0);
	often = 0;
	run_for(10 * MSEC);
	assert_int_equal(once, 2);
	assert_int_equal(often, 0);
	/* As far away as the type can tell. */
	loop_timer_set(t[0], UINT64_MAX, UINT64_MAX);
	run_for(5 * MSEC);
	assert_int_equal(never, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(t); i++)
		loop_timer_free(t[i]);
	loop_timer_free(NULL);
}

/* What was missed while nobody ran the loop is one call. */
static void missed_expirations(void **state)
{
	unsigned int calls = 0;
	struct loop_timer *t = loop_timer_new(loop, count, &calls);

	loop_timer_set(t, 1, MSEC);
	usleep(20000);
	loop_timer_set(t, 1, 1000000 * MSEC);
	usleep(2000);
	run_for(5 * MSEC);
	assert_int_equal(calls, 1);
	loop_timer_free(t);
}

struct victims {
	struct loop_timer *timers[3];
	unsigned int calls;
};

static void free_all(void *arg)
{
	struct victims *v = arg;

	v->calls++;
	for (unsigned int i = 0; i < ARRAY_SIZE(v->timers); i++) {
		loop_timer_free(v->timers[i]);
		v->timers[i] = NULL;
	}
}

/* All are due in one round, and the first frees itself and the others. */
static void timers_freed_in_dispatch(void **state)
{
	struct victims v = {};

	for (unsigned int i = 0; i < ARRAY_SIZE(v.timers); i++) {
		v.timers[i] = loop_timer_new(loop, free_all, &v);
		loop_timer_set(v.timers[i], 1, 0);
	}
	usleep(1000);
	run_for(5 * MSEC);
	assert_int_equal(v.calls, 1);
}

static void sets_itself(void *arg)
{
	struct victims *v = arg;

	if (++v->calls < 5)
		loop_timer_set(v->timers[0], 1000, 0);
	else
		loop_stop(loop);
}

static void timer_sets_itself(void **state)
{
	struct victims v = {};

	v.timers[0] = loop_timer_new(loop, sets_itself, &v);
	loop_timer_set(v.timers[0], 1, 0);
	loop_run(loop);
	assert_int_equal(v.calls, 5);
	loop_timer_free(v.timers[0]);
}

/* --- running and stopping --- */

static void stop_before_run(void **state)
{
	/* Not lost: the run ends at once. */
	loop_stop(loop);
	loop_run(loop);
	/* It counts for one run. */
	run_for(MSEC);
	assert_false(loop_is_current(loop));
}

static void check_current(void *arg)
{
	*(bool *)arg = loop_is_current(loop);
	loop_stop(loop);
}

static void is_current(void **state)
{
	bool current = false;

	assert_false(loop_is_current(loop));
	assert_int_equal(loop_call(loop, check_current, &current), 0);
	loop_run(loop);
	assert_true(current);
	assert_false(loop_is_current(loop));
	current = false;
	assert_int_equal(loop_start(loop), 0);
	assert_false(loop_is_current(loop));
	assert_int_equal(loop_call_wait(loop, check_current, &current), 0);
	loop_halt(loop);
	assert_true(current);
	/* Twice is as good as once. */
	loop_halt(loop);
}

static void thread_name(void *arg)
{
	pthread_getname_np(pthread_self(), arg, 16);
}

static void started_again(void **state)
{
	for (unsigned int i = 0; i < 20; i++) {
		char name[16] = "";
		unsigned int calls = 0;

		assert_int_equal(loop_start(loop), 0);
		assert_int_equal(loop_call_wait(loop, thread_name, name), 0);
		assert_string_equal(name, "test-loop");
		assert_int_equal(loop_call(loop, count, &calls), 0);
		assert_int_equal(loop_call_wait(loop, count, &calls), 0);
		assert_int_equal(calls, 2);
		loop_halt(loop);
	}
}

/* --- calls --- */

struct sequence {
	unsigned int next;
	bool wrong;
};

struct step {
	struct sequence *seq;
	unsigned int n;
};

static void take_step(void *arg)
{
	struct step *s = arg;

	s->seq->wrong |= s->seq->next++ != s->n;
}

static void calls_in_order(void **state)
{
	struct sequence seq = {};
	struct step steps[50];

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		steps[i] = (struct step){ &seq, i };
		assert_int_equal(loop_call(loop, take_step, &steps[i]), 0);
	}
	assert_int_equal(seq.next, 0);
	run_for(5 * MSEC);
	assert_int_equal(seq.next, ARRAY_SIZE(steps));
	assert_false(seq.wrong);
}

/* What nobody ran is dropped with the loop, and does not leak. */
static void calls_dropped(void **state)
{
	unsigned int calls = 0;

	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(loop_call(loop, count, &calls), 0);
	loop_free(loop);
	loop = NULL;
	assert_int_equal(calls, 0);
}

/* A call posted in a callback runs after it, not within. */
static void post_more(void *arg)
{
	struct sequence *seq = arg;
	unsigned int before = seq->next;

	if (before < 10)
		assert_int_equal(loop_call(loop, post_more, seq), 0);
	else
		loop_stop(loop);
	seq->wrong |= seq->next != before;
	seq->next++;
}

static void calls_from_calls(void **state)
{
	struct sequence seq = {};

	assert_int_equal(loop_call(loop, post_more, &seq), 0);
	loop_run(loop);
	assert_int_equal(seq.next, 11);
	assert_false(seq.wrong);
}

static void call_wait_when_idle(void **state)
{
	unsigned int calls = 0;

	/* Nobody runs the loop: at once, here. */
	assert_int_equal(loop_call_wait(loop, count, &calls), 0);
	assert_int_equal(calls, 1);
}

static void wait_within(void *arg)
{
	assert_int_equal(loop_call_wait(loop, count, arg), 0);
}

static void call_wait_from_itself(void **state)
{
	unsigned int calls = 0;

	assert_int_equal(loop_start(loop), 0);
	assert_int_equal(loop_call_wait(loop, wait_within, &calls), 0);
	assert_int_equal(calls, 1);
	loop_halt(loop);
}

#define CALLERS 4
#define CALLS	500

struct caller {
	pthread_t thread;
	unsigned int posted, waited;	/* only touched on the loop */
	bool late;			/* loop_call_wait() returned before it had run */
};

static void *calling_thread(void *arg)
{
	struct caller *c = arg;

	for (unsigned int i = 0; i < CALLS; i++) {
		loop_call(loop, count, &c->posted);
		loop_call_wait(loop, count, &c->waited);
		/* Calls of one thread run in order, so both have. */
		c->late |= c->waited != i + 1 || c->posted != i + 1;
	}
	return NULL;
}

static void calls_from_threads(void **state)
{
	struct caller callers[CALLERS] = {};

	assert_int_equal(loop_start(loop), 0);
	for (unsigned int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i].thread, NULL, calling_thread, &callers[i]), 0);
	for (unsigned int i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_int_equal(callers[i].posted, CALLS);
		assert_int_equal(callers[i].waited, CALLS);
		assert_false(callers[i].late);
	}
	loop_halt(loop);
}

static void slow(void *arg)
{
	usleep(3000);
}

static _Atomic unsigned int waiters_done;

static void nothing(void *arg)
{
}

static void *waiting_thread(void *arg)
{
	loop_call_wait(loop, nothing, NULL);
	waiters_done++;
	return NULL;
}

/* Nobody hangs who waits for a loop that is being stopped. */
static void waiting_while_it_stops(void **state)
{
	for (unsigned int round = 0; round < 20; round++) {
		pthread_t threads[3];

		waiters_done = 0;
		assert_int_equal(loop_start(loop), 0);
		loop_call(loop, slow, NULL);
		if (round % 2)
			loop_stop(loop);
		for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
			assert_int_equal(pthread_create(&threads[i], NULL, waiting_thread, NULL), 0);
		loop_halt(loop);
		for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
			pthread_join(threads[i], NULL);
		assert_int_equal(waiters_done, ARRAY_SIZE(threads));
	}
}

static void set_timer_elsewhere(void **state)
{
	unsigned int calls = 0;
	struct loop_timer *t = loop_timer_new(loop, count, &calls);
	unsigned int seen = 0;

	assert_int_equal(loop_start(loop), 0);
	for (unsigned int i = 0; i < 200 && !seen; i++) {
		loop_timer_set(t, 1, 0);
		usleep(1000);
		if (i > 3)
			loop_halt(loop), seen = calls, loop_start(loop);
	}
	assert_true(seen > 0);
	loop_halt(loop);
	loop_timer_free(t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(level_triggered),
		TEST(modified),
		TEST(refused_descriptors),
		TEST(removed_in_dispatch),
		TEST(many_descriptors),
		TEST(timers),
		TEST(missed_expirations),
		TEST(timers_freed_in_dispatch),
		TEST(timer_sets_itself),
		TEST(stop_before_run),
		TEST(is_current),
		TEST(started_again),
		TEST(calls_in_order),
		TEST(calls_dropped),
		TEST(calls_from_calls),
		TEST(call_wait_when_idle),
		TEST(call_wait_from_itself),
		TEST(calls_from_threads),
		TEST(waiting_while_it_stops),
		TEST(set_timer_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
