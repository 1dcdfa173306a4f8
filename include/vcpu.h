/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual CPU: its thread, its exits, and how to stop it to look at it.
 */
#ifndef LKVM_VCPU_H
#define LKVM_VCPU_H

#include "device.h"
#include "types.h"

struct bus;
struct coalesce;
struct kvm_run;
struct kvm_vm;
struct outcome;
struct vcpu;

/**
 * struct vcpu_exits - exits to user space, by kind
 */
struct vcpu_exits {
	u64 io_in;
	u64 io_out;
	u64 mmio;
	u64 signal;
	u64 other;
};

/**
 * struct vcpu_config - what a vCPU is made of
 * @vm:		the VM
 * @index:	0 for the boot CPU
 * @id:		KVM's id of the vCPU; on x86 its APIC id
 * @ops:	its kind of device: the board's save and load
 * @pio:	where its port accesses go
 * @mmio:	where its memory accesses go that hit no memory
 * @coalesce:	port writes that KVM collects
 * @outcome:	learns of triple faults and of KVM's errors
 * @count_ports: keep a count for each port
 */
struct vcpu_config {
	struct kvm_vm *vm;
	unsigned int index;
	unsigned long id;
	const struct device_ops *ops;
	struct bus *pio;
	struct bus *mmio;
	struct coalesce *coalesce;
	struct outcome *outcome;
	bool count_ports;
};

int vcpu_new(const struct vcpu_config *cfg, struct vcpu **out);
void vcpu_free(struct vcpu *vcpu);

int vcpu_start(struct vcpu *vcpu);
void vcpu_pause(struct vcpu *vcpu);
void vcpu_resume(struct vcpu *vcpu);
void vcpu_stop(struct vcpu *vcpu);

struct device *vcpu_device(struct vcpu *vcpu);
struct vcpu *vcpu_from_device(struct device *dev);
struct kvm_vm *vcpu_vm(const struct vcpu *vcpu);
unsigned int vcpu_index(const struct vcpu *vcpu);
unsigned long vcpu_id(const struct vcpu *vcpu);
int vcpu_ioctl(const struct vcpu *vcpu, unsigned long request, void *arg);
void vcpu_exits(const struct vcpu *vcpu, struct vcpu_exits *sum);
u32 vcpu_port_count(const struct vcpu *vcpu, u16 port);
u64 vcpu_first_run(void);

#endif /* LKVM_VCPU_H */
