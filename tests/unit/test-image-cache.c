// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of util/image-cache.c, and of a boot that uses it.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "image-cache.h"
#include "images.h"
#include "mem.h"
#include "util.h"

#define SIZE 100001

struct fixture {
	char dir[64], cache[96], kernel[96];
	char name[IMAGE_CACHE_NAME + 1];
	u8 image[SIZE];
};

static void clean(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d && (de = readdir(d)))
		unlinkat(dirfd(d), de->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memcpy(f->dir, "/tmp/lkvm-cache-XXXXXX", 23);
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->cache, sizeof(f->cache), "%s/lkvm", f->dir);
	snprintf(f->kernel, sizeof(f->kernel), "%s/kernel", f->dir);
	setenv("XDG_CACHE_HOME", f->dir, 1);
	image_fill(f->image, SIZE, 1);
	assert_int_equal(image_cache_name("packed", 6, f->name), 0);
	said_start();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(said_lines(), 0);
	clean(f->cache);
	clean(f->dir);
	free(f);
	return 0;
}

static unsigned int count(const char *dir, const char *suffix)
{
	unsigned int n = 0;
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d && (de = readdir(d)))
		n += de->d_name[0] != '.' && strstr(de->d_name, suffix);
	if (d)
		closedir(d);
	return n;
}

static void check(struct image_cache_entry *e, const struct fixture *f)
{
	static u8 buf[SIZE];

	assert_int_equal(e->size, SIZE);
	assert_string_equal(e->name, f->name);
	assert_int_equal(pread(e->fd, buf, SIZE, 0), SIZE);
	assert_memory_equal(buf, f->image, SIZE);
	close(e->fd);
}

static void entry_path(const struct fixture *f, char path[256])
{
	snprintf(path, 256, "%s/%s.elf", f->cache, f->name);
}

/* A kernel that has not changed for a while, as far as its ctime tells. */
static struct stat old_stat(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/exe", &st), 0);
	st.st_ctim.tv_sec = 1000;
	return st;
}

static void test_blake2b(void **state)
{
	/* RFC 7693 shows only the 512-bit hash; these are what b2sum -l 256 says. */
	char name[IMAGE_CACHE_NAME + 1];
	u8 zeros[300] = { 0 };

	assert_int_equal(image_cache_name("", 0, name), 0);
	assert_string_equal(name, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
	assert_int_equal(image_cache_name("abc", 3, name), 0);
	assert_string_equal(name, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	assert_int_equal(image_cache_name(zeros, 128, name), 0);
	assert_string_equal(name, "378d0caaaa3855f1b38693c1d6ef004fd118691c95c959d4efa950d6d6fcf7c1");
	assert_int_equal(image_cache_name(zeros, 300, name), 0);
	assert_string_equal(name, "3b7fa24c99516cfee0cc68a8670eae28e9f4636460b4a8c09feeef5409504bff");
}

static void test_store_and_find(void **state)
{
	struct fixture *f = *state;
	struct image_cache_entry e;
	struct stat st = old_stat();
	char path[256];

	assert_int_equal(image_cache_open(f->name, &e), -ENOENT);
	assert_int_equal(image_cache_find(&st, &e), -ENOENT);
	assert_int_equal(image_cache_store(f->name, f->image, SIZE), 0);
	assert_int_equal(image_cache_open(f->name, &e), 0);
	check(&e, f);
	assert_true(image_cache_find(&st, &e) < 0);
	assert_int_equal(image_cache_link(&st, f->name), 0);
	assert_int_equal(image_cache_find(&st, &e), 0);
	check(&e, f);

	/* Each part of what stat() says counts. */
	for (unsigned int i = 0; i < 6; i++) {
		struct stat other = st;

		if (i == 0)
			other.st_dev++;
		else if (i == 1)
			other.st_ino++;
		else if (i == 2)
			other.st_size++;
		else if (i == 3)
			other.st_mtim.tv_nsec++;
		else if (i == 4)
			other.st_ctim.tv_sec++;
		else
			other.st_ctim.tv_nsec++;
		assert_true(image_cache_find(&other, &e) < 0);
	}

	/* Private, and nothing but the two names. */
	assert_int_equal(stat(f->cache, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	entry_path(f, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(count(f->cache, ""), 2);
}

static void test_young_file(void **state)
{
	struct fixture *f = *state;
	struct image_cache_entry e;
	struct stat st = old_stat();

	assert_int_equal(image_cache_store(f->name, f->image, SIZE), 0);
	st.st_ctim.tv_sec = time(NULL);
	assert_int_equal(image_cache_link(&st, f->name), -EAGAIN);
	assert_true(image_cache_find(&st, &e) < 0);
}

static void test_bad_names(void **state)
{
	struct fixture *f = *state;
	struct image_cache_entry e;
	static const char *const names[] = { "", "../../etc/passwd", "ABCD",
		"zz5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8" };

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(image_cache_store(names[i], f->image, SIZE), -EINVAL);
		assert_true(image_cache_open(names[i], &e) < 0);
		image_cache_drop(names[i]);
	}
	assert_int_equal(image_cache_store(f->name, f->image, 0), -EINVAL);
}

static void poke(const char *path, off_t offset, u8 value)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &value, 1, offset), 1);
	close(fd);
}

static void test_damage(void **state)
{
	struct fixture *f = *state;
	struct image_cache_entry e;
	char path[256];
	struct stat st;

	entry_path(f, path);
	/* Each of these must make the entry vanish: data, trailer, length. */
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(image_cache_store(f->name, f->image, SIZE), 0);
		assert_int_equal(stat(path, &st), 0);
		if (i == 0)
			poke(path, SIZE / 2, f->image[SIZE / 2] + 1);
		else if (i == 1)
			poke(path, SIZE, 'x');
		else if (i == 2)
			poke(path, st.st_size - 1 - 4 - 4, 1);
		else if (i == 3)
			assert_int_equal(truncate(path, SIZE), 0);
		else if (i == 4)
			assert_int_equal(truncate(path, st.st_size + 4096), 0);
		else
			assert_int_equal(truncate(path, 0), 0);
		assert_int_equal(image_cache_open(f->name, &e), -ENOENT);
		assert_int_equal(access(path, F_OK), -1);
	}
}

