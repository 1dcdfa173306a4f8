// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a run ended.
 *
 * Whoever observes a fact reports it: devices, vCPUs, the console, timers and
 * signal handlers, from any thread. The first fact that ends the run decides how it
 * ended; a panic that was seen before it, or until all vCPUs have stopped,
 * outranks it, for a kernel that panics then resets, hangs or is cut off. A signal
 * that asked for the end outranks the way in which the guest obeyed.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "log.h"
#include "outcome.h"
#include "util.h"

struct outcome {
	pthread_mutex_t lock;
	void (*ended)(void *arg);
	void *arg;
	enum outcome_reason reason;
	char evidence[48];
	int value;
	char panic[48];		/* evidence of a panic, or "" */
	char fault[48];		/* class of a fault in the kernel's log that counts, or "" */
	int signal;		/* that asked for the end, or 0 */
	_Atomic bool over;	/* a fact that ends the run was reported */
};

static const char *const reason_names[] = {
	[OUTCOME_NONE] = "none",
	[OUTCOME_HALT] = "halt",
	[OUTCOME_POWEROFF] = "poweroff",
	[OUTCOME_RESET] = "reset",
	[OUTCOME_TRIPLE_FAULT] = "triple-fault",
	[OUTCOME_EXIT] = "exit",
	[OUTCOME_FAIL_ON] = "fail-on",
	[OUTCOME_WATCHDOG] = "watchdog",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_KVM_ERROR] = "kvm-error",
	[OUTCOME_PANIC] = "panic",
	[OUTCOME_SIGNAL] = "signal",
	[OUTCOME_LAUNCH] = "launch",
};

/**
 * outcome_new() - nothing has happened yet
 * @ended:	called once, from the thread that reports the first fact that ends
 *		the run; it must not wait
 * @arg:	handed to @ended
 *
 * Return: the outcome, or NULL without memory.
 */
struct outcome *outcome_new(void (*ended)(void *arg), void *arg)
{
	struct outcome *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	pthread_mutex_init(&o->lock, NULL);
	o->ended = ended;
	o->arg = arg;
	return o;
}

/**
 * outcome_free() - forget how the run ended
 */
