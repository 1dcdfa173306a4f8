/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest-physical map and the port map of an x86 machine: each address once.
 *
 *	0x00000500	GDT for the entry
 *	0x00007000	zero page (struct boot_params); PVH start info; Multiboot info
 *	0x00009000	page tables of the entry: PML4, PDPT, 4 page directories
 *	0x00010000	command line
 *	0x00020000	memory maps and module lists of PVH and Multiboot
 *	0x0009fc00	EBDA: end of conventional memory, reserved
 *	0x000a0000	VGA and option ROM area: backed by memory, so that a kernel
 *			that probes it costs no exits, but reserved
 *	0x000d0000	ACPI tables
 *	0x000f0000	RSDP, SMBIOS, MP table: where a kernel scans for them
 *	0x00100000	memory
 *	0xc0000000	end of low memory; PCI memory window
 *	0xe0000000	PCI ECAM
 *	0xfec00000	I/O APIC
 *	0xfee00000	local APIC
 *	0xfeffc000	identity map page and TSS that KVM needs on old Intel CPUs
 *	0xff000000	memory of the test device, if there is one
 *	0xff000000	firmware's ROM, if there is one: it ends at 4 GiB
 *	0x100000000	the rest of memory, then the 64-bit PCI memory window
 */
#ifndef LKVM_X86_LAYOUT_H
#define LKVM_X86_LAYOUT_H

#define LAYOUT_BIOS_DATA_END	0x500
#define LAYOUT_GDT		0x500
#define LAYOUT_IDT		0x520
#define LAYOUT_ZERO_PAGE	0x7000
#define LAYOUT_PAGE_TABLES	0x9000
#define LAYOUT_CMDLINE		0x10000
#define LAYOUT_CMDLINE_SIZE	0x10000
#define LAYOUT_BOOT_DATA	0x20000
#define LAYOUT_BOOT_DATA_SIZE	0x10000

#define LAYOUT_EBDA		0x9fc00
#define LAYOUT_VGA		0xa0000
#define LAYOUT_ACPI		0xd0000
#define LAYOUT_ACPI_SIZE	0x20000
#define LAYOUT_BIOS		0xf0000
#define LAYOUT_RSDP		0xf0000
#define LAYOUT_SMBIOS		0xf0100
#define LAYOUT_SMBIOS_SIZE	0x7f00
#define LAYOUT_MPTABLE		0xf8000
#define LAYOUT_MPTABLE_SIZE	0x8000
#define LAYOUT_HIGH		0x100000

#define LAYOUT_LOW_RAM_END	0xc0000000ULL
#define LAYOUT_PCI_MEM		0xc0000000ULL
#define LAYOUT_PCI_MEM_SIZE	0x20000000ULL
#define LAYOUT_PCI_ECAM		0xe0000000ULL
#define LAYOUT_PCI_ECAM_SIZE	0x100000ULL	/* bus 0 only: Linux looks at all buses it is told of */
#define LAYOUT_IOAPIC		0xfec00000ULL
#define LAYOUT_LAPIC		0xfee00000ULL
#define LAYOUT_KVM_IDENTITY	0xfeffc000ULL
#define LAYOUT_KVM_TSS		0xfeffd000ULL
#define LAYOUT_TEST_MEM		0xff000000ULL
#define LAYOUT_ROM_MAX		0x1000000ULL
#define LAYOUT_ROM_END		0x100000000ULL
#define LAYOUT_HIGH_RAM		0x100000000ULL

/* Ports */
#define PORT_I8042_DATA		0x60
#define PORT_I8042_COMMAND	0x64
#define PORT_SYSTEM_CONTROL_A	0x92
#define PORT_RTC		0x70
#define PORT_TEST_LATCH		0xe0
#define PORT_DEBUG_E9		0xe9
#define PORT_DEBUG_EXIT		0xf4
#define PORT_COM1		0x3f8
#define PORT_COM2		0x2f8
#define PORT_COM3		0x3e8
#define PORT_COM4		0x2e8
#define PORT_DEBUG_402		0x402
#define PORT_PVPANIC		0x505
#define PORT_ACPI_PM		0x600	/* PM1 event, control, PM timer */
#define PORT_PCI_ADDRESS	0xcf8
#define PORT_RESET		0xcf9
#define PORT_PCI_DATA		0xcfc
#define PORT_TEST_LINES		0x2000	/* one for each interrupt line */

/* Global system interrupts */
#define GSI_TIMER		0
#define GSI_KEYBOARD		1
#define GSI_COM2		3
#define GSI_COM1		4
#define GSI_RTC			8
#define GSI_SCI			9
#define GSI_MOUSE		12
/* INTA to INTD of the host bridge's bus: two lines, which are pins of the PIC too */
#define GSI_PCI(pin)		(10 + (pin) % 2)
#define GSI_IS_PCI(gsi)		((gsi) == 10 || (gsi) == 11)
#define GSI_PCI_PINS		4
#define GSI_COUNT		24	/* pins of the I/O APIC */

#endif /* LKVM_X86_LAYOUT_H */
