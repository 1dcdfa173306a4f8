// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control server as clients see it, good ones and others: each request has one answer, and
 * nobody is disturbed by what somebody else sends, leaves out or does not read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "control.h"
#include "log.h"
#include "loop.h"
#include "util.h"

static struct loop *loop;
static struct control *control;
static int listener;
static struct sockaddr_un address;

/* --- commands: on the loop's thread --- */

static struct control_request *waiting[CONTROL_WAITING_MAX];
static _Atomic unsigned int waiting_count, ran;

static void do_echo(void *arg, struct json_object *args, struct control_request *req)
{
	ran++;
	control_return(req, json_object_get(args));
}

static void do_nothing(void *arg, struct json_object *args, struct control_request *req)
{
	ran++;
	control_return(req, NULL);
}

static void do_fail(void *arg, struct json_object *args, struct control_request *req)
{
	ran++;
	control_error(req, "it is %s \xff", (const char *)arg);
}

static void do_later(void *arg, struct json_object *args, struct control_request *req)
{
	ran++;
	waiting[waiting_count++] = req;
}

static void answer_all(void *unused)
{
	while (waiting_count)
		control_return(waiting[--waiting_count], json_object_new_string("late"));
}

static void do_big(void *arg, struct json_object *args, struct control_request *req)
{
	size_t len = control_arg_int(args, "size", 0);
	char *text = malloc(len + 1);

	memset(text, 'x', len);
	text[len] = '\0';
	control_return(req, json_object_new_string(text));
	free(text);
}

static const struct control_command commands[] = {
	{ "echo", do_echo, "its arguments",
	  { { "b", CONTROL_BOOL }, { "i", CONTROL_INT }, { "s", CONTROL_STRING } } },
	{ "nothing", do_nothing, "" },
	{ "needs", do_echo, "an argument", { { "s", CONTROL_STRING, true } } },
	{ "fail", do_fail, "an error" },
};
static const struct control_command more_commands[] = {
	{ "later", do_later, "an answer that comes later" },
	{ "big", do_big, "a long answer", { { "size", CONTROL_INT, true } } },
};

static int setup(void **state)
{
	ran = waiting_count = 0;
	alarm(60);
	loop = loop_new("test");
	control = control_new(loop);
	assert_non_null(control);
	assert_int_equal(control_register(control, commands, ARRAY_SIZE(commands), (void *)"wrong"), 0);
	assert_int_equal(control_register(control, more_commands, ARRAY_SIZE(more_commands), NULL), 0);
	/* An address without a file. */
	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "lkvm-test-control-%d", getpid());
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 128), 0);
	assert_int_equal(control_listen(control, listener), 0);
	return loop_start(loop);
}

static int teardown(void **state)
{
	loop_halt(loop);
	control_free(control);
	/* What still waits is the command's, also without a server. */
	answer_all(NULL);
	close(listener);
	loop_free(loop);
	alarm(0);
	return 0;
}

/* --- clients --- */

static int open_client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say_bytes(int fd, const void *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		assert_true(n > 0);
		data = (const char *)data + n;
		len -= n;
	}
}

static void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* The next line without its end, for the caller to free; NULL where the connection is closed. */
static char *hear(int fd)
{
	size_t len = 0, room = 65536;
	char *line = malloc(room), *newline = NULL;

	while (!newline) {
		ssize_t n;

		if (len + 1 == room)
			line = realloc(line, room *= 2);
		/* Not beyond the end of the line: so look first. */
		n = recv(fd, line + len, room - len - 1, MSG_PEEK);
		if (n <= 0) {
			/* Nothing or all of a line. */
			assert_int_equal(len, 0);
			free(line);
			return NULL;
		}
		newline = memchr(line + len, '\n', n);
		if (newline)
			n = newline + 1 - (line + len);
		assert_int_equal(recv(fd, line + len, n, MSG_WAITALL), n);
		len += n;
	}
	len = newline - line;
	line[len] = '\0';
	return line;
}

