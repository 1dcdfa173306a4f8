// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the facts about a host mean for lkvm, and how to mend what is wrong. Pure: nothing is
 * asked of the host here, so that unit tests judge hosts that they only describe.
 *
 * A finding is FINDING_NO when no VM can run, else at most FINDING_MISSING.
 */
#include <errno.h>

#include "findings.h"
#include "host.h"
#include "util.h"

#define SLOW_NS		5000000ULL	/* creating a VM takes 0.3 ms where nothing is in the way */
#define FEW_FILES	256		/* lkvm has a few, and two for each vCPU and device */
#define DEFAULT_MEM	(1 * GiB)	/* of lkvm run */

static const char kvm_group[] = "KVM";
static const char caps_group[] = "Capabilities of KVM";
static const char speed_group[] = "Speed of guest code";
static const char host_group[] = "Host";
static const char library_group[] = "Optional libraries";
static const char later_group[] = "Not used by this version of lkvm";

/* --- /dev/kvm ------------------------------------------------------------------ */

static const char *module_name(const struct host_facts *f)
{
	return f->intel ? "kvm_intel" : f->amd ? "kvm_amd" : "kvm_intel or kvm_amd";
}

/* There is no such file, or nobody behind it. */
static void mend_absent(const struct host_facts *f, struct finding *x)
{
	if (strcmp(f->kvm.path, "/dev/kvm"))
		finding_mend(x, "the device is usually /dev/kvm (--dev)");
	else if (f->container)
		finding_mend(x, "this looks like a container: start it with --device /dev/kvm%s", f->module ? "" :
			     ", and load the module on its host");
	else if (f->module)
		finding_mend(x, "KVM is loaded: as root, mknod /dev/kvm c 10 232, or let udev make it");
	else if (f->vmx || f->svm || !(f->intel || f->amd))
		finding_mend(x, "as root: modprobe %s", module_name(f));
	else if (f->hypervisor)
		finding_mend(x, "this machine is a VM that shows no virtualisation: enable nested virtualisation "
			     "on its host, then modprobe %s", module_name(f));
	else
		finding_mend(x, "the CPU shows no virtualisation: enable %s in the firmware, then modprobe %s",
			     f->intel ? "VT-x" : "SVM (AMD-V)", module_name(f));
}

static void mend_permission(const struct host_facts *f, struct finding *x)
{
	const char *group = f->kvm.group;
	unsigned int mode = f->kvm.mode & 0777;

	if (f->user_namespace)
		finding_mend(x, "this is a user namespace: its creator must be allowed to open %s "
			     "(mode %04o), and keep its groups", f->kvm.path, mode);
	else if ((mode & 060) != 060 || !f->kvm.gid)
		finding_mend(x, "mode %04o of group %s lets in no group of users; as root: "
			     "chgrp kvm %s; chmod 660 %s; then join the group", mode, *group ? group : "?",
			     f->kvm.path, f->kvm.path);
	else if (f->in_group)
		finding_mend(x, "you are in its group %s: something else forbids it, such as an ACL or "
			     "a security module", group);
	else if (*group)
		finding_mend(x, "join the group: sudo usermod -aG %s \"$USER\", then log in again", group);
	else
		finding_mend(x, "its group, %u, has no name here: a container must be given it (--group-add %u)",
			     (unsigned int)f->kvm.gid, (unsigned int)f->kvm.gid);
}

static void judge_open(const struct host_facts *f, struct findings *out)
{
	const struct kvm_probe *k = &f->kvm;
	struct finding *x = finding_add(out, FINDING_NO, kvm_group, "device", "%s: %s", k->path,
					strerror(-k->open_error));

	switch (k->open_error) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		mend_absent(f, x);
		break;
	case -EACCES:
		mend_permission(f, x);
		break;
	case -EPERM:
		finding_mend(x, "a control group or a sandbox forbids the device: give it to the container "
			     "(--device %s)", k->path);
		break;
	case -EBUSY:
		finding_mend(x, "another hypervisor uses the CPU's virtualisation: stop it");
		break;
	default:
		break;
	}
}

static void judge_vcpus(const struct kvm_probe *k, struct findings *out)
{
	if (k->vcpus_max > 0)
		finding_add(out, FINDING_OK, kvm_group, "vCPUs", "up to %d in a VM; KVM recommends at most %d",
			    k->vcpus_max, k->vcpus_recommended);
	else
		finding_add(out, FINDING_NO, kvm_group, "vCPUs", "KVM allows none");
}

