// SPDX-License-Identifier: GPL-2.0-only
/*
 * The folders of instances: where they go, who has a name, what the dead leave, and all of that
 * by many processes at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../core/instance-files.h"
#include "instance.h"
#include "log.h"
#include "util.h"

static char top[64], run_dir[80], home_dir[80], said[2048];

static void hook(const char *line, size_t len)
{
	snprintf(said, sizeof(said), "%.*s", (int)len, line);
}

static void run_shell(const char *fmt, ...)
{
	char *argv[] = { (char *)"sh", (char *)"-c", NULL, NULL };
	int status;
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	assert_true(vasprintf(&argv[2], fmt, ap) > 0);
	va_end(ap);
	pid = fork();
	if (!pid) {
		execv("/bin/sh", argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free(argv[2]);
}

static int setup(void **state)
{
	snprintf(top, sizeof(top), "/tmp/lkvm-test-instance-XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(run_dir, sizeof(run_dir), "%s/run", top);
	snprintf(home_dir, sizeof(home_dir), "%s/home", top);
	assert_int_equal(mkdir(run_dir, 0700), 0);
	assert_int_equal(mkdir(home_dir, 0700), 0);
	setenv("XDG_RUNTIME_DIR", run_dir, 1);
	setenv("HOME", home_dir, 1);
	log_set_hook(hook);
	said[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	run_shell("chmod -R u+rwx %s && rm -rf %s", top, top);
	log_set_hook(NULL);
	return 0;
}

static struct instance_info info_of(const char *name)
{
	return (struct instance_info){
		.name = (char *)name, .pid = getpid(), .started = 1234567890, .kernel = (char *)"/boot/a kernel",
		.cpus = 3, .mem_size = 5 * GiB,
	};
}

static int make(const char *name, bool named, struct instance **out)
{
	struct instance_info info = info_of(name);

	return instance_new(&info, named, out);
}

static unsigned int count_list(void)
{
	struct instance_entry *entries;
	unsigned int count;

	assert_int_equal(instance_list(&entries, &count), 0);
	instance_list_free(entries, count);
	return count;
}

static bool exists(const char *fmt, ...)
{
	struct stat st;
	char *path;
	va_list ap;
	bool there;

	va_start(ap, fmt);
	assert_true(vasprintf(&path, fmt, ap) > 0);
	va_end(ap);
	there = !lstat(path, &st);
	free(path);
	return there;
}

/* Nothing but the folder of folders. */
static void assert_empty(const char *place)
{
	run_shell("test -z \"$(ls -A %s 2>/dev/null)\"", place);
}

/* A process with an instance of its own; it is told to end by a byte, or killed. */
struct other {
	pid_t pid;
	int tell;
};