static void expect_line(int fd, const char *wanted)
{
	char *line = hear(fd);

	assert_non_null(line);
	assert_string_equal(line, wanted);
	free(line);
}

/* An answer that is an error with these words. */
static void expect_error(int fd, const char *words)
{
	char *line = hear(fd);
	struct json_object *o, *e, *desc;

	assert_non_null(line);
	o = json_tokener_parse(line);
	assert_true(json_object_object_get_ex(o, "error", &e));
	assert_false(json_object_object_get_ex(o, "return", NULL));
	assert_true(json_object_object_get_ex(e, "class", NULL));
	assert_true(json_object_object_get_ex(e, "desc", &desc));
	if (!strstr(json_object_get_string(desc), words))
		fail_msg("'%s' is not in: %s", words, line);
	json_object_put(o);
	free(line);
}

static void expect_closed(int fd)
{
	assert_null(hear(fd));
	close(fd);
}

/* The server does its work. */
static void assert_works(void)
{
	int fd = open_client();

	say(fd, "{\"execute\":\"echo\",\"arguments\":{\"i\":7},\"id\":\"works\"}\n");
	expect_line(fd, "{\"return\":{\"i\":7},\"id\":\"works\"}");
	close(fd);
}

static void count_clients(void *arg)
{
	*(unsigned int *)arg = control_clients(control);
}

/* Closed connections have been noticed. */
static void await_clients(unsigned int wanted)
{
	unsigned int now;

	do {
		assert_int_equal(loop_call_wait(loop, count_clients, &now), 0);
	} while (now != wanted);
}

/* --- good clients --- */

static void answers(void **state)
{
	int fd = open_client();

	say(fd, "{\"execute\": \"echo\"}\n");
	expect_line(fd, "{\"return\":{}}");
	say(fd, "{\"execute\": \"nothing\", \"id\": null}\r\n");
	expect_line(fd, "{\"return\":{},\"id\":null}");
	say(fd, "\n  \n{\"id\": [1, {\"a\": 2.50}], \"arguments\": {\"b\": true, \"s\": \"\xc3\xa4\"}, "
		"\"execute\": \"echo\"}  \n");
	expect_line(fd, "{\"return\":{\"b\":true,\"s\":\"\xc3\xa4\"},\"id\":[1,{\"a\":2.50}]}");
	say(fd, "{\"execute\": \"fail\", \"id\": 5}\n");
	expect_line(fd, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"it is wrong \xef\xbf\xbd\"},\"id\":5}");
	say(fd, "{\"execute\": \"nonsense\", \"id\": 6}\n");
	expect_line(fd, "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"there is no command nonsense\"},"
		    "\"id\":6}");
	close(fd);
}

static void in_pieces_and_at_once(void **state)
{
	static const char line[] = "{\"execute\":\"echo\",\"arguments\":{\"i\":1}}\n";
	int fd = open_client();

	for (const char *p = line; *p; p++)
		say_bytes(fd, p, 1);
	expect_line(fd, "{\"return\":{\"i\":1}}");
	for (int i = 0; i < 300; i++)
		say(fd, line);
	for (int i = 0; i < 300; i++)
		expect_line(fd, "{\"return\":{\"i\":1}}");
	close(fd);
}

/* As `echo ... | nc -U`: the answer comes although the input has ended, then the connection is closed. */
static void half_closed(void **state)
{
	int fd = open_client();

	say(fd, "{\"execute\":\"nothing\"}\n{\"execute\":\"nothing\",\"id\":2}");
	shutdown(fd, SHUT_WR);
	expect_line(fd, "{\"return\":{}}");
	expect_line(fd, "{\"return\":{},\"id\":2}");
	expect_closed(fd);
	fd = open_client();
	say(fd, "{\"execute\":\"later\"}\n");
	shutdown(fd, SHUT_WR);
	while (!waiting_count)
		;
	assert_int_equal(loop_call(loop, answer_all, NULL), 0);
	expect_line(fd, "{\"return\":\"late\"}");
	expect_closed(fd);
	await_clients(0);
}

