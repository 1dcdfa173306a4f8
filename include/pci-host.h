/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PCI host bridge: one root bus of 32 slots with 8 functions each, reached by
 * ports (configuration mechanism #1) and by memory (ECAM).
 *
 * To add a function: embed struct pci_function, give it its ops, describe its
 * configuration space with the pci_function_*() calls below, and hand it over with
 * pci_host_add().
 */
#ifndef LKVM_PCI_HOST_H
#define LKVM_PCI_HOST_H

#include <linux/pci.h>

#include "types.h"

struct bus_ops;
struct device;
struct outcome;
struct pci_function;

#define PCI_HOST_PORTS		8		/* 0xcf8 to 0xcff */
#define PCI_HOST_ECAM_BUS	(1ULL << 20)	/* bytes of ECAM a bus takes */
#define PCI_HOST_FUNCTIONS	256

/* The kinds of base address register. */
enum pci_bar_kind {
	PCI_BAR_MEM32	= PCI_BASE_ADDRESS_SPACE_MEMORY,
	PCI_BAR_IO	= PCI_BASE_ADDRESS_SPACE_IO,
	/* These take the next register too. */
	PCI_BAR_MEM64	= PCI_BASE_ADDRESS_MEM_TYPE_64,
	PCI_BAR_MEM64_PREFETCH = PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
};

/**
 * struct pci_bar - one base address register
 * @size:	bytes decoded, a power of two; 0 if there is none
 * @addr:	where the guest has put it
 * @kind:	what it decodes
 * @enabled:	the guest has switched this kind of decoding on
 */
struct pci_bar {
	u64 size;
	u64 addr;
	enum pci_bar_kind kind;
	bool enabled;
};

/**
 * struct pci_function_ops - what a function is told of; each may be NULL
 * @config_read:	the guest is about to read @size bytes at @offset: the
 *			moment to refresh bytes that change by themselves
 * @config_write:	the guest has written there; only the bits that it may
 *			write have changed
 * @bar_changed:	the window that @bar decodes was switched on or off, or
 *			moved while it was on; @old is what it was before
 *
 * They run with the lock of the PCI host held. They may take their own device's lock then, and
 * nobody who holds a device's lock calls the PCI host.
 */
struct pci_function_ops {
	void (*config_read)(struct pci_function *fn, unsigned int offset, unsigned int size);
	void (*config_write)(struct pci_function *fn, unsigned int offset, unsigned int size);
	void (*bar_changed)(struct pci_function *fn, unsigned int bar, const struct pci_bar *old);
};

/**
 * struct pci_function - one function on the bus; embed it
 * @ops:	its callbacks
 * @config:	its configuration space
 * @mask:	a set bit is one that the guest may write, and that a reset clears
 * @size:	of both: PCI_CFG_SPACE_SIZE or PCI_CFG_SPACE_EXP_SIZE bytes
 * @cap_last:	offset of the last capability, or 0
 * @cap_end:	where the next one goes
 * @bars:	what the base address registers decode
 */
struct pci_function {
	const struct pci_function_ops *ops;
	u8 *config;
	u8 *mask;
	unsigned int size;
	unsigned int cap_last;
	unsigned int cap_end;
	struct pci_bar bars[PCI_STD_NUM_BARS];
};

/**
 * struct pci_id - who a function says it is
 */
struct pci_id {
	u16 vendor;
	u16 device;
	u16 subsystem_vendor;
	u16 subsystem;
	u32 class_code;		/* base class, sub-class, interface: 24 bits */
	u8 revision;
};

/* For the two ranges of the one device: ports, and memory. */
extern const struct bus_ops pci_host_port_bus_ops;
extern const struct bus_ops pci_host_ecam_bus_ops;

struct device *pci_host_new(struct outcome *outcome);
int pci_host_add(struct device *dev, unsigned int devfn, struct pci_function *fn);
void pci_host_remove(struct device *dev, unsigned int devfn);

int pci_function_init(struct pci_function *fn, const struct pci_function_ops *ops, unsigned int size,
		      const struct pci_id *id);
void pci_function_fini(struct pci_function *fn);
int pci_function_bar(struct pci_function *fn, unsigned int bar, enum pci_bar_kind kind, u64 size);
int pci_function_capability(struct pci_function *fn, u8 id, unsigned int len);
u32 pci_function_get(const struct pci_function *fn, unsigned int offset, unsigned int size);
void pci_function_set(struct pci_function *fn, unsigned int offset, unsigned int size,
		      u32 value, u32 writable);

#endif /* LKVM_PCI_HOST_H */
