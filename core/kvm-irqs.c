// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of a VM: KVM's routing table (KVM_SET_GSI_ROUTING), irqfds, and ioeventfds
 * as doorbells.
 *
 * The table is set as a whole. Its first entries are the pins of the interrupt controllers, which
 * the board adds; messages get interrupt numbers behind them as they are connected first. Devices
 * connect them from vCPU threads, so there is a lock. An irqfd goes when its eventfd is closed.
 *
 * Left out: numbers of messages are not given back, since no function leaves a running machine.
 */
#include <errno.h>
#include <pthread.h>

#include <linux/kvm.h>

#include "doorbell.h"
#include "irq-router.h"
#include "irq.h"
#include "kvm-irqs.h"
#include "kvm.h"
#include "log.h"
#include "util.h"

struct kvm_irqs {
	struct kvm_vm *vm;
	struct irq_router router;
	struct doorbells doorbells;
	pthread_mutex_t lock;
	u32 pins;			/* numbers below are pins, from here on messages */
	u32 next, limit;		/* numbers of messages */
	struct kvm_irq_routing *table;
	unsigned int capacity;
	bool any_length;		/* KVM takes doorbells of any size */
};

static int make_room(struct kvm_irqs *irqs)
{
	unsigned int capacity = irqs->capacity ? 2 * irqs->capacity : 64;
	struct kvm_irq_routing *table;

	if (irqs->table && irqs->table->nr < irqs->capacity)
		return 0;
	table = realloc(irqs->table, sizeof(*table) + capacity * sizeof(table->entries[0]));
	if (!table)
		return -ENOMEM;
	if (!irqs->table)
		*table = (struct kvm_irq_routing){ 0 };
	irqs->table = table;
	irqs->capacity = capacity;
	return 0;
}

static int add(struct kvm_irqs *irqs, const struct kvm_irq_routing_entry *entry)
{
	int err = make_room(irqs);

	if (!err)
		irqs->table->entries[irqs->table->nr++] = *entry;
	return err;
}

/**
 * kvm_irqs_pin() - let an interrupt be a pin of an interrupt controller; it may be of several
 * @gsi:	its number
 * @chip:	KVM_IRQCHIP_*
 * @pin:	of the chip
 *
 * Return: 0 or -ENOMEM, not said. kvm_irqs_commit() makes it so.
 */
int kvm_irqs_pin(struct kvm_irqs *irqs, u32 gsi, u32 chip, u32 pin)
{
	return add(irqs, &(struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	});
}

/**
 * kvm_irqs_commit() - give KVM the table
 *
 * Return: 0 or -errno, not said.
 */
int kvm_irqs_commit(struct kvm_irqs *irqs)
{
	return kvm_vm_ioctl(irqs->vm, KVM_SET_GSI_ROUTING, irqs->table);
}

/* --- irqfds -------------------------------------------------------------------- */

static int irqfd(struct kvm_irqs *irqs, const struct irq *irq)
{
	struct kvm_irqfd arg = { .fd = irq->fd, .gsi = irq->gsi };

	if (irq->resample_fd >= 0) {
		arg.flags = KVM_IRQFD_FLAG_RESAMPLE;
		arg.resamplefd = irq->resample_fd;
	}
	return kvm_vm_ioctl(irqs->vm, KVM_IRQFD, &arg);
}

/**
 * kvm_irqs_connect() - let KVM deliver a pin's interrupt whenever its eventfd is written
 * @irq:	edge-triggered, or with a resample descriptor level-triggered
 *
 * Return: 0 or -errno, said.
 */
int kvm_irqs_connect(struct kvm_irqs *irqs, const struct irq *irq)
{
	int err = irqfd(irqs, irq);

	return err < 0 ? error(err, "KVM_IRQFD for interrupt %u", irq->gsi) : 0;
}

static struct kvm_irq_routing_entry *find(struct kvm_irqs *irqs, u32 gsi)
{
	for (u32 i = 0; i < irqs->table->nr; i++)
		if (irqs->table->entries[i].gsi == gsi)
			return &irqs->table->entries[i];
	return NULL;
}

