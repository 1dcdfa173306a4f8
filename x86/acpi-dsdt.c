// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DSDT's definition block: the devices that a kernel can't find by probing
 * (ACPI 6.4 chapters 5 and 6, PCI Firmware Specification 3.3). It runs while the
 * machine is built, on the thread that builds it.
 *
 * Each object costs the guest time at boot, so that there are few, and hardly any
 * methods. Left out: PCI interrupt link devices (the routing is fixed), hot-plug,
 * thermal and power objects, embedded controllers.
 */
#include "acpi.h"
#include "acpi-pm.h"
#include "aml.h"
#include "layout.h"
#include "log.h"
#include "util.h"

#define PCI_PINS	4	/* INTA to INTD */
#define OSC_BAD_UUID	4	/* in the first DWORD that _OSC returns */

/* 33db4d5b-1ff7-401c-9657-7441c03dd766: the _OSC of a PCI host bridge. */
static const u8 osc_pci_uuid[16] = {
	0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
	0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66,
};

static void name_integer(struct aml *aml, const char *name, u64 value)
{
	aml_name(aml, name);
	aml_integer(aml, value);
}

static void name_eisaid(struct aml *aml, const char *name, const char *id)
{
	aml_name(aml, name);
	aml_eisaid(aml, id);
}

static void begin_crs(struct aml *aml)
{
	aml_name(aml, "_CRS");
	aml_resources(aml);
}

/* \_S5: what goes into SLP_TYP of PM1a and PM1b to power off (section 7.4.2). */
static void add_s5(struct aml *aml)
{
	aml_name(aml, "_S5");
	aml_package(aml, 4);
	aml_integer(aml, ACPI_S5_SLP_TYP);
	aml_integer(aml, ACPI_S5_SLP_TYP);
	aml_integer(aml, 0);
	aml_integer(aml, 0);
	aml_end(aml);
}

/* The routing of all slots that may raise an interrupt; @irqs is for slot 0 (section 6.2.13). */
static void add_routes(struct aml *aml, u32 slots, const u8 irqs[PCI_PINS])
{
	aml_package(aml, __builtin_popcount(slots) * PCI_PINS);
	for (unsigned int slot = 0; slot < 32; slot++) {
		if (!(slots & 1u << slot))
			continue;
		for (unsigned int pin = 0; pin < PCI_PINS; pin++) {
			aml_package(aml, 4);
			aml_integer(aml, slot << 16 | 0xffff);
			aml_integer(aml, pin);
			aml_integer(aml, 0);
			aml_integer(aml, irqs[(slot + pin) % PCI_PINS]);
			aml_end(aml);
		}
	}
	aml_end(aml);
}

/* Fixed routes: the same interrupts whether the kernel uses the I/O APIC or the PIC. */
static void add_prt(struct aml *aml, const struct acpi_config *cfg)
{
	u8 gsis[PCI_PINS];

	if (!cfg->pci_intx_slots)
		return;
	for (unsigned int i = 0; i < PCI_PINS; i++)
		gsis[i] = GSI_PCI(i);
	aml_name(aml, "_PRT");
	add_routes(aml, cfg->pci_intx_slots, gsis);
}

/*
 * The kernel may have every PCI feature that it asks for: there is no firmware
 * that would compete for one. So the capabilities go back as they came.
 */
static void add_osc(struct aml *aml)
{
	aml_method(aml, "_OSC", 4, true);
	aml_if(aml);
	aml_not_equal(aml);
	aml_arg(aml, 0);
	aml_buffer(aml, osc_pci_uuid, sizeof(osc_pci_uuid));
	aml_dword_field(aml, 3, 0, "CDW1");
	aml_or_name(aml, OSC_BAD_UUID, "CDW1");
	aml_end(aml);
	aml_return(aml);
	aml_arg(aml, 3);
	aml_end(aml);
}

static void add_pci(struct aml *aml, const struct acpi_config *cfg)
{
	aml_device(aml, "PCI0");
	name_eisaid(aml, "_HID", "PNP0A08");
	name_eisaid(aml, "_CID", "PNP0A03");
	name_integer(aml, "_UID", 0);
	name_integer(aml, "_SEG", 0);
	name_integer(aml, "_BBN", 0);

	begin_crs(aml);
	aml_res_window16(aml, AML_SPACE_BUS, 0, LAYOUT_PCI_ECAM_SIZE / MiB - 1);
	aml_res_io(aml, PORT_PCI_ADDRESS, 8);
	aml_res_window16(aml, AML_SPACE_IO, 0, PORT_PCI_ADDRESS - 1);
	aml_res_window16(aml, AML_SPACE_IO, PORT_PCI_ADDRESS + 8, 0xffff);
	aml_res_window32(aml, LAYOUT_PCI_MEM, LAYOUT_PCI_MEM + LAYOUT_PCI_MEM_SIZE - 1);
	if (cfg->pci_mem64_size)
		aml_res_window64(aml, cfg->pci_mem64_base,
				 cfg->pci_mem64_base + cfg->pci_mem64_size - 1);
	aml_end(aml);

	add_prt(aml, cfg);
	add_osc(aml);
	aml_end(aml);
}

