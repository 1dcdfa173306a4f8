/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interrupt controllers and the timer that KVM has in the kernel.
 */
#ifndef LKVM_IRQCHIP_H
#define LKVM_IRQCHIP_H

struct device;
struct kvm_irqs;
struct kvm_vm;

int irqchip_new(struct kvm_vm *vm, struct kvm_irqs *irqs, struct device **out);

#endif /* LKVM_IRQCHIP_H */