/* Written to, but with the same bytes: the checksum is computed, and the entry stays. */
static void test_stamp(void **state)
{
	struct fixture *f = *state;
	struct image_cache_entry e;
	struct stat before, after;
	char path[256];

	assert_int_equal(image_cache_store(f->name, f->image, SIZE), 0);
	entry_path(f, path);
	assert_int_equal(stat(path, &before), 0);
	poke(path, 7, f->image[7]);
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	assert_int_equal(image_cache_open(f->name, &e), 0);
	check(&e, f);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_mtim.tv_sec < time(NULL) - 5);	/* stamped anew */
	assert_int_equal(image_cache_open(f->name, &e), 0);
	check(&e, f);
}

static void test_room(void **state)
{
	struct fixture *f = *state;
	struct image_cache_entry e;
	struct stat st = old_stat();
	char first[IMAGE_CACHE_NAME + 1] = "";

	for (unsigned int i = 0; i < 12; i++) {
		assert_int_equal(image_cache_name(&i, sizeof(i), f->name), 0);
		if (!i)
			memcpy(first, f->name, sizeof(first));
		assert_int_equal(image_cache_store(f->name, f->image, SIZE), 0);
		st.st_ino = i;
		assert_int_equal(image_cache_link(&st, f->name), 0);
		usleep(2000);
		/* The first is used again and again, so it stays. */
		assert_int_equal(image_cache_open(first, &e), 0);
		close(e.fd);
		usleep(2000);
	}
	assert_int_equal(count(f->cache, ".elf"), 8);
	assert_true(count(f->cache, "stat-") <= 9);
	assert_int_equal(image_cache_open(f->name, &e), 0);
	check(&e, f);
}

static void test_leftovers(void **state)
{
	struct fixture *f = *state;
	char young[128], link[128];
	struct image_cache_entry e;

	assert_int_equal(image_cache_store(f->name, f->image, SIZE), 0);
	snprintf(young, sizeof(young), "%s/tmp-1-2-3", f->cache);
	snprintf(link, sizeof(link), "%s/stat-x", f->cache);
	image_write(young, "x", 1);
	assert_int_equal(symlink("nowhere", link), 0);
	assert_int_equal(image_cache_store(f->name, f->image, SIZE), 0);
	assert_int_equal(access(young, F_OK), 0);	/* another process may be writing it */
	assert_int_equal(count(f->cache, "stat-x"), 0);
	image_cache_drop(f->name);
	assert_int_equal(image_cache_open(f->name, &e), -ENOENT);
}

static void test_unusable_directory(void **state)
{
	struct fixture *f = *state;
	struct image_cache_entry e;
	struct stat st = old_stat();

	/* Others may write to it. */
	assert_int_equal(mkdir(f->cache, 0700), 0);
	assert_int_equal(chmod(f->cache, 0777), 0);
	assert_int_equal(image_cache_store(f->name, f->image, SIZE), -EPERM);
	assert_int_equal(rmdir(f->cache), 0);
	/* A link to a directory elsewhere, a file. */
	assert_int_equal(symlink("/tmp", f->cache), 0);
	assert_true(image_cache_store(f->name, f->image, SIZE) < 0);
	unlink(f->cache);
	image_write(f->cache, "x", 1);
	assert_int_equal(image_cache_store(f->name, f->image, SIZE), -ENOTDIR);
	assert_true(image_cache_find(&st, &e) < 0);
	unlink(f->cache);
	/* No place at all. */
	setenv("XDG_CACHE_HOME", "relative", 1);
	unsetenv("HOME");
	assert_int_equal(image_cache_store(f->name, f->image, SIZE), -ENOENT);
	assert_int_equal(access("relative", F_OK), -1);
	setenv("HOME", f->dir, 1);
	assert_int_equal(image_cache_store(f->name, f->image, SIZE), 0);
	assert_int_equal(image_cache_open(f->name, &e), 0);
	check(&e, f);
	snprintf(f->cache, sizeof(f->cache), "%s/.cache/lkvm", f->dir);
	assert_int_equal(count(f->cache, ".elf"), 1);
	clean(f->cache);
	*strrchr(f->cache, '/') = '\0';
	clean(f->cache);
}

