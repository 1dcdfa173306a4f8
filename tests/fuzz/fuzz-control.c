// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing the control server: the input is what a client sends, in pieces whose size is its first
 * byte. Every line that comes back is one answer: an object with return or with error. Lines that are
 * requests each have one, and a client that has said all is let go.
 */
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-c/json.h>

#include "control.h"
#include "json-text.h"
#include "log.h"
#include "loop.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct loop *loop;
static struct control *control;

static struct {
	int fd;
	struct loop_fd *watch;
	const u8 *data;
	size_t left, piece;
	char in[256 * 1024];
	size_t in_len;
	unsigned int answers;
} client;

static void answer_later(void *arg)
{
	control_return(arg, json_object_new_int(1));
}

static void do_echo(void *arg, struct json_object *args, struct control_request *req)
{
	const char *s = control_arg_string(args, "s");
	s64 i = control_arg_int(args, "i", 5);

	BUG_ON(s && !json_object_object_get_ex(args, "s", NULL));
	if (control_arg_bool(args, "b"))
		control_error(req, "%s %lld", s ? s : "", (long long)i);
	else
		control_return(req, json_object_get(args));
}

static void do_later(void *arg, struct json_object *args, struct control_request *req)
{
	BUG_ON(loop_call(loop, answer_later, req));
}

static const struct control_command commands[] = {
	{ "echo", do_echo, "its arguments",
	  { { "b", CONTROL_BOOL }, { "i", CONTROL_INT }, { "s", CONTROL_STRING } } },
	{ "later", do_later, "an answer in the next round", { { "n", CONTROL_INT, true } } },
};

static void check_answer(const char *line, size_t len)
{
	struct json_object *o, *e;

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_sequence((const u8 *)line + i, len - i);
		BUG_ON(!n || !line[i]);
	}
	o = json_tokener_parse(line);
	BUG_ON(!json_object_is_type(o, json_type_object));
	BUG_ON(json_object_object_get_ex(o, "return", NULL) == json_object_object_get_ex(o, "error", &e));
	BUG_ON(json_object_object_get_ex(o, "error", &e) &&
	       (!json_object_object_get_ex(e, "class", NULL) || !json_object_object_get_ex(e, "desc", NULL)));
	json_object_put(o);
	client.answers++;
}

static void take_answers(void)
{
	char *newline;

	while ((newline = memchr(client.in, '\n', client.in_len))) {
		size_t len = newline - client.in;

		*newline = '\0';
		check_answer(client.in, len);
		client.in_len -= len + 1;
		memmove(client.in, newline + 1, client.in_len);
	}
	/* No single answer to these commands is that long. */
	BUG_ON(client.in_len == sizeof(client.in));
}

static void client_ready(void *arg, u32 events)
{
	if (events & EPOLLIN) {
		ssize_t n = recv(client.fd, client.in + client.in_len, sizeof(client.in) - client.in_len, MSG_DONTWAIT);

		if (n > 0) {
			client.in_len += n;
			take_answers();
		}
		if (!n) {
			loop_stop(loop);
			return;
		}
	}
	if (events & (EPOLLERR | EPOLLHUP)) {
		if (!(events & EPOLLIN))
			loop_stop(loop);
		return;
	}
	if (events & EPOLLOUT) {
		ssize_t n = send(client.fd, client.data, min(client.left, client.piece), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			client.data += n;
			client.left -= n;
		}
		if (!client.left) {
			shutdown(client.fd, SHUT_WR);
			loop_modify(client.watch, EPOLLIN);
		}
	}
}

/* Lines that have something in them, which all get an answer; up to one that is too long. */
static unsigned int count_requests(const u8 *data, size_t size)
{
	unsigned int count = 0;
	size_t len = 0;
	bool blank = true;

	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n') {
			count += !blank;
			blank = true;
			len = 0;
			continue;
		}
		if (!memchr(" \t\r", data[i], 3))
			blank = false;
		if (++len > CONTROL_LINE_MAX)
			return count + 1;
	}
	return count + !blank;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	int fds[2];

	if (size < 2)
		return 0;
	if (!loop) {
		loop = loop_new("fuzz");
		control = control_new(loop);
		BUG_ON(!control || control_register(control, commands, ARRAY_SIZE(commands), NULL));
	}
	BUG_ON(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0);
	client.fd = fds[0];
	client.data = data + 1;
	client.left = size - 1;
	client.piece = *data ? *data * *data : 65536;
	client.in_len = client.answers = 0;
	BUG_ON(control_serve(control, fds[1]));
	client.watch = loop_add(loop, client.fd, EPOLLIN | EPOLLOUT, client_ready, NULL);
	BUG_ON(!client.watch);
	loop_run(loop);
	loop_remove(client.watch);
	close(client.fd);
	BUG_ON(client.in_len || control_clients(control));
	BUG_ON(client.answers != count_requests(data + 1, size - 1));
	return 0;
}
