/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio over PCI.
 */
#ifndef LKVM_VIRTIO_PCI_H
#define LKVM_VIRTIO_PCI_H

#include "types.h"

struct bus;
struct device;
struct doorbells;
struct irq_router;
struct virtio_device;

/**
 * struct virtio_pci_config - where a device is put
 * @host:	the PCI host bridge
 * @devfn:	its place there
 * @mmio:	the bus that its BARs appear on
 * @router:	carries its interrupts
 * @doorbells:	or NULL
 * @gsi:	the interrupt of its line (INTA)
 * @line:	what the configuration space tells of the line's interrupt
 * @window:	guest-physical address for its BARs, moved on behind them
 * @window_end:	where they must end
 */
struct virtio_pci_config {
	struct device *host;
	unsigned int devfn;
	struct bus *mmio;
	struct irq_router *router;
	struct doorbells *doorbells;
	u32 gsi;
	u8 line;
	u64 *window;
	u64 window_end;
};

int virtio_pci_attach(struct virtio_device *dev, const struct virtio_pci_config *cfg);

#endif /* LKVM_VIRTIO_PCI_H */
