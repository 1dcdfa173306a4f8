// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gathering what host_judge() judges: from files below a root that a test can choose, and
 * from the kernel by asking it to do a little of what would be wanted of it.
 *
 * Runs in the thread of a command, before any other thread. What cannot be read is left as it
 * is in a struct of zeros or at no limit: that is a fact too. KVM is in core/kvm-probe.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/io_uring.h>
#include <linux/landlock.h>

#include "host.h"
#include "image-cache.h"
#include "log.h"
#include "unpack.h"
#include "util.h"

#define FILE_MAX	(64 * KiB)	/* of /proc/self/mounts: what is behind that is not seen */
#define HUGE_LIMIT	(1ULL << 60)	/* cgroup v1 writes no limit as a large number */

/* A file below @root, as a string of at most @size - 1 bytes; false when it cannot be read. */
static bool read_text(const char *root, const char *path, char *text, size_t size)
{
	char full[PATH_MAX];
	size_t used = 0;
	ssize_t n;
	int fd;

	*text = '\0';
	if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return false;
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	while (used < size - 1 && (n = read(fd, text + used, size - 1 - used)) > 0)
		used += n;
	close(fd);
	text[used] = '\0';
	return used;
}

static u64 read_number(const char *root, const char *path, u64 otherwise)
{
	char text[64];

	if (!read_text(root, path, text, sizeof(text)) || *text < '0' || *text > '9')
		return otherwise;
	return strtoull(text, NULL, 10);
}

static bool exists(const char *root, const char *path)
{
	char full[PATH_MAX];

	return snprintf(full, sizeof(full), "%s%s", root, path) < (int)sizeof(full) && !access(full, F_OK);
}

/* --- CPU and where lkvm runs -------------------------------------------------- */

static bool has_word(const char *line, const char *word)
{
	const char *end = strchrnul(line, '\n');
	size_t len = strlen(word);

	for (const char *p = line; (p = strstr(p, word)) && p < end; p += len)
		if (p > line && (p[-1] == ' ' || p[-1] == '\t') && (p[len] == ' ' || p[len] == '\n' || !p[len]))
			return true;
	return false;
}

static void read_cpu(const char *root, struct host_facts *f, char *text)
{
	const char *vendor, *flags;

	if (!read_text(root, "/proc/cpuinfo", text, FILE_MAX))
		return;
	vendor = strstr(text, "vendor_id");
	flags = strstr(text, "\nflags");
	if (vendor) {
		f->intel = has_word(vendor, "GenuineIntel") || has_word(vendor, "CentaurHauls");
		f->amd = has_word(vendor, "AuthenticAMD") || has_word(vendor, "HygonGenuine");
	}
	if (flags) {
		f->vmx = has_word(flags + 1, "vmx");
		f->svm = has_word(flags + 1, "svm");
		f->hypervisor = has_word(flags + 1, "hypervisor");
	}
}

static void read_place(const char *root, struct host_facts *f, char *text)
{
	unsigned long from, to, count;

	f->module = exists(root, "/sys/module/kvm_intel") || exists(root, "/sys/module/kvm_amd");
	f->container = exists(root, "/.dockerenv") || exists(root, "/run/.containerenv") ||
		       (read_text(root, "/proc/1/environ", text, FILE_MAX) && !strncmp(text, "container=", 10));
	if (read_text(root, "/proc/self/uid_map", text, FILE_MAX) &&
	    sscanf(text, "%lu %lu %lu", &from, &to, &count) == 3)
		f->user_namespace = from || to || count != UINT_MAX;
}

/* --- memory ------------------------------------------------------------------- */

static u64 meminfo(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line ? strtoull(line + strlen(key), NULL, 10) * KiB : 0;
}

/* The lowest limit of the group at @path and of those above it. */
static u64 lowest_limit(const char *root, const char *mount, const char *path, const char *file)
{
	u64 lowest = HOST_NO_LIMIT;
	char group[PATH_MAX / 2], name[PATH_MAX];
	char *slash;

	/* What is outside of a namespace is not mounted either. */
	snprintf(group, sizeof(group), "%s", strstr(path, "/..") ? "" : path);
	for (;;) {
		u64 limit;

		snprintf(name, sizeof(name), "%s%s/%s", mount, group, file);
		limit = read_number(root, name, HOST_NO_LIMIT);
		if (limit < HUGE_LIMIT)
			lowest = min(lowest, limit);
		slash = strrchr(group, '/');
		if (!slash)
			return lowest;
		*slash = '\0';
	}
}

/* /proc/self/cgroup has lines "number:controllers:path", with number 0 for version 2. */
static void read_cgroup(const char *root, struct host_facts *f, char *text)
{
	char *rest = text, *line;

	f->cgroup_memory = HOST_NO_LIMIT;
	if (!read_text(root, "/proc/self/cgroup", text, FILE_MAX))
		return;
	while ((line = strsep(&rest, "\n"))) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		u64 limit = HOST_NO_LIMIT;
		char *word;

		if (!path)
			continue;
		*controllers++ = '\0';
		*path++ = '\0';
		if (!*controllers)
			limit = lowest_limit(root, "/sys/fs/cgroup", path, "memory.max");
		while ((word = strsep(&controllers, ",")))
			if (!strcmp(word, "memory"))
				limit = lowest_limit(root, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
		f->cgroup_memory = min(f->cgroup_memory, limit);
	}
}

