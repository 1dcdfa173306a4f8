/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layout of the ACPI tables that lkvm writes. Sections are those of ACPI 6.4,
 * and fields have the names that it gives them.
 */
#ifndef LKVM_X86_ACPI_TABLES_H
#define LKVM_X86_ACPI_TABLES_H

#include "types.h"
#include "util.h"

/* Table revisions of ACPI 6.4. */
#define RSDP_REVISION	2
#define RSDT_REVISION	1
#define XSDT_REVISION	1
#define FADT_REVISION	6
#define FADT_MINOR	4
#define FACS_VERSION	2
#define MADT_REVISION	5
#define MCFG_REVISION	1
#define SRAT_REVISION	3
#define DSDT_REVISION	2	/* from 2 on integers have 64 bits */

/* Section 5.2.6 */
struct acpi_header {
	char signature[4];
	u32 length;
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
} __packed;

/* Section 5.2.5.3 */
struct acpi_rsdp {
	char signature[8];
	u8 checksum;
	char oem_id[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 extended_checksum;
	u8 reserved[3];
} __packed;

/* Generic address structure, section 5.2.3.2 */
struct acpi_gas {
	u8 space;
	u8 bit_width;
	u8 bit_offset;
	u8 access_size;
	u64 address;
} __packed;

#define GAS_SYSTEM_IO	1
#define GAS_BYTE	1
#define GAS_WORD	2
#define GAS_DWORD	3

/* Section 5.2.9, behind the header */
struct acpi_fadt {
	u32 firmware_ctrl;
	u32 dsdt;
	u8 reserved0;
	u8 preferred_pm_profile;
	u16 sci_int;
	u32 smi_cmd;
	u8 acpi_enable;
	u8 acpi_disable;
	u8 s4bios_req;
	u8 pstate_cnt;
	u32 pm1a_evt_blk;
	u32 pm1b_evt_blk;
	u32 pm1a_cnt_blk;
	u32 pm1b_cnt_blk;
	u32 pm2_cnt_blk;
	u32 pm_tmr_blk;
	u32 gpe0_blk;
	u32 gpe1_blk;
	u8 pm1_evt_len;
	u8 pm1_cnt_len;
	u8 pm2_cnt_len;
	u8 pm_tmr_len;
	u8 gpe0_blk_len;
	u8 gpe1_blk_len;
	u8 gpe1_base;
	u8 cst_cnt;
	u16 p_lvl2_lat;
	u16 p_lvl3_lat;
	u16 flush_size;
	u16 flush_stride;
	u8 duty_offset;
	u8 duty_width;
	u8 day_alrm;
	u8 mon_alrm;
	u8 century;
	u16 iapc_boot_arch;
	u8 reserved1;
	u32 flags;
	struct acpi_gas reset_reg;
	u8 reset_value;
	u16 arm_boot_arch;
	u8 minor_version;
	u64 x_firmware_ctrl;
	u64 x_dsdt;
	struct acpi_gas x_pm1a_evt_blk;
	struct acpi_gas x_pm1b_evt_blk;
	struct acpi_gas x_pm1a_cnt_blk;
	struct acpi_gas x_pm1b_cnt_blk;
	struct acpi_gas x_pm2_cnt_blk;
	struct acpi_gas x_pm_tmr_blk;
	struct acpi_gas x_gpe0_blk;
	struct acpi_gas x_gpe1_blk;
	struct acpi_gas sleep_control_reg;
	struct acpi_gas sleep_status_reg;
	u64 hypervisor_id;
} __packed;

_Static_assert(sizeof(struct acpi_header) + sizeof(struct acpi_fadt) == 276, "FADT of ACPI 6.4");

#define FADT_WBINVD		(1u << 0)
#define FADT_PROC_C1		(1u << 2)
#define FADT_SLP_BUTTON		(1u << 5)	/* no fixed sleep button */
#define FADT_FIX_RTC		(1u << 6)	/* no RTC wake status in PM1 */
#define FADT_TMR_VAL_EXT	(1u << 8)	/* the PM timer has 32 bits */
#define FADT_RESET_REG_SUP	(1u << 10)

#define FADT_LEGACY_DEVICES	(1u << 0)
#define FADT_8042		(1u << 1)
#define FADT_VGA_NOT_PRESENT	(1u << 2)

#define FADT_LVL2_NONE		101	/* us; above 100 there is no C2 */
#define FADT_LVL3_NONE		1001	/* us; above 1000 there is no C3 */
#define FADT_RESET_VALUE	6	/* a full reset, as the PC's port 0xcf9 has it */
#define CMOS_CENTURY		0x32

/* Section 5.2.10 */
struct acpi_facs {
	char signature[4];
	u32 length;
	u32 hardware_signature;
	u32 waking_vector;
	u32 global_lock;
	u32 flags;
	u64 x_waking_vector;
	u8 version;
	u8 reserved0[3];
	u32 ospm_flags;
	u8 reserved1[24];
} __packed;

_Static_assert(sizeof(struct acpi_facs) == 64, "FACS");

/* Section 5.2.12 */
enum madt_type {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_NMI = 4,
	MADT_X2APIC = 9,
	MADT_X2APIC_NMI = 10,
};

#define MADT_PCAT_COMPAT	1
#define MADT_CPU_ENABLED	1
#define MADT_ACTIVE_HIGH	(1u << 0)
#define MADT_ACTIVE_LOW		(3u << 0)
#define MADT_LEVEL		(3u << 2)
#define MADT_ALL_CPUS		0xff
#define MADT_X2_ALL_CPUS	0xffffffff
#define MADT_FIRST_X2APIC_ID	255

struct madt_lapic {
	u8 type;
	u8 length;
	u8 uid;
	u8 apic_id;
	u32 flags;
} __packed;

struct madt_x2apic {
	u8 type;
	u8 length;
	u16 reserved;
	u32 apic_id;
	u32 flags;
	u32 uid;
} __packed;

struct madt_ioapic {
	u8 type;
	u8 length;
	u8 id;
	u8 reserved;
	u32 address;
	u32 gsi_base;
} __packed;

struct madt_override {
	u8 type;
	u8 length;
	u8 bus;
	u8 source;
	u32 gsi;
	u16 flags;
} __packed;

struct madt_lapic_nmi {
	u8 type;
	u8 length;
	u8 uid;
	u16 flags;
	u8 lint;
} __packed;

struct madt_x2apic_nmi {
	u8 type;
	u8 length;
	u16 flags;
	u32 uid;
	u8 lint;
	u8 reserved[3];
} __packed;

/* PCI Firmware Specification 3.3, section 4.1.2 */
struct mcfg {
	u64 reserved0;
	u64 base;
	u16 segment;
	u8 bus_first;
	u8 bus_last;
	u32 reserved1;
} __packed;

/* Section 5.2.16 */
enum srat_type {
	SRAT_LAPIC = 0,
	SRAT_MEMORY = 1,
	SRAT_X2APIC = 2,
};

#define SRAT_ENABLED		1

struct srat_lapic {
	u8 type;
	u8 length;
	u8 domain_low;
	u8 apic_id;
	u32 flags;
	u8 sapic_eid;
	u8 domain_high[3];
	u32 clock_domain;
} __packed;

struct srat_x2apic {
	u8 type;
	u8 length;
	u16 reserved0;
	u32 domain;
	u32 apic_id;
	u32 flags;
	u32 clock_domain;
	u32 reserved1;
} __packed;

struct srat_memory {
	u8 type;
	u8 length;
	u32 domain;
	u16 reserved0;
	u64 base;
	u64 size;
	u32 reserved1;
	u32 flags;
	u64 reserved2;
} __packed;

#endif /* LKVM_X86_ACPI_TABLES_H */
