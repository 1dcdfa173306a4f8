/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSI-X of a PCI function.
 */
#ifndef LKVM_PCI_MSIX_H
#define LKVM_PCI_MSIX_H

#include <pthread.h>
#include <stdatomic.h>

#include "irq.h"
#include "types.h"

struct irq_router;
struct pci_function;

#define PCI_MSIX_MAX	2048
#define PCI_MSIX_NONE	0xffff		/* virtio's word for no vector */

/**
 * struct pci_msix_vector - one message
 * @irq:	its eventfd, made when the guest uses it first
 * @deliver:	it goes to the guest now
 * @pending:	it was raised while it could not
 */
struct pci_msix_vector {
	struct irq irq;
	u64 address;
	u32 data;
	u32 control;
	u64 connected_address;
	u32 connected_data;
	bool connected;
	bool failed;
	_Atomic bool deliver;
	_Atomic bool pending;
};

/**
 * struct pci_msix - all of a function's; embed it
 * @lock:	for the table and the control word: the guest reaches the one by memory, the
 *		other by configuration space. Nothing else is locked under it
 */
struct pci_msix {
	struct pci_function *fn;
	struct irq_router *router;
	unsigned int capability;
	unsigned int count;
	pthread_mutex_t lock;
	_Atomic bool enabled;
	bool all_masked;
	struct pci_msix_vector *vectors;
};

int pci_msix_init(struct pci_msix *msix, struct pci_function *fn, unsigned int bar, unsigned int count,
		  struct irq_router *router);
void pci_msix_fini(struct pci_msix *msix);
u64 pci_msix_size(unsigned int count);
u32 pci_msix_read(struct pci_msix *msix, u64 offset, unsigned int size);
void pci_msix_write(struct pci_msix *msix, u64 offset, u32 value, unsigned int size);
void pci_msix_config_written(struct pci_msix *msix);
bool pci_msix_enabled(const struct pci_msix *msix);
void pci_msix_raise(struct pci_msix *msix, unsigned int vector);

#endif /* LKVM_PCI_MSIX_H */
