/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's console on lkvm's standard input and output.
 */
#ifndef LKVM_CONSOLE_H
#define LKVM_CONSOLE_H

#include "types.h"

struct chr;
struct console;
struct loop;

/**
 * struct console_config - how the console is shown
 * @log:	file that gets the same bytes as the output, or NULL
 * @input:	read standard input
 * @out_fd:	where output goes: a standard descriptor, or -1 for nowhere
 * @quiet:	keep the output back until console_show()
 * @output_seen: called with each run of output bytes, from the thread that writes them
 * @quit:	the user typed Ctrl-A x
 * @arg:	handed to both
 */
struct console_config {
	const char *log;
	bool input;
	int out_fd;
	bool quiet;
	void (*output_seen)(void *arg, const u8 *data, size_t len);
	void (*quit)(void *arg);
	void *arg;
};

int console_new(struct loop *loop, const struct console_config *cfg, struct console **out);
void console_free(struct console *con);
struct chr *console_chr(struct console *con);
bool console_is_terminal(const struct console *con);
bool console_drain(struct console *con, unsigned int limit_ms);
void console_show(struct console *con);
size_t console_tail(struct console *con, char *buf, size_t size);

#endif /* LKVM_CONSOLE_H */
