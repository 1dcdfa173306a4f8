// SPDX-License-Identifier: GPL-2.0-only
/*
 * Judging hosts that are only described: a laptop, containers, no permission, a software KVM,
 * old kernels, tight limits.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/kvm.h>

#include "findings.h"
#include "host.h"
#include "kvm-needs.h"
#include "util.h"

static struct findings found;

/* A good Intel laptop with Debian's kernel. */
static struct host_facts laptop(void)
{
	struct host_facts f = {
		.kvm = {
			.path = "/dev/kvm", .exists = true, .mode = 0660, .gid = 104, .group = "kvm", .api = 12,
			.create_ns = 300000, .vcpus_recommended = 8, .vcpus_max = 1024, .vcpu_ids = 4096,
			.needs = x86_kvm_needs,
		},
		.speed = { .done = true, .kernel = 3100000000, .user = 3200000000, .entry_ns = 200000 },
		.intel = true, .vmx = true, .module = true, .in_group = true, .release = "6.12.0",
		.memory = 16 * GiB, .memory_available = 9 * GiB, .cgroup_memory = HOST_NO_LIMIT,
		.limit_as = HOST_NO_LIMIT, .limit_memlock = 8 * MiB, .limit_nofile = 1024,
		.huge_2m_total = 16, .huge_2m_free = 8, .hugetlbfs = "/dev/hugepages", .thp = "always",
		.io_uring_disabled = 0, .landlock = 4,
		.library_count = 1, .libraries = { { "libzstd", "kernels packed with zstd", false } },
	};

	for (unsigned int i = 0; x86_kvm_needs[i].name; i++)
		f.kvm.caps[i] = 1;
	return f;
}

/* The same where opening the device gives @err. */
static struct host_facts without_kvm(int err)
{
	struct host_facts f = laptop();

	f.kvm.exists = err != -ENOENT;
	f.kvm.open_error = err;
	f.speed = (struct guest_speed){ 0 };
	f.in_group = false;
	return f;
}

static unsigned int judge(const struct host_facts *f)
{
	findings_free(&found);
	host_judge(f, &found);
	assert_false(found.lost);
	return findings_count(&found, FINDING_NO);
}

static void says(const char *name, enum finding_state state, const char *text, const char *mend)
{
	const struct finding *x = findings_find(&found, name);

	assert_non_null(x);
	if (x->state != state || !strstr(x->text, text))
		fail_msg("%s: %s %s", name, finding_word(x->state), x->text);
	if (mend && (!x->mend || !strstr(x->mend, mend)))
		fail_msg("%s: mended by: %s", name, x->mend ? x->mend : "nothing");
	if (!mend)
		assert_null(x->mend);
}

static int teardown(void **state)
{
	findings_free(&found);
	return 0;
}

/* --- where VMs run ------------------------------------------------------------ */

static void good_laptop(void **state)
{
	struct host_facts f = laptop();

	assert_int_equal(judge(&f), 0);
	assert_int_equal(findings_count(&found, FINDING_MISSING), 0);
	says("device", FINDING_OK, "API version 12", NULL);
	says("kernel mode", FINDING_OK, "3100 million instructions a second: kernels run here", NULL);
	says("vCPUs", FINDING_OK, "up to 1024", NULL);
	says("reserved hugepages", FINDING_OK, "8 of 16 of 2 MiB", NULL);
	assert_true(host_runs_kernels(&f));
}

static void software_kvm(void **state)
{
	struct host_facts f = laptop();

	f.speed.kernel = 1230000;
	assert_int_equal(judge(&f), 0);
	says("kernel mode", FINDING_MISSING,
	     "about 1.2 million instructions a second: Linux will not boot in useful time", "VMX or SVM");
	says("user mode", FINDING_OK, "3200 million", NULL);
	assert_false(host_runs_kernels(&f));
	f.speed.user = f.speed.kernel;
	judge(&f);
	says("user mode", FINDING_MISSING, "interpreted", NULL);
	/* The border */
	f.speed.kernel = HOST_SPEED_ENOUGH;
	assert_true(host_runs_kernels(&f));
	f.speed.kernel--;
	assert_false(host_runs_kernels(&f));
}