/* --- booting with it ------------------------------------------------------ */

struct guest {
	struct mem *mem;
	struct boot_image *img;
	struct boot_entry entry;
};

static void boot(struct guest *g, const char *kernel, bool use_cache)
{
	g->mem = mem_new();
	assert_int_equal(mem_add(g->mem, 0, 32 * MiB, MEM_RAM, NULL), 0);
	assert_int_equal(boot_open(kernel, use_cache, false, &g->img), 0);
}

static void check_boot(struct guest *g, const struct fixture *f)
{
	struct boot_config config = { 0 };

	assert_int_equal(boot_load(g->img, g->mem, &config, &g->entry), 0);
	assert_int_equal(g->entry.rip, 16 * MiB + 5);
	assert_memory_equal(mem_ptr(g->mem, 16 * MiB, SIZE), f->image, SIZE);
	assert_string_equal(boot_describe(g->img), "bzImage 6.99.0-test (gzip), 64-bit entry");
	boot_close(g->img);
	mem_free(g->mem);
}

static void write_kernel(struct fixture *f)
{
	struct image_elf spec = {
		.entry = 16 * MiB + 5,
		.segments = { { 16 * MiB, 0xffffffff81000000, SIZE, f->image, SIZE } },
	};
	struct image elf = image_elf(&spec), bz = image_packed_bzimage(UNPACK_GZIP, &elf);

	image_write(f->kernel, bz.data, bz.size);
	image_free(&elf);
	image_free(&bz);
}

static void test_boot(void **state)
{
	struct fixture *f = *state;
	struct guest g;
	char path[256];
	DIR *d;

	write_kernel(f);
	boot(&g, f->kernel, false);
	check_boot(&g, f);
	assert_int_equal(access(f->cache, F_OK), -1);	/* not touched */
	boot(&g, f->kernel, true);
	check_boot(&g, f);
	assert_int_equal(count(f->cache, ".elf"), 1);
	assert_int_equal(count(f->cache, "stat-"), 0);	/* it was written only just now */
	sleep(3);
	boot(&g, f->kernel, true);
	check_boot(&g, f);
	assert_int_equal(count(f->cache, "stat-"), 1);
	boot(&g, f->kernel, true);
	check_boot(&g, f);

	/* Another kernel under the same name. */
	f->image[100]++;
	write_kernel(f);
	boot(&g, f->kernel, true);
	check_boot(&g, f);
	assert_int_equal(count(f->cache, ".elf"), 2);

	/* Entries that are damaged do not matter: before the kernel is opened, or while it is. */
	d = opendir(f->cache);
	for (struct dirent *de; (de = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%.80s", f->cache, de->d_name);
		if (strstr(de->d_name, ".elf"))
			poke(path, 5000, 0x99);
	}
	closedir(d);
	boot(&g, f->kernel, true);
	check_boot(&g, f);
	boot(&g, f->kernel, true);
	d = opendir(f->cache);
	for (struct dirent *de; (de = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%.80s", f->cache, de->d_name);
		if (strstr(de->d_name, ".elf"))
			assert_int_equal(truncate(path, 100), 0);
	}
	closedir(d);
	check_boot(&g, f);
}

/* An entry that is whole, but not a kernel. */
static void test_boot_with_false_entry(void **state)
{
	struct fixture *f = *state;
	struct guest g;
	DIR *d;

	write_kernel(f);
	boot(&g, f->kernel, true);
	check_boot(&g, f);
	d = opendir(f->cache);
	for (struct dirent *de; (de = readdir(d));)
		if (strstr(de->d_name, ".elf"))
			memcpy(f->name, de->d_name, IMAGE_CACHE_NAME);
	closedir(d);
	assert_int_equal(image_cache_store(f->name, "no kernel at all", 16), 0);
	boot(&g, f->kernel, true);
	check_boot(&g, f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blake2b),
		cmocka_unit_test_setup_teardown(test_store_and_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_young_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stamp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unusable_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_boot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_boot_with_false_entry, setup, teardown),
	};

	return cmocka_run_group_tests_name("image-cache", tests, NULL, NULL);
}
