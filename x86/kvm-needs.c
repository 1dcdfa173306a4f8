// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lkvm asks of KVM on x86 (api.rst): a row for each capability. Who starts to use one
 * adds its row; `lkvm doctor` shows them in this order. Data only.
 *
 * Left out: what only saving and loading the state of a machine needs.
 */
#include <linux/kvm.h>

#include "kvm-needs.h"

#define NEEDED(cap, use) { KVM_CAP_##cap, #cap, true, use, "no VM can be built" }
#define USED(cap, use, without) { KVM_CAP_##cap, #cap, false, use, without }

const struct kvm_need x86_kvm_needs[] = {
	NEEDED(USER_MEMORY, "guest memory is memory of this process"),
	NEEDED(IRQCHIP, "interrupt controllers in the kernel"),
	NEEDED(IRQ_ROUTING, "interrupts go to the pins of a PC"),
	NEEDED(PIT2, "the 8254 timer in the kernel"),
	NEEDED(IRQFD, "devices raise interrupts through eventfds"),
	NEEDED(IRQFD_RESAMPLE, "level-triggered interrupts, which ACPI's is"),
	NEEDED(EXT_CPUID, "CPUID as the machine's topology has it"),
	NEEDED(IMMEDIATE_EXIT, "stopping a vCPU without losing the request"),
	USED(MP_STATE, "seeing that a guest has halted for good", "such a guest runs until a time limit"),
	USED(SET_TSS_ADDR, "real mode on old Intel CPUs", "a vCPU cannot start there"),
	USED(SET_IDENTITY_MAP_ADDR, "real mode on old Intel CPUs", "a vCPU cannot start there"),
	USED(COALESCED_MMIO, "fewer exits for console output", "each character is an exit of its own"),
	USED(COALESCED_PIO, "fewer exits for console output", "each character is an exit of its own"),
	USED(TSC_DEADLINE_TIMER, "the guest's best timer", "the guest's timer costs more exits"),
	USED(X2APIC_API, "APIC ids beyond 8 bits", "more than 255 vCPUs do not work"),
	USED(USER_NMI, "lkvm nmi", "lkvm nmi does not work"),
	USED(KVMCLOCK_CTRL, "telling a guest that it was paused", "its watchdogs may bark behind lkvm resume"),
	USED(EXT_EMUL_CPUID, "features that KVM emulates, for --cpu max", "--cpu max is --cpu host"),
	{ 0 },
};