static void judge_create(const struct kvm_probe *k, struct findings *out)
{
	struct finding *x;

	if (k->create_error) {
		x = finding_add(out, FINDING_NO, kvm_group, "a VM", "KVM_CREATE_VM: %s",
				strerror(-k->create_error));
		if (k->create_error == -EBUSY)
			finding_mend(x, "another hypervisor uses the CPU's virtualisation: stop it");
	} else if (k->create_ns > SLOW_NS) {
		x = finding_add(out, FINDING_MISSING, kvm_group, "a VM",
				"takes %.1f ms to create, which every start of lkvm waits for", k->create_ns / 1e6);
		finding_mend(x, "likely KVM's thread that recovers huge pages moves into the control group: "
			     "mount -o remount,favordynmods /sys/fs/cgroup, or kvm.nx_huge_pages=never "
			     "where the CPU has no iTLB multihit bug");
	} else {
		finding_add(out, FINDING_OK, kvm_group, "a VM", "created in %.1f ms", k->create_ns / 1e6);
	}
}

static void judge_caps(const struct kvm_probe *k, struct findings *out)
{
	for (unsigned int i = 0; k->needs && k->needs[i].name; i++) {
		const struct kvm_need *need = &k->needs[i];
		struct finding *x;

		if (k->caps[i]) {
			finding_add(out, FINDING_OK, caps_group, need->name, "%s", need->use);
			continue;
		}
		x = finding_add(out, need->needed ? FINDING_NO : FINDING_MISSING, caps_group, need->name,
				"KVM lacks it (%s): %s", need->use, need->without);
		if (need->needed)
			finding_mend(x, "a newer kernel on this host has it");
	}
}

/* Whether it is of any use to ask further. */
static bool judge_kvm(const struct host_facts *f, struct findings *out)
{
	const struct kvm_probe *k = &f->kvm;
	struct finding *x;

	if (k->open_error) {
		judge_open(f, out);
		return false;
	}
	if (k->api < 0) {
		x = finding_add(out, FINDING_NO, kvm_group, "device", "%s is not a KVM device", k->path);
		finding_mend(x, "the device is usually /dev/kvm (--dev)");
		return false;
	}
	if (k->api != 12) {
		x = finding_add(out, FINDING_NO, kvm_group, "device", "%s has API version %d, lkvm needs 12",
				k->path, k->api);
		finding_mend(x, "Linux has had version 12 since 2.6.22: use a newer kernel on this host");
		return false;
	}
	finding_add(out, FINDING_OK, kvm_group, "device", "%s, API version %d", k->path, k->api);
	judge_create(k, out);
	judge_vcpus(k, out);
	judge_caps(k, out);
	return !k->create_error;
}

/* --- speed ---------------------------------------------------------------------- */

static void number(u64 per_second, char *text, size_t size)
{
	double millions = per_second / 1e6;

	snprintf(text, size, millions < 10 ? "%.1f" : "%.0f", millions);
}

/**
 * host_runs_kernels() - whether an unmodified kernel boots here in useful time
 */
bool host_runs_kernels(const struct host_facts *facts)
{
	return facts->speed.done && facts->speed.kernel >= HOST_SPEED_ENOUGH;
}

static void judge_speed(const struct host_facts *f, struct findings *out)
{
	const struct guest_speed *s = &f->speed;
	char kernel[32], user[32];
	struct finding *x;

	if (!s->done) {
		finding_add(out, FINDING_NO, speed_group, "a first guest", "%s",
			    *s->why ? s->why : "it was not measured");
		return;
	}
	number(s->kernel, kernel, sizeof(kernel));
	number(s->user, user, sizeof(user));
	if (host_runs_kernels(f)) {
		finding_add(out, FINDING_OK, speed_group, "kernel mode",
			    "%s million instructions a second: kernels run here", kernel);
	} else {
		x = finding_add(out, FINDING_MISSING, speed_group, "kernel mode",
				"interpreted at about %s million instructions a second: Linux will not boot "
				"in useful time, small flat guests will run", kernel);
		finding_mend(x, "use a host whose KVM has the CPU's virtualisation (VMX or SVM) behind it");
	}
	if (s->user >= HOST_SPEED_ENOUGH)
		finding_add(out, FINDING_OK, speed_group, "user mode", "%s million instructions a second", user);
	else
		finding_add(out, FINDING_MISSING, speed_group, "user mode",
			    "interpreted at about %s million instructions a second", user);
	if (s->entry_ns > SLOW_NS) {
		x = finding_add(out, FINDING_MISSING, speed_group, "first entry",
				"%.1f ms until a first instruction ran", s->entry_ns / 1e6);
		finding_mend(x, "likely KVM's thread that recovers huge pages, which newer kernels start then");
	}
}

