// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control server's sockets and clients, see include/control.h. All of it is on the loop's thread,
 * and nothing in it waits.
 *
 * A client has a line of input at most, and a queue of answers; one that does not read is let go
 * when that is full. So is one that sends a line without an end. Where all places are taken, the
 * client that has been silent for longest makes room: whoever holds connections open keeps nobody out.
 *
 * A client goes at once, and its struct too, but not within its own callback: there it is marked. Its
 * requests that still wait stay, and what is answered to them is dropped.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-c/json.h>

#include "control-private.h"
#include "log.h"
#include "loop.h"
#include "util.h"

#define ACCEPTS		16			/* at once, then the others have their turn */
#define RETRY_NS	1000000000ULL		/* when there was no descriptor for a client */
#define IN_FIRST	4096

struct client {
	struct control *control;
	int fd;
	struct loop_fd *watch;
	u32 events;			/* that it waits for */
	char *in;
	size_t in_len, in_room;
	char *out;
	size_t out_at, out_len, out_room;
	struct request_list requests;	/* that wait */
	unsigned int waiting;
	u64 heard;			/* of the control's clock, which counts what it heard */
	bool ended;			/* it sends no more */
	bool closing;			/* let go when all answers are out */
	bool busy;			/* its callback runs */
	bool gone;
	TAILQ_ENTRY(client) node;
};

struct listener {
	struct control *control;
	int fd;
	struct loop_fd *watch;
	LIST_ENTRY(listener) node;
};

struct control {
	struct loop *loop;
	struct json_tokener *tokener;
	struct control_table *tables;
	unsigned int table_count;
	LIST_HEAD(, listener) listeners;
	TAILQ_HEAD(, client) clients;
	unsigned int client_count;
	struct loop_timer *retry;
	u64 clock;
};

/* --- one client -------------------------------------------------------------- */

static void client_free(struct client *cl)
{
	free(cl->in);
	free(cl->out);
	free(cl);
}

static void client_drop(struct client *cl)
{
	struct control_request *req;

	if (cl->gone)
		return;
	cl->gone = true;
	while ((req = LIST_FIRST(&cl->requests))) {
		LIST_REMOVE(req, node);
		req->client = NULL;
	}
	loop_remove(cl->watch);
	close(cl->fd);
	TAILQ_REMOVE(&cl->control->clients, cl, node);
	cl->control->client_count--;
	if (!cl->busy)
		client_free(cl);
}

/* After every change: what is waited for, or whether it is over. The client may be gone after this. */
static void client_update(struct client *cl)
{
	bool out = cl->out_len > cl->out_at;
	u32 events = 0;

	if (cl->gone)
		return;
	if (!out && (cl->closing || (cl->ended && !cl->waiting))) {
		client_drop(cl);
		return;
	}
	if (!cl->ended && !cl->closing)
		events |= EPOLLIN;
	if (out)
		events |= EPOLLOUT;
	if (events != cl->events)
		loop_modify(cl->watch, events);
	cl->events = events;
}

static void client_flush(struct client *cl)
{
	while (cl->out_at < cl->out_len) {
		ssize_t n = send(cl->fd, cl->out + cl->out_at, cl->out_len - cl->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN)
				client_drop(cl);
			return;
		}
		cl->out_at += n;
	}
	cl->out_at = cl->out_len = 0;
	/* What a long answer took is not kept for short ones. */
	if (cl->out_room > CONTROL_LINE_MAX) {
		free(cl->out);
		cl->out = NULL;
		cl->out_room = 0;
	}
}

static bool out_append(struct client *cl, const char *line, size_t len)
{
	if (cl->out_at) {
		memmove(cl->out, cl->out + cl->out_at, cl->out_len - cl->out_at);
		cl->out_len -= cl->out_at;
		cl->out_at = 0;
	}
	/* A single answer may be longer than the queue. */
	if (cl->out_len && cl->out_len + len > CONTROL_OUT_MAX)
		return false;
	if (cl->out_len + len > cl->out_room) {
		size_t room = max(cl->out_len + len, 2 * cl->out_room);
		char *more = realloc(cl->out, room);

		if (!more)
			return false;
		cl->out = more;
		cl->out_room = room;
	}
	memcpy(cl->out + cl->out_len, line, len);
	cl->out_len += len;
	return true;
}

/**
 * client_begin() - a request waits for its answer from now on
 *
 * Return: whether it may; else it is to be answered with an error.
 */
bool client_begin(struct client *cl, struct control_request *req)
{
	req->client = cl;
	LIST_INSERT_HEAD(&cl->requests, req, node);
	return ++cl->waiting <= CONTROL_WAITING_MAX;
}

