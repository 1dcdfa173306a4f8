/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI tables: what the machine is, told to the guest.
 */
#ifndef LKVM_ACPI_H
#define LKVM_ACPI_H

#include "types.h"

struct aml;
struct mem;

#define ACPI_CPUS_MAX	4096	/* as many as the names of processor devices allow */

/*
 * Beyond this number of vCPUs the namespace has no processor devices, for which
 * there would be no room: kernels take their CPUs from the MADT.
 */
#define ACPI_CPU_DEVICES_MAX 1024

/**
 * struct acpi_config - what the tables tell
 * @cpus:		number of vCPUs, 1 to ACPI_CPUS_MAX
 * @apic_ids:		the local APIC's id of each, all different
 * @pci_mem64_base:	first address of the 64-bit PCI memory window
 * @pci_mem64_size:	its bytes, 0 for none
 * @pci_intx_slots:	bit n is set if slot n of PCI bus 0 may raise INTA to INTD
 * @uarts:		bit n is set if COM<n + 1> is there
 * @i8042:		there is a keyboard controller
 * @mouse:		and a mouse at it
 * @pvpanic:		there is a pvpanic port
 * @srat:		tell that CPUs and memory belong to NUMA node 0
 */
struct acpi_config {
	unsigned int cpus;
	const u32 *apic_ids;
	u64 pci_mem64_base;
	u64 pci_mem64_size;
	u32 pci_intx_slots;
	unsigned int uarts;
	bool i8042;
	bool mouse;
	bool pvpanic;
	bool srat;
};

int acpi_build(const struct mem *mem, const struct acpi_config *cfg, u64 *rsdp);

/* The definition block of the DSDT, for acpi_build() only. */
void acpi_dsdt_build(struct aml *aml, const struct acpi_config *cfg);

#endif /* LKVM_ACPI_H */
