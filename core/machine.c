// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic wiring of a machine, and its order.
 *
 * A fresh machine, a rebooted one and later a restored one are all built here. The
 * order is KVM's: memory slots before interrupt controllers before irqfds and vCPUs
 * (core/kvm-vm.c). Taking it down goes the other way round: vCPUs, then the devices'
 * loop, then devices in reverse order of their creation, then memory and the VM.
 */
#include <errno.h>
#include <unistd.h>

#include "bus.h"
#include "coalesce.h"
#include "kvm-irqs.h"
#include "kvm.h"
#include "log.h"
#include "loop.h"
#include "machine.h"
#include "mem.h"
#include "util.h"

#define PIO_LIMIT  0x10000
#define MMIO_LIMIT (1ULL << 52)		/* no x86 CPU has more physical address bits */

static int build(struct machine *m)
{
	const struct board *b = m->board;
	bool dry = m->cfg->dry;
	int err;

	err = dry ? 0 : kvm_vm_new(m->cfg->kvm_path, &m->vm);
	if (!err)
		err = b->memory(m);
	if (!err && !dry)
		err = kvm_vm_set_mem(m->vm, m->mem);
	if (!err && !dry)
		err = b->irqchip(m);
	if (!err && !dry) {
		m->coalesce = coalesce_new(m->vm, m->pio, m->loop);
		err = m->coalesce ? 0 : error(-ENOMEM, "machine");
	}
	if (!err)
		err = b->chips(m);
	if (!err && !dry)
		err = b->cpus(m);
	if (!err)
		err = b->boot(m);
	return err;
}

/**
 * machine_new() - build a machine that is ready to start
 * @cfg:	what to build; outlives the machine
 * @board:	how
 * @out:	set to the machine
 *
 * Return: 0 or -errno, said.
 */
int machine_new(const struct machine_config *cfg, const struct board *board, struct machine **out)
{
	struct machine *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return error(-ENOMEM, "machine");
	m->cfg = cfg;
	m->board = board;
	TAILQ_INIT(&m->devices);
	m->mem = mem_new();
	m->pio = bus_new("ports", PIO_LIMIT);
	m->mmio = bus_new("memory", MMIO_LIMIT);
	m->cpus = calloc(cfg->cpus.cpus, sizeof(m->cpus[0]));
	m->loop = loop_new("devices");
	if (!m->loop)
		err = error(-errno, "loop of the devices");
	else if (!m->mem || !m->pio || !m->mmio || !m->cpus)
		err = error(-ENOMEM, "machine");
	else
		err = build(m);
	if (err) {
		machine_free(m);
		return err;
	}
	*out = m;
	return 0;
}

/* All but the VM and its memory. */
static void take_down(struct machine *m)
{
	struct device *dev;

	machine_stop(m);
	/* No thread but ours from here on: no access and no callback reaches a device. */
	if (m->loop)
		loop_halt(m->loop);
	for (unsigned int i = 0; i < m->io_loop_count; i++)
		loop_halt(m->io_loops[i]);
	for (unsigned int i = 0; i < m->cpu_count; i++)
		vcpu_free(m->cpus[i]);
	free(m->cpus);
	coalesce_free(m->coalesce);
	while ((dev = TAILQ_LAST(&m->devices, device_list))) {
		TAILQ_REMOVE(&m->devices, dev, node);
		device_destroy(dev);
	}
	if (m->data)
		m->board->destroy(m);
	kvm_irqs_free(m->irqs);
	loop_free(m->loop);
	for (unsigned int i = 0; i < m->io_loop_count; i++)
		loop_free(m->io_loops[i]);
	free(m->io_loops);
	bus_free(m->pio);
	bus_free(m->mmio);
}

/**
 * machine_free() - stop a machine and take it down
 */
void machine_free(struct machine *m)
{
	if (!m)
		return;
	take_down(m);
	kvm_vm_free(m->vm);
	mem_free(m->mem);
	free(m);
}

/**
 * machine_leave() - the same at the end of the process, without waiting for the kernel
 */
