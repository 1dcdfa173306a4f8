/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine: memory, buses, devices and vCPUs, built by a board from a configuration.
 */
#ifndef LKVM_MACHINE_H
#define LKVM_MACHINE_H

#include <stdio.h>

#include "device.h"
#include "topology.h"
#include "types.h"
#include "vcpu.h"

struct board;
struct boot_image;
struct bus;
struct chr;
struct coalesce;
struct irq;
struct kvm_irqs;
struct kvm_vm;
struct loop;
struct machine;
struct mem;
struct outcome;
struct virtio_spec;

#define MACHINE_UARTS 4

/**
 * struct machine_config - what to build; all it points to outlives the machine
 * @name:	of the VM
 * @kvm_path:	KVM's device
 * @cpus:	how many, and how they share cores and sockets
 * @cpu_model:	the words of --cpu, or NULL
 * @mem_size:	bytes of guest memory
 * @hugetlbfs:	mount to take it from, or NULL
 * @image:	the kernel
 * @kernel:	its path
 * @symbols:	a vmlinux or System.map of it, or NULL
 * @cmdline:	its command line
 * @initrds:	paths of what is loaded beside it
 * @initrd_count: how many
 * @smbios_strings: OEM strings
 * @smbios_count: how many
 * @uarts:	the backend of each UART; NULL for one with nothing attached
 * @debug:	gets what the guest writes to the debug ports, or NULL
 * @outcome:	learns how the guest ends
 * @numa:	describe memory and CPUs in an SRAT
 * @debug_exit:	have the isa-debug-exit port
 * @test_device: have the device of small test kernels
 * @count_ports: keep a count of exits for each port
 * @dry:	build what can be built without KVM, to look at it
 * @virtio:	virtio devices, in the order of their places on the bus
 * @virtio_count: how many
 */
struct machine_config {
	const char *name;
	const char *kvm_path;
	struct topology cpus;
	const char *cpu_model;
	u64 mem_size;
	const char *hugetlbfs;
	struct boot_image *image;
	const char *kernel;
	const char *symbols;
	const char *cmdline;
	const char *const *initrds;
	unsigned int initrd_count;
	const char *const *smbios_strings;
	unsigned int smbios_count;
	struct chr *uarts[MACHINE_UARTS];
	struct chr *debug;
	struct outcome *outcome;
	bool numa;
	bool debug_exit;
	bool test_device;
	bool count_ports;
	bool dry;
	const struct virtio_spec *virtio;
	unsigned int virtio_count;
};

/**
 * struct board - what machines of one architecture have; each function returns 0 or
 * -errno, said, and they are called in this order
 * @name:	for messages and descriptions
 * @memory:	add the regions
 * @irqchip:	create the interrupt controllers; not on a dry run
 * @chips:	create the devices and put them on the buses
 * @cpus:	create the vCPUs; not on a dry run
 * @boot:	firmware tables, kernel, entry state
 * @destroy:	free what the board keeps for itself; the devices are gone
 * @halted:	whether no vCPU can ever go on; they are parked
 * @report:	print where all vCPUs are, for the user; they are parked or stopped
 * @power_button: press it; whether the guest listens to it
 * @hold:	the user keeps the guest from running, for long perhaps; its vCPUs are parked
 * @nmi:	send a parked vCPU an NMI: 0 or -errno; -ESRCH for one that was not started
 * @sysrq:	type a magic SysRq key: on what, or NULL where the guest listens to nothing
 * @spoke:	when user space first wrote to the console, CLOCK_MONOTONIC in ns, or 0
 */
struct board {
	const char *name;
	int (*memory)(struct machine *m);
	int (*irqchip)(struct machine *m);
	int (*chips)(struct machine *m);
	int (*cpus)(struct machine *m);
	int (*boot)(struct machine *m);
	void (*destroy)(struct machine *m);
	bool (*halted)(struct machine *m);
	void (*report)(struct machine *m, FILE *f);
	bool (*power_button)(struct machine *m);
	void (*hold)(struct machine *m);
	int (*nmi)(struct machine *m, struct vcpu *vcpu);
	const char *(*sysrq)(struct machine *m, char key);
	u64 (*spoke)(struct machine *m);
};

/**
 * struct machine - what board code works with
 * @loop:	where register devices have timers and host descriptors; its thread runs from
 *		machine_start() on
 * @io_loops:	the same for virtio devices: no more than the host has CPUs, shared by them
 * @data:	the board's own
 */
struct machine {
	const struct machine_config *cfg;
	const struct board *board;
	struct kvm_vm *vm;
	struct kvm_irqs *irqs;		/* by the board's irqchip(); NULL on a dry run */
	struct mem *mem;
	struct bus *pio;
	struct bus *mmio;
	struct coalesce *coalesce;	/* NULL on a dry run */
	struct loop *loop;
	struct loop **io_loops;
	unsigned int io_loop_count, io_loop_next;
	struct device_list devices;
	struct vcpu **cpus;
	unsigned int cpu_count;
	unsigned int pauses;		/* that were not resumed yet */
	void *data;
};

int machine_new(const struct machine_config *cfg, const struct board *board, struct machine **out);
void machine_free(struct machine *m);
void machine_leave(struct machine *m);

/* For boards. */
struct loop *machine_io_loop(struct machine *m);
void machine_add(struct machine *m, struct device *dev);
int machine_add_cpu(struct machine *m, struct vcpu *vcpu);

int machine_start(struct machine *m);
void machine_pause(struct machine *m);
void machine_resume(struct machine *m);
void machine_stop(struct machine *m);
void machine_tick(struct machine *m);

bool machine_halted(struct machine *m);
void machine_exits(const struct machine *m, struct vcpu_exits *sum);
u64 machine_port_exits(const struct machine *m, u16 port);

#endif /* LKVM_MACHINE_H */