static void read_hugetlbfs(const char *root, struct host_facts *f, char *text)
{
	char *rest = text, *line;

	if (!read_text(root, "/proc/self/mounts", text, FILE_MAX))
		return;
	while ((line = strsep(&rest, "\n"))) {
		const char *device = strsep(&line, " "), *where = strsep(&line, " "), *type = strsep(&line, " ");

		if (device && where && type && !strcmp(type, "hugetlbfs") && strlen(where) < sizeof(f->hugetlbfs)) {
			snprintf(f->hugetlbfs, sizeof(f->hugetlbfs), "%s", where);
			return;
		}
	}
}

static void read_memory(const char *root, struct host_facts *f, char *text)
{
	static const char pages[] = "/sys/kernel/mm/hugepages/hugepages-";
	const struct { const char *file; u64 *value; } counts[] = {
		{ "2048kB/nr_hugepages", &f->huge_2m_total },
		{ "2048kB/free_hugepages", &f->huge_2m_free },
		{ "1048576kB/nr_hugepages", &f->huge_1g_total },
		{ "1048576kB/free_hugepages", &f->huge_1g_free },
	};
	char *mode;

	if (read_text(root, "/proc/meminfo", text, FILE_MAX)) {
		f->memory = meminfo(text, "MemTotal:");
		f->memory_available = meminfo(text, "MemAvailable:");
	}
	f->overcommit = read_number(root, "/proc/sys/vm/overcommit_memory", 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", pages, counts[i].file);
		*counts[i].value = read_number(root, path, 0);
	}
	if (read_text(root, "/sys/kernel/mm/transparent_hugepage/enabled", text, FILE_MAX)) {
		mode = strchr(text, '[');
		if (mode)
			snprintf(f->thp, sizeof(f->thp), "%.*s", (int)strcspn(mode + 1, "]"), mode + 1);
	}
}

/**
 * host_read_files() - gather what files tell
 * @root:	"" ; a test's own folder in place of /
 * @facts:	gets them
 */
void host_read_files(const char *root, struct host_facts *facts)
{
	char *text = malloc(FILE_MAX);

	facts->cgroup_memory = HOST_NO_LIMIT;
	facts->io_uring_disabled = -1;
	if (!text)
		return;
	read_cpu(root, facts, text);
	read_place(root, facts, text);
	read_memory(root, facts, text);
	read_cgroup(root, facts, text);
	read_hugetlbfs(root, facts, text);
	facts->io_uring_disabled = (int)read_number(root, "/proc/sys/kernel/io_uring_disabled", -1);
	free(text);
}

/* --- what the kernel does when it is asked --------------------------------------- */

static int try_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int try_io_uring(void)
{
	struct io_uring_params params = { 0 };
	long fd = syscall(__NR_io_uring_setup, 1, &params);

	if (fd < 0)
		return -errno;
	close((int)fd);
	return 0;
}

static int landlock_abi(void)
{
	long abi = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? -errno : (int)abi;
}

/* In a child, because there is no way back. */
static int try_user_namespace(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(unshare(CLONE_NEWUSER) < 0 ? min(errno, 255) : 0);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;	/* killed by a seccomp filter */
}

static bool has_group(gid_t gid)
{
	gid_t groups[1024];
	int n = getgroups(ARRAY_SIZE(groups), groups);

	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return getegid() == gid;
}

static u64 soft_limit(int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return HOST_NO_LIMIT;
	return limit.rlim_cur;
}

/**
 * host_ask_kernel() - gather what the kernel tells, or shows by doing it
 * @facts:	gets it; facts->kvm is there already
 */
void host_ask_kernel(struct host_facts *facts)
{
	struct utsname uts;

	if (!uname(&uts))
		snprintf(facts->release, sizeof(facts->release), "%s", uts.release);
	facts->root = geteuid() == 0;
	facts->in_group = facts->kvm.exists && has_group(facts->kvm.gid);
	facts->limit_as = soft_limit(RLIMIT_AS);
	facts->limit_memlock = soft_limit(RLIMIT_MEMLOCK);
	facts->limit_nofile = soft_limit(RLIMIT_NOFILE);
	facts->tun = try_open("/dev/net/tun");
	facts->vhost_net = try_open("/dev/vhost-net");
	facts->vhost_vsock = try_open("/dev/vhost-vsock");
	facts->io_uring = try_io_uring();
	facts->landlock = landlock_abi();
	facts->user_namespaces = try_user_namespace();
}

/* --- libraries ------------------------------------------------------------------ */

static void add_library(struct host_facts *f, const char *name, const char *use, bool missing)
{
	BUG_ON(f->library_count >= ARRAY_SIZE(f->libraries));
	f->libraries[f->library_count++] = (struct host_library){ name, use, missing };
}

/**
 * host_find_libraries() - find out which of the optional libraries are there, by loading them
 * @facts:	gets them
 */
void host_find_libraries(struct host_facts *facts)
{
	char name[IMAGE_CACHE_NAME + 1];

	add_library(facts, "libzstd", "kernels packed with zstd", unpack_missing(UNPACK_ZSTD));
	add_library(facts, "liblz4", "kernels packed with lz4", unpack_missing(UNPACK_LZ4));
	add_library(facts, "liblzma", "kernels packed with xz or lzma", unpack_missing(UNPACK_XZ));
	add_library(facts, "libbz2", "kernels packed with bzip2", unpack_missing(UNPACK_BZIP2));
	add_library(facts, "libb2", "the cache of unpacked kernels", image_cache_name("", 0, name) < 0);
}