static void guest_that_fails(void **state)
{
	struct host_facts f = laptop();

	f.speed = (struct guest_speed){ .why = "cannot create vCPU 0: No space left on device" };
	assert_int_equal(judge(&f), 1);
	says("a first guest", FINDING_NO, "cannot create vCPU 0", NULL);
	assert_null(findings_find(&found, "kernel mode"));
	assert_false(host_runs_kernels(&f));
}

static void slow_creation(void **state)
{
	struct host_facts f = laptop();

	f.kvm.create_ns = 27300000;
	assert_int_equal(judge(&f), 0);
	says("a VM", FINDING_MISSING, "takes 27.3 ms", "favordynmods");
	f.kvm.create_ns = 4900000;
	f.speed.entry_ns = 26000000;
	judge(&f);
	says("a VM", FINDING_OK, "4.9 ms", NULL);
	says("first entry", FINDING_MISSING, "26.0 ms", "huge pages");
}

/* --- where they do not ---------------------------------------------------------- */

static void no_module(void **state)
{
	struct host_facts f = without_kvm(-ENOENT);

	f.module = false;
	assert_int_equal(judge(&f), 1);
	says("device", FINDING_NO, "/dev/kvm: No such file", "modprobe kvm_intel");
	/* Nothing is said of what could not be asked. */
	assert_null(findings_find(&found, "vCPUs"));
	assert_null(findings_find(&found, "IRQCHIP"));
	assert_null(findings_find(&found, "a first guest"));
	f.intel = f.vmx = false;
	f.amd = f.svm = true;
	judge(&f);
	says("device", FINDING_NO, "No such file", "modprobe kvm_amd");
	f.amd = f.svm = false;
	judge(&f);
	says("device", FINDING_NO, "No such file", "modprobe kvm_intel or kvm_amd");
	/* A node without a driver behind it */
	f = without_kvm(-ENODEV);
	f.module = false;
	judge(&f);
	says("device", FINDING_NO, "No such device", "modprobe kvm_intel");
}

static void no_virtualisation(void **state)
{
	struct host_facts f = without_kvm(-ENOENT);

	f.module = f.vmx = false;
	judge(&f);
	says("device", FINDING_NO, "No such file", "enable VT-x in the firmware");
	f.intel = false;
	f.amd = true;
	judge(&f);
	says("device", FINDING_NO, "No such file", "enable SVM (AMD-V) in the firmware");
	f.hypervisor = true;
	judge(&f);
	says("device", FINDING_NO, "No such file", "nested virtualisation on its host");
}

static void container(void **state)
{
	struct host_facts f = without_kvm(-ENOENT);

	f.container = true;
	judge(&f);
	says("device", FINDING_NO, "No such file", "--device /dev/kvm");
	assert_null(strstr(findings_find(&found, "device")->mend, "load the module"));
	f.module = false;
	judge(&f);
	says("device", FINDING_NO, "No such file", "load the module on its host");
	f = without_kvm(-EPERM);
	judge(&f);
	says("device", FINDING_NO, "not permitted", "control group");
	f = without_kvm(-ENOENT);
	judge(&f);
	says("device", FINDING_NO, "No such file", "mknod /dev/kvm c 10 232");
}

static void no_permission(void **state)
{
	struct host_facts f = without_kvm(-EACCES);

	assert_int_equal(judge(&f), 1);
	says("device", FINDING_NO, "Permission denied", "usermod -aG kvm");
	f.in_group = true;
	judge(&f);
	says("device", FINDING_NO, "Permission denied", "something else forbids it");
	f.in_group = false;
	f.kvm.group[0] = '\0';
	judge(&f);
	says("device", FINDING_NO, "Permission denied", "--group-add 104");
	f.kvm.mode = 0600;
	f.kvm.gid = 0;
	memcpy(f.kvm.group, "root", 5);
	judge(&f);
	says("device", FINDING_NO, "Permission denied", "mode 0600 of group root lets in no group");
	f.user_namespace = true;
	judge(&f);
	says("device", FINDING_NO, "Permission denied", "user namespace");
}

