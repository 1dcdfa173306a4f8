// SPDX-License-Identifier: GPL-2.0-only
/*
 * The result file: what it says, read back by a JSON parser, and where it goes or cannot go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "images.h"
#include "log.h"
#include "outcome.h"
#include "result.h"
#include "util.h"

static char dir[64];
static char path[128];
static struct outcome *outcome;

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/lkvm-result-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/result.json", dir);
	outcome = outcome_new(NULL, NULL);
	said_start();
	return !outcome;
}

/* Nothing may be left but what was asked for. */
static int teardown(void **state)
{
	outcome_free(outcome);
	unlink(path);
	return rmdir(dir);
}

static struct json_object *read_back(void)
{
	struct json_object *o = json_object_from_file(path);
	struct dirent **list;
	int n = scandir(dir, &list, NULL, NULL);

	assert_non_null(o);
	assert_int_equal(n, 3);		/* ., .. and it */
	while (n--)
		free(list[n]);
	free(list);
	return o;
}

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *m;

	if (!json_object_object_get_ex(o, key, &m))
		fail_msg("no member %s", key);
	return m;
}

static const char *text(struct json_object *o, const char *key)
{
	assert_int_equal(json_object_get_type(member(o, key)), json_type_string);
	return json_object_get_string(member(o, key));
}

static u64 number(struct json_object *o, const char *key)
{
	assert_int_equal(json_object_get_type(member(o, key)), json_type_int);
	return json_object_get_uint64(member(o, key));
}

static double real(struct json_object *o, const char *key)
{
	return json_object_get_double(member(o, key));
}

static bool has(struct json_object *o, const char *key)
{
	return json_object_object_get_ex(o, key, NULL);
}

static void everything(void **state)
{
	static u64 ports[65536];
	struct result r = {
		.kernel = "/boot/vmlinuz-6.99",
		.release = "6.99.0-test",
		.start_ns = 1000000000,
		.first_run_ns = 1004000000,
		.spoke_ns = 1500000000,
		.end_ns = 3250000000,
		.reboots = 2,
		.exits = { .io_in = 1, .io_out = 20, .mmio = 300, .signal = 4000, .other = 50000 },
		.port_exits = ports,
	};
	struct json_object *o, *exits;

	ports[0] = 5;
	ports[0x3f8] = UINT32_MAX + 1ULL;
	ports[0xffff] = 7;
	outcome_report(outcome, OUTCOME_POWEROFF, "acpi", 0);
	assert_int_equal(result_write(path, outcome, &r), 0);
	assert_int_equal(said_lines(), 0);
	o = read_back();
	assert_string_equal(text(o, "source"), "lkvm");
	assert_int_equal(number(o, "status"), 0);
	assert_string_equal(text(o, "reason"), "poweroff");
	assert_string_equal(text(o, "evidence"), "acpi");
	assert_string_equal(text(o, "kernel"), r.kernel);
	assert_string_equal(text(o, "release"), r.release);
	assert_false(has(o, "signal"));
	assert_int_equal(number(o, "reboots"), 2);
	assert_true(real(member(o, "seconds"), "boot") == 0.5);
	assert_true(real(member(o, "seconds"), "total") == 2.25);
	assert_int_equal(number(member(o, "monotonic_ns"), "start"), r.start_ns);
	assert_int_equal(number(member(o, "monotonic_ns"), "first_run"), r.first_run_ns);
	assert_int_equal(number(member(o, "monotonic_ns"), "spoke"), r.spoke_ns);
	assert_int_equal(number(member(o, "monotonic_ns"), "end"), r.end_ns);
	exits = member(o, "exits");
	assert_int_equal(number(exits, "total"), 54321);
	assert_int_equal(number(exits, "io_in"), 1);
	assert_int_equal(number(exits, "io_out"), 20);
	assert_int_equal(number(exits, "mmio"), 300);
	assert_int_equal(number(exits, "signal"), 4000);
	assert_int_equal(number(exits, "other"), 50000);
	assert_int_equal(json_object_object_length(member(exits, "ports")), 3);
	assert_int_equal(number(member(exits, "ports"), "0x0"), 5);
	assert_int_equal(number(member(exits, "ports"), "0x3f8"), UINT32_MAX + 1ULL);
	assert_int_equal(number(member(exits, "ports"), "0xffff"), 7);
	json_object_put(o);
}

/* A file may have any name, and JSON is UTF-8. */
static void any_name(void **state)
{
	struct result r = { .kernel = "/tmp/\377.bin", .release = "6.99" };
	struct json_object *o;

	assert_int_equal(result_write(path, outcome, &r), 0);
	o = read_back();
	assert_string_equal(text(o, "kernel"), "/tmp/\357\277\275.bin");
	json_object_put(o);
}

/* A run that did not come far. */
static void almost_nothing(void **state)
{
	struct result r = { .start_ns = 5, .end_ns = 4 };
	struct json_object *o;

	outcome_report(outcome, OUTCOME_LAUNCH, "lkvm", 0);
	assert_int_equal(result_write(path, outcome, &r), 0);
	o = read_back();
	assert_int_equal(number(o, "status"), 125);
	assert_string_equal(text(o, "reason"), "launch");
	assert_string_equal(text(o, "source"), "lkvm");
	assert_false(has(o, "kernel"));
	assert_false(has(o, "release"));
	assert_false(has(member(o, "seconds"), "boot"));
	assert_false(has(member(o, "exits"), "ports"));
	assert_int_equal(number(member(o, "exits"), "total"), 0);
	json_object_put(o);
}