/* Linux trusts the MCFG only if a motherboard device claims the range (PCI Firmware 3.3, 4.1.2). */
static void add_ecam(struct aml *aml)
{
	aml_device(aml, "ECAM");
	name_eisaid(aml, "_HID", "PNP0C02");
	begin_crs(aml);
	aml_res_memory(aml, LAYOUT_PCI_ECAM, LAYOUT_PCI_ECAM_SIZE);
	aml_end(aml);
	aml_end(aml);
}

static void add_uarts(struct aml *aml, unsigned int uarts)
{
	static const struct {
		char name[5];
		u16 port;
		u8 irq;
	} coms[] = {
		{ "COM1", PORT_COM1, GSI_COM1 },
		{ "COM2", PORT_COM2, GSI_COM2 },
		{ "COM3", PORT_COM3, GSI_COM1 },
		{ "COM4", PORT_COM4, GSI_COM2 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(coms); i++) {
		if (!(uarts & 1u << i))
			continue;
		aml_device(aml, coms[i].name);
		name_eisaid(aml, "_HID", "PNP0501");
		name_integer(aml, "_UID", i + 1);
		begin_crs(aml);
		aml_res_io(aml, coms[i].port, 8);
		aml_res_irq(aml, coms[i].irq);
		aml_end(aml);
		aml_end(aml);
	}
}

static void add_legacy(struct aml *aml, const struct acpi_config *cfg)
{
	aml_device(aml, "RTC");
	name_eisaid(aml, "_HID", "PNP0B00");
	begin_crs(aml);
	aml_res_io(aml, PORT_RTC, 2);
	aml_res_irq(aml, GSI_RTC);
	aml_end(aml);
	aml_end(aml);

	if (cfg->i8042) {
		aml_device(aml, "KBD");
		name_eisaid(aml, "_HID", "PNP0303");
		begin_crs(aml);
		aml_res_io(aml, PORT_I8042_DATA, 1);
		aml_res_io(aml, PORT_I8042_COMMAND, 1);
		aml_res_irq(aml, GSI_KEYBOARD);
		aml_end(aml);
		aml_end(aml);
	}
	if (cfg->i8042 && cfg->mouse) {
		aml_device(aml, "MOU");
		name_eisaid(aml, "_HID", "PNP0F13");
		begin_crs(aml);
		aml_res_irq(aml, GSI_MOUSE);
		aml_end(aml);
		aml_end(aml);
	}
	if (cfg->pvpanic) {
		aml_device(aml, "PEVT");
		aml_name(aml, "_HID");
		aml_string(aml, "QEMU0001");
		begin_crs(aml);
		aml_res_io(aml, PORT_PVPANIC, 1);
		aml_end(aml);
		aml_end(aml);
	}
}

/* A processor device's _UID is what the MADT calls the processor's UID (section 8.4). */
static void add_cpus(struct aml *aml, unsigned int cpus)
{
	if (cpus > ACPI_CPU_DEVICES_MAX)
		return;
	for (unsigned int i = 0; i < cpus; i++) {
		char name[8];

		BUG_ON(i > 0xfff);
		snprintf(name, sizeof(name), "C%03X", i);
		aml_device(aml, name);
		aml_name(aml, "_HID");
		aml_string(aml, "ACPI0007");
		name_integer(aml, "_UID", i);
		aml_end(aml);
	}
}

/**
 * acpi_dsdt_build() - write the definition block of the DSDT
 * @aml:	where it goes; room that is lacking is told by aml_finish()
 * @cfg:	what the machine has
 */
void acpi_dsdt_build(struct aml *aml, const struct acpi_config *cfg)
{
	add_s5(aml);
	aml_scope(aml, "_SB");
	add_pci(aml, cfg);
	add_ecam(aml);
	add_uarts(aml, cfg->uarts);
	add_legacy(aml, cfg);
	add_cpus(aml, cfg->cpus);
	aml_end(aml);
}