/**
 * client_end() - it does not wait any more; client_answer() follows
 */
void client_end(struct control_request *req)
{
	if (!req->client)
		return;
	LIST_REMOVE(req, node);
	req->client->waiting--;
	req->client = NULL;
}

/**
 * client_answer() - send a line; NULL to let the client go
 *
 * The client may be gone after this, but not within its callback.
 */
void client_answer(struct client *cl, const char *line, size_t len)
{
	if (cl->gone)
		return;
	if (!line || !out_append(cl, line, len)) {
		client_drop(cl);
		return;
	}
	/* Within its callback many answers go out together. */
	if (cl->busy)
		return;
	cl->busy = true;
	client_flush(cl);
	client_update(cl);
	cl->busy = false;
	if (cl->gone)
		client_free(cl);
}

static void take_lines(struct client *cl)
{
	char *at = cl->in, *end = cl->in + cl->in_len, *newline;

	while (!cl->gone && !cl->closing && at < end) {
		newline = memchr(at, '\n', end - at);
		/* The last line may lack its end where nothing follows. */
		if (!newline && (!cl->ended || (size_t)(end - at) > CONTROL_LINE_MAX))
			break;
		if (!newline)
			newline = end;
		control_line(cl->control, cl, at, newline - at);
		at = newline == end ? end : newline + 1;
		/* Requests that wait in the socket do not hurt; answers that are not read add up here. */
		if (!cl->gone && cl->out_len - cl->out_at > CONTROL_OUT_MAX / 2)
			client_flush(cl);
	}
	if (cl->gone)
		return;
	memmove(cl->in, at, end - at);
	cl->in_len = end - at;
	if (!cl->closing && cl->in_len > CONTROL_LINE_MAX) {
		control_refuse(cl, "a line is too long");
		cl->closing = true;
	}
}

/* One more byte than a line, for its newline or to see that there is none. */
static bool in_grow(struct client *cl)
{
	size_t room = min(cl->in_room ? 2 * cl->in_room : IN_FIRST, CONTROL_LINE_MAX + 1);
	char *more;

	if (cl->in_len < cl->in_room)
		return true;
	more = realloc(cl->in, room);
	if (!more)
		return false;
	cl->in = more;
	cl->in_room = room;
	return true;
}

static void client_read(struct client *cl)
{
	ssize_t n;

	if (!in_grow(cl)) {
		client_drop(cl);
		return;
	}
	n = recv(cl->fd, cl->in + cl->in_len, cl->in_room - cl->in_len, MSG_DONTWAIT);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			client_drop(cl);
		return;
	}
	if (!n)
		cl->ended = true;
	cl->in_len += n;
	cl->heard = ++cl->control->clock;
	take_lines(cl);
}

static void client_ready(void *arg, u32 events)
{
	struct client *cl = arg;

	cl->busy = true;
	if ((events & EPOLLIN) && !cl->ended && !cl->closing)
		client_read(cl);
	else if (events & (EPOLLERR | EPOLLHUP))
		client_drop(cl);	/* it has closed, and nothing is left to be heard */
	if (!cl->gone)
		client_flush(cl);
	client_update(cl);
	cl->busy = false;
	if (cl->gone)
		client_free(cl);
}

/* --- who comes ---------------------------------------------------------------- */

static void make_room(struct control *c)
{
	struct client *cl, *victim = NULL;

	TAILQ_FOREACH(cl, &c->clients, node)
		if (!victim || !cl->waiting > !victim->waiting ||
		    (!cl->waiting == !victim->waiting && cl->heard < victim->heard))
			victim = cl;
	if (victim)
		client_drop(victim);
}

/**
 * control_serve() - serve a client on a socket that is connected
 * @fd:		a stream socket, taken over, also on failure
 *
 * Return: 0 or -errno.
 */
int control_serve(struct control *c, int fd)
{
	struct client *cl = calloc(1, sizeof(*cl));

	if (!cl) {
		close(fd);
		return -ENOMEM;
	}
	while (c->client_count >= CONTROL_CLIENTS_MAX)
		make_room(c);
	cl->control = c;
	cl->fd = fd;
	cl->heard = ++c->clock;
	cl->events = EPOLLIN;
	LIST_INIT(&cl->requests);
	cl->watch = loop_add(c->loop, fd, EPOLLIN, client_ready, cl);
	if (!cl->watch) {
		int err = -errno;

		close(fd);
		free(cl);
		return err;
	}
	TAILQ_INSERT_TAIL(&c->clients, cl, node);
	c->client_count++;
	return 0;
}

