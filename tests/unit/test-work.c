// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool of workers: every job runs once, done() on the loop that submitted it, never
 * more threads than the bound, and a job that blocks holds nobody else up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

#include "loop.h"
#include "util.h"
#include "work.h"

#define MAX_THREADS 16		/* WORK_MAX_THREADS */

struct job {
	struct work work;
	_Atomic unsigned int ran, done;
	bool done_elsewhere;
	pthread_t ran_in;
	sem_t *gate;		/* waited for by run() */
	sem_t *finished;
	sigset_t mask;
};

static struct loop *loop;
static _Atomic unsigned int running, most_running, done_count;
static unsigned int expected_done;

static void run(struct work *work)
{
	struct job *j = container_of(work, struct job, work);
	unsigned int now = ++running, most = most_running;

	while (now > most && !__atomic_compare_exchange_n((unsigned int *)&most_running, &most, now, false,
							 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	j->ran_in = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &j->mask);
	if (j->gate)
		while (sem_wait(j->gate) < 0)
			;
	running--;
	j->ran++;
	if (j->finished)
		sem_post(j->finished);
}

static void done(struct work *work)
{
	struct job *j = container_of(work, struct job, work);

	j->done_elsewhere = !loop_is_current(loop) || j->ran != 1;
	j->done++;
	if (++done_count == expected_done)
		loop_stop(loop);
}

static int setup(void **state)
{
	loop = loop_new("test");
	most_running = done_count = 0;
	return !loop;
}

static int teardown(void **state)
{
	loop_free(loop);
	return 0;
}

static void wait_for(sem_t *sem, unsigned int n)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	while (n--)
		assert_int_equal(sem_timedwait(sem, &until), 0);
}

static void one_job(void **state)
{
	struct job j = { .work = { .run = run, .done = done, .loop = loop } };

	expected_done = 1;
	assert_int_equal(work_submit(&j.work), 0);
	loop_run(loop);
	assert_int_equal(j.ran, 1);
	assert_int_equal(j.done, 1);
	assert_false(j.done_elsewhere);
	assert_false(pthread_equal(j.ran_in, pthread_self()));
	/* Signals of the process are none of a worker's business. */
	assert_true(sigismember(&j.mask, SIGTERM));
	assert_true(sigismember(&j.mask, SIGCHLD));
}

/* A job is its submitter's again in done(), also to be submitted once more. */
static unsigned int rounds;

static void again(struct work *work)
{
	struct job *j = container_of(work, struct job, work);

	if (++rounds < 50) {
		j->ran = 0;
		assert_int_equal(work_submit(work), 0);
	} else {
		loop_stop(loop);
	}
}

static void same_job_again(void **state)
{
	struct job j = { .work = { .run = run, .done = again, .loop = loop } };

	rounds = 0;
	assert_int_equal(work_submit(&j.work), 0);
	loop_run(loop);
	assert_int_equal(rounds, 50);
}

static void many_jobs(void **state)
{
	static struct job jobs[500];

	expected_done = ARRAY_SIZE(jobs);
	for (unsigned int i = 0; i < ARRAY_SIZE(jobs); i++) {
		jobs[i] = (struct job){ .work = { .run = run, .done = done, .loop = loop } };
		assert_int_equal(work_submit(&jobs[i].work), 0);
	}
	loop_run(loop);
	for (unsigned int i = 0; i < ARRAY_SIZE(jobs); i++) {
		assert_int_equal(jobs[i].ran, 1);
		assert_int_equal(jobs[i].done, 1);
		assert_false(jobs[i].done_elsewhere);
	}
	assert_in_range(most_running, 1, MAX_THREADS);
}

