// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asking running VMs, see include/control-client.h. One thread and poll(): a VM that does not answer
 * costs the others nothing but the time limit, which runs for all of them together.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-c/json.h>

#include "control-client.h"
#include "instance.h"
#include "util.h"

#define ANSWER_MAX	(64 * MiB)
#define IN_FIRST	4096

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* For poll(): rounded up, so that it does not come back early and spin. */
static int ms_until(u64 until_ns)
{
	u64 now = now_ns();

	return until_ns <= now ? 0 : min((until_ns - now + 999999) / 1000000, (u64)INT32_MAX);
}

static void finish(struct control_ask *ask, int err)
{
	ask->done = true;
	ask->err = err;
}

static void begin(struct control_ask *ask)
{
	struct json_object *o = json_object_new_object();

	ask->answer = NULL;
	ask->reason = NULL;
	ask->in = ask->out = NULL;
	ask->in_len = ask->in_room = ask->out_at = ask->out_len = 0;
	ask->done = false;
	json_object_object_add(o, "execute", json_object_new_string(ask->command));
	if (ask->args)
		json_object_object_add(o, "arguments", json_object_get(ask->args));
	if (asprintf(&ask->out, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN)) < 0)
		ask->out = NULL;
	json_object_put(o);
	ask->fd = ask->out ? instance_connect(ask->entry) : -ENOMEM;
	if (ask->fd >= 0) {
		ask->out_len = strlen(ask->out);
		return;
	}
	/* A full queue of connections: it does not answer anybody. */
	finish(ask, ask->fd == -EAGAIN ? -ETIMEDOUT :
	       ask->fd == -ENOENT || ask->fd == -ECONNREFUSED ? -ESRCH : ask->fd);
	ask->fd = -1;
}

static void take_answer(struct control_ask *ask, size_t len)
{
	struct json_object *o, *v, *desc;

	ask->in[len] = '\0';
	o = json_tokener_parse(ask->in);
	if (!json_object_is_type(o, json_type_object)) {
		finish(ask, -EPROTO);
	} else if (json_object_object_get_ex(o, "return", &v)) {
		ask->answer = json_object_get(v);
		finish(ask, 0);
	} else if (json_object_object_get_ex(o, "error", &v) && json_object_object_get_ex(v, "desc", &desc) &&
		   json_object_is_type(desc, json_type_string)) {
		ask->reason = strdup(json_object_get_string(desc));
		finish(ask, ask->reason ? 0 : -ENOMEM);
	} else {
		finish(ask, -EPROTO);
	}
	json_object_put(o);
}

static bool in_grow(struct control_ask *ask)
{
	size_t room = ask->in_room ? 2 * ask->in_room : IN_FIRST;
	char *more;

	if (ask->in_len < ask->in_room)
		return true;
	more = room <= ANSWER_MAX ? realloc(ask->in, room) : NULL;
	if (!more)
		return false;
	ask->in = more;
	ask->in_room = room;
	return true;
}

static void receive(struct control_ask *ask)
{
	char *newline;
	ssize_t n;

	if (!in_grow(ask)) {
		finish(ask, -EPROTO);
		return;
	}
	n = recv(ask->fd, ask->in + ask->in_len, ask->in_room - ask->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		finish(ask, -ESRCH);
		return;
	}
	newline = memchr(ask->in + ask->in_len, '\n', n);
	ask->in_len += n;
	if (newline)
		take_answer(ask, newline - ask->in);
}

static void transmit(struct control_ask *ask)
{
	ssize_t n = send(ask->fd, ask->out + ask->out_at, ask->out_len - ask->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0)
		ask->out_at += n;
	else if (errno != EAGAIN && errno != EINTR)
		finish(ask, -ESRCH);
}

/* One round of poll(). Returns whether some are still waited for. */
static bool exchange(struct control_ask *asks, struct pollfd *polls, unsigned int count, u64 until_ns)
{
	bool waiting = false;
	int n;

	for (unsigned int i = 0; i < count; i++) {
		polls[i] = (struct pollfd){
			.fd = asks[i].done ? -1 : asks[i].fd,
			.events = asks[i].out_at < asks[i].out_len ? POLLIN | POLLOUT : POLLIN,
		};
		waiting |= !asks[i].done;
	}
	if (!waiting)
		return false;
	n = poll(polls, count, ms_until(until_ns));
	if (n < 0)
		return errno == EINTR;
	for (unsigned int i = 0; i < count; i++) {
		if (polls[i].revents & POLLOUT)
			transmit(&asks[i]);
		if (!asks[i].done && (polls[i].revents & ~POLLOUT))
			receive(&asks[i]);
	}
	return n || ms_until(until_ns);
}

/**
 * control_ask_all() - ask VMs, and wait for their answers
 * @asks:	entry, command and args filled in; each for control_ask_end()
 * @count:	how many
 * @limit_ms:	how long to wait, for all of them together
 */
void control_ask_all(struct control_ask *asks, unsigned int count, unsigned int limit_ms)
{
	struct pollfd *polls = calloc(count, sizeof(*polls));
	u64 until_ns = now_ns() + limit_ms * 1000000ULL;

	for (unsigned int i = 0; i < count; i++)
		begin(&asks[i]);
	while (polls && exchange(asks, polls, count, until_ns))
		;
	for (unsigned int i = 0; i < count; i++)
		if (!asks[i].done)
			finish(&asks[i], polls ? -ETIMEDOUT : -ENOMEM);
	free(polls);
}

/**
 * control_ask_end() - close the connection and free the answer
 */
void control_ask_end(struct control_ask *ask)
{
	if (ask->fd >= 0)
		close(ask->fd);
	ask->fd = -1;
	json_object_put(ask->answer);
	free(ask->reason);
	free(ask->in);
	free(ask->out);
	ask->answer = NULL;
	ask->reason = ask->in = ask->out = NULL;
}

/* Until the VM's end of the connection is closed. */
static bool wait_close(int fd, u64 until_ns)
{
	char rest[4096];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (!ms_until(until_ns))
			return false;
		if (poll(&p, 1, ms_until(until_ns)) < 1)
			continue;
		n = recv(fd, rest, sizeof(rest), MSG_DONTWAIT);
		if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
			return true;
	}
}

/**
 * control_wait_end() - wait until the lkvm that was asked has ended
 * @ask:	its connection
 * @until_ns:	CLOCK_MONOTONIC in nanoseconds
 *
 * Return: whether it has.
 */
bool control_wait_end(struct control_ask *ask, u64 until_ns)
{
	for (;;) {
		if (ask->fd >= 0 && !wait_close(ask->fd, until_ns))
			return false;
		if (!instance_alive(ask->entry))
			return true;
		/* It was only tired of the connection; or it is on its way out. */
		if (ask->fd >= 0)
			close(ask->fd);
		ask->fd = instance_connect(ask->entry);
		if (ask->fd == -ECONNREFUSED) {
			instance_wait(ask->entry);
			return true;
		}
		if (ask->fd < 0)
			return !instance_alive(ask->entry);
	}
}