/* --- memory and limits -------------------------------------------------------------- */

static void judge_memory(const struct host_facts *f, struct findings *out)
{
	u64 limit = f->cgroup_memory;

	if (f->memory && f->memory_available < DEFAULT_MEM)
		finding_add(out, FINDING_MISSING, host_group, "memory",
			    "%llu MiB of %llu MiB are available: the default guest may use 1 GiB (-m)",
			    (unsigned long long)(f->memory_available / MiB), (unsigned long long)(f->memory / MiB));
	else if (f->memory)
		finding_add(out, FINDING_OK, host_group, "memory", "%llu MiB of %llu MiB are available",
			    (unsigned long long)(f->memory_available / MiB), (unsigned long long)(f->memory / MiB));
	if (limit == HOST_NO_LIMIT)
		finding_add(out, FINDING_OK, host_group, "control group", "no limit of memory");
	else if (limit < DEFAULT_MEM + DEFAULT_MEM / 8)
		finding_add(out, FINDING_MISSING, host_group, "control group",
			    "its limit is %llu MiB: a guest that uses more is killed, and lkvm with it; "
			    "the default is 1 GiB (-m)",
			    (unsigned long long)(limit / MiB));
	else
		finding_add(out, FINDING_OK, host_group, "control group", "its limit is %llu MiB of memory",
			    (unsigned long long)(limit / MiB));
	if (f->overcommit == 2)
		finding_add(out, FINDING_MISSING, host_group, "overcommit",
			    "vm.overcommit_memory is 2: all of -m counts as used when a guest starts");
}

static void judge_hugepages(const struct host_facts *f, struct findings *out)
{
	u64 total = f->huge_2m_total + f->huge_1g_total;

	if (!strcmp(f->thp, "always") || !strcmp(f->thp, "madvise"))
		finding_add(out, FINDING_OK, host_group, "transparent hugepages", "%s", f->thp);
	else
		finding_add(out, FINDING_MISSING, host_group, "transparent hugepages",
			    "%s: guests run slower; /sys/kernel/mm/transparent_hugepage/enabled",
			    *f->thp ? f->thp : "none");
	if (total && *f->hugetlbfs)
		finding_add(out, FINDING_OK, host_group, "reserved hugepages",
			    "%llu of %llu of 2 MiB and %llu of %llu of 1 GiB are free; --hugetlbfs %s",
			    (unsigned long long)f->huge_2m_free, (unsigned long long)f->huge_2m_total,
			    (unsigned long long)f->huge_1g_free, (unsigned long long)f->huge_1g_total, f->hugetlbfs);
	else if (total)
		finding_add(out, FINDING_MISSING, host_group, "reserved hugepages",
			    "reserved, but no hugetlbfs is mounted: nothing to give to --hugetlbfs");
	else
		finding_add(out, FINDING_MISSING, host_group, "reserved hugepages",
			    "none: --hugetlbfs will not work; /proc/sys/vm/nr_hugepages");
}

static void judge_limits(const struct host_facts *f, struct findings *out)
{
	if (f->limit_as != HOST_NO_LIMIT)
		finding_add(out, FINDING_MISSING, host_group, "address space",
			    "limited to %llu MiB (ulimit -v): -m must stay well below",
			    (unsigned long long)(f->limit_as / MiB));
	if (f->limit_nofile < FEW_FILES)
		finding_add(out, FINDING_MISSING, host_group, "open files",
			    "limited to %llu (ulimit -n): machines with many vCPUs will not start",
			    (unsigned long long)f->limit_nofile);
	else if (f->limit_nofile == HOST_NO_LIMIT)
		finding_add(out, FINDING_OK, host_group, "open files", "no limit");
	else
		finding_add(out, FINDING_OK, host_group, "open files", "up to %llu",
			    (unsigned long long)f->limit_nofile);
	if (f->limit_memlock == HOST_NO_LIMIT)
		finding_add(out, FINDING_OK, host_group, "locked memory", "no limit");
	else
		finding_add(out, FINDING_OK, host_group, "locked memory", "up to %llu KiB; nothing is locked",
			    (unsigned long long)(f->limit_memlock / KiB));
}