void machine_leave(struct machine *m)
{
	if (!m)
		return;
	take_down(m);
	if (m->vm)
		kvm_vm_forget_mem(m->vm);
	mem_free(m->mem);
	kvm_vm_leave(m->vm);
	free(m);
}

/**
 * machine_add() - hand a device over to the machine
 */
void machine_add(struct machine *m, struct device *dev)
{
	TAILQ_INSERT_TAIL(&m->devices, dev, node);
}

/**
 * machine_add_cpu() - hand a vCPU over to the machine, in the order of their indexes
 *
 * Return: 0, or -ENOSPC beyond the configured number.
 */
int machine_add_cpu(struct machine *m, struct vcpu *vcpu)
{
	if (m->cpu_count == m->cfg->cpus.cpus)
		return -ENOSPC;
	m->cpus[m->cpu_count++] = vcpu;
	return 0;
}

/**
 * machine_io_loop() - a loop for one more virtio device, while the machine is built
 *
 * Return: the loop, or NULL, said.
 */
struct loop *machine_io_loop(struct machine *m)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct loop **loops;

	if (m->io_loop_count && m->io_loop_count >= (unsigned int)max(cpus, 1L))
		return m->io_loops[m->io_loop_next++ % m->io_loop_count];
	loops = realloc(m->io_loops, (m->io_loop_count + 1) * sizeof(*loops));
	if (loops)
		m->io_loops = loops;
	if (!loops || !(loops[m->io_loop_count] = loop_new("virtio"))) {
		error(-errno, "loop of a virtio device");
		return NULL;
	}
	return loops[m->io_loop_count++];
}

/**
 * machine_start() - let the guest run
 *
 * Return: 0 or -errno, said.
 */
int machine_start(struct machine *m)
{
	int err = loop_start(m->loop);

	for (unsigned int i = 0; i < m->io_loop_count && !err; i++)
		err = loop_start(m->io_loops[i]);
	if (err)
		return error(err, "thread of the devices");
	for (unsigned int i = 0; i < m->cpu_count && !err; i++)
		err = vcpu_start(m->cpus[i]);
	return err;
}

/**
 * machine_pause() - park all vCPUs; their registers are true afterwards
 *
 * Pauses nest: as many resumes let them run on. On the main thread.
 */
void machine_pause(struct machine *m)
{
	if (m->pauses++)
		return;
	for (unsigned int i = 0; i < m->cpu_count; i++)
		vcpu_pause(m->cpus[i]);
}

/**
 * machine_resume() - let parked vCPUs run on, if nobody else has paused them
 */
void machine_resume(struct machine *m)
{
	BUG_ON(!m->pauses);
	if (--m->pauses)
		return;
	for (unsigned int i = 0; i < m->cpu_count; i++)
		vcpu_resume(m->cpus[i]);
}

/**
 * machine_tick() - what must happen now and then, while the machine runs
 */
void machine_tick(struct machine *m)
{
	coalesce_drain(m->coalesce);
}

/**
 * machine_stop() - end all vCPU threads; registers stay readable
 */
void machine_stop(struct machine *m)
{
	for (unsigned int i = 0; i < m->cpu_count; i++)
		vcpu_stop(m->cpus[i]);
}

/**
 * machine_halted() - whether the guest has halted for good
 *
 * All vCPUs come out of the guest for it, some microseconds.
 */
bool machine_halted(struct machine *m)
{
	bool halted;

	machine_pause(m);
	halted = m->board->halted(m);
	machine_resume(m);
	return halted;
}

/**
 * machine_exits() - add the exits of all vCPUs to a sum; they are stopped
 */
void machine_exits(const struct machine *m, struct vcpu_exits *sum)
{
	for (unsigned int i = 0; i < m->cpu_count; i++)
		vcpu_exits(m->cpus[i], sum);
}

/**
 * machine_port_exits() - exits of all vCPUs for one port, when they were counted
 */
u64 machine_port_exits(const struct machine *m, u16 port)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < m->cpu_count; i++)
		sum += vcpu_port_count(m->cpus[i], port);
	return sum;
}
