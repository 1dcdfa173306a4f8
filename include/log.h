/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lkvm says to its user: one line each, on stderr, with the prefix "lkvm: ".
 *
 * Three kinds of mistake have three words: the user's is a usage_error() or an
 * error(), which ends in status 125; the guest's never comes here but breaks
 * the guest's own device; ours is a BUG_ON().
 */
#ifndef LKVM_LOG_H
#define LKVM_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
};

/* The exit status of an lkvm that could not run the VM. */
#define EXIT_LAUNCH 125

void log_set_level(enum log_level level);
void log_set_newline(bool raw);
void log_set_hook(void (*hook)(const char *line, size_t len));

int error(int err, const char *fmt, ...) __printf(2, 3);
int usage_error(const char *fmt, ...) __printf(1, 2);
void warning(const char *fmt, ...) __printf(1, 2);
void info(const char *fmt, ...) __printf(1, 2);
void debug(const char *fmt, ...) __printf(1, 2);

int log_end_output(void);

/* For main.c and builtin-*.c only, before the guest runs. */
void die(const char *fmt, ...) __printf(1, 2) __attribute__((noreturn));

void bug(const char *file, int line, const char *what) __attribute__((noreturn));
#define BUG_ON(cond) do { if (__builtin_expect(!!(cond), 0)) bug(__FILE__, __LINE__, #cond); } while (0)

#endif /* LKVM_LOG_H */