static void no_kvm_device(void **state)
{
	struct host_facts f = laptop();

	f.kvm.api = -ENOTTY;
	f.kvm.path = "/dev/null";
	assert_int_equal(judge(&f), 1);
	says("device", FINDING_NO, "/dev/null is not a KVM device", "--dev");
	f.kvm.api = 11;
	assert_int_equal(judge(&f), 1);
	says("device", FINDING_NO, "API version 11, lkvm needs 12", "newer kernel");
	f = without_kvm(-ENOENT);
	f.kvm.path = "/dev/kvn";
	judge(&f);
	says("device", FINDING_NO, "/dev/kvn: No such file", "usually /dev/kvm");
	f = without_kvm(-EIO);
	assert_int_equal(judge(&f), 1);
	says("device", FINDING_NO, "/dev/kvm: Input/output error", NULL);
}

static void busy(void **state)
{
	struct host_facts f = laptop();

	f.kvm.create_error = -EBUSY;
	f.speed = (struct guest_speed){ 0 };
	assert_int_equal(judge(&f), 1);
	says("a VM", FINDING_NO, "busy", "another hypervisor");
	assert_null(findings_find(&found, "a first guest"));
	f = without_kvm(-EBUSY);
	assert_int_equal(judge(&f), 1);
	says("device", FINDING_NO, "busy", "another hypervisor");
}

static unsigned int index_of(const char *name)
{
	unsigned int i = 0;

	while (strcmp(x86_kvm_needs[i].name, name))
		i++;
	return i;
}

static void capabilities(void **state)
{
	struct host_facts f = laptop();

	f.kvm.caps[index_of("COALESCED_PIO")] = 0;
	assert_int_equal(judge(&f), 0);
	says("COALESCED_PIO", FINDING_MISSING, "KVM lacks it (fewer exits for console output): each character", NULL);
	says("IRQCHIP", FINDING_OK, "interrupt controllers", NULL);
	f.kvm.caps[index_of("IRQCHIP")] = 0;
	assert_int_equal(judge(&f), 1);
	says("IRQCHIP", FINDING_NO, "no VM can be built", "newer kernel");
	f.kvm.vcpus_max = 0;
	assert_int_equal(judge(&f), 2);
	says("vCPUs", FINDING_NO, "none", NULL);
}

/* --- the rest of the host ------------------------------------------------------------ */

static void tight(void **state)
{
	struct host_facts f = laptop();

	f.cgroup_memory = 512 * MiB;
	f.memory_available = 300 * MiB;
	f.limit_as = 2 * GiB;
	f.limit_nofile = 64;
	f.limit_memlock = HOST_NO_LIMIT;
	f.overcommit = 2;
	assert_int_equal(judge(&f), 0);
	says("control group", FINDING_MISSING, "its limit is 512 MiB", NULL);
	says("memory", FINDING_MISSING, "300 MiB of 16384 MiB", NULL);
	says("address space", FINDING_MISSING, "2048 MiB", NULL);
	says("open files", FINDING_MISSING, "limited to 64", NULL);
	says("locked memory", FINDING_OK, "no limit", NULL);
	says("overcommit", FINDING_MISSING, "vm.overcommit_memory is 2", NULL);
	f.cgroup_memory = 4 * GiB;
	f.limit_nofile = HOST_NO_LIMIT;
	judge(&f);
	says("control group", FINDING_OK, "4096 MiB", NULL);
	says("open files", FINDING_OK, "no limit", NULL);
}

