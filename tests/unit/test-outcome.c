// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a run ended: every fact to its exit status, and which of several facts counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>

#include "outcome.h"
#include "util.h"

static _Atomic unsigned int ended_calls;
static struct outcome *outcome;

static void ended(void *arg)
{
	assert_ptr_equal(arg, &ended_calls);
	ended_calls++;
}

static int setup(void **state)
{
	ended_calls = 0;
	outcome = outcome_new(ended, &ended_calls);
	return !outcome;
}

static int teardown(void **state)
{
	outcome_free(outcome);
	return 0;
}

static void nothing_yet(void **state)
{
	assert_false(outcome_ended(outcome));
	assert_false(outcome_panicked(outcome));
	assert_false(outcome_from_guest(outcome));
	assert_int_equal(outcome_reason(outcome), OUTCOME_NONE);
	/* A run that never ended was not one. */
	assert_int_equal(outcome_exit_status(outcome), 125);
	assert_string_equal(outcome_reason_name(outcome_reason(outcome)), "none");
	assert_int_equal(ended_calls, 0);
	outcome_free(NULL);
}

static void each_reason(void **state)
{
	static const struct {
		enum outcome_reason reason;
		int value, status;
		const char *name;
	} table[] = {
		{ OUTCOME_HALT, 0, 0, "halt" },
		{ OUTCOME_POWEROFF, 0, 0, "poweroff" },
		{ OUTCOME_RESET, 0, 0, "reset" },
		{ OUTCOME_TRIPLE_FAULT, 0, 121, "triple-fault" },
		{ OUTCOME_EXIT, 0, 0, "exit" },
		{ OUTCOME_EXIT, 1, 1, "exit" },
		{ OUTCOME_EXIT, 85, 85, "exit" },
		{ OUTCOME_EXIT, 255, 255, "exit" },
		{ OUTCOME_EXIT, 256 + 3, 3, "exit" },
		{ OUTCOME_EXIT, -1, 255, "exit" },
		{ OUTCOME_FAIL_ON, 0, 123, "fail-on" },
		{ OUTCOME_WATCHDOG, 0, 124, "watchdog" },
		{ OUTCOME_TIMEOUT, 0, 124, "timeout" },
		{ OUTCOME_KVM_ERROR, 0, 119, "kvm-error" },
		{ OUTCOME_PANIC, 0, 120, "panic" },
		{ OUTCOME_SIGNAL, SIGTERM, 143, "signal" },
		{ OUTCOME_SIGNAL, SIGINT, 130, "signal" },
		{ OUTCOME_SIGNAL, SIGHUP, 129, "signal" },
		{ OUTCOME_LAUNCH, 0, 125, "launch" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		struct outcome *o = outcome_new(ended, &ended_calls);

		ended_calls = 0;
		outcome_report(o, table[i].reason, "the evidence", table[i].value);
		assert_int_equal(ended_calls, 1);
		assert_true(outcome_ended(o));
		assert_int_equal(outcome_reason(o), table[i].reason);
		assert_int_equal(outcome_exit_status(o), table[i].status);
		assert_string_equal(outcome_reason_name(outcome_reason(o)), table[i].name);
		assert_string_equal(outcome_evidence(o), "the evidence");
		assert_int_equal(outcome_value(o), table[i].value);
		/* Only the guest's own status is its word. */
		assert_int_equal(outcome_from_guest(o), table[i].reason == OUTCOME_EXIT);
		outcome_free(o);
	}
}

static void first_fact_counts(void **state)
{
	outcome_report(outcome, OUTCOME_EXIT, "debug-exit", 7);
	outcome_report(outcome, OUTCOME_POWEROFF, "acpi", 0);
	outcome_report(outcome, OUTCOME_TRIPLE_FAULT, "kvm", 0);
	assert_int_equal(ended_calls, 1);
	assert_int_equal(outcome_exit_status(outcome), 7);
	assert_string_equal(outcome_evidence(outcome), "debug-exit");
	assert_true(outcome_from_guest(outcome));
}

static void nobody_listens(void **state)
{
	struct outcome *o = outcome_new(NULL, NULL);

	outcome_report(o, OUTCOME_RESET, "i8042", 0);
	assert_true(outcome_ended(o));
	outcome_free(o);
}

/* --- a panic --- */

static void panic_is_not_the_end(void **state)
{
	outcome_panic_seen(outcome, "pvpanic");
	assert_true(outcome_panicked(outcome));
	assert_false(outcome_ended(outcome));
	assert_int_equal(ended_calls, 0);
	assert_int_equal(outcome_reason(outcome), OUTCOME_NONE);
}

/* Whatever follows a panic, or was seen just before it, the panic is what counts. */
static void panic_outranks(void **state)
{
	static const enum outcome_reason others[] = {
		OUTCOME_HALT, OUTCOME_POWEROFF, OUTCOME_RESET, OUTCOME_TRIPLE_FAULT, OUTCOME_EXIT,
		OUTCOME_FAIL_ON, OUTCOME_WATCHDOG, OUTCOME_TIMEOUT, OUTCOME_KVM_ERROR, OUTCOME_SIGNAL,
		OUTCOME_PANIC,
	};

	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(others); i++) {
		struct outcome *o = outcome_new(NULL, NULL);
		bool before = i % 2;

		if (before)
			outcome_panic_seen(o, "console");
		outcome_report(o, others[i / 2], "other", 0);
		if (!before)
			outcome_panic_seen(o, "console");
		assert_int_equal(outcome_reason(o), OUTCOME_PANIC);
		assert_int_equal(outcome_exit_status(o), 120);
		assert_string_equal(outcome_evidence(o), "console");
		assert_false(outcome_from_guest(o));
		outcome_free(o);
	}
}

