/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM's interrupt routing: which pins and messages the global system interrupts of a VM
 * are, irqfds that raise them, and doorbells.
 */
#ifndef LKVM_KVM_IRQS_H
#define LKVM_KVM_IRQS_H

#include "types.h"

struct doorbells;
struct irq;
struct irq_router;
struct kvm_irqs;
struct kvm_vm;

struct kvm_irqs *kvm_irqs_new(struct kvm_vm *vm, u32 pins);
void kvm_irqs_free(struct kvm_irqs *irqs);
int kvm_irqs_pin(struct kvm_irqs *irqs, u32 gsi, u32 chip, u32 pin);
int kvm_irqs_commit(struct kvm_irqs *irqs);
int kvm_irqs_connect(struct kvm_irqs *irqs, const struct irq *irq);
struct irq_router *kvm_irqs_router(struct kvm_irqs *irqs);
struct doorbells *kvm_irqs_doorbells(struct kvm_irqs *irqs);

#endif /* LKVM_KVM_IRQS_H */
