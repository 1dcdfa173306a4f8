/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a run ended: a fact that is observed, kept with its evidence, and is the
 * exit status.
 */
#ifndef LKVM_OUTCOME_H
#define LKVM_OUTCOME_H

#include "types.h"

/* lkvm's own statuses are below 128, so that `git bisect run` works. */
enum outcome_status {
	STATUS_KVM_ERROR	= 119,
	STATUS_PANIC		= 120,
	STATUS_RESET		= 121,
	STATUS_NO_STATUS	= 122,
	STATUS_FAIL_ON		= 123,
	STATUS_TIMEOUT		= 124,
	STATUS_LAUNCH		= 125,
	STATUS_SIGNAL		= 128,	/* + the signal's number */
};

/* What ended a run; the words are in outcome_reason_name(). */
enum outcome_reason {
	OUTCOME_NONE,
	OUTCOME_HALT,		/* all vCPUs halted with interrupts off */
	OUTCOME_POWEROFF,	/* ACPI S5 */
	OUTCOME_RESET,		/* a reset port or register */
	OUTCOME_TRIPLE_FAULT,
	OUTCOME_EXIT,		/* the guest gave a status; value is that status */
	OUTCOME_FAIL_ON,
	OUTCOME_WATCHDOG,
	OUTCOME_TIMEOUT,
	OUTCOME_KVM_ERROR,
	OUTCOME_PANIC,
	OUTCOME_SIGNAL,		/* value is the signal's number */
	OUTCOME_LAUNCH,
};

struct outcome;

struct outcome *outcome_new(void (*ended)(void *arg), void *arg);
void outcome_free(struct outcome *o);

void outcome_report(struct outcome *o, enum outcome_reason reason, const char *evidence, int value);
void outcome_panic_seen(struct outcome *o, const char *evidence);
void outcome_fault_seen(struct outcome *o, const char *class);
void outcome_signal_seen(struct outcome *o, int signal);
bool outcome_ended(const struct outcome *o);
bool outcome_panicked(const struct outcome *o);
enum outcome_reason outcome_reason(const struct outcome *o);
const char *outcome_reason_name(enum outcome_reason reason);
const char *outcome_evidence(const struct outcome *o);
int outcome_value(const struct outcome *o);
int outcome_exit_status(const struct outcome *o);
bool outcome_from_guest(const struct outcome *o);

#endif /* LKVM_OUTCOME_H */
