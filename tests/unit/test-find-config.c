// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a kernel's configuration is looked for: in the tree that it was built in, beside it,
 * and where distributions install it.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "find-config.h"
#include "types.h"
#include "util.h"

static char dir[64];
static int old_cwd;

static void make_file(const char *name)
{
	char copy[512];
	int fd;

	snprintf(copy, sizeof(copy), "%s", name);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(copy, 0755);
		*p = '/';
	}
	fd = open(name, O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0);
	close(fd);
}

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/lkvm-config-XXXXXX");
	old_cwd = open(".", O_RDONLY | O_DIRECTORY);
	return old_cwd < 0 || !mkdtemp(dir) || chdir(dir);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	if (fchdir(old_cwd))
		return -1;
	close(old_cwd);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void assert_found(const char *kernel, const char *release, const char *expected)
{
	char *found = find_config("root", kernel, release);

	if (expected) {
		assert_non_null(found);
		assert_string_equal(found, expected);
	} else {
		assert_null(found);
	}
	free(found);
}

static void build_tree(void **state)
{
	make_file("linux/arch/x86/boot/bzImage");
	make_file("linux/vmlinux");
	assert_found("linux/arch/x86/boot/bzImage", "6.12.0", NULL);
	assert_found("linux/vmlinux", "6.12.0", NULL);
	make_file("linux/.config");
	assert_found("linux/arch/x86/boot/bzImage", "6.12.0", "linux/arch/x86/boot/../../../.config");
	assert_found("./linux/arch/x86/boot/bzImage", NULL, "./linux/arch/x86/boot/../../../.config");
	assert_found("linux/vmlinux", NULL, "linux/.config");
	/* From within */
	assert_int_equal(chdir("linux"), 0);
	assert_found("arch/x86/boot/bzImage", NULL, "arch/x86/boot/../../../.config");
	assert_found("vmlinux", NULL, "./.config");
	/* Another file of the tree is no kernel of it. */
	assert_found("System.map", NULL, NULL);
}

static void lookalike_folder(void **state)
{
	make_file(".config");
	make_file("search/x86/boot/bzImage");
	assert_found("search/x86/boot/bzImage", NULL, NULL);
}

static void beside_it(void **state)
{
	make_file("boot/vmlinuz-6.1.0-9-amd64");
	assert_found("boot/vmlinuz-6.1.0-9-amd64", "6.1.0-9-amd64", NULL);
	make_file("boot/config-6.1.0-9-amd64");
	make_file("boot/config-6.12");
	assert_found("boot/vmlinuz-6.1.0-9-amd64", NULL, "boot/config-6.1.0-9-amd64");
	/* By the version in it, where its name does not tell */
	assert_found("boot/vmlinuz", "6.12", "boot/config-6.12");
	assert_found("boot/vmlinuz", NULL, NULL);
	make_file("modules/6.12/vmlinuz");
	make_file("modules/6.12/config");
	assert_found("modules/6.12/vmlinuz", NULL, "modules/6.12/config");
}

static void gzipped(void **state)
{
	make_file("bzImage-6.12");
	make_file("config-6.12.gz");
	assert_found("bzImage-6.12", NULL, "./config-6.12.gz");
	make_file("config-6.12");
	assert_found("bzImage-6.12", NULL, "./config-6.12");
}

static void behind_a_link(void **state)
{
	char expected[256];

	make_file("boot/vmlinuz-6.12");
	make_file("boot/config-6.12");
	make_file("elsewhere/file");
	assert_int_equal(symlink("../boot/vmlinuz-6.12", "elsewhere/kernel"), 0);
	snprintf(expected, sizeof(expected), "%s/boot/config-6.12", dir);
	assert_found("elsewhere/kernel", NULL, expected);
	/* Beside the link comes first. */
	make_file("elsewhere/config");
	assert_found("elsewhere/kernel", NULL, "elsewhere/config");
	assert_found("absent/kernel", NULL, NULL);
}

static void installed(void **state)
{
	struct utsname uts;

	make_file("kernel");
	make_file("root/proc/config.gz");
	assert_found("kernel", "6.12", NULL);
	make_file("root/lib/modules/6.12/config");
	assert_found("kernel", "6.12", "root/lib/modules/6.12/config");
	make_file("root/boot/config-6.12");
	assert_found("kernel", "6.12", "root/boot/config-6.12");
	assert_found("kernel", NULL, NULL);
	/* The one that runs */
	assert_int_equal(uname(&uts), 0);
	assert_found("kernel", uts.release, "root/proc/config.gz");
}

/* The version comes out of a file that may be anybody's. */
static void odd_versions(void **state)
{
	make_file("kernel");
	make_file("secret");
	make_file("root/boot/config-");
	assert_found("kernel", "/../secret", NULL);
	assert_found("kernel", "../../secret", NULL);
	make_file("root/boot/config-x");
	assert_int_equal(mkdir("root/boot/config-dir", 0755), 0);
	assert_found("kernel", "dir", NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(build_tree), TEST(lookalike_folder), TEST(beside_it), TEST(gzipped), TEST(behind_a_link),
		TEST(installed), TEST(odd_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
