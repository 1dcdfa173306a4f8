// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ACPI tables (ACPI 6.4 chapter 5; PCI Firmware Specification 3.3 for the MCFG).
 * They are written into guest memory while the machine is built, on the thread that
 * builds it.
 *
 * The hardware is complete, not hardware-reduced: with a reduced FADT Linux does
 * without the PIC and the PIT, and the UARTs' interrupts go with them. There is no
 * SMI port: the machine is in ACPI mode from the start. Addresses stand in the
 * 32-bit fields too, for small kernels that know only those, and an RSDT likewise.
 *
 * Left out: HPET, SLIT, sleep states other than S5.
 */
#include <errno.h>

#include "acpi.h"
#include "acpi-pm.h"
#include "acpi-tables.h"
#include "aml.h"
#include "checksum.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "util.h"

#define ACPI_TABLES	8	/* the most that the RSDT and the XSDT list */
#define ACPI_ALIGN	16

/**
 * struct acpi_area - the room for the tables
 * @host:	where it is mapped
 * @used:	bytes taken
 * @table:	offset of the table under construction
 * @full:	something did not fit; nothing is written from then on
 * @tables:	guest addresses for the RSDT and the XSDT
 * @count:	how many
 */
struct acpi_area {
	u8 *host;
	size_t used;
	size_t table;
	bool full;
	u32 tables[ACPI_TABLES];
	unsigned int count;
};

static void append(struct acpi_area *area, const void *data, size_t len)
{
	if (area->full || len > LAYOUT_ACPI_SIZE - area->used) {
		area->full = true;
		return;
	}
	memcpy(area->host + area->used, data, len);
	area->used += len;
}

static void align(struct acpi_area *area)
{
	static const u8 zeros[ACPI_ALIGN];

	append(area, zeros, -area->used % ACPI_ALIGN);
}

static void table_begin(struct acpi_area *area, const char *signature, u8 revision)
{
	struct acpi_header header = {
		.revision = revision,
		.oem_id = { 'L', 'K', 'V', 'M', ' ', ' ' },
		.oem_table_id = { 'L', 'K', 'V', 'M', ' ', ' ', ' ', ' ' },
		.oem_revision = 1,
		.creator_id = { 'L', 'K', 'V', 'M' },
		.creator_revision = 1,
	};

	memcpy(header.signature, signature, sizeof(header.signature));
	memcpy(header.oem_table_id + 4, signature, sizeof(header.signature));
	align(area);
	area->table = area->used;
	append(area, &header, sizeof(header));
}

/* Return: the table's guest address */
static u32 table_end(struct acpi_area *area)
{
	struct acpi_header *header = (void *)(area->host + area->table);

	if (area->full)
		return 0;
	header->length = area->used - area->table;
	header->checksum = checksum8(header, header->length);
	return LAYOUT_ACPI + area->table;
}

/* End a table that the RSDT and the XSDT list. */
static void table_list(struct acpi_area *area)
{
	BUG_ON(area->count == ACPI_TABLES);
	area->tables[area->count++] = table_end(area);
}

static u32 build_facs(struct acpi_area *area)
{
	const struct acpi_facs facs = {
		.signature = { 'F', 'A', 'C', 'S' },
		.length = sizeof(facs),
		.version = FACS_VERSION,
	};

	BUG_ON(area->used % 64);
	append(area, &facs, sizeof(facs));
	return LAYOUT_ACPI + area->used - sizeof(facs);
}

static u32 build_dsdt(struct acpi_area *area, const struct acpi_config *cfg)
{
	struct aml aml;
	size_t len;

	table_begin(area, "DSDT", DSDT_REVISION);
	aml_init(&aml, area->host + area->used, LAYOUT_ACPI_SIZE - area->used);
	acpi_dsdt_build(&aml, cfg);
	if (aml_finish(&aml, &len))
		area->full = true;
	area->used += len;
	return table_end(area);
}