static void later_answers(void **state)
{
	int fd = open_client(), other = open_client();

	say(fd, "{\"execute\":\"later\",\"id\":1}\n{\"execute\":\"nothing\",\"id\":2}\n");
	/* It waits for nobody. */
	expect_line(fd, "{\"return\":{},\"id\":2}");
	say(other, "{\"execute\":\"later\",\"id\":3}\n");
	while (waiting_count != 2)
		;
	/* One that has gone does not hold the others up, and its handle stays good. */
	close(fd);
	await_clients(1);
	assert_int_equal(loop_call(loop, answer_all, NULL), 0);
	expect_line(other, "{\"return\":\"late\",\"id\":3}");
	close(other);
}

static void too_many_wait(void **state)
{
	int fd = open_client();

	for (int i = 0; i < CONTROL_WAITING_MAX; i++)
		say(fd, "{\"execute\":\"later\"}\n");
	say(fd, "{\"execute\":\"nothing\"}\n");
	expect_error(fd, "too many");
	assert_int_equal(waiting_count, CONTROL_WAITING_MAX);
	assert_int_equal(loop_call(loop, answer_all, NULL), 0);
	for (int i = 0; i < CONTROL_WAITING_MAX; i++)
		expect_line(fd, "{\"return\":\"late\"}");
	say(fd, "{\"execute\":\"nothing\"}\n");
	expect_line(fd, "{\"return\":{}}");
	close(fd);
}

static void own_commands(void **state)
{
	int fd = open_client();
	char *line;

	say(fd, "{\"execute\":\"query-commands\"}\n");
	line = hear(fd);
	assert_non_null(line);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		assert_non_null(strstr(line, commands[i].name));
	assert_non_null(strstr(line, "query-commands"));
	assert_non_null(strstr(line, "an answer that comes later"));
	free(line);
	close(fd);
}

/* --- bad requests: one error each, and the connection goes on --- */

static void bad_requests(void **state)
{
	static const struct {
		const char *line, *words;
	} bad[] = {
		{ "hello", "no JSON" },
		{ "{", "not complete" },
		{ "{\"execute\":\"echo\"", "not complete" },
		{ "\"execute\"", "object" },
		{ "[]", "object" },
		{ "null", "object" },
		{ "42", "" },
		{ "true", "object" },
		{ "{}", "needs a command" },
		{ "{\"execute\":null}", "needs a command" },
		{ "{\"execute\":[\"echo\"]}", "needs a command" },
		{ "{\"execute\":\"echo\\u0000\"}", "no command" },
		{ "{\"execute\":\"\"}", "no command" },
		{ "{\"execute\":\"echo\",\"extra\":1}", "nothing else" },
		{ "{\"execute\":\"echo\",\"arguments\":[]}", "are an object" },
		{ "{\"execute\":\"echo\",\"arguments\":null}", "are an object" },
		{ "{\"execute\":\"echo\",\"arguments\":{\"x\":1}}", "takes no argument x" },
		{ "{\"execute\":\"echo\",\"arguments\":{\"b\":1}}", "b is true or false" },
		{ "{\"execute\":\"echo\",\"arguments\":{\"b\":null}}", "b is true or false" },
		{ "{\"execute\":\"echo\",\"arguments\":{\"i\":1.5}}", "i is a whole number" },
		{ "{\"execute\":\"echo\",\"arguments\":{\"i\":\"1\"}}", "i is a whole number" },
		{ "{\"execute\":\"echo\",\"arguments\":{\"s\":1}}", "s is a string" },
		{ "{\"execute\":\"echo\",\"arguments\":{\"s\":\"a\\u0000b\"}}", "s is a string" },
		{ "{\"execute\":\"needs\"}", "needs the argument s" },
		{ "{\"execute\":\"needs\",\"arguments\":{}}", "needs the argument s" },
		{ "{\"execute\":\"nothing\",\"arguments\":{\"a\":1}}", "takes no argument a" },
		{ "{\"execute\":\"echo\"}{\"execute\":\"echo\"}", "" },
		{ "{\"execute\":\"echo\"} x", "" },
		{ "{'execute':'echo'}", "no JSON" },
		{ "{\"execute\":\"echo\",}", "no JSON" },
		{ "{\"execute\":\"echo\xff\"}", "no UTF-8" },
		{ "\xed\xa0\x80", "no UTF-8" },
		{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "no JSON" },
		{ "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
		  "{\"a\":{\"a\":{\"a\":"
		  "{\"a\":{\"a\":{}}}}}}}}}}}}}}}}}}", "no JSON" },
	};
	int fd = open_client();

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		say(fd, bad[i].line);
		say(fd, "\n");
		expect_error(fd, bad[i].words);
	}
	say_bytes(fd, "{\"execute\":\"echo\"\0}\n", 20);
	expect_error(fd, "NUL");
	assert_int_equal(ran, 0);
	/* The id of a request that fails comes back all the same. */
	say(fd, "{\"id\":1,\"execute\":1}\n");
	{
		char *line = hear(fd);

		assert_non_null(strstr(line, "\"id\":1}"));
		free(line);
	}
	close(fd);
	assert_works();
}

