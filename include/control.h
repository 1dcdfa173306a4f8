/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket of a run: commands in JSON, in the shape of QMP without its greeting.
 *
 * A request is one line, {"execute": NAME, "arguments": {...}, "id": ANY}; arguments and id may
 * be left out. Each has exactly one answer, one line as well: {"return": ..., "id": ANY} or
 * {"error": {"class": ..., "desc": REASON}, "id": ANY}. Answers to commands that take time may be overtaken
 * by later ones; the id tells them apart.
 *
 * To add a command: a row in a table of struct control_command, registered once. All of this is on the
 * loop's thread, the answers too; who finishes elsewhere posts with loop_call().
 */
#ifndef LKVM_CONTROL_H
#define LKVM_CONTROL_H

#include "types.h"
#include "util.h"

struct control;
struct control_request;
struct json_object;
struct loop;

#define CONTROL_LINE_MAX	(64 * KiB)	/* of a request */
#define CONTROL_OUT_MAX		(1 * MiB)	/* of answers that wait for a client's reading */
#define CONTROL_CLIENTS_MAX	64
#define CONTROL_WAITING_MAX	64		/* unanswered requests of one client */
#define CONTROL_DEPTH		16		/* of arrays and objects in each other */
#define CONTROL_PARAMS_MAX	8

enum control_type {
	CONTROL_BOOL,
	CONTROL_INT,
	CONTROL_STRING,		/* without NUL bytes */
};

/**
 * struct control_param - an argument of a command
 */
struct control_param {
	const char *name;
	enum control_type type;
	bool required;
};

/**
 * struct control_command - one row of a table of commands
 * @name:	the word after "execute"
 * @run:	does it, or begins to: it, or somebody later, calls control_return() or
 *		control_error(), once. @args has what @params allows, in the right types
 * @what:	one line of help
 * @params:	up to the first without a name
 */
struct control_command {
	const char *name;
	void (*run)(void *arg, struct json_object *args, struct control_request *req);
	const char *what;
	struct control_param params[CONTROL_PARAMS_MAX];
};

struct control *control_new(struct loop *loop);
void control_free(struct control *c);
int control_register(struct control *c, const struct control_command *commands, unsigned int count, void *arg);
int control_listen(struct control *c, int fd);
int control_serve(struct control *c, int fd);
unsigned int control_clients(const struct control *c);

/* For commands: one of these for each request. */
void control_return(struct control_request *req, struct json_object *value);
void control_error(struct control_request *req, const char *fmt, ...) __printf(2, 3);

/* Arguments that may have been left out. */
bool control_arg_bool(struct json_object *args, const char *name);
s64 control_arg_int(struct json_object *args, const char *name, s64 otherwise);
const char *control_arg_string(struct json_object *args, const char *name);

#endif /* LKVM_CONTROL_H */