static void guest_and_signal(void **state)
{
	struct result r = { .start_ns = 1, .end_ns = 2 };
	struct outcome *other = outcome_new(NULL, NULL);
	struct json_object *o;

	outcome_report(outcome, OUTCOME_EXIT, "debug-exit", 85);
	assert_int_equal(result_write(path, outcome, &r), 0);
	o = read_back();
	assert_string_equal(text(o, "source"), "guest");
	assert_int_equal(number(o, "status"), 85);
	assert_string_equal(text(o, "reason"), "exit");
	json_object_put(o);

	/* The same path again: replaced as a whole. */
	outcome_signal_seen(other, SIGTERM);
	outcome_report(other, OUTCOME_POWEROFF, "acpi", 0);
	assert_int_equal(result_write(path, other, &r), 0);
	o = read_back();
	assert_string_equal(text(o, "source"), "lkvm");
	assert_string_equal(text(o, "reason"), "signal");
	assert_int_equal(number(o, "signal"), SIGTERM);
	assert_int_equal(number(o, "status"), 143);
	json_object_put(o);
	outcome_free(other);
}

static void awkward_names(void **state)
{
	struct result r = {
		.kernel = "/tmp/a \"quoted\"\\ name\n\t\x01 \xc3\xa4",
		.release = "</script>",
		.start_ns = 1,
		.end_ns = 2,
	};
	struct json_object *o;

	outcome_report(outcome, OUTCOME_RESET, "i8042", 0);
	assert_int_equal(result_write(path, outcome, &r), 0);
	o = read_back();
	assert_string_equal(text(o, "kernel"), r.kernel);
	assert_string_equal(text(o, "release"), r.release);
	json_object_put(o);
}

/* --- where it goes --- */

static void assert_unwritable(const char *where, int err)
{
	struct result r = { .start_ns = 1, .end_ns = 2 };

	said_start();
	assert_int_equal(result_write(where, outcome, &r), err);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "--result"));
	assert_non_null(strstr(said(), where));
	assert_non_null(strstr(said(), strerror(-err)));
}

static void unwritable(void **state)
{
	char inside[256];

	outcome_report(outcome, OUTCOME_HALT, "cpu", 0);
	assert_unwritable("/no/such/folder/result", -ENOENT);
	assert_unwritable(dir, -EISDIR);
	assert_unwritable("/dev/full", -ENOSPC);
	assert_unwritable("", -ENOENT);
	snprintf(inside, sizeof(inside), "%s/result.json", path);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_unwritable(inside, -ENOTDIR);
}

/* Most of it is known before the guest runs. */
static void checked_early(void **state)
{
	static const struct { const char *path; int err; } bad[] = {
		{ "/no/such/folder/result", -ENOENT }, { "/tmp", -EISDIR }, { "", -ENOENT },
		{ "/etc/passwd/x", -ENOTDIR },
	};
	int old_cwd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		said_start();
		assert_int_equal(result_check(bad[i].path), bad[i].err);
		assert_int_equal(said_lines(), 1);
		assert_non_null(strstr(said(), "--result"));
		assert_non_null(strstr(said(), bad[i].path));
	}
	said_start();
	assert_int_equal(result_check(path), 0);
	assert_int_equal(result_check("/dev/null"), 0);
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(result_check("result.json"), 0);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(result_check("result.json"), 0);
	assert_int_equal(fchdir(old_cwd), 0);
	close(old_cwd);
	assert_int_equal(said_lines(), 0);
}

static void child_without_rights(void)
{
	/* /dev belongs to somebody else, the devices in it are everybody's. */
	if (setgid(65534) || setuid(65534))
		_exit(77);
	log_set_hook(NULL);
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	_exit(result_check("/dev/null") || result_check("/dev/full") || result_check(path) != -EACCES);
}

static void checked_as_a_user(void **state)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		child_without_rights();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* What is no file is written to, not replaced. */
static void into_a_pipe(void **state)
{
	struct result r = { .kernel = "k", .start_ns = 1, .end_ns = 2 };
	char buf[4096];
	struct json_object *o;
	struct stat st;
	ssize_t n;
	int fd;

	outcome_report(outcome, OUTCOME_HALT, "cpu", 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(result_write(path, outcome, &r), 0);
	n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n > 0);
	buf[n] = '\0';
	o = json_tokener_parse(buf);
	assert_string_equal(text(o, "reason"), "halt");
	json_object_put(o);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	close(fd);
	assert_int_equal(result_write("/dev/null", outcome, &r), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

/* A file that was there, and longer. */
static void replaces_files(void **state)
{
	struct result r = { .start_ns = 1, .end_ns = 2 };
	static char old[100000];
	struct stat before, after;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	outcome_report(outcome, OUTCOME_HALT, "cpu", 0);
	memset(old, '{', sizeof(old));
	assert_int_equal(write(fd, old, sizeof(old)), sizeof(old));
	close(fd);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(result_write(path, outcome, &r), 0);
	assert_int_equal(stat(path, &after), 0);
	json_object_put(read_back());
	assert_true(after.st_size < 4096);
	/* A reader of the old one is not disturbed. */
	assert_int_not_equal(before.st_ino, after.st_ino);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything),
		TEST(any_name), TEST(almost_nothing),
		TEST(guest_and_signal),
		TEST(awkward_names),
		TEST(unwritable),
		TEST(checked_early),
		TEST(checked_as_a_user),
		TEST(into_a_pipe),
		TEST(replaces_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