void outcome_free(struct outcome *o)
{
	if (!o)
		return;
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/**
 * outcome_report() - a fact that ends the run
 * @o:		the run's outcome
 * @reason:	what happened
 * @evidence:	how it was observed: "acpi", "i8042", "port-cf9", "kvm", ...
 * @value:	the guest's status for OUTCOME_EXIT, the signal's number for OUTCOME_SIGNAL
 */
void outcome_report(struct outcome *o, enum outcome_reason reason, const char *evidence, int value)
{
	bool first;

	pthread_mutex_lock(&o->lock);
	first = o->reason == OUTCOME_NONE;
	if (first) {
		o->reason = reason;
		o->value = value;
		o->over = true;
		snprintf(o->evidence, sizeof(o->evidence), "%s", evidence);
	}
	pthread_mutex_unlock(&o->lock);
	if (first && o->ended)
		o->ended(o->arg);
}

/**
 * outcome_panic_seen() - the guest kernel said that it panics; the end is still to come
 * @evidence:	"pvpanic" or "console"; the first one is kept
 */
void outcome_panic_seen(struct outcome *o, const char *evidence)
{
	pthread_mutex_lock(&o->lock);
	if (!o->panic[0])
		snprintf(o->panic, sizeof(o->panic), "%s", evidence);
	pthread_mutex_unlock(&o->lock);
}

/**
 * outcome_fault_seen() - the kernel's log has a fault; a run that ends well has failed then
 * @class:	of the fault; the first one is kept
 */
void outcome_fault_seen(struct outcome *o, const char *class)
{
	pthread_mutex_lock(&o->lock);
	if (!o->fault[0])
		snprintf(o->fault, sizeof(o->fault), "%s", class);
	pthread_mutex_unlock(&o->lock);
}

/* Whether the status would be 0. */
static bool ended_well(const struct outcome *o)
{
	return o->reason == OUTCOME_HALT || o->reason == OUTCOME_POWEROFF || o->reason == OUTCOME_RESET ||
	       (o->reason == OUTCOME_EXIT && !(o->value & 0xff));
}

/**
 * outcome_signal_seen() - a signal asked for the end; the guest may obey first
 * @signal:	its number
 */
void outcome_signal_seen(struct outcome *o, int signal)
{
	pthread_mutex_lock(&o->lock);
	if (!o->signal && o->reason == OUTCOME_NONE)
		o->signal = signal;
	pthread_mutex_unlock(&o->lock);
}

/**
 * outcome_ended() - whether a fact that ends the run was reported; cheap, for each exit
 */
bool outcome_ended(const struct outcome *o)
{
	return atomic_load_explicit(&o->over, memory_order_acquire);
}

/**
 * outcome_panicked() - whether the guest kernel said that it panics
 */
bool outcome_panicked(const struct outcome *o)
{
	bool panicked;

	pthread_mutex_lock((pthread_mutex_t *)&o->lock);
	panicked = o->panic[0];
	pthread_mutex_unlock((pthread_mutex_t *)&o->lock);
	return panicked;
}

/**
 * outcome_reason() - why the run ended; OUTCOME_NONE while it has not
 */
enum outcome_reason outcome_reason(const struct outcome *o)
{
	enum outcome_reason reason;

	pthread_mutex_lock((pthread_mutex_t *)&o->lock);
	reason = o->reason;
	if (reason != OUTCOME_NONE && reason != OUTCOME_LAUNCH) {
		if (o->panic[0])
			reason = OUTCOME_PANIC;
		else if (o->signal)
			reason = OUTCOME_SIGNAL;
		else if (o->fault[0] && ended_well(o))
			reason = OUTCOME_FAIL_ON;
	}
	pthread_mutex_unlock((pthread_mutex_t *)&o->lock);
	return reason;
}

/**
 * outcome_reason_name() - the word for @reason in a result file
 */
const char *outcome_reason_name(enum outcome_reason reason)
{
	return reason_names[reason];
}

/**
 * outcome_evidence() - how the end was observed; only once the run has ended
 */
const char *outcome_evidence(const struct outcome *o)
{
	enum outcome_reason reason = outcome_reason(o);

	if (reason == OUTCOME_PANIC && o->panic[0])
		return o->panic;
	return reason == OUTCOME_FAIL_ON && o->fault[0] ? o->fault : o->evidence;
}

/**
 * outcome_value() - the guest's status or the signal's number, see outcome_report()
 */
int outcome_value(const struct outcome *o)
{
	return o->signal ? o->signal : o->value;
}

/**
 * outcome_from_guest() - whether the exit status is the guest's own word
 */
bool outcome_from_guest(const struct outcome *o)
{
	return outcome_reason(o) == OUTCOME_EXIT;
}

/**
 * outcome_exit_status() - the exit status of lkvm for this run
 */
int outcome_exit_status(const struct outcome *o)
{
	switch (outcome_reason(o)) {
	case OUTCOME_HALT:
	case OUTCOME_POWEROFF:
	case OUTCOME_RESET:
		return 0;
	case OUTCOME_TRIPLE_FAULT:
		return STATUS_RESET;
	case OUTCOME_EXIT:
		return outcome_value(o) & 0xff;
	case OUTCOME_FAIL_ON:
		return STATUS_FAIL_ON;
	case OUTCOME_WATCHDOG:
	case OUTCOME_TIMEOUT:
		return STATUS_TIMEOUT;
	case OUTCOME_KVM_ERROR:
		return STATUS_KVM_ERROR;
	case OUTCOME_PANIC:
		return STATUS_PANIC;
	case OUTCOME_SIGNAL:
		return STATUS_SIGNAL + outcome_value(o);
	case OUTCOME_NONE:
	case OUTCOME_LAUNCH:
		break;
	}
	return STATUS_LAUNCH;
}
