/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86 CPUs: what CPUID says, the state at entry, registers for a report, and
 * saving and loading.
 */
#ifndef LKVM_CPU_H
#define LKVM_CPU_H

#include <linux/kvm.h>

#include "types.h"

struct boot_entry;
struct device_ops;
struct kvm_vm;
struct mem;
struct paging;
struct topology;
struct vcpu;
struct cpu_model;

extern const struct device_ops cpu_ops;

/**
 * struct cpu_look - what is to be seen of a vCPU that has stopped
 * @index:	of the vCPU
 * @known:	whether the rest is
 * @mp_state:	KVM's, ~0 if unknown
 * @regs:	its registers
 * @sregs:	the others
 */
struct cpu_look {
	unsigned int index;
	bool known;
	u32 mp_state;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
};

int cpu_model_check(const char *spec);
int cpu_model_new(struct kvm_vm *vm, const char *spec, const struct topology *t, struct cpu_model **out);
void cpu_model_free(struct cpu_model *model);
int cpu_setup(struct vcpu *vcpu, const struct cpu_model *model);
int cpu_enter(struct vcpu *vcpu, struct mem *mem, const struct boot_entry *entry);
bool cpu_halted_for_good(struct vcpu *vcpu, const struct mem *mem);
void cpu_paging(const struct kvm_sregs *sregs, const struct mem *mem, struct paging *p);
void cpu_look(struct vcpu *vcpu, struct cpu_look *look);

#endif /* LKVM_CPU_H */