static struct other start_other(const char *name)
{
	struct other o;
	int tell[2], ready[2];
	char byte;

	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	o.pid = fork();
	if (!o.pid) {
		struct instance *inst;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (make(name, true, &inst) || write(ready[1], "r", 1) != 1)
			_exit(1);
		close(tell[1]);
		if (read(tell[0], &byte, 1) < 0)
			_exit(1);
		instance_free(inst);
		_exit(0);
	}
	close(tell[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	o.tell = tell[1];
	return o;
}

static void end_other(struct other *o, bool killed)
{
	int status;

	if (killed)
		kill(o->pid, SIGKILL);
	else
		assert_int_equal(write(o->tell, "e", 1), 1);
	close(o->tell);
	assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
	if (!killed)
		assert_int_equal(status, 0);
}

static void names(void **state)
{
	static const char *const good[] = { "a", "0", "guest-1", "A.b_c-d" };
	static const char *const bad[] = { "", ".", "..", ".a", "-a", "_a", "a/b", "a b", "\xc3\xa4", "a\n" };
	char name[INSTANCE_NAME_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(instance_name_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(instance_name_valid(bad[i]));
	memset(name, 'a', sizeof(name));
	name[INSTANCE_NAME_MAX] = '\0';
	assert_true(instance_name_valid(name));
	name[INSTANCE_NAME_MAX] = 'a';
	name[INSTANCE_NAME_MAX + 1] = '\0';
	assert_false(instance_name_valid(name));
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static void made_and_removed(void **state)
{
	struct instance_entry *entries;
	struct instance *inst;
	unsigned int count;
	char path[160];
	int fd;

	assert_int_equal(make("one", true, &inst), 0);
	assert_non_null(inst);
	snprintf(path, sizeof(path), "%s/lkvm/one", run_dir);
	assert_int_equal(mode_of(path), S_IFDIR | 0700);
	snprintf(path, sizeof(path), "%s/lkvm/one/ctl", run_dir);
	assert_int_equal(mode_of(path), S_IFSOCK | 0600);
	snprintf(path, sizeof(path), "%s/lkvm/one/lock", run_dir);
	assert_int_equal(mode_of(path), S_IFREG | 0600);

	assert_int_equal(instance_list(&entries, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(entries[0].info.name, "one");
	assert_int_equal(entries[0].info.pid, getpid());
	assert_int_equal(entries[0].info.started, 1234567890);
	assert_string_equal(entries[0].info.kernel, "/boot/a kernel");
	assert_int_equal(entries[0].info.cpus, 3);
	assert_int_equal(entries[0].info.mem_size, 5 * GiB);
	assert_true(instance_alive(&entries[0]));
	fd = instance_connect(&entries[0]);
	assert_true(fd >= 0);
	close(fd);

	instance_remove(inst);
	assert_empty("$XDG_RUNTIME_DIR/lkvm");
	assert_false(instance_alive(&entries[0]));
	assert_int_equal(instance_connect(&entries[0]), -ENOENT);
	instance_remove(inst);
	instance_free(inst);
	instance_list_free(entries, count);
	assert_int_equal(count_list(), 0);
}

static void name_in_use(void **state)
{
	struct other o = start_other("taken");
	struct instance *inst;
	char pid[16];

	assert_int_equal(make("taken", true, &inst), -EBUSY);
	assert_null(inst);
	snprintf(pid, sizeof(pid), "%d", o.pid);
	assert_non_null(strstr(said, "taken"));
	assert_non_null(strstr(said, pid));
	assert_int_equal(count_list(), 1);
	/* A name that lkvm made up is no reason to fail. */
	assert_int_equal(make("taken", false, &inst), 0);
	assert_null(inst);
	end_other(&o, false);
	assert_int_equal(make("taken", true, &inst), 0);
	instance_free(inst);
	assert_empty("$XDG_RUNTIME_DIR/lkvm");
}

static void killed_ones_go(void **state)
{
	struct other o = start_other("one"), p = start_other("two");
	struct instance *inst;

	assert_int_equal(count_list(), 2);
	end_other(&o, true);
	assert_true(exists("%s/lkvm/one/ctl", run_dir));
	assert_int_equal(count_list(), 1);
	assert_false(exists("%s/lkvm/one", run_dir));
	end_other(&p, true);
	/* A new run of the name needs nobody who lists. */
	assert_int_equal(make("two", true, &inst), 0);
	assert_int_equal(count_list(), 1);
	instance_free(inst);
	assert_empty("$XDG_RUNTIME_DIR/lkvm");
}

static void found_by_name(void **state)
{
	struct other o = start_other("one"), p;
	struct instance_entry *e;

	assert_int_equal(instance_find("one", &e), 0);
	assert_int_equal(e->info.pid, o.pid);
	instance_list_free(e, 1);
	assert_int_equal(instance_find("two", &e), -ENOENT);
	assert_int_equal(instance_find("..", &e), -ENOENT);
	assert_int_equal(instance_find("../lkvm/one", &e), -ENOENT);

	assert_int_equal(instance_choose(NULL, &e), 0);
	assert_string_equal(e->info.name, "one");
	instance_list_free(e, 1);
	p = start_other("two");
	assert_int_equal(instance_choose(NULL, &e), -ENOENT);
	assert_non_null(strstr(said, "2 VMs"));
	assert_non_null(strstr(said, "one two"));
	assert_int_equal(instance_choose("three", &e), -ENOENT);
	assert_non_null(strstr(said, "three"));
	end_other(&o, false);
	end_other(&p, false);
	assert_int_equal(instance_choose(NULL, &e), -ENOENT);
	assert_non_null(strstr(said, "no VM runs"));
}

static void signals_reach_only_the_owner(void **state)
{
	struct other o = start_other("one");
	struct instance_entry *e;
	int status;

	assert_int_equal(instance_find("one", &e), 0);
	assert_int_equal(instance_signal(e, SIGTERM), 0);
	assert_int_equal(waitpid(o.pid, &status, 0), o.pid);
	assert_true(WIFSIGNALED(status));
	close(o.tell);
	instance_wait(e);
	assert_int_equal(instance_signal(e, SIGTERM), -ESRCH);
	/* Somebody else has the pid now, and not the lock. */
	e->info.pid = getpid();
	assert_int_equal(instance_signal(e, SIGTERM), -ESRCH);
	instance_list_free(e, 1);
}

/* --- the places --- */

static void home_is_second(void **state)
{
	struct instance *inst;

	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(make("one", true, &inst), 0);
	assert_true(exists("%s/.lkvm/run/one/ctl", home_dir));
	assert_int_equal(count_list(), 1);
	/* Who has the other in its environment sees it too, and can't take the name. */
	setenv("XDG_RUNTIME_DIR", run_dir, 1);
	assert_int_equal(count_list(), 1);
	{
		struct instance *second;

		assert_int_equal(make("one", true, &second), -EBUSY);
	}
	assert_empty("$XDG_RUNTIME_DIR/lkvm");
	instance_free(inst);
	assert_empty("$HOME/.lkvm/run");
}

static void home_by_passwd(void **state)
{
	const struct passwd *pw = getpwuid(geteuid());
	char path[PATH_MAX], wanted[PATH_MAX];

	unsetenv("HOME");
	if (!pw) {
		skip();
		return;
	}
	snprintf(wanted, sizeof(wanted), "%s/.lkvm/run", pw->pw_dir);
	assert_int_equal(instance_place_path(1, path, sizeof(path)), 0);
	assert_string_equal(path, wanted);
}

static void relative_is_no_place(void **state)
{
	struct instance *inst;

	setenv("XDG_RUNTIME_DIR", "run", 1);
	assert_int_equal(make("one", true, &inst), 0);
	assert_true(exists("%s/.lkvm/run/one", home_dir));
	instance_free(inst);
}

/* As in a home that is deep: a socket's address has 108 bytes. */
static void long_path(void **state)
{
	char path[3000];
	struct instance_entry *e;
	struct instance *inst;
	size_t len = snprintf(path, sizeof(path), "%s", run_dir);
	int fd, at = open(run_dir, O_DIRECTORY);

	for (int i = 0; i < 12; i++) {
		char part[201];
		int next;

		memset(part, 'a' + i, 200);
		part[200] = '\0';
		assert_int_equal(mkdirat(at, part, 0700), 0);
		next = openat(at, part, O_DIRECTORY);
		close(at);
		at = next;
		len += snprintf(path + len, sizeof(path) - len, "/%s", part);
	}
	close(at);
	setenv("XDG_RUNTIME_DIR", path, 1);
	assert_int_equal(make("one", true, &inst), 0);
	assert_int_equal(instance_find("one", &e), 0);
	fd = instance_connect(e);
	assert_true(fd >= 0);
	close(fd);
	instance_list_free(e, 1);
	instance_free(inst);
	assert_empty("$XDG_RUNTIME_DIR/lkvm");
}

static void no_place_at_all(void **state)
{
	struct instance *inst;

	setenv("XDG_RUNTIME_DIR", "/dev/null", 1);
	setenv("HOME", "/dev/null", 1);
	assert_int_equal(make("one", false, &inst), 0);
	assert_null(inst);
	assert_string_equal(said, "");
	assert_int_not_equal(make("one", true, &inst), 0);
	assert_non_null(strstr(said, "--name one"));
	assert_int_equal(count_list(), 0);
}

static void missing_falls_back(void **state)
{
	struct instance *inst;
	char path[128];

	snprintf(path, sizeof(path), "%s/absent", run_dir);
	setenv("XDG_RUNTIME_DIR", path, 1);
	assert_int_equal(make("one", true, &inst), 0);
	assert_true(exists("%s/.lkvm/run/one", home_dir));
	assert_false(exists("%s", path));
	instance_free(inst);
}

/* Where somebody else could put what he likes in its place */
static void unsafe_places(void **state)
{
	struct instance *inst;

	run_shell("mkdir %s/lkvm && chmod 777 %s/lkvm", run_dir, run_dir);
	assert_int_equal(make("one", true, &inst), 0);
	assert_true(exists("%s/.lkvm/run/one", home_dir));
	instance_free(inst);

	run_shell("rmdir %s/lkvm && mkdir %s/real && ln -s real %s/lkvm", run_dir, run_dir, run_dir);
	assert_int_equal(make("one", true, &inst), 0);
	assert_true(exists("%s/.lkvm/run/one", home_dir));
	instance_free(inst);
	assert_empty("$XDG_RUNTIME_DIR/real");

	run_shell("rm %s/lkvm && mkdir -m 700 %s/lkvm && ln -s ../real %s/lkvm/one", run_dir, run_dir, run_dir);
	assert_int_equal(count_list(), 0);
	assert_int_equal(make("two", true, &inst), 0);
	assert_true(exists("%s/lkvm/two", run_dir));
	instance_free(inst);
	assert_true(exists("%s/lkvm/one", run_dir));
}

static void foreign_places(void **state)
{
	struct instance *inst;

	if (geteuid()) {
		skip();
		return;
	}
	run_shell("mkdir -m 700 %s/lkvm && chown 65534 %s/lkvm", run_dir, run_dir);
	assert_int_equal(make("one", true, &inst), 0);
	assert_true(exists("%s/.lkvm/run/one", home_dir));
	instance_free(inst);
	/* Not even made in somebody's session. */
	run_shell("rmdir %s/lkvm && chown 65534 %s", run_dir, run_dir);
	assert_int_equal(make("one", true, &inst), 0);
	assert_false(exists("%s/lkvm", run_dir));
	instance_free(inst);
}

/* --- what is odd --- */

static void odd_folders(void **state)
{
	struct instance *inst;

	assert_int_equal(make("good", true, &inst), 0);
	run_shell("cd %s/lkvm && mkdir -m 700 empty full nolock && touch file full/mine full/lock nolock/ctl &&"
		  " mkdir -m 700 .new-1-2 .old-999999999-1 .other", run_dir);
	assert_int_equal(count_list(), 1);
	/* What nobody owns goes; what a process may be making, and what is not ours, stays. */
	run_shell("cd %s/lkvm && test ! -e empty -a ! -e nolock -a ! -e .old-999999999-1 -a -d .new-1-2 -a -e file",
		  run_dir);
	run_shell("cd %s/lkvm && test -e full/mine -o -e .old-*/mine", run_dir);
	/* A damaged description costs its words. */
	run_shell("echo '{\"cpus\": [1], \"kernel\": 7' >%s/lkvm/good/info.json", run_dir);
	assert_int_equal(count_list(), 1);
	run_shell("echo '{\"cpus\": [1], \"kernel\": 7}' >%s/lkvm/good/info.json", run_dir);
	assert_int_equal(count_list(), 1);
	run_shell("rm %s/lkvm/good/info.json && mkfifo %s/lkvm/good/info.json", run_dir, run_dir);
	assert_int_equal(count_list(), 1);
	instance_free(inst);
}

/* Deleted by hand, and the name taken by another: that one is left alone. */
static void not_ours_any_more(void **state)
{
	struct instance *inst;
	struct other o;

	assert_int_equal(make("one", true, &inst), 0);
	run_shell("rm -r %s/lkvm/one", run_dir);
	o = start_other("one");
	instance_free(inst);
	assert_int_equal(count_list(), 1);
	end_other(&o, false);
}

/* --- races --- */

#define RACERS	8
#define ROUNDS	150

/* What one process of a race does: 1 for a name it has had. */
static int race_for_name(int rounds)
{
	int won = 0;

	for (int i = 0; i < rounds; i++) {
		struct instance *inst;
		struct instance_entry *e;
		int err = make("race", true, &inst);

		if (err == -EBUSY)
			continue;
		if (err)
			_exit(100);
		won++;
		/* Whoever has it is the one that is found. */
		if (instance_find("race", &e) || e->info.pid != getpid() || !instance_alive(e))
			_exit(101);
		instance_list_free(e, 1);
		instance_free(inst);
	}
	return won;
}

static void wait_racers(pid_t *racers, int *least)
{
	for (int i = 0; i < RACERS; i++) {
		int status;

		assert_int_equal(waitpid(racers[i], &status, 0), racers[i]);
		assert_true(WIFEXITED(status));
		assert_true(WEXITSTATUS(status) < 100);
		*least += WEXITSTATUS(status);
	}
}

static void one_name_many_runs(void **state)
{
	pid_t racers[RACERS];
	int wins = 0;

	for (int i = 0; i < RACERS; i++) {
		racers[i] = fork();
		if (!racers[i])
			_exit(race_for_name(ROUNDS) > 0);
	}
	wait_racers(racers, &wins);
	assert_true(wins > 0);
	assert_empty("$XDG_RUNTIME_DIR/lkvm");
}

/* A dead one of the name is there at each round, and others clean at the same time. */
static void cleaning_and_taking(void **state)
{
	pid_t racers[RACERS];
	int unused = 0;

	for (int i = 0; i < RACERS; i++) {
		racers[i] = fork();
		if (racers[i])
			continue;
		if (i % 2) {
			for (int n = 0; n < ROUNDS * 4; n++)
				count_list();
			_exit(0);
		}
		for (int n = 0; n < ROUNDS / 3; n++) {
			char name[16];
			struct instance *inst;
			pid_t child;

			/* Nobody else takes this name: it must be had each time, whoever cleans. */
			snprintf(name, sizeof(name), "mine-%d", i);
			child = fork();
			if (!child) {
				if (make(name, true, &inst))
					_exit(1);
				kill(getpid(), SIGKILL);
			}
			if (waitpid(child, &unused, 0) != child || !WIFSIGNALED(unused))
				_exit(102);
			if (make(name, true, &inst))
				_exit(103);
			if (!exists("%s/lkvm/%s/ctl", run_dir, name))
				_exit(104);
			instance_free(inst);
		}
		_exit(0);
	}
	unused = 0;
	wait_racers(racers, &unused);
	assert_int_equal(count_list(), 0);
	assert_empty("$XDG_RUNTIME_DIR/lkvm");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		TEST(made_and_removed),
		TEST(name_in_use),
		TEST(killed_ones_go),
		TEST(found_by_name),
		TEST(signals_reach_only_the_owner),
		TEST(home_is_second),
		TEST(home_by_passwd),
		TEST(relative_is_no_place),
		TEST(long_path),
		TEST(no_place_at_all),
		TEST(missing_falls_back),
		TEST(unsafe_places),
		TEST(foreign_places),
		TEST(odd_folders),
		TEST(not_ours_any_more),
		TEST(one_name_many_runs),
		TEST(cleaning_and_taking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