static int new_message(struct kvm_irqs *irqs, struct irq *irq, struct kvm_irq_routing_entry *entry)
{
	int err;

	if (irqs->next == irqs->limit)
		return -ENOSPC;
	entry->gsi = irqs->next;
	err = add(irqs, entry);
	if (err)
		return err;
	irq->gsi = irqs->next++;
	err = kvm_irqs_commit(irqs);
	return err ? err : irqfd(irqs, irq);
}

static int message(struct irq_router *router, struct irq *irq, u64 address, u32 data)
{
	struct kvm_irqs *irqs = container_of(router, struct kvm_irqs, router);
	struct kvm_irq_routing_entry *old, entry = {
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = address, .address_hi = address >> 32, .data = data },
	};
	int err;

	pthread_mutex_lock(&irqs->lock);
	old = irq->gsi >= irqs->pins ? find(irqs, irq->gsi) : NULL;
	if (old) {
		old->u = entry.u;
		err = kvm_irqs_commit(irqs);
	} else {
		err = new_message(irqs, irq, &entry);
	}
	pthread_mutex_unlock(&irqs->lock);
	return err;
}

static int line(struct irq_router *router, struct irq *irq)
{
	return irqfd(container_of(router, struct kvm_irqs, router), irq);
}

/* --- doorbells ------------------------------------------------------------------- */

static int set_doorbell(struct doorbells *d, const struct doorbell *bell, bool on)
{
	struct kvm_irqs *irqs = container_of(d, struct kvm_irqs, doorbells);
	struct kvm_ioeventfd arg = {
		.datamatch = bell->value,
		.addr = bell->addr,
		.len = bell->size,
		.fd = bell->fd,
		.flags = (bell->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0) | (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};

	if (!bell->size && !irqs->any_length)
		return -EOPNOTSUPP;
	return kvm_vm_ioctl(irqs->vm, KVM_IOEVENTFD, &arg);
}

/* --- making ---------------------------------------------------------------------- */

/**
 * kvm_irqs_new() - begin a VM's routing, with no route
 * @vm:		has its interrupt controllers when kvm_irqs_commit() is called
 * @pins:	how many interrupt numbers are kept for pins
 *
 * Return: the routing, or NULL without memory.
 */
struct kvm_irqs *kvm_irqs_new(struct kvm_vm *vm, u32 pins)
{
	struct kvm_irqs *irqs = calloc(1, sizeof(*irqs));
	int limit = kvm_vm_check(vm, KVM_CAP_IRQ_ROUTING);

	if (!irqs)
		return NULL;
	irqs->vm = vm;
	irqs->pins = pins;
	irqs->next = pins;
	irqs->limit = limit > (int)pins ? (u32)limit : pins;
	irqs->any_length = kvm_vm_check(vm, KVM_CAP_IOEVENTFD_ANY_LENGTH) > 0;
	irqs->router = (struct irq_router){ message, line };
	irqs->doorbells = (struct doorbells){ set_doorbell };
	pthread_mutex_init(&irqs->lock, NULL);
	if (make_room(irqs)) {
		kvm_irqs_free(irqs);
		return NULL;
	}
	return irqs;
}

/**
 * kvm_irqs_free() - forget the routing; the VM keeps it
 */
void kvm_irqs_free(struct kvm_irqs *irqs)
{
	if (!irqs)
		return;
	pthread_mutex_destroy(&irqs->lock);
	free(irqs->table);
	free(irqs);
}

/**
 * kvm_irqs_router() - what PCI functions connect their interrupts by
 */
struct irq_router *kvm_irqs_router(struct kvm_irqs *irqs)
{
	return &irqs->router;
}

/**
 * kvm_irqs_doorbells() - KVM's ioeventfds
 */
struct doorbells *kvm_irqs_doorbells(struct kvm_irqs *irqs)
{
	return &irqs->doorbells;
}