static void hugepages(void **state)
{
	struct host_facts f = laptop();

	f.hugetlbfs[0] = '\0';
	judge(&f);
	says("reserved hugepages", FINDING_MISSING, "no hugetlbfs is mounted", NULL);
	f.huge_2m_total = 0;
	f.thp[0] = '\0';
	judge(&f);
	says("reserved hugepages", FINDING_MISSING, "--hugetlbfs will not work", NULL);
	says("transparent hugepages", FINDING_MISSING, "none: guests run slower", NULL);
	memcpy(f.thp, "never", 6);
	judge(&f);
	says("transparent hugepages", FINDING_MISSING, "never: guests run slower", NULL);
}

static void libraries(void **state)
{
	struct host_facts f = laptop();

	judge(&f);
	says("libzstd", FINDING_OK, "packed with zstd", NULL);
	f.libraries[0].missing = true;
	assert_int_equal(judge(&f), 0);
	says("libzstd", FINDING_MISSING, "no kernels packed with zstd", NULL);
}

static void io_uring(void **state)
{
	struct host_facts f = laptop();

	f.io_uring = -EPERM;
	f.io_uring_disabled = 2;
	assert_int_equal(judge(&f), 0);
	says("io_uring", FINDING_MISSING, "disabled by sysctl kernel.io_uring_disabled=2", NULL);
	f.io_uring_disabled = 1;
	judge(&f);
	says("io_uring", FINDING_MISSING, "not in its group by sysctl kernel.io_uring_disabled=1", NULL);
	f.io_uring_disabled = 0;
	judge(&f);
	says("io_uring", FINDING_MISSING, "seccomp", NULL);
	f.io_uring = -ENOMEM;
	judge(&f);
	says("io_uring", FINDING_MISSING, "Cannot allocate memory", NULL);
	/* An old kernel: no io_uring, no sysctl for it, no Landlock */
	f.io_uring = -ENOSYS;
	f.io_uring_disabled = -1;
	f.landlock = -ENOSYS;
	memcpy(f.release, "4.19.0", 7);
	judge(&f);
	says("io_uring", FINDING_MISSING, "not in this kernel (4.19.0)", NULL);
	says("Landlock", FINDING_MISSING, "not in this kernel", NULL);
	f.landlock = -EOPNOTSUPP;
	judge(&f);
	says("Landlock", FINDING_MISSING, "switched off", NULL);
}

static void devices(void **state)
{
	struct host_facts f = laptop();

	f.tun = -EACCES;
	f.vhost_net = -ENOENT;
	f.vhost_vsock = -ENODEV;
	f.user_namespaces = -EPERM;
	assert_int_equal(judge(&f), 0);
	says("/dev/net/tun", FINDING_MISSING, "Permission denied", NULL);
	says("/dev/vhost-net", FINDING_MISSING, "No such file", "modprobe vhost_net");
	says("/dev/vhost-vsock", FINDING_MISSING, "No such device", "modprobe vhost_vsock");
	says("user namespaces", FINDING_MISSING, "not permitted", NULL);
}

/* Facts that were never gathered */
static void nothing(void **state)
{
	struct host_facts f = { .kvm = { .path = "/dev/kvm" } };

	assert_true(judge(&f) > 0);
	assert_false(host_runs_kernels(&f));
}

/* The table of capabilities can be kept in the facts. */
static void table(void **state)
{
	unsigned int i;

	for (i = 0; x86_kvm_needs[i].name; i++) {
		assert_non_null(x86_kvm_needs[i].use);
		assert_non_null(x86_kvm_needs[i].without);
		assert_true(strlen(x86_kvm_needs[i].name) <= 22);
		for (unsigned int n = 0; n < i; n++)
			assert_int_not_equal(x86_kvm_needs[n].cap, x86_kvm_needs[i].cap);
	}
	assert_true(i > 0 && i <= KVM_NEEDS_MAX);
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good_laptop), TEST(software_kvm), TEST(guest_that_fails), TEST(slow_creation), TEST(no_module),
		TEST(no_virtualisation), TEST(container), TEST(no_permission), TEST(no_kvm_device), TEST(busy),
		TEST(capabilities), TEST(tight), TEST(hugepages), TEST(libraries), TEST(io_uring), TEST(devices),
		TEST(nothing), TEST(table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
