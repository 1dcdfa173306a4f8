/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86 CPUs: what CPUID says, the state at entry, registers for a report, and
 * saving and loading.
 */
#ifndef LKVM_CPU_H
#define LKVM_CPU_H

#include "types.h"

struct boot_entry;
struct device_ops;
struct kvm_vm;
struct mem;
struct topology;
struct vcpu;
struct cpu_model;

extern const struct device_ops cpu_ops;

int cpu_model_check(const char *spec);
int cpu_model_new(struct kvm_vm *vm, const char *spec, const struct topology *t, struct cpu_model **out);
void cpu_model_free(struct cpu_model *model);
int cpu_setup(struct vcpu *vcpu, const struct cpu_model *model);
int cpu_enter(struct vcpu *vcpu, struct mem *mem, const struct boot_entry *entry);
bool cpu_halted_for_good(struct vcpu *vcpu, const struct mem *mem);
void cpu_print(struct vcpu *vcpu, const struct mem *mem);

#endif /* LKVM_CPU_H */
