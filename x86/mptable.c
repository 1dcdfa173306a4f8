// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MP table (Intel MultiProcessor Specification 1.4, chapter 4) for kernels
 * without ACPI, or booted with acpi=off. It is written while the machine is built, on
 * the thread that builds it, into the BIOS area, where kernels scan for it.
 *
 * Ids of APICs have 8 bits here, and 255 means all of them: processors with a higher
 * one are left out. So is the PIC at pin 0 of the I/O APIC, where KVM has none: Linux
 * complains if the table tells of an ExtINT that the hardware is not set up for.
 */
#include <errno.h>

#include "checksum.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "mptable.h"
#include "util.h"

#define MP_SPEC_REV		4	/* 1.4 */
#define MP_APIC_ID_LAST		254
#define MP_ALL_APICS		255
#define MP_LAPIC_VERSION	0x14
#define MP_IOAPIC_VERSION	0x11
#define MP_IOAPIC_ID		0

/* A PCI bus has its own number as bus id. */
#define MP_BUS_PCI		0
#define MP_BUS_ISA		1

enum mp_type {
	MP_PROCESSOR = 0,
	MP_BUS = 1,
	MP_IOAPIC = 2,
	MP_IO_INTERRUPT = 3,
	MP_LOCAL_INTERRUPT = 4,
};

enum mp_interrupt_type {
	MP_INT = 0,
	MP_NMI = 1,
	MP_EXTINT = 3,
};

#define MP_CPU_ENABLED		(1u << 0)
#define MP_CPU_BOOT		(1u << 1)
#define MP_IOAPIC_ENABLED	1
#define MP_CONFORMS		0	/* polarity and trigger mode are those of the bus */
#define MP_HIGH_LEVEL		0x0d
#define MP_LOW_LEVEL		0x0f

struct mp_floating {
	char signature[4];
	u32 table;
	u8 length;		/* in paragraphs of 16 bytes */
	u8 spec_rev;
	u8 checksum;
	u8 features[5];		/* 0: there is a table, and virtual wire mode */
} __packed;

struct mp_header {
	char signature[4];
	u16 length;
	u8 spec_rev;
	u8 checksum;
	char oem_id[8];
	char product_id[12];
	u32 oem_table;
	u16 oem_table_size;
	u16 entry_count;
	u32 lapic;
	u16 extended_length;
	u8 extended_checksum;
	u8 reserved;
} __packed;

struct mp_processor {
	u8 type;
	u8 apic_id;
	u8 apic_version;
	u8 flags;
	u32 signature;
	u32 features;
	u32 reserved[2];
} __packed;

struct mp_bus {
	u8 type;
	u8 id;
	char name[6];
} __packed;

struct mp_ioapic {
	u8 type;
	u8 id;
	u8 version;
	u8 flags;
	u32 address;
} __packed;

/* For I/O interrupts and local ones. */
struct mp_interrupt {
	u8 type;
	u8 interrupt_type;
	u16 flags;
	u8 bus;
	u8 bus_irq;
	u8 apic_id;
	u8 pin;
} __packed;

/*
 * The most that a table can hold: 255 processors, 2 buses, the I/O APIC, 15 ISA
 * interrupts, 4 of each of 32 PCI slots, 2 local ones. It always fits.
 */
#define MP_SIZE_MAX (sizeof(struct mp_header) + 255 * sizeof(struct mp_processor) + \
		     2 * sizeof(struct mp_bus) + sizeof(struct mp_ioapic) + \
		     (15 + 32 * 4 + 2) * sizeof(struct mp_interrupt))

_Static_assert(sizeof(struct mp_floating) == 16, "MP floating pointer");
_Static_assert(sizeof(struct mp_floating) + MP_SIZE_MAX <= LAYOUT_MPTABLE_SIZE, "MP table");

/**
 * struct mp_table - a table under construction
 * @data:	its bytes, the header first
 * @len:	how many
 * @entries:	how many entries that is
 */
struct mp_table {
	u8 *data;
	size_t len;
	u16 entries;
};

static void append(struct mp_table *t, const void *entry, size_t len)
{
	BUG_ON(len > MP_SIZE_MAX - t->len);
	memcpy(t->data + t->len, entry, len);
	t->len += len;
	t->entries++;
}

static void add_processors(struct mp_table *t, const struct mptable_config *cfg)
{
	bool seen[MP_APIC_ID_LAST + 1] = { false };

	for (unsigned int i = 0; i < cfg->cpus; i++) {
		const struct mp_processor processor = {
			.type = MP_PROCESSOR,
			.apic_id = cfg->apic_ids[i],
			.apic_version = MP_LAPIC_VERSION,
			.flags = MP_CPU_ENABLED | (i ? 0 : MP_CPU_BOOT),
			.signature = cfg->signature,
			.features = cfg->features,
		};

		if (cfg->apic_ids[i] > MP_APIC_ID_LAST || seen[cfg->apic_ids[i]])
			continue;
		seen[cfg->apic_ids[i]] = true;
		append(t, &processor, sizeof(processor));
	}
}