static struct acpi_gas port(u16 address, u8 bytes, u8 access_size)
{
	return (struct acpi_gas){
		.space = GAS_SYSTEM_IO,
		.bit_width = bytes * 8,
		.access_size = access_size,
		.address = address,
	};
}

static void build_fadt(struct acpi_area *area, const struct acpi_config *cfg, u32 facs, u32 dsdt)
{
	const struct acpi_fadt fadt = {
		/* X_FIRMWARE_CTRL stays 0: only one of the two may be used. */
		.firmware_ctrl = facs,
		.dsdt = dsdt,
		.x_dsdt = dsdt,
		.sci_int = GSI_SCI,
		.pm1a_evt_blk = PORT_ACPI_PM + ACPI_PM1_EVT,
		.pm1a_cnt_blk = PORT_ACPI_PM + ACPI_PM1_CNT,
		.pm_tmr_blk = PORT_ACPI_PM + ACPI_PM_TMR,
		.gpe0_blk = PORT_ACPI_PM + ACPI_GPE0,
		.pm1_evt_len = ACPI_PM1_EVT_LEN,
		.pm1_cnt_len = ACPI_PM1_CNT_LEN,
		.pm_tmr_len = ACPI_PM_TMR_LEN,
		.gpe0_blk_len = ACPI_GPE0_LEN,
		.x_pm1a_evt_blk = port(PORT_ACPI_PM + ACPI_PM1_EVT, ACPI_PM1_EVT_LEN, GAS_WORD),
		.x_pm1a_cnt_blk = port(PORT_ACPI_PM + ACPI_PM1_CNT, ACPI_PM1_CNT_LEN, GAS_WORD),
		.x_pm_tmr_blk = port(PORT_ACPI_PM + ACPI_PM_TMR, ACPI_PM_TMR_LEN, GAS_DWORD),
		.x_gpe0_blk = port(PORT_ACPI_PM + ACPI_GPE0, ACPI_GPE0_LEN, GAS_BYTE),
		.p_lvl2_lat = FADT_LVL2_NONE,
		.p_lvl3_lat = FADT_LVL3_NONE,
		.century = CMOS_CENTURY,
		.iapc_boot_arch = FADT_LEGACY_DEVICES | FADT_VGA_NOT_PRESENT | (cfg->i8042 ? FADT_8042 : 0),
		.flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_FIX_RTC | FADT_TMR_VAL_EXT |
			 FADT_RESET_REG_SUP,
		.reset_reg = port(PORT_RESET, 1, GAS_BYTE),
		.reset_value = FADT_RESET_VALUE,
		.minor_version = FADT_MINOR,
	};

	table_begin(area, "FACP", FADT_REVISION);
	append(area, &fadt, sizeof(fadt));
	table_list(area);
}

static void madt_cpus(struct acpi_area *area, const struct acpi_config *cfg)
{
	const struct madt_lapic_nmi nmi = {
		.type = MADT_LAPIC_NMI,
		.length = sizeof(nmi),
		.uid = MADT_ALL_CPUS,
		.lint = 1,
	};
	const struct madt_x2apic_nmi x2nmi = {
		.type = MADT_X2APIC_NMI,
		.length = sizeof(x2nmi),
		.uid = MADT_X2_ALL_CPUS,
		.lint = 1,
	};
	bool x2apics = false;

	for (unsigned int i = 0; i < cfg->cpus; i++) {
		const struct madt_lapic lapic = {
			.type = MADT_LAPIC,
			.length = sizeof(lapic),
			.uid = i,
			.apic_id = cfg->apic_ids[i],
			.flags = MADT_CPU_ENABLED,
		};
		const struct madt_x2apic x2apic = {
			.type = MADT_X2APIC,
			.length = sizeof(x2apic),
			.uid = i,
			.apic_id = cfg->apic_ids[i],
			.flags = MADT_CPU_ENABLED,
		};

		if (cfg->apic_ids[i] < MADT_FIRST_X2APIC_ID) {
			append(area, &lapic, sizeof(lapic));
		} else {
			append(area, &x2apic, sizeof(x2apic));
			x2apics = true;
		}
	}
	append(area, &nmi, sizeof(nmi));
	if (x2apics)
		append(area, &x2nmi, sizeof(x2nmi));
}