static void first_panic_evidence_stays(void **state)
{
	outcome_panic_seen(outcome, "pvpanic");
	outcome_panic_seen(outcome, "console");
	outcome_report(outcome, OUTCOME_RESET, "port-cf9", 0);
	assert_string_equal(outcome_evidence(outcome), "pvpanic");
}

static void no_launch_no_panic(void **state)
{
	outcome_panic_seen(outcome, "console");
	outcome_report(outcome, OUTCOME_LAUNCH, "lkvm", 0);
	assert_int_equal(outcome_exit_status(outcome), 125);
	assert_string_equal(outcome_evidence(outcome), "lkvm");
}

/* --- a signal --- */

static void signal_is_not_the_end(void **state)
{
	outcome_signal_seen(outcome, SIGTERM);
	assert_false(outcome_ended(outcome));
	assert_int_equal(outcome_reason(outcome), OUTCOME_NONE);
	assert_int_equal(ended_calls, 0);
}

/* The guest obeys, or fails to: lkvm was ended by the signal in either case. */
static void signal_outranks(void **state)
{
	static const enum outcome_reason others[] = {
		OUTCOME_HALT, OUTCOME_POWEROFF, OUTCOME_RESET, OUTCOME_TRIPLE_FAULT, OUTCOME_EXIT,
		OUTCOME_TIMEOUT, OUTCOME_KVM_ERROR, OUTCOME_SIGNAL,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		struct outcome *o = outcome_new(NULL, NULL);

		outcome_signal_seen(o, SIGINT);
		outcome_report(o, others[i], "acpi", 5);
		assert_int_equal(outcome_reason(o), OUTCOME_SIGNAL);
		assert_int_equal(outcome_value(o), SIGINT);
		assert_int_equal(outcome_exit_status(o), 130);
		assert_false(outcome_from_guest(o));
		outcome_free(o);
	}
}

static void signal_after_the_end(void **state)
{
	outcome_report(outcome, OUTCOME_POWEROFF, "acpi", 0);
	outcome_signal_seen(outcome, SIGTERM);
	assert_int_equal(outcome_reason(outcome), OUTCOME_POWEROFF);
	assert_int_equal(outcome_exit_status(outcome), 0);
}