/* --- bad clients --- */

static void half_a_message(void **state)
{
	int half = open_client(), silent = open_client(), gone = open_client();

	say(half, "{\"execute\":\"echo\",\"argum");
	say(gone, "{\"execute\":\"echo\",\"argum");
	close(gone);
	await_clients(2);
	assert_works();
	say(half, "ents\":{\"i\":2}}\n");
	expect_line(half, "{\"return\":{\"i\":2}}");
	close(half);
	close(silent);
	await_clients(0);
}

static void line_without_end(void **state)
{
	static const char *const fills[] = { "[", "x", " ", "{\"a\":", "\xff" };
	char chunk[4096];

	for (size_t i = 0; i < ARRAY_SIZE(fills); i++) {
		int fd = open_client();
		size_t sent = 0, n = strlen(fills[i]), len = sizeof(chunk) / n * n;

		for (size_t at = 0; at < len; at += n)
			memcpy(chunk + at, fills[i], n);
		/* A megabyte, or as much of it as is taken. */
		while (sent < MiB && send(fd, chunk, len, MSG_NOSIGNAL) == (ssize_t)len)
			sent += len;
		assert_true(sent >= CONTROL_LINE_MAX);
		expect_error(fd, "too long");
		expect_closed(fd);
	}
	await_clients(0);
	assert_works();
}

static void longest_line(void **state)
{
	char *line = malloc(CONTROL_LINE_MAX + 2), *answer;
	static const char head[] = "{\"execute\":\"echo\",\"arguments\":{\"s\":\"", tail[] = "\"}}";
	int fd = open_client();

	memset(line, 'y', CONTROL_LINE_MAX);
	memcpy(line, head, strlen(head));
	memcpy(line + CONTROL_LINE_MAX - strlen(tail), tail, strlen(tail));
	line[CONTROL_LINE_MAX] = '\n';
	line[CONTROL_LINE_MAX + 1] = '\0';
	say(fd, line);
	answer = hear(fd);
	assert_int_equal(strlen(answer), CONTROL_LINE_MAX - strlen(head) - strlen(tail) +
			 strlen("{\"return\":{\"s\":\"\"}}"));
	free(answer);
	free(line);
	close(fd);
}

