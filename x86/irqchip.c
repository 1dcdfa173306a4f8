// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM's in-kernel interrupt controllers - two 8259A, an 82093AA I/O APIC, and a local
 * APIC per vCPU - its 8254 timer, and its clock. Here they are created, and saved
 * and loaded as one device; local APICs belong to their vCPUs (x86/cpu-state.c).
 *
 * The routing is a PC's: ISA interrupts go to both kinds of controller, the timer to pin 2
 * of the I/O APIC (KVM's own default has it at pin 0, where no kernel looks for it), and
 * each pin has one interrupt only, by which KVM finds the device that its acknowledgement is for.
 */
#include <errno.h>

#include <linux/kvm.h>

#include "device.h"
#include "irqchip.h"
#include "kvm-irqs.h"
#include "kvm.h"
#include "layout.h"
#include "log.h"
#include "state.h"
#include "util.h"

struct irqchip {
	struct device dev;
	struct kvm_vm *vm;
};

static const char *const chip_names[] = {
	[KVM_IRQCHIP_PIC_MASTER] = "pic-master",
	[KVM_IRQCHIP_PIC_SLAVE] = "pic-slave",
	[KVM_IRQCHIP_IOAPIC] = "ioapic",
};

static void irqchip_state(struct device *dev, struct state *st)
{
	struct irqchip *ic = container_of(dev, struct irqchip, dev);
	struct kvm_irqchip chips[ARRAY_SIZE(chip_names)];
	struct kvm_pit_state2 pit = {};
	struct kvm_clock_data clock = {};
	bool failed = false;

	state_version(st, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(chips); i++) {
		chips[i] = (struct kvm_irqchip){ .chip_id = i };
		if (!state_loading(st))
			failed |= kvm_vm_ioctl(ic->vm, KVM_GET_IRQCHIP, &chips[i]) < 0;
		state_bytes(st, chip_names[i], chips[i].chip.dummy, sizeof(chips[i].chip.dummy));
	}
	if (!state_loading(st)) {
		failed |= kvm_vm_ioctl(ic->vm, KVM_GET_PIT2, &pit) < 0;
		failed |= kvm_vm_ioctl(ic->vm, KVM_GET_CLOCK, &clock) < 0;
	}
	state_bytes(st, "pit", &pit, sizeof(pit));
	state_u64(st, "clock", (u64 *)&clock.clock);
	if (state_commit(st)) {
		for (unsigned int i = 0; i < ARRAY_SIZE(chips); i++)
			failed |= kvm_vm_ioctl(ic->vm, KVM_SET_IRQCHIP, &chips[i]) < 0;
		clock.flags = 0;
		failed |= kvm_vm_ioctl(ic->vm, KVM_SET_PIT2, &pit) < 0;
		failed |= kvm_vm_ioctl(ic->vm, KVM_SET_CLOCK, &clock) < 0;
	}
	if (failed)
		state_fail(st, "irqchip");
}

static void irqchip_destroy(struct device *dev)
{
	struct irqchip *ic = container_of(dev, struct irqchip, dev);

	/* The chips themselves go with the VM. */
	device_fini(dev);
	free(ic);
}

static const struct device_ops irqchip_ops = {
	.name = "irqchip",
	.state = irqchip_state,
	.destroy = irqchip_destroy,
};

static int set_routing(struct kvm_irqs *irqs)
{
	int err = 0;

	for (u32 gsi = 0; gsi < GSI_COUNT && !err; gsi++) {
		if (gsi < 8)
			err = kvm_irqs_pin(irqs, gsi, KVM_IRQCHIP_PIC_MASTER, gsi);
		else if (gsi < 16)
			err = kvm_irqs_pin(irqs, gsi, KVM_IRQCHIP_PIC_SLAVE, gsi - 8);
		if (err)
			break;
		if (gsi == GSI_TIMER)
			err = kvm_irqs_pin(irqs, gsi, KVM_IRQCHIP_IOAPIC, 2);
		else if (gsi != 2)	/* the PICs' cascade */
			err = kvm_irqs_pin(irqs, gsi, KVM_IRQCHIP_IOAPIC, gsi);
	}
	return err ? err : kvm_irqs_commit(irqs);
}

/**
 * irqchip_new() - create the interrupt controllers and the timer
 * @vm:		a VM that has its memory and has no vCPU yet
 * @irqs:	its routing, without a route
 * @out:	set to the device that saves and loads them
 *
 * Return: 0 or -errno, said.
 */
int irqchip_new(struct kvm_vm *vm, struct kvm_irqs *irqs, struct device **out)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	u64 identity = LAYOUT_KVM_IDENTITY;
	struct irqchip *ic;
	int err;

	/* Needed by Intel CPUs without unrestricted guest; others ignore both. */
	kvm_vm_ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	kvm_vm_ioctl(vm, KVM_SET_TSS_ADDR, (void *)(uintptr_t)LAYOUT_KVM_TSS);

	err = kvm_vm_ioctl(vm, KVM_CREATE_IRQCHIP, NULL);
	if (err < 0)
		return error(err, "%s: cannot create the interrupt controllers", kvm_vm_path(vm));
	err = kvm_vm_ioctl(vm, KVM_CREATE_PIT2, &pit);
	if (err < 0)
		return error(err, "%s: cannot create the timer", kvm_vm_path(vm));
	err = set_routing(irqs);
	if (err < 0)
		return error(err, "%s: cannot route interrupts", kvm_vm_path(vm));
	/* APIC ids beyond 8 bits, and none of them is a broadcast. */
	kvm_vm_enable(vm, KVM_CAP_X2APIC_API,
		      KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);

	ic = calloc(1, sizeof(*ic));
	if (!ic)
		return error(-ENOMEM, "interrupt controllers");
	device_init(&ic->dev, &irqchip_ops, 0);
	ic->vm = vm;
	*out = &ic->dev;
	return 0;
}