static void build_madt(struct acpi_area *area, const struct acpi_config *cfg)
{
	const struct {
		u32 lapic;
		u32 flags;
	} __packed head = {
		.lapic = LAYOUT_LAPIC,
		.flags = MADT_PCAT_COMPAT,
	};
	const struct madt_ioapic ioapic = {
		.type = MADT_IOAPIC,
		.length = sizeof(ioapic),
		.address = LAYOUT_IOAPIC,
	};
	/* KVM wires the PIT to pin 2 of the I/O APIC, as PCs do. */
	const struct madt_override timer = {
		.type = MADT_OVERRIDE,
		.length = sizeof(timer),
		.source = GSI_TIMER,
		.gsi = 2,
	};
	const struct madt_override sci = {
		.type = MADT_OVERRIDE,
		.length = sizeof(sci),
		.source = GSI_SCI,
		.gsi = GSI_SCI,
		.flags = MADT_ACTIVE_HIGH | MADT_LEVEL,
	};

	table_begin(area, "APIC", MADT_REVISION);
	append(area, &head, sizeof(head));
	madt_cpus(area, cfg);
	append(area, &ioapic, sizeof(ioapic));
	append(area, &timer, sizeof(timer));
	append(area, &sci, sizeof(sci));
	for (u8 gsi = 0; cfg->pci_intx_slots && gsi < 16; gsi++) {
		/* Without a word on them, ISA interrupts are edges; these are PCI's, level and low. */
		const struct madt_override pci = {
			.type = MADT_OVERRIDE,
			.length = sizeof(pci),
			.source = gsi,
			.gsi = gsi,
			.flags = MADT_ACTIVE_LOW | MADT_LEVEL,
		};

		if (GSI_IS_PCI(gsi))
			append(area, &pci, sizeof(pci));
	}
	table_list(area);
}

static void build_mcfg(struct acpi_area *area)
{
	const struct mcfg mcfg = {
		.base = LAYOUT_PCI_ECAM,
		.bus_last = LAYOUT_PCI_ECAM_SIZE / MiB - 1,	/* a bus takes 1 MiB */
	};

	table_begin(area, "MCFG", MCFG_REVISION);
	append(area, &mcfg, sizeof(mcfg));
	table_list(area);
}

/* One node, number 0, which has everything. */
static void build_srat(struct acpi_area *area, const struct mem *mem, const struct acpi_config *cfg)
{
	const struct {
		u32 one;
		u64 reserved;
	} __packed head = { .one = 1 };

	table_begin(area, "SRAT", SRAT_REVISION);
	append(area, &head, sizeof(head));
	for (unsigned int i = 0; i < cfg->cpus; i++) {
		const struct srat_lapic lapic = {
			.type = SRAT_LAPIC,
			.length = sizeof(lapic),
			.apic_id = cfg->apic_ids[i],
			.flags = SRAT_ENABLED,
		};
		const struct srat_x2apic x2apic = {
			.type = SRAT_X2APIC,
			.length = sizeof(x2apic),
			.apic_id = cfg->apic_ids[i],
			.flags = SRAT_ENABLED,
		};

		if (cfg->apic_ids[i] < MADT_FIRST_X2APIC_ID)
			append(area, &lapic, sizeof(lapic));
		else
			append(area, &x2apic, sizeof(x2apic));
	}
	for (unsigned int i = 0; i < mem_count(mem); i++) {
		const struct mem_region *r = mem_region(mem, i);
		const struct srat_memory memory = {
			.type = SRAT_MEMORY,
			.length = sizeof(memory),
			.base = r->gpa,
			.size = r->size,
			.flags = SRAT_ENABLED,
		};

		if (r->kind == MEM_RAM)
			append(area, &memory, sizeof(memory));
	}
	table_list(area);
}