/* The folder keeps others out too; but it may have been opened to them. */
static bool may_connect(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || len != sizeof(peer))
		return false;
	return peer.uid == geteuid() || peer.uid == 0;
}

static void listen_again(void *arg)
{
	struct control *c = arg;
	struct listener *l;

	LIST_FOREACH(l, &c->listeners, node)
		loop_modify(l->watch, EPOLLIN);
}

static void somebody_comes(void *arg, u32 events)
{
	struct listener *l = arg;

	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			if (may_connect(fd))
				control_serve(l->control, fd);
			else
				close(fd);
			continue;
		}
		/* Without a descriptor for it the connection would wake us again at once. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			loop_modify(l->watch, 0);
			loop_timer_set(l->control->retry, RETRY_NS, 0);
		}
		return;
	}
}

/**
 * control_listen() - serve who connects to a socket: our own user and root
 * @fd:		a listening, non-blocking Unix stream socket; stays the caller's
 *
 * Return: 0 or -errno.
 */
int control_listen(struct control *c, int fd)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->control = c;
	l->fd = fd;
	l->watch = loop_add(c->loop, fd, EPOLLIN, somebody_comes, l);
	if (!l->watch) {
		free(l);
		return -errno;
	}
	LIST_INSERT_HEAD(&c->listeners, l, node);
	return 0;
}

/* --- the whole ------------------------------------------------------------------ */

static void query_commands(void *arg, struct json_object *args, struct control_request *req)
{
	struct control *c = arg;
	struct json_object *list = json_object_new_array();

	for (unsigned int t = 0; t < c->table_count; t++) {
		for (unsigned int i = 0; i < c->tables[t].count; i++) {
			struct json_object *o = json_object_new_object();

			json_object_object_add(o, "name", json_object_new_string(c->tables[t].commands[i].name));
			json_object_object_add(o, "what", json_object_new_string(c->tables[t].commands[i].what));
			json_object_array_add(list, o);
		}
	}
	control_return(req, list);
}

static const struct control_command own_commands[] = {
	{ "query-commands", query_commands, "the commands that there are" },
};

/**
 * control_new() - make a server without a socket
 * @loop:	that it runs on
 *
 * Return: the server, or NULL with errno set.
 */
struct control *control_new(struct loop *loop)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->loop = loop;
	LIST_INIT(&c->listeners);
	TAILQ_INIT(&c->clients);
	c->tokener = json_tokener_new_ex(CONTROL_DEPTH);
	c->retry = loop_timer_new(loop, listen_again, c);
	if (!c->tokener || !c->retry || control_register(c, own_commands, ARRAY_SIZE(own_commands), c)) {
		control_free(c);
		errno = ENOMEM;
		return NULL;
	}
	json_tokener_set_flags(c->tokener, JSON_TOKENER_STRICT);
	return c;
}

/**
 * control_free() - let all clients go; requests that wait may still be answered
 */
void control_free(struct control *c)
{
	struct client *cl;
	struct listener *l;

	if (!c)
		return;
	while ((cl = TAILQ_FIRST(&c->clients)))
		client_drop(cl);
	while ((l = LIST_FIRST(&c->listeners))) {
		LIST_REMOVE(l, node);
		loop_remove(l->watch);
		free(l);
	}
	loop_timer_free(c->retry);
	if (c->tokener)
		json_tokener_free(c->tokener);
	free(c->tables);
	free(c);
}

/**
 * control_register() - add commands
 * @commands:	a table that outlives the server; no name twice
 * @count:	its rows
 * @arg:	handed to their functions
 *
 * Return: 0 or -ENOMEM.
 */
int control_register(struct control *c, const struct control_command *commands, unsigned int count, void *arg)
{
	struct control_table *tables = realloc(c->tables, (c->table_count + 1) * sizeof(*tables));

	if (!tables)
		return -ENOMEM;
	c->tables = tables;
	c->tables[c->table_count++] = (struct control_table){ commands, count, arg };
	return 0;
}

/**
 * control_clients() - how many clients are connected
 */
unsigned int control_clients(const struct control *c)
{
	return c->client_count;
}

/**
 * control_tables() - the commands that were registered
 */
const struct control_table *control_tables(const struct control *c, unsigned int *count)
{
	*count = c->table_count;
	return c->tables;
}

/**
 * control_tokener() - the parser of requests
 */
struct json_tokener *control_tokener(const struct control *c)
{
	return c->tokener;
}