/* It asks and asks, and reads nothing: it is let go, after a bounded number of answers. */
static void slow_reader(void **state)
{
	static const char line[] = "{\"execute\":\"big\",\"arguments\":{\"size\":10000}}\n";
	int fd = open_client();
	unsigned int asked = 0;

	while (asked < 100000 && send(fd, line, strlen(line), MSG_NOSIGNAL) > 0)
		asked++;
	assert_true(asked < 100000);
	assert_works();
	await_clients(0);
	close(fd);
}

/* One answer may be longer than any queue. */
static void long_answer(void **state)
{
	int fd = open_client();
	char *line;

	say(fd, "{\"execute\":\"big\",\"arguments\":{\"size\":20000000}}\n");
	assert_works();
	line = hear(fd);
	assert_int_equal(strlen(line), 20000000 + strlen("{\"return\":\"\"}"));
	free(line);
	say(fd, "{\"execute\":\"nothing\"}\n");
	expect_line(fd, "{\"return\":{}}");
	close(fd);
	/* And who goes in its middle leaves nothing. */
	fd = open_client();
	say(fd, "{\"execute\":\"big\",\"arguments\":{\"size\":20000000}}\n");
	assert_int_equal(recv(fd, &(char){ 0 }, 1, 0), 1);
	close(fd);
	await_clients(0);
}

static void *flood(void *arg)
{
	static const char line[] = "{\"execute\":\"nothing\"}\n";
	int fd = open_client();

	for (int i = 0; i < 2000; i++) {
		say(fd, line);
		expect_line(fd, "{\"return\":{}}");
	}
	close(fd);
	return NULL;
}

static void many_floods(void **state)
{
	pthread_t threads[6];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, flood, NULL), 0);
	for (int i = 0; i < 20; i++)
		assert_works();
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(ran, 6 * 2000 + 20);
}

/* All places are taken: who has been silent for longest makes room, who waits stays. */
static void full_house(void **state)
{
	int fds[CONTROL_CLIENTS_MAX + 20];

	fds[0] = open_client();
	say(fds[0], "{\"execute\":\"later\"}\n");
	while (!waiting_count)
		;
	for (size_t i = 1; i < ARRAY_SIZE(fds); i++) {
		fds[i] = open_client();
		say(fds[i], "{\"execute\":\"nothing\"}\n");
		expect_line(fds[i], "{\"return\":{}}");
	}
	await_clients(CONTROL_CLIENTS_MAX);
	for (size_t i = 1; i <= 20; i++)
		expect_closed(fds[i]);
	for (size_t i = 21; i < ARRAY_SIZE(fds); i++) {
		say(fds[i], "{\"execute\":\"nothing\"}\n");
		expect_line(fds[i], "{\"return\":{}}");
		close(fds[i]);
	}
	assert_int_equal(loop_call(loop, answer_all, NULL), 0);
	expect_line(fds[0], "{\"return\":\"late\"}");
	close(fds[0]);
	await_clients(0);
}

/* No descriptor is left for a client: it waits, and comes in when there is one. */
static void out_of_descriptors(void **state)
{
	struct rlimit old, few;
	int fd = open_client(), used[64], n = 0;

	await_clients(1);
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	few.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (n < 64 && (used[n] = dup(fd)) >= 0)
		n++;
	assert_true(n < 64);
	close(used[--n]);
	{
		int late = open_client();	/* took the last one */

		say(late, "{\"execute\":\"nothing\"}\n");
		say(fd, "{\"execute\":\"nothing\"}\n");
		expect_line(fd, "{\"return\":{}}");
		while (n)
			close(used[--n]);
		expect_line(late, "{\"return\":{}}");
		close(late);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers),
		TEST(in_pieces_and_at_once),
		TEST(half_closed),
		TEST(later_answers),
		TEST(too_many_wait),
		TEST(own_commands),
		TEST(bad_requests),
		TEST(half_a_message),
		TEST(line_without_end),
		TEST(longest_line),
		TEST(slow_reader),
		TEST(long_answer),
		TEST(many_floods),
		TEST(full_house),
		TEST(out_of_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
