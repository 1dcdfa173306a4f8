// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration that lies beside a kernel's file: the .config of the tree in which it was
 * built, or the file that a distribution installs along with it. Runs in the caller's thread;
 * looks at names only, and leaves what is in the files to its caller.
 */
#include <limits.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "find-config.h"
#include "types.h"
#include "util.h"

/* A file that is there, as it is or gzipped; else NULL. */
static char *look(const char *dir, const char *name, const char *release)
{
	static const char *const suffixes[] = { "", ".gz" };

	for (unsigned int i = 0; i < ARRAY_SIZE(suffixes); i++) {
		struct stat st;
		char *path;

		if (asprintf(&path, "%s/%s%s%s", dir, name, release, suffixes[i]) < 0)
			return NULL;
		if (!stat(path, &st) && S_ISREG(st.st_mode))
			return path;
		free(path);
	}
	return NULL;
}

/* Whether the last folders of @dir are arch/ARCH/boot, below which a tree has its bzImage. */
static bool is_boot_folder(const char *dir)
{
	static const char *const folders[] = { "arch/x86/boot", "arch/x86_64/boot" };
	size_t len = strlen(dir);

	for (unsigned int i = 0; i < ARRAY_SIZE(folders); i++) {
		size_t n = strlen(folders[i]);

		if (len >= n && !strcmp(dir + len - n, folders[i]) && (len == n || dir[len - n - 1] == '/'))
			return true;
	}
	return false;
}

static char *beside(const char *kernel, const char *release)
{
	char *copy = strdup(kernel), *slash, *found = NULL;
	const char *dir = ".", *base = copy, *suffix;

	if (!copy)
		return NULL;
	slash = strrchr(copy, '/');
	if (slash) {
		*slash = '\0';
		dir = slash == copy ? "/" : copy;
		base = slash + 1;
	}
	suffix = strchr(base, '-');
	if (is_boot_folder(dir))
		found = look(dir, "../../../.config", "");
	if (!found && !strncmp(base, "vmlinux", 7))
		found = look(dir, ".config", "");
	if (!found && suffix)
		found = look(dir, "config", suffix);
	if (!found && release)
		found = look(dir, "config-", release);
	if (!found)
		found = look(dir, "config", "");
	free(copy);
	return found;
}

static char *below(const char *root, const char *fmt, const char *release)
{
	char *dir, *found;

	if (asprintf(&dir, fmt, root, release) < 0)
		return NULL;
	found = look(dir, "config", "");
	free(dir);
	return found;
}

/* Where distributions have it: /boot/config-RELEASE, /lib/modules/RELEASE/config. */
static char *installed(const char *root, const char *release)
{
	struct utsname uts;
	char *dir, *found = NULL;

	if (asprintf(&dir, "%s/boot", root) < 0)
		return NULL;
	found = look(dir, "config-", release);
	free(dir);
	if (!found)
		found = below(root, "%s/lib/modules/%s", release);
	if (!found && !uname(&uts) && !strcmp(uts.release, release))
		found = below(root, "%s/proc", release);
	return found;
}

/**
 * find_config() - look for a kernel's configuration
 * @root:	"" ; a test's own folder in place of /
 * @kernel:	the kernel's file; if it is a link, one looks beside the link first
 * @release:	the kernel's version, as boot_release() has it, or NULL
 *
 * Return: the path of a file that is there, to be freed, or NULL.
 */
char *find_config(const char *root, const char *kernel, const char *release)
{
	char *found, *real;

	if (release && strchr(release, '/'))
		release = NULL;
	found = beside(kernel, release);
	if (found)
		return found;
	real = realpath(kernel, NULL);
	if (real && strcmp(real, kernel))
		found = beside(real, release);
	free(real);
	if (!found && release)
		found = installed(root, release);
	return found;
}
