/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the sockets of the control server (core/control.c) and its language (core/control-request.c).
 */
#ifndef LKVM_CONTROL_PRIVATE_H
#define LKVM_CONTROL_PRIVATE_H

#include <sys/queue.h>

#include "control.h"

struct client;
struct json_tokener;

/**
 * struct control_table - commands that were registered together
 */
struct control_table {
	const struct control_command *commands;
	unsigned int count;
	void *arg;
};

/**
 * struct control_request - a request that waits for its answer
 * @client:	who asked, or NULL once that has gone
 * @id:		what the client wants to see in the answer, or NULL
 * @has_id:	since an id may be null
 * @node:	in the client's list
 */
struct control_request {
	struct client *client;
	struct json_object *id;
	bool has_id;
	LIST_ENTRY(control_request) node;
};

LIST_HEAD(request_list, control_request);

const struct control_table *control_tables(const struct control *c, unsigned int *count);
struct json_tokener *control_tokener(const struct control *c);

bool client_begin(struct client *client, struct control_request *req);
void client_answer(struct client *client, const char *line, size_t len);
void client_end(struct control_request *req);

void control_line(struct control *c, struct client *client, const char *line, size_t len);
void control_refuse(struct client *client, const char *why);

#endif /* LKVM_CONTROL_PRIVATE_H */