static unsigned int count_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* Jobs that block: those that there are threads for run side by side, the rest wait. */
static void blocked_jobs(void **state)
{
	static struct job jobs[MAX_THREADS + 10];
	unsigned int before;
	sem_t gate, finished;

	sem_init(&gate, 0, 0);
	sem_init(&finished, 0, 0);
	before = count_threads();
	for (unsigned int i = 0; i < ARRAY_SIZE(jobs); i++) {
		jobs[i] = (struct job){ .work = { .run = run }, .gate = &gate, .finished = &finished };
		assert_int_equal(work_submit(&jobs[i].work), 0);
	}
	for (unsigned int i = 0; i < 5000 && running < MAX_THREADS; i++)
		usleep(1000);
	assert_int_equal(running, MAX_THREADS);
	assert_in_range(count_threads(), MAX_THREADS, before + MAX_THREADS);
	for (unsigned int i = 0; i < ARRAY_SIZE(jobs); i++)
		sem_post(&gate);
	wait_for(&finished, ARRAY_SIZE(jobs));
	for (unsigned int i = 0; i < ARRAY_SIZE(jobs); i++)
		assert_int_equal(jobs[i].ran, 1);
	assert_int_equal(most_running, MAX_THREADS);
	sem_destroy(&gate);
	sem_destroy(&finished);
}

/* While all but one are stuck, that one gets everything done. */
static void stuck_jobs(void **state)
{
	static struct job stuck[MAX_THREADS - 1], jobs[100];
	sem_t gate, finished;

	sem_init(&gate, 0, 0);
	sem_init(&finished, 0, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(stuck); i++) {
		stuck[i] = (struct job){ .work = { .run = run }, .gate = &gate, .finished = &finished };
		assert_int_equal(work_submit(&stuck[i].work), 0);
	}
	expected_done = ARRAY_SIZE(jobs);
	for (unsigned int i = 0; i < ARRAY_SIZE(jobs); i++) {
		jobs[i] = (struct job){ .work = { .run = run, .done = done, .loop = loop } };
		assert_int_equal(work_submit(&jobs[i].work), 0);
	}
	loop_run(loop);
	assert_int_equal(done_count, ARRAY_SIZE(jobs));
	for (unsigned int i = 0; i < ARRAY_SIZE(stuck); i++)
		sem_post(&gate);
	wait_for(&finished, ARRAY_SIZE(stuck));
	sem_destroy(&gate);
	sem_destroy(&finished);
}

/* A job that nobody waits for may free itself. */
static sem_t freed;

static void run_and_free(struct work *work)
{
	free(work);
	sem_post(&freed);
}

static void frees_itself(void **state)
{
	sem_init(&freed, 0, 0);
	for (unsigned int i = 0; i < 50; i++) {
		struct work *w = calloc(1, sizeof(*w));

		assert_non_null(w);
		w->run = run_and_free;
		assert_int_equal(work_submit(w), 0);
	}
	wait_for(&freed, 50);
}

static void *submitting_thread(void *arg)
{
	struct job *jobs = arg;

	for (unsigned int i = 0; i < 100; i++)
		work_submit(&jobs[i].work);
	return NULL;
}

static void many_submitters(void **state)
{
	static struct job jobs[4][100];
	pthread_t threads[4];

	expected_done = 400;
	for (unsigned int t = 0; t < 4; t++) {
		for (unsigned int i = 0; i < 100; i++)
			jobs[t][i] = (struct job){ .work = { .run = run, .done = done, .loop = loop } };
		assert_int_equal(pthread_create(&threads[t], NULL, submitting_thread, jobs[t]), 0);
	}
	loop_run(loop);
	for (unsigned int t = 0; t < 4; t++)
		pthread_join(threads[t], NULL);
	for (unsigned int t = 0; t < 4; t++)
		for (unsigned int i = 0; i < 100; i++)
			assert_int_equal(jobs[t][i].done, 1);
}

/* Workers without work leave after a while, and new ones come when there is some. */
static void idle_threads_leave(void **state)
{
	unsigned int most = count_threads();

	assert_true(most > 1);
	for (unsigned int i = 0; i < 120 && count_threads() > 1; i++)
		usleep(100000);
	assert_true(count_threads() < most);
	one_job(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_job),
		TEST(same_job_again),
		TEST(many_jobs),
		TEST(blocked_jobs),
		TEST(stuck_jobs),
		TEST(frees_itself),
		TEST(many_submitters),
		TEST(idle_threads_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
