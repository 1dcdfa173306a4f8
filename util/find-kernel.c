// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel that the user most likely means: the one of the tree that he stands in,
 * else the one that runs, else the newest that is installed.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "find-kernel.h"
#include "util.h"

#define IMAGE "arch/x86/boot/bzImage"

static char *readable(char *path)
{
	struct stat st;

	if (path && !access(path, R_OK) && !stat(path, &st) && S_ISREG(st.st_mode))
		return path;
	free(path);
	return NULL;
}

static char *join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int is_kernel(const struct dirent *d)
{
	return !strncmp(d->d_name, "vmlinuz-", 8);
}

static char *newest_in(const char *dir)
{
	struct dirent **list;
	char *path = NULL;
	int n = scandir(dir, &list, is_kernel, versionsort);

	if (n < 0)
		return NULL;
	while (n--) {
		if (!path)
			path = readable(join(dir, list[n]->d_name));
		free(list[n]);
	}
	free(list);
	return path;
}

/**
 * find_kernel() - look where a kernel developer's kernel is
 *
 * ./arch/x86/boot/bzImage, below the build directory in $O or $KBUILD_OUTPUT if one is
 * set; the same of the tree two levels up, where tools/kvm is; the host's own kernel in /boot; the
 * one with the highest version there.
 *
 * Return: its path, to be freed, or NULL.
 */
char *find_kernel(void)
{
	const char *dirs[] = { getenv("O"), getenv("KBUILD_OUTPUT"), ".", "../.." };
	struct utsname uts;
	char *path;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		path = dirs[i] && *dirs[i] ? readable(join(dirs[i], IMAGE)) : NULL;
		if (path)
			return path;
	}
	if (!uname(&uts) && asprintf(&path, "/boot/vmlinuz-%s", uts.release) >= 0) {
		path = readable(path);
		if (path)
			return path;
	}
	return newest_in("/boot");
}