static void build_roots(struct acpi_area *area, struct acpi_rsdp *rsdp)
{
	*rsdp = (struct acpi_rsdp){
		.signature = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' },
		.oem_id = { 'L', 'K', 'V', 'M', ' ', ' ' },
		.revision = RSDP_REVISION,
		.length = sizeof(*rsdp),
	};

	table_begin(area, "RSDT", RSDT_REVISION);
	append(area, area->tables, area->count * sizeof(area->tables[0]));
	rsdp->rsdt = table_end(area);

	table_begin(area, "XSDT", XSDT_REVISION);
	for (unsigned int i = 0; i < area->count; i++) {
		u64 address = area->tables[i];

		append(area, &address, sizeof(address));
	}
	rsdp->xsdt = table_end(area);

	/* The first checksum covers what ACPI 1.0 knew. */
	rsdp->checksum = checksum8(rsdp, offsetof(struct acpi_rsdp, length));
	rsdp->extended_checksum = checksum8(rsdp, sizeof(*rsdp));
}

static int check_config(const struct acpi_config *cfg)
{
	if (!cfg->cpus || cfg->cpus > ACPI_CPUS_MAX)
		return error(-EINVAL, "ACPI: %u vCPUs, not 1 to %u", cfg->cpus, ACPI_CPUS_MAX);
	/* A local APIC entry has 8 bits for the processor's UID, and 255 stands for all. */
	for (unsigned int i = MADT_ALL_CPUS; i < cfg->cpus; i++)
		if (cfg->apic_ids[i] < MADT_FIRST_X2APIC_ID)
			return error(-EINVAL, "ACPI: vCPU %u has the APIC id %u, which is below %u", i,
				     cfg->apic_ids[i], MADT_FIRST_X2APIC_ID);
	return 0;
}

/**
 * acpi_build() - write the ACPI tables into guest memory
 * @mem:	guest memory, which covers LAYOUT_ACPI and LAYOUT_RSDP
 * @cfg:	what the machine has
 * @rsdp:	the guest address of the RSDP is stored here, for the boot protocol
 *
 * The tables are the RSDP, RSDT, XSDT, FADT, FACS, DSDT, MADT, MCFG, and the SRAT if
 * asked for (ACPI 6.4 section 5.2). Those in [LAYOUT_ACPI, + LAYOUT_ACPI_SIZE) must be
 * reserved in the memory map that the guest is given.
 *
 * Return: 0; -EINVAL for a number of vCPUs or for APIC ids that can't be told,
 * -EFAULT if there is no memory for the tables, -ENOSPC if they don't fit.
 */
int acpi_build(const struct mem *mem, const struct acpi_config *cfg, u64 *rsdp)
{
	struct acpi_area area = { .host = mem_ptr(mem, LAYOUT_ACPI, LAYOUT_ACPI_SIZE) };
	struct acpi_rsdp root;
	u32 facs, dsdt;
	int err = check_config(cfg);

	if (err)
		return err;
	if (!area.host)
		return error(-EFAULT, "ACPI: no guest memory at 0x%x", LAYOUT_ACPI);
	facs = build_facs(&area);	/* the first one: it must be aligned to 64 bytes */
	dsdt = build_dsdt(&area, cfg);
	build_fadt(&area, cfg, facs, dsdt);
	build_madt(&area, cfg);
	build_mcfg(&area);
	if (cfg->srat)
		build_srat(&area, mem, cfg);
	build_roots(&area, &root);
	if (area.full)
		return error(-ENOSPC, "ACPI: the tables for %u vCPUs take more than %u KiB", cfg->cpus,
			     (unsigned int)(LAYOUT_ACPI_SIZE / KiB));
	err = mem_write(mem, LAYOUT_RSDP, &root, sizeof(root));
	if (err)
		return error(err, "ACPI: no guest memory at 0x%x", LAYOUT_RSDP);
	*rsdp = LAYOUT_RSDP;
	return 0;
}