static void judge_libraries(const struct host_facts *f, struct findings *out)
{
	for (unsigned int i = 0; i < f->library_count; i++) {
		const struct host_library *l = &f->libraries[i];

		if (l->missing)
			finding_add(out, FINDING_MISSING, library_group, l->name,
				    "cannot be loaded, or was not there when lkvm was built: no %s", l->use);
		else
			finding_add(out, FINDING_OK, library_group, l->name, "%s", l->use);
	}
}

/* --- what devices to come will use ------------------------------------------------- */

static void judge_io_uring(const struct host_facts *f, struct findings *out)
{
	static const char name[] = "io_uring", use[] = "fast disks";
	int disabled = f->io_uring_disabled;

	if (!f->io_uring)
		finding_add(out, FINDING_OK, later_group, name, "%s", use);
	else if (f->io_uring == -EPERM && disabled > 0)
		finding_add(out, FINDING_MISSING, later_group, name,
			    "%s: disabled%s by sysctl kernel.io_uring_disabled=%d", use,
			    disabled == 1 ? " for who is not in its group" : "", disabled);
	else if (f->io_uring == -EPERM)
		finding_add(out, FINDING_MISSING, later_group, name, "%s: forbidden, likely by a seccomp filter", use);
	else if (f->io_uring == -ENOSYS)
		finding_add(out, FINDING_MISSING, later_group, name,
			    "%s: not in this kernel (%s), which must be 5.1 or later with CONFIG_IO_URING", use,
			    f->release);
	else
		finding_add(out, FINDING_MISSING, later_group, name, "%s: %s", use, strerror(-f->io_uring));
}

static void judge_device(struct findings *out, const char *name, int err, const char *use, const char *mend)
{
	struct finding *x;

	if (!err) {
		finding_add(out, FINDING_OK, later_group, name, "%s", use);
		return;
	}
	x = finding_add(out, FINDING_MISSING, later_group, name, "%s: %s", use, strerror(-err));
	if (err == -ENOENT || err == -ENODEV || err == -ENXIO)
		finding_mend(x, "%s", mend);
}

static void judge_later(const struct host_facts *f, struct findings *out)
{
	judge_io_uring(f, out);
	judge_device(out, "/dev/net/tun", f->tun, "tap networks", "as root: modprobe tun");
	judge_device(out, "/dev/vhost-net", f->vhost_net, "networks in the host's kernel",
		     "as root: modprobe vhost_net");
	judge_device(out, "/dev/vhost-vsock", f->vhost_vsock, "sockets between host and guest",
		     "as root: modprobe vhost_vsock");
	if (f->user_namespaces)
		finding_add(out, FINDING_MISSING, later_group, "user namespaces", "a sandbox without root: %s",
			    strerror(-f->user_namespaces));
	else
		finding_add(out, FINDING_OK, later_group, "user namespaces", "a sandbox without root");
	if (f->landlock > 0)
		finding_add(out, FINDING_OK, later_group, "Landlock", "ABI %d: a sandbox for files", f->landlock);
	else
		finding_add(out, FINDING_MISSING, later_group, "Landlock",
			    f->landlock == -EOPNOTSUPP ? "a sandbox for files: switched off at boot (lsm=)" :
			    "a sandbox for files: not in this kernel");
}

/**
 * host_judge() - judge a host
 * @facts:	all of them
 * @findings:	gets the judgements; lkvm can run VMs unless one of them is FINDING_NO
 */
void host_judge(const struct host_facts *facts, struct findings *findings)
{
	if (judge_kvm(facts, findings))
		judge_speed(facts, findings);
	judge_memory(facts, findings);
	judge_hugepages(facts, findings);
	judge_limits(facts, findings);
	judge_libraries(facts, findings);
	judge_later(facts, findings);
}
