/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The other end of the control socket: commands that ask running VMs, many at once.
 */
#ifndef LKVM_CONTROL_CLIENT_H
#define LKVM_CONTROL_CLIENT_H

#include "types.h"

struct instance_entry;
struct json_object;

/**
 * struct control_ask - one question to one VM
 * @entry:	whom
 * @command:	what
 * @args:	its arguments, or NULL; stays the caller's
 * @err:	0 when it has answered, -ETIMEDOUT when it has not in time, -ESRCH when it has ended, -EPROTO for an
 *		answer that is none
 * @answer:	what it returned, or NULL
 * @reason:	why it refused, or NULL
 * @fd:		the connection, which stays open; -1 if there is none
 * @in:		owned by control-client.c, as the following
 */
struct control_ask {
	const struct instance_entry *entry;
	const char *command;
	struct json_object *args;
	int err;
	struct json_object *answer;
	char *reason;
	int fd;
	char *in;
	size_t in_len, in_room;
	char *out;
	size_t out_at, out_len;
	bool done;
};

void control_ask_all(struct control_ask *asks, unsigned int count, unsigned int limit_ms);
void control_ask_end(struct control_ask *ask);
bool control_wait_end(struct control_ask *ask, u64 until_ns);

#endif /* LKVM_CONTROL_CLIENT_H */