static void first_signal_counts(void **state)
{
	outcome_signal_seen(outcome, SIGHUP);
	outcome_signal_seen(outcome, SIGTERM);
	outcome_report(outcome, OUTCOME_POWEROFF, "acpi", 0);
	assert_int_equal(outcome_exit_status(outcome), 128 + SIGHUP);
}

static void panic_on_a_signal(void **state)
{
	outcome_signal_seen(outcome, SIGTERM);
	outcome_panic_seen(outcome, "console");
	outcome_report(outcome, OUTCOME_RESET, "i8042", 0);
	assert_int_equal(outcome_exit_status(outcome), 120);
}

/* --- evidence --- */

static void long_evidence(void **state)
{
	char text[500];

	memset(text, 'e', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	outcome_report(outcome, OUTCOME_KVM_ERROR, text, 0);
	assert_in_range(strlen(outcome_evidence(outcome)), 16, 100);
	outcome_panic_seen(outcome, text);
	assert_in_range(strlen(outcome_evidence(outcome)), 16, 100);
}

static void evidence_is_copied(void **state)
{
	char text[] = "internal-error-1";

	outcome_report(outcome, OUTCOME_KVM_ERROR, text, 0);
	memset(text, 'x', sizeof(text));
	assert_string_equal(outcome_evidence(outcome), "internal-error-1");
}

/* --- threads --- */

static void *reporting_thread(void *arg)
{
	unsigned int n = (uintptr_t)arg;
	char evidence[16];

	snprintf(evidence, sizeof(evidence), "thread-%u", n);
	for (unsigned int i = 0; i < 100; i++) {
		outcome_report(outcome, OUTCOME_EXIT, evidence, n);
		if (n == 3)
			outcome_panic_seen(outcome, "pvpanic");
		outcome_signal_seen(outcome, SIGTERM);
		if (!outcome_ended(outcome) || outcome_reason(outcome) == OUTCOME_NONE)
			return outcome;	/* a report was lost */
	}
	return NULL;
}

static void many_reporters(void **state)
{
	pthread_t threads[4];

	for (uintptr_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reporting_thread, (void *)i), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++) {
		void *said;

		pthread_join(threads[i], &said);
		assert_null(said);
	}
	assert_int_equal(ended_calls, 1);
	assert_int_equal(outcome_exit_status(outcome), 120);
	assert_string_equal(outcome_evidence(outcome), "pvpanic");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void faults_fail_what_ended_well(void **state)
{
	static const struct {
		enum outcome_reason reason;
		int value, status;
	} ends[] = {
		{ OUTCOME_POWEROFF, 0, STATUS_FAIL_ON },
		{ OUTCOME_RESET, 0, STATUS_FAIL_ON },
		{ OUTCOME_HALT, 0, STATUS_FAIL_ON },
		{ OUTCOME_EXIT, 0, STATUS_FAIL_ON },
		{ OUTCOME_EXIT, 3, 3 },
		{ OUTCOME_TIMEOUT, 0, STATUS_TIMEOUT },
		{ OUTCOME_TRIPLE_FAULT, 0, STATUS_RESET },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(ends); i++) {
		struct outcome *o = outcome_new(NULL, NULL);

		outcome_fault_seen(o, "kasan");
		outcome_fault_seen(o, "warn");
		outcome_report(o, ends[i].reason, "test", ends[i].value);
		assert_int_equal(outcome_exit_status(o), ends[i].status);
		if (ends[i].status == STATUS_FAIL_ON)
			assert_string_equal(outcome_evidence(o), "kasan");
		outcome_free(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_yet),
		TEST(each_reason),
		TEST(faults_fail_what_ended_well),
		TEST(first_fact_counts),
		TEST(nobody_listens),
		TEST(panic_is_not_the_end),
		TEST(panic_outranks),
		TEST(first_panic_evidence_stays),
		TEST(no_launch_no_panic),
		TEST(signal_is_not_the_end),
		TEST(signal_outranks),
		TEST(signal_after_the_end),
		TEST(first_signal_counts),
		TEST(panic_on_a_signal),
		TEST(long_evidence),
		TEST(evidence_is_copied),
		TEST(many_reporters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
