// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which kernel is taken when none is named: the build directory's, the tree's, that of the
 * tree two levels up, the host's own, the newest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "find-kernel.h"
#include "types.h"
#include "util.h"

#define IMAGE "arch/x86/boot/bzImage"

static char dir[64];
static int old_cwd;

static void make_file(const char *path)
{
	char copy[512];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(copy, 0755);
		*p = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		abort();	/* also in a child, where no assertion can be caught */
	close(fd);
}

static int setup(void **state)
{
	unsetenv("O");
	unsetenv("KBUILD_OUTPUT");
	snprintf(dir, sizeof(dir), "/tmp/lkvm-find-XXXXXX");
	old_cwd = open(".", O_RDONLY | O_DIRECTORY);
	return old_cwd < 0 || !mkdtemp(dir) || chdir(dir);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	unsetenv("O");
	unsetenv("KBUILD_OUTPUT");
	if (fchdir(old_cwd))
		return -1;
	close(old_cwd);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void assert_found(const char *expected)
{
	char *found = find_kernel();

	assert_non_null(found);
	assert_string_equal(found, expected);
	free(found);
}

/* Where there is none, it is one of the host's or none at all. */
static void assert_not_here(void)
{
	char *found = find_kernel();

	if (found)
		assert_memory_equal(found, "/boot/vmlinuz-", 14);
	free(found);
}

static void here(void **state)
{
	assert_not_here();
	make_file(IMAGE);
	assert_found("./" IMAGE);
}

static void two_levels_up(void **state)
{
	make_file(IMAGE);
	assert_int_equal(mkdir("tools", 0755) | mkdir("tools/kvm", 0755), 0);
	assert_int_equal(chdir("tools/kvm"), 0);
	assert_found("../../" IMAGE);
	/* One's own comes first. */
	make_file(IMAGE);
	assert_found("./" IMAGE);
}

static void build_directories(void **state)
{
	make_file(IMAGE);
	make_file("build/" IMAGE);
	make_file("other/" IMAGE);
	setenv("KBUILD_OUTPUT", "other", 1);
	assert_found("other/" IMAGE);
	setenv("O", "build", 1);
	assert_found("build/" IMAGE);
	/* With nothing in it, or empty, it does not count. */
	setenv("O", "absent", 1);
	assert_found("other/" IMAGE);
	setenv("KBUILD_OUTPUT", "", 1);
	assert_found("./" IMAGE);
	setenv("O", "", 1);
	assert_found("./" IMAGE);
}

static void absolute_build_directory(void **state)
{
	char expected[256], there[128];

	make_file("build/" IMAGE);
	snprintf(there, sizeof(there), "%s/build", dir);
	snprintf(expected, sizeof(expected), "%s/" IMAGE, there);
	assert_int_equal(mkdir("elsewhere", 0755) | chdir("elsewhere"), 0);
	setenv("O", there, 1);
	assert_found(expected);
}

static void a_folder_is_no_kernel(void **state)
{
	make_file(IMAGE "/file");
	assert_not_here();
}

/* With a /boot of our own, where one can be had. */
static bool own_boot(void)
{
	return !access("/boot", F_OK) && (!unshare(CLONE_NEWNS) || !unshare(CLONE_NEWUSER | CLONE_NEWNS)) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", "/boot", "tmpfs", 0, NULL);
}

static bool found_is(const char *expected)
{
	char *found = find_kernel();
	bool same = expected ? found && !strcmp(found, expected) : !found;

	if (!same)
		fprintf(stderr, "found %s, expected %s\n", found ? found : "nothing", expected ? expected : "nothing");
	free(found);
	return same;
}

static int in_own_boot(void)
{
	static const char *const steps[] = {
		"vmlinuz-6.1.0-9-amd64", "vmlinuz-6.1.0-10-amd64", "vmlinuz-6.12.3", "vmlinuz-6.100.0-rc1",
	};
	struct utsname uts;
	char path[512];

	if (!own_boot())
		return 77;
	if (!found_is(NULL))
		return 1;
	make_file("/boot/initrd.img-9.9");
	make_file("/boot/System.map-9.9");
	make_file("/boot/vmlinuz");
	if (!found_is(NULL))
		return 2;
	/* Each is newer than the one before, as versions go. */
	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		snprintf(path, sizeof(path), "/boot/%s", steps[i]);
		make_file(path);
		if (!found_is(path))
			return 3;
	}
	make_file("/boot/vmlinuz-2.6.39");
	if (!found_is("/boot/vmlinuz-6.100.0-rc1"))
		return 4;
	/* A link into nowhere is not taken. */
	if (symlink("/boot/absent", "/boot/vmlinuz-7.0") || !found_is("/boot/vmlinuz-6.100.0-rc1"))
		return 5;
	/* The one that runs comes before the newest. */
	if (uname(&uts))
		return 6;
	snprintf(path, sizeof(path), "/boot/vmlinuz-%s", uts.release);
	make_file(path);
	return found_is(path) ? 0 : 7;
}

static void installed_kernels(void **state)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(in_own_boot());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(here),
		TEST(two_levels_up),
		TEST(build_directories),
		TEST(absolute_build_directory),
		TEST(a_folder_is_no_kernel),
		TEST(installed_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
