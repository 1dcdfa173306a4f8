/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MP table: CPUs and interrupts for kernels without ACPI.
 */
#ifndef LKVM_MPTABLE_H
#define LKVM_MPTABLE_H

#include "types.h"

struct mem;

/**
 * struct mptable_config - what the table tells
 * @cpus:		number of vCPUs; the first one is the boot processor
 * @apic_ids:		the local APIC's id of each
 * @signature:		EAX of CPUID leaf 1
 * @features:		EDX of CPUID leaf 1
 * @pci_intx_slots:	bit n is set if slot n of PCI bus 0 may raise INTA to INTD
 */
struct mptable_config {
	unsigned int cpus;
	const u32 *apic_ids;
	u32 signature;
	u32 features;
	u32 pci_intx_slots;
};

int mptable_build(const struct mem *mem, const struct mptable_config *cfg);

#endif /* LKVM_MPTABLE_H */
