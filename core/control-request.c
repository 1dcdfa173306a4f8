// SPDX-License-Identifier: GPL-2.0-only
/*
 * The language of the control socket, see include/control.h: from a line to a command, and from its
 * answer to a line. On the loop's thread. The sockets are in core/control.c.
 *
 * Members and arguments that nobody knows are errors: a word that is mistyped must not be a command
 * without it.
 */
#include <errno.h>
#include <stdarg.h>

#include <json-c/json.h>

#include "control-private.h"
#include "json-text.h"
#include "util.h"

/* --- answers --------------------------------------------------------------- */

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_text(text, strlen(text)));
}

static struct json_object *error_object(const char *class, const char *desc)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "class", class);
	add_text(o, "desc", desc);
	return o;
}

/* Takes the value over. */
static void answer(struct client *client, const char *key, struct json_object *value, bool has_id,
		   struct json_object *id)
{
	struct json_object *o = json_object_new_object();
	const char *text;
	char *line;
	size_t len;

	json_object_object_add(o, key, value);
	if (has_id)
		json_object_object_add(o, "id", json_object_get(id));
	text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	line = text ? malloc(len + 1) : NULL;
	if (line) {
		memcpy(line, text, len);
		line[len] = '\n';
	}
	json_object_put(o);
	/* Without memory for an answer the client is let go, which it will notice. */
	client_answer(client, line, line ? len + 1 : 0);
	free(line);
}

static void finish(struct control_request *req, const char *key, struct json_object *value)
{
	struct client *client = req->client;
	struct json_object *id = req->id;
	bool has_id = req->has_id;

	/* The answer may be what ends the client: the request is none of its any more. */
	client_end(req);
	if (client)
		answer(client, key, value, has_id, id);
	else
		json_object_put(value);
	json_object_put(id);
	free(req);
}

/**
 * control_return() - answer a request
 * @req:	is gone afterwards; its client may have gone before
 * @value:	the answer, taken over; NULL for an empty object
 */
void control_return(struct control_request *req, struct json_object *value)
{
	finish(req, "return", value ? value : json_object_new_object());
}

static void refuse_request(struct control_request *req, const char *class, const char *fmt, ...) __printf(3, 4);

