// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saving and loading a vCPU: everything that KVM holds for it, in KVM's own layouts
 * (api.rst), which are its ABI. The vCPU is new, parked or stopped.
 *
 * Left out: extended register state beyond 4 KiB (AMX), which struct kvm_xsave cannot hold.
 */
#include <errno.h>

#include <linux/kvm.h>

#include "cpu.h"
#include "device.h"
#include "kvm.h"
#include "log.h"
#include "state.h"
#include "util.h"
#include "vcpu.h"

#define MSRS_MAX	512

struct msr_list {
	struct kvm_msr_list head;
	u32 indices[MSRS_MAX];
};

struct msr_values {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[MSRS_MAX];
};

/* All that is saved but the MSRs; the order of loading is that of the table below. */
struct registers {
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_xcrs xcrs;
	struct kvm_xsave xsave;
	struct kvm_debugregs debugregs;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	struct kvm_vcpu_events events;
};

#define PART(member, get, set) { #member, offsetof(struct registers, member), \
	sizeof(((struct registers *)0)->member), get, set }

static const struct part {
	const char *name;
	size_t offset, size;
	unsigned long get, set;
} parts[] = {
	PART(sregs, KVM_GET_SREGS, KVM_SET_SREGS),
	PART(regs, KVM_GET_REGS, KVM_SET_REGS),
	PART(xcrs, KVM_GET_XCRS, KVM_SET_XCRS),
	PART(xsave, KVM_GET_XSAVE, KVM_SET_XSAVE),
	PART(debugregs, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS),
	PART(lapic, KVM_GET_LAPIC, KVM_SET_LAPIC),
	PART(mp_state, KVM_GET_MP_STATE, KVM_SET_MP_STATE),
	PART(events, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS),
};

static bool transfer(struct vcpu *vcpu, struct registers *r, bool set)
{
	for (const struct part *p = parts; p < parts + ARRAY_SIZE(parts); p++)
		if (vcpu_ioctl(vcpu, set ? p->set : p->get, (u8 *)r + p->offset) < 0)
			return false;
	return true;
}

/* Which MSRs KVM keeps on this host. */
static bool msr_indices(struct vcpu *vcpu, struct msr_list *list)
{
	list->head.nmsrs = MSRS_MAX;
	return kvm_system_ioctl(vcpu_vm(vcpu), KVM_GET_MSR_INDEX_LIST, list) >= 0;
}

static bool read_msrs(struct vcpu *vcpu, struct msr_values *v)
{
	struct msr_list list;

	if (!msr_indices(vcpu, &list))
		return false;
	v->head.nmsrs = list.head.nmsrs;
	for (u32 i = 0; i < list.head.nmsrs; i++)
		v->entries[i].index = list.indices[i];
	return vcpu_ioctl(vcpu, KVM_GET_MSRS, v) == (int)list.head.nmsrs;
}

static bool write_msrs(struct vcpu *vcpu, struct msr_values *v)
{
	return vcpu_ioctl(vcpu, KVM_SET_MSRS, v) == (int)v->head.nmsrs;
}

static void cpu_state(struct device *dev, struct state *st)
{
	struct vcpu *vcpu = vcpu_from_device(dev);
	struct registers *r = calloc(1, sizeof(*r));
	struct msr_values *msrs = calloc(1, sizeof(*msrs));
	bool ok = r && msrs;

	if (ok && !state_loading(st))
		ok = transfer(vcpu, r, false) && read_msrs(vcpu, msrs);
	if (!ok) {
		state_fail(st, "vCPU");
		goto out;
	}
	state_version(st, 1);
	for (const struct part *p = parts; p < parts + ARRAY_SIZE(parts); p++)
		state_bytes(st, p->name, (u8 *)r + p->offset, p->size);
	state_u32_max(st, "msr-count", &msrs->head.nmsrs, MSRS_MAX);
	state_bytes(st, "msrs", msrs->entries, msrs->head.nmsrs * sizeof(msrs->entries[0]));
	/* MSRs after the local APIC: the TSC deadline needs its timer's mode. */
	if (state_commit(st) && !(transfer(vcpu, r, true) && write_msrs(vcpu, msrs)))
		state_fail(st, "vCPU");
out:
	free(r);
	free(msrs);
}

const struct device_ops cpu_ops = {
	.name = "cpu",
	.state = cpu_state,
};
