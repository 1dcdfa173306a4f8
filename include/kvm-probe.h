/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What /dev/kvm is and offers: facts for who judges them, without a word to the user.
 */
#ifndef LKVM_KVM_PROBE_H
#define LKVM_KVM_PROBE_H

#include <sys/types.h>

#include "types.h"

#define KVM_NEEDS_MAX 48

/**
 * struct kvm_need - a capability that lkvm needs or uses; tables end with one that has no name
 * @cap:	KVM_CAP_...
 * @name:	the same as text, without KVM_CAP_
 * @needed:	no VM runs without it
 * @use:	what it is for
 * @without:	what does not work without it
 */
struct kvm_need {
	unsigned int cap;
	const char *name;
	bool needed;
	const char *use;
	const char *without;
};

/**
 * struct kvm_probe - the facts; begins as zeros
 * @path:	of the device
 * @exists:	there is such a file; @mode, @uid and @gid are its own
 * @group:	name of its group, or ""
 * @open_error:	-errno of opening it, else 0
 * @api:	KVM_GET_API_VERSION, or -errno
 * @create_error: -errno of KVM_CREATE_VM, else 0
 * @create_ns:	how long that took
 * @vcpus_recommended: KVM_CAP_NR_VCPUS
 * @vcpus_max:	KVM_CAP_MAX_VCPUS
 * @vcpu_ids:	KVM_CAP_MAX_VCPU_ID, or 0
 * @needs:	the table that was asked for
 * @caps:	the value of each of its rows
 */
struct kvm_probe {
	const char *path;
	bool exists;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char group[64];
	int open_error;
	int api;
	int create_error;
	u64 create_ns;
	int vcpus_recommended;
	int vcpus_max;
	int vcpu_ids;
	const struct kvm_need *needs;
	int caps[KVM_NEEDS_MAX];
};

void kvm_probe(const char *path, const struct kvm_need *needs, struct kvm_probe *probe);

#endif /* LKVM_KVM_PROBE_H */