static void add_buses(struct mp_table *t)
{
	static const struct mp_bus buses[] = {
		{ MP_BUS, MP_BUS_PCI, { 'P', 'C', 'I', ' ', ' ', ' ' } },
		{ MP_BUS, MP_BUS_ISA, { 'I', 'S', 'A', ' ', ' ', ' ' } },
	};
	static const struct mp_ioapic ioapic = {
		.type = MP_IOAPIC,
		.id = MP_IOAPIC_ID,
		.version = MP_IOAPIC_VERSION,
		.flags = MP_IOAPIC_ENABLED,
		.address = LAYOUT_IOAPIC,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(buses); i++)
		append(t, &buses[i], sizeof(buses[i]));
	append(t, &ioapic, sizeof(ioapic));
}

static void add_io_interrupt(struct mp_table *t, u8 bus, u8 bus_irq, u16 flags, u8 pin)
{
	const struct mp_interrupt interrupt = {
		.type = MP_IO_INTERRUPT,
		.interrupt_type = MP_INT,
		.flags = flags,
		.bus = bus,
		.bus_irq = bus_irq,
		.apic_id = MP_IOAPIC_ID,
		.pin = pin,
	};

	append(t, &interrupt, sizeof(interrupt));
}

static void add_io_interrupts(struct mp_table *t, u32 slots)
{
	for (unsigned int irq = 0; irq < 16; irq++) {
		/* IRQ 2 joins the two PICs; the timer has its pin. */
		if (irq == 2 || (slots && GSI_IS_PCI(irq)))
			continue;
		add_io_interrupt(t, MP_BUS_ISA, irq, irq == GSI_SCI ? MP_HIGH_LEVEL : MP_CONFORMS,
				 irq == GSI_TIMER ? 2 : irq);
	}
	/* The same routing as in the DSDT's _PRT; a PCI interrupt is slot and pin (D.3). */
	for (unsigned int slot = 0; slot < 32; slot++) {
		if (!(slots & 1u << slot))
			continue;
		for (unsigned int pin = 0; pin < 4; pin++)
			add_io_interrupt(t, MP_BUS_PCI, slot << 2 | pin, MP_LOW_LEVEL,
					 GSI_PCI((slot + pin) % GSI_PCI_PINS));
	}
}

/* The PIC at LINT0 of the boot processor (KVM gives it to no other), NMI at LINT1 of all. */
static void add_local_interrupts(struct mp_table *t, u8 boot_apic_id)
{
	const struct mp_interrupt pic = {
		.type = MP_LOCAL_INTERRUPT,
		.interrupt_type = MP_EXTINT,
		.bus = MP_BUS_ISA,
		.apic_id = boot_apic_id,
	};
	const struct mp_interrupt nmi = {
		.type = MP_LOCAL_INTERRUPT,
		.interrupt_type = MP_NMI,
		.bus = MP_BUS_ISA,
		.apic_id = MP_ALL_APICS,
		.pin = 1,
	};

	append(t, &pic, sizeof(pic));
	append(t, &nmi, sizeof(nmi));
}

/**
 * mptable_build() - write the MP table into guest memory
 * @mem:	guest memory, which covers LAYOUT_MPTABLE
 * @cfg:	what the machine has
 *
 * The floating pointer is at LAYOUT_MPTABLE, the configuration table behind it (MP
 * specification 1.4, sections 4.1 and 4.2). vCPUs with an APIC id above 254 are left
 * out.
 *
 * Return: 0; -EINVAL if the boot processor has such an id, -EFAULT if there is no
 * memory for the table.
 */
int mptable_build(const struct mem *mem, const struct mptable_config *cfg)
{
	const u32 at = LAYOUT_MPTABLE + sizeof(struct mp_floating);
	struct mp_floating floating = {
		.signature = { '_', 'M', 'P', '_' },
		.table = at,
		.length = 1,
		.spec_rev = MP_SPEC_REV,
	};
	struct mp_header header = {
		.signature = { 'P', 'C', 'M', 'P' },
		.spec_rev = MP_SPEC_REV,
		.oem_id = { 'L', 'K', 'V', 'M', ' ', ' ', ' ', ' ' },
		.product_id = { 'L', 'K', 'V', 'M', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ' },
		.lapic = LAYOUT_LAPIC,
	};
	struct mp_table t = { .data = mem_ptr(mem, at, MP_SIZE_MAX), .len = sizeof(header) };

	if (!cfg->cpus || cfg->apic_ids[0] > MP_APIC_ID_LAST)
		return error(-EINVAL, "MP table: the first vCPU has no APIC id up to %u", MP_APIC_ID_LAST);
	if (!t.data)
		return error(-EFAULT, "MP table: no guest memory at 0x%x", LAYOUT_MPTABLE);
	add_processors(&t, cfg);
	add_buses(&t);
	add_io_interrupts(&t, cfg->pci_intx_slots);
	add_local_interrupts(&t, cfg->apic_ids[0]);

	header.length = t.len;
	header.entry_count = t.entries;
	memcpy(t.data, &header, sizeof(header));
	((struct mp_header *)t.data)->checksum = checksum8(t.data, t.len);
	floating.checksum = checksum8(&floating, sizeof(floating));
	return mem_write(mem, LAYOUT_MPTABLE, &floating, sizeof(floating));
}
