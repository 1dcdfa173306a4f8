// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gathering facts about a host: from files as they were seen on hosts, from odd ones, and from
 * what is no KVM device.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <linux/kvm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "images.h"
#include "util.h"

static char dir[64];

static void file(const char *name, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", dir, name);
	for (char *p = path + strlen(dir) + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	image_write(path, text, strlen(text));
}

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/lkvm-host-XXXXXX");
	return !mkdtemp(dir);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct host_facts gather(void)
{
	struct host_facts f = { 0 };

	host_read_files(dir, &f);
	return f;
}

static void laptop(void **state)
{
	struct host_facts f;

	file("/proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n"
	     "flags\t\t: fpu vme vmx est avx2\nvmx flags\t: vnmi ept\n\nprocessor\t: 1\n");
	file("/sys/module/kvm_intel/refcnt", "0\n");
	file("/proc/meminfo", "MemTotal:       16000000 kB\nMemFree:          100 kB\nMemAvailable:    8000000 kB\n");
	file("/proc/sys/vm/overcommit_memory", "0\n");
	file("/proc/sys/kernel/io_uring_disabled", "2\n");
	file("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "64\n");
	file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "60\n");
	file("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "1\n");
	file("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "0\n");
	file("/proc/self/mounts", "/dev/sda1 / ext4 rw 0 0\nhugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n"
	     "x /second hugetlbfs rw 0 0\n");
	file("/proc/self/uid_map", "         0          0 4294967295\n");
	file("/proc/self/cgroup", "0::/user.slice/session.scope\n");
	f = gather();
	assert_true(f.intel && f.vmx && f.module);
	assert_false(f.amd || f.svm || f.hypervisor || f.container || f.user_namespace);
	assert_int_equal(f.memory, 16000000 * KiB);
	assert_int_equal(f.memory_available, 8000000 * KiB);
	assert_int_equal(f.cgroup_memory, HOST_NO_LIMIT);
	assert_int_equal(f.io_uring_disabled, 2);
	assert_string_equal(f.thp, "madvise");
	assert_int_equal(f.huge_2m_total, 64);
	assert_int_equal(f.huge_2m_free, 60);
	assert_int_equal(f.huge_1g_total, 1);
	assert_int_equal(f.huge_1g_free, 0);
	assert_string_equal(f.hugetlbfs, "/dev/hugepages");
}

static void virtual_machine(void **state)
{
	struct host_facts f;

	file("/proc/cpuinfo", "vendor_id\t: AuthenticAMD\nflags\t\t: fpu svm_lock nosvm hypervisor\n");
	file("/.dockerenv", "");
	file("/proc/self/uid_map", "0 1000 1\n");
	file("/proc/sys/vm/overcommit_memory", "2\n");
	f = gather();
	assert_true(f.amd && f.hypervisor && f.container && f.user_namespace);
	assert_false(f.intel || f.vmx || f.svm || f.module);
	assert_int_equal(f.overcommit, 2);
	assert_string_equal(f.thp, "");
	assert_string_equal(f.hugetlbfs, "");
	assert_int_equal(f.io_uring_disabled, -1);
}

static void cgroup_v2(void **state)
{
	file("/proc/self/cgroup", "0::/a/b/c\n");
	file("/sys/fs/cgroup/a/b/c/memory.max", "max\n");
	file("/sys/fs/cgroup/a/b/memory.max", "536870912\n");
	file("/sys/fs/cgroup/a/memory.max", "1073741824\n");
	assert_int_equal(gather().cgroup_memory, 512 * MiB);
	/* In a namespace: the group is the root, and what is above is not seen. */
	file("/proc/self/cgroup", "0::/\n");
	file("/sys/fs/cgroup/memory.max", "268435456\n");
	assert_int_equal(gather().cgroup_memory, 256 * MiB);
	file("/proc/self/cgroup", "0::/../../elsewhere\n");
	assert_int_equal(gather().cgroup_memory, 256 * MiB);
}

static void cgroup_v1(void **state)
{
	file("/proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/jobs/7\n3:cpuset:/\n0::/\n");
	file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	file("/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", "9223372036854771712\n");
	assert_int_equal(gather().cgroup_memory, HOST_NO_LIMIT);
	file("/sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes", "2147483648\n");
	assert_int_equal(gather().cgroup_memory, 2 * GiB);
}

/* Nothing there, and things that are not what they should be. */
static void odd(void **state)
{
	static const char *const names[] = {
		"/proc/cpuinfo", "/proc/meminfo", "/proc/self/mounts", "/proc/self/cgroup", "/proc/self/uid_map",
		"/proc/sys/vm/overcommit_memory", "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/1/environ",
		"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
	};
	static const char *const texts[] = {
		"", "\n", ":", "::", ":::\n0:::\n", "[", "0::", "0:memory,,:x\n", "MemTotal:", "a b\n \n", "flags",
		"\nflags", "vendor_id", "-1\n", "99999999999999999999999999\n",
	};
	char *longest = malloc(200 * KiB);
	struct host_facts f = gather();

	assert_int_equal(f.cgroup_memory, HOST_NO_LIMIT);
	assert_int_equal(f.memory, 0);
	memset(longest, '/', 200 * KiB - 1);
	longest[200 * KiB - 1] = '\0';
	memcpy(longest, "0::/", 4);
	for (unsigned int t = 0; t <= ARRAY_SIZE(texts); t++) {
		for (unsigned int n = 0; n < ARRAY_SIZE(names); n++)
			file(names[n], t < ARRAY_SIZE(texts) ? texts[t] : longest);
		f = gather();
		assert_int_equal(f.cgroup_memory, HOST_NO_LIMIT);
		assert_string_equal(f.hugetlbfs, "");
	}
	free(longest);
}

/* What this very host says cannot be known here, but it must say something. */
static void this_host(void **state)
{
	struct host_facts f = { 0 };

	host_read_files("", &f);
	host_ask_kernel(&f);
	host_find_libraries(&f);
	assert_true(*f.release);
	assert_true(f.memory > 0);
	assert_true(f.limit_nofile > 0);
	assert_true(f.io_uring <= 0 && f.tun <= 0 && f.user_namespaces <= 0);
	assert_true(f.landlock);
	assert_true(f.library_count >= 5);
	for (unsigned int i = 0; i < f.library_count; i++)
		assert_true(f.libraries[i].name && f.libraries[i].use);
	/* The child that tried is gone, and we are where we were. */
	assert_int_equal(f.root, geteuid() == 0);
}

/* --- what is no KVM device --------------------------------------------------- */

static const struct kvm_need needs[] = { { KVM_CAP_IRQCHIP, "IRQCHIP", true, "", "" }, { 0 } };

static void no_device(void **state)
{
	struct kvm_probe p;
	char path[128];

	kvm_probe("/no/such/kvm", needs, &p);
	assert_int_equal(p.open_error, -ENOENT);
	assert_false(p.exists);
	assert_string_equal(p.path, "/no/such/kvm");

	kvm_probe("/dev/null", needs, &p);
	assert_int_equal(p.open_error, 0);
	assert_true(p.exists);
	assert_int_equal(p.api, -ENOTTY);
	assert_int_equal(p.caps[0], 0);

	snprintf(path, sizeof(path), "%s/file", dir);
	file("/file", "");
	assert_int_equal(chmod(path, 0640), 0);
	kvm_probe(path, needs, &p);
	assert_int_equal(p.mode & 0777, 0640);
	assert_int_equal(p.uid, geteuid());
	assert_true(p.api < 0);

	kvm_probe(dir, needs, &p);
	assert_int_equal(p.open_error, -EISDIR);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(laptop), TEST(virtual_machine), TEST(cgroup_v2), TEST(cgroup_v1), TEST(odd), TEST(this_host),
		TEST(no_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
