/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual machine of the Linux KVM API: the ioctls of /dev/kvm and of the VM.
 */
#ifndef LKVM_KVM_H
#define LKVM_KVM_H

#include "types.h"

struct kvm_vm;
struct mem;

int kvm_vm_new(const char *path, struct kvm_vm **out);
void kvm_vm_free(struct kvm_vm *vm);
void kvm_vm_leave(struct kvm_vm *vm);

int kvm_system_ioctl(const struct kvm_vm *vm, unsigned long request, void *arg);
int kvm_vm_ioctl(const struct kvm_vm *vm, unsigned long request, void *arg);
int kvm_vm_check(const struct kvm_vm *vm, unsigned int cap);
int kvm_vm_enable(const struct kvm_vm *vm, unsigned int cap, u64 arg);
size_t kvm_vm_run_size(const struct kvm_vm *vm);
const char *kvm_vm_path(const struct kvm_vm *vm);

int kvm_vm_set_mem(struct kvm_vm *vm, struct mem *mem);
void kvm_vm_forget_mem(struct kvm_vm *vm);
int kvm_vm_set_line(const struct kvm_vm *vm, u32 gsi, bool level);

#endif /* LKVM_KVM_H */