static void refuse_request(struct control_request *req, const char *class, const char *fmt, ...)
{
	char desc[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(desc, sizeof(desc), fmt, ap);
	va_end(ap);
	finish(req, "error", error_object(class, desc));
}

/**
 * control_error() - answer a request with the reason why not
 * @req:	is gone afterwards
 */
void control_error(struct control_request *req, const char *fmt, ...)
{
	char desc[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(desc, sizeof(desc), fmt, ap);
	va_end(ap);
	finish(req, "error", error_object("GenericError", desc));
}

/**
 * control_refuse() - answer something that is no request
 */
void control_refuse(struct client *client, const char *why)
{
	answer(client, "error", error_object("GenericError", why), false, NULL);
}

/* --- arguments --------------------------------------------------------------- */

/**
 * control_arg_bool() - an argument of type CONTROL_BOOL; false if it was left out
 */
bool control_arg_bool(struct json_object *args, const char *name)
{
	return json_object_get_boolean(json_object_object_get(args, name));
}

/**
 * control_arg_int() - an argument of type CONTROL_INT, or @otherwise if it was left out
 */
s64 control_arg_int(struct json_object *args, const char *name, s64 otherwise)
{
	struct json_object *v;

	return json_object_object_get_ex(args, name, &v) ? json_object_get_int64(v) : otherwise;
}

/**
 * control_arg_string() - an argument of type CONTROL_STRING, or NULL if it was left out
 */
const char *control_arg_string(struct json_object *args, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(args, name, &v) ? json_object_get_string(v) : NULL;
}

static bool has_type(struct json_object *v, enum control_type type)
{
	switch (type) {
	case CONTROL_BOOL:
		return json_object_is_type(v, json_type_boolean);
	case CONTROL_INT:
		return json_object_is_type(v, json_type_int);
	case CONTROL_STRING:
		return json_object_is_type(v, json_type_string) &&
		       strlen(json_object_get_string(v)) == (size_t)json_object_get_string_len(v);
	}
	return false;
}

static const struct control_param *find_param(const struct control_command *cmd, const char *name)
{
	for (unsigned int i = 0; i < CONTROL_PARAMS_MAX && cmd->params[i].name; i++)
		if (!strcmp(cmd->params[i].name, name))
			return &cmd->params[i];
	return NULL;
}

/* Whether the command may run; else the request was answered. */
static bool check_args(const struct control_command *cmd, struct json_object *args, struct control_request *req)
{
	static const char *const types[] = { "true or false", "a whole number", "a string" };

	json_object_object_foreach(args, name, value) {
		const struct control_param *p = find_param(cmd, name);

		if (!p) {
			control_error(req, "%s takes no argument %.64s", cmd->name, name);
			return false;
		}
		if (!has_type(value, p->type)) {
			control_error(req, "%s: the argument %s is %s", cmd->name, name, types[p->type]);
			return false;
		}
	}
	for (unsigned int i = 0; i < CONTROL_PARAMS_MAX && cmd->params[i].name; i++) {
		if (cmd->params[i].required && !json_object_object_get_ex(args, cmd->params[i].name, NULL)) {
			control_error(req, "%s needs the argument %s", cmd->name, cmd->params[i].name);
			return false;
		}
	}
	return true;
}

/* --- requests ---------------------------------------------------------------- */

static const struct control_command *find_command(const struct control *c, const char *name, void **arg)
{
	unsigned int count;
	const struct control_table *t = control_tables(c, &count);

	for (const struct control_table *end = t + count; t < end; t++) {
		for (unsigned int i = 0; i < t->count; i++) {
			if (!strcmp(t->commands[i].name, name)) {
				*arg = t->arg;
				return &t->commands[i];
			}
		}
	}
	return NULL;
}

/* What is wrong with the members of a request, or NULL. */
static const char *check_members(struct json_object *o)
{
	struct json_object *v;

	json_object_object_foreach(o, key, value) {
		(void)value;
		if (strcmp(key, "execute") && strcmp(key, "arguments") && strcmp(key, "id"))
			return "a request has execute, arguments and id, and nothing else";
	}
	if (!json_object_object_get_ex(o, "execute", &v) || !json_object_is_type(v, json_type_string))
		return "a request needs a command: {\"execute\": \"NAME\"}";
	if (json_object_object_get_ex(o, "arguments", &v) && !json_object_is_type(v, json_type_object))
		return "a request's arguments are an object";
	return NULL;
}

static void execute(struct control *c, struct json_object *o, struct control_request *req)
{
	struct json_object *execute = json_object_object_get(o, "execute"), *args;
	const char *name = json_object_get_string(execute);
	const struct control_command *cmd;
	void *arg;

	cmd = strlen(name) == (size_t)json_object_get_string_len(execute) ? find_command(c, name, &arg) : NULL;
	if (!cmd) {
		refuse_request(req, "CommandNotFound", "there is no command %.64s", name);
		return;
	}
	if (json_object_object_get_ex(o, "arguments", &args))
		json_object_get(args);
	else
		args = json_object_new_object();
	if (check_args(cmd, args, req))
		cmd->run(arg, args, req);
	json_object_put(args);
}

static void request(struct control *c, struct client *client, struct json_object *o)
{
	struct control_request *req = calloc(1, sizeof(*req));
	const char *wrong;

	if (!req) {
		client_answer(client, NULL, 0);
		return;
	}
	req->has_id = json_object_object_get_ex(o, "id", &req->id);
	json_object_get(req->id);
	if (!client_begin(client, req)) {
		control_error(req, "too many requests wait for their answers");
		return;
	}
	wrong = check_members(o);
	if (wrong)
		control_error(req, "%s", wrong);
	else
		execute(c, o, req);
}

/* What is wrong with the bytes before they are parsed, or NULL. */
static const char *check_bytes(const char *line, size_t len)
{
	size_t n;

	/* The parser would take that for the end. */
	if (memchr(line, '\0', len))
		return "a NUL byte is no JSON";
	for (; len; line += n, len -= n) {
		n = utf8_sequence((const u8 *)line, len);
		if (!n)
			return "this is no UTF-8";
	}
	return NULL;
}

/**
 * control_line() - a client has sent a line
 * @line:	without its newline; anything at all
 * @len:	its length, at most CONTROL_LINE_MAX
 */
void control_line(struct control *c, struct client *client, const char *line, size_t len)
{
	static const char space[] = " \t\r";
	struct json_tokener *tok = control_tokener(c);
	struct json_object *o;
	const char *wrong;
	size_t used;

	while (len && memchr(space, line[len - 1], sizeof(space) - 1))
		len--;
	if (!len)
		return;
	wrong = check_bytes(line, len);
	if (wrong) {
		control_refuse(client, wrong);
		return;
	}
	json_tokener_reset(tok);
	o = json_tokener_parse_ex(tok, line, len);
	used = json_tokener_get_parse_end(tok);
	/* A word or a number may go on, until it is told of the end. */
	if (json_tokener_get_error(tok) == json_tokener_continue)
		o = json_tokener_parse_ex(tok, "", 1);
	if (json_tokener_get_error(tok) != json_tokener_success) {
		char why[128];

		snprintf(why, sizeof(why), "this is no JSON: %s",
			 json_tokener_get_error(tok) == json_tokener_error_parse_eof ? "it is not complete" :
			 json_tokener_error_desc(json_tokener_get_error(tok)));
		control_refuse(client, why);
	} else if (used != len) {
		control_refuse(client, "a line has one request, and nothing behind it");
	} else if (!json_object_is_type(o, json_type_object)) {
		control_refuse(client, "a request is a JSON object");
	} else {
		request(c, client, o);
	}
	json_object_put(o);
}
