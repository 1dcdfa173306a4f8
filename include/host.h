/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host: facts about it, gathered in one place, and what they mean for lkvm, which is
 * judged by a pure function.
 *
 * To look at one more thing: its fact in struct host_facts, its gathering in core/host.c, its
 * judgement in core/host-judge.c.
 */
#ifndef LKVM_HOST_H
#define LKVM_HOST_H

#include "kvm-probe.h"
#include "types.h"

struct findings;

#define HOST_NO_LIMIT		(~0ULL)
#define HOST_LIBRARIES_MAX	8

/*
 * Guest code at this speed and beyond boots a kernel in useful time, instructions a second. An
 * interpreter has a tenth of it; hardware has far more, and so has emulated hardware.
 */
#define HOST_SPEED_ENOUGH	20000000ULL

/**
 * struct guest_speed - how fast guest code runs
 * @done:	it was measured; else @why says what is wrong, or it was not tried
 * @kernel:	at CPL 0, instructions a second
 * @user:	at CPL 3
 * @entry_ns:	how long the first KVM_RUN took, with next to nothing to do
 * @why:	a line, or ""
 */
struct guest_speed {
	bool done;
	u64 kernel;
	u64 user;
	u64 entry_ns;
	char why[256];
};

/**
 * struct host_library - a library that is loaded when it is needed
 * @name:	such as "libzstd"
 * @use:	what needs it
 * @missing:	it could not be loaded, or lkvm was built without it
 */
struct host_library {
	const char *name;
	const char *use;
	bool missing;
};

/**
 * struct host_facts - what is known of a host; begins as zeros
 *
 * @vmx, @svm: the CPU shows Intel's or AMD's virtualisation; @hypervisor: it is a VM's
 * @intel, @amd: whose CPU it is
 * @module: KVM's module for the CPU is there (loaded, or built in)
 * @container: lkvm runs in a container
 * @user_namespace: in a user namespace that does not map all users
 * @root: with effective uid 0
 * @in_group: the process has the device's group
 *
 * Errors are -errno, 0 for what works. Memory is in bytes, HOST_NO_LIMIT where there is none.
 */
struct host_facts {
	struct kvm_probe kvm;
	struct guest_speed speed;

	bool intel, amd, vmx, svm, hypervisor;
	bool module;
	bool container, user_namespace, root, in_group;
	char release[65];

	u64 memory, memory_available;
	u64 cgroup_memory;
	unsigned int overcommit;	/* vm.overcommit_memory */
	u64 limit_as, limit_memlock, limit_nofile;

	u64 huge_2m_total, huge_2m_free, huge_1g_total, huge_1g_free;
	char hugetlbfs[128];		/* where one is mounted, or "" */
	char thp[16];			/* always, madvise, never; "" when the kernel has none */

	int io_uring;			/* error of io_uring_setup() */
	int io_uring_disabled;		/* kernel.io_uring_disabled, -1 without */
	int tun, vhost_net, vhost_vsock;	/* errors of opening them */
	int user_namespaces;		/* error of unshare(CLONE_NEWUSER) */
	int landlock;			/* ABI version, or -errno */

	unsigned int library_count;
	struct host_library libraries[HOST_LIBRARIES_MAX];
};

void host_read_files(const char *root, struct host_facts *facts);
void host_ask_kernel(struct host_facts *facts);
void host_find_libraries(struct host_facts *facts);
void host_judge(const struct host_facts *facts, struct findings *findings);
bool host_runs_kernels(const struct host_facts *facts);

#endif /* LKVM_HOST_H */
