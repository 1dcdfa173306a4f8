// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SMBIOS tables (DMTF DSP0134, version 3.0). They are written while the machine
 * is built, on the thread that builds it, into the BIOS area, where kernels scan for
 * the entry points: one of version 3, and one of version 2.1 for kernels that know
 * only that.
 *
 * There are the structures BIOS, system, enclosure, OEM strings (one for each 255
 * strings) and end of table. Left out: what describes hardware that a virtual machine
 * doesn't have, and processors and memory, which the guest learns elsewhere.
 */
#include <errno.h>

#include "checksum.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "smbios.h"
#include "util.h"

#define SMBIOS_MAJOR	3
#define SMBIOS_MINOR	0
#define SMBIOS_TABLE	(LAYOUT_SMBIOS + 0x40)	/* behind the entry points */
#define SMBIOS_TABLE_MAX (LAYOUT_SMBIOS_SIZE - 0x40)
#define SMBIOS_OEM_MAX	255			/* strings in one structure */

/* Section 5.2.2 */
struct smbios3_entry {
	char anchor[5];
	u8 checksum;
	u8 length;
	u8 major;
	u8 minor;
	u8 docrev;
	u8 revision;
	u8 reserved;
	u32 table_max;
	u64 table;
} __packed;

/* Section 5.2.1 */
struct smbios2_entry {
	char anchor[4];
	u8 checksum;
	u8 length;
	u8 major;
	u8 minor;
	u16 structure_max;
	u8 revision;
	u8 formatted[5];
	char dmi_anchor[5];
	u8 dmi_checksum;
	u16 table_length;
	u32 table;
	u16 structures;
	u8 bcd_revision;
} __packed;

_Static_assert(sizeof(struct smbios3_entry) == 0x18, "SMBIOS 3 entry point");
_Static_assert(sizeof(struct smbios2_entry) == 0x1f, "SMBIOS 2.1 entry point");
_Static_assert(SMBIOS_TABLE_MAX <= UINT16_MAX, "lengths in the 2.1 entry point have 16 bits");

enum smbios_type {
	SMBIOS_BIOS = 0,
	SMBIOS_SYSTEM = 1,
	SMBIOS_ENCLOSURE = 3,
	SMBIOS_OEM_STRINGS = 11,
	SMBIOS_END = 127,
};

struct smbios_header {
	u8 type;
	u8 length;	/* without the strings */
	u16 handle;
} __packed;

/* Section 7.1; the fields of strings are their numbers, from 1, or 0 for none. */
struct smbios_bios {
	struct smbios_header header;
	u8 vendor;
	u8 version;
	u16 start_segment;
	u8 date;
	u8 rom_size;
	u64 characteristics;
	u8 extension[2];
	u8 major;
	u8 minor;
	u8 ec_major;
	u8 ec_minor;
} __packed;

#define BIOS_NO_CHARACTERISTICS	(1u << 3)
#define BIOS_EXT2_VIRTUAL	(1u << 4)
#define BIOS_NO_RELEASE		0xff

/* Section 7.2 */
struct smbios_system {
	struct smbios_header header;
	u8 manufacturer;
	u8 product;
	u8 version;
	u8 serial;
	u8 uuid[16];
	u8 wake_up;
	u8 sku;
	u8 family;
} __packed;

#define SYSTEM_WAKE_POWER_SWITCH 6

/* Section 7.4 */
struct smbios_enclosure {
	struct smbios_header header;
	u8 manufacturer;
	u8 type;
	u8 version;
	u8 serial;
	u8 asset_tag;
	u8 boot_up_state;
	u8 power_state;
	u8 thermal_state;
	u8 security;
	u32 oem;
	u8 height;
	u8 power_cords;
	u8 elements;
	u8 element_length;
	u8 sku;
} __packed;

#define ENCLOSURE_OTHER		1
#define ENCLOSURE_SAFE		3
#define ENCLOSURE_SECURITY_NONE	3

/* Section 7.12 */
struct smbios_oem {
	struct smbios_header header;
	u8 count;
} __packed;

_Static_assert(sizeof(struct smbios_bios) == 0x18, "type 0");
_Static_assert(sizeof(struct smbios_system) == 0x1b, "type 1");
_Static_assert(sizeof(struct smbios_enclosure) == 0x16, "type 3");

/**
 * struct smbios_table - the structures under construction
 * @data:	room for SMBIOS_TABLE_MAX bytes
 * @len:	bytes wanted so far; what is beyond the room is only counted
 * @start:	where the last structure begins
 * @largest:	bytes of the largest structure
 * @count:	number of structures
 * @strings:	strings of the last one
 */
struct smbios_table {
	u8 *data;
	size_t len;
	size_t start;
	size_t largest;
	u16 count;
	unsigned int strings;
};

static void append(struct smbios_table *t, const void *data, size_t len)
{
	if (t->len <= SMBIOS_TABLE_MAX && len <= SMBIOS_TABLE_MAX - t->len)
		memcpy(t->data + t->len, data, len);
	t->len += len;
}

/* Begin a structure; the header in front of @s is filled here. */
static void begin(struct smbios_table *t, enum smbios_type type, void *s, u8 len)
{
	*(struct smbios_header *)s = (struct smbios_header){
		.type = type,
		.length = len,
		.handle = t->count++,
	};
	t->start = t->len;
	t->strings = 0;
	append(t, s, len);
}

/* A string behind the structure that was begun last. */
static void add_string(struct smbios_table *t, const char *s)
{
	append(t, s, strlen(s) + 1);
	t->strings++;
}

/* The strings end with an empty one, and no strings look like two. */
static void end(struct smbios_table *t)
{
	append(t, "\0", t->strings ? 1 : 2);
	t->largest = max(t->largest, t->len - t->start);
}

/* The number of an optional string, which is the next one. */
static u8 number(const char *s, u8 *next)
{
	return s && *s ? (*next)++ : 0;
}

static void add_optional(struct smbios_table *t, const char *s)
{
	if (s && *s)
		add_string(t, s);
}

static void add_bios(struct smbios_table *t, const struct smbios_config *cfg)
{
	struct smbios_bios s = {
		.vendor = 1,
		.date = 2,
		.version = cfg->version && *cfg->version ? 3 : 0,
		.characteristics = BIOS_NO_CHARACTERISTICS,
		.extension = { 0, BIOS_EXT2_VIRTUAL },
		.major = BIOS_NO_RELEASE,
		.minor = BIOS_NO_RELEASE,
		.ec_major = BIOS_NO_RELEASE,
		.ec_minor = BIOS_NO_RELEASE,
	};

	begin(t, SMBIOS_BIOS, &s, sizeof(s));
	add_string(t, "lkvm");
	/* Linux takes machines of before 2008 for old ones, with bugs; the date is no more than that. */
	add_string(t, "01/01/2024");
	add_optional(t, cfg->version);
	end(t);
}

static void add_system(struct smbios_table *t, const struct smbios_config *cfg)
{
	struct smbios_system s = {
		.manufacturer = 1,
		.product = 2,
		.wake_up = SYSTEM_WAKE_POWER_SWITCH,
	};
	u8 next = 3;

	s.version = number(cfg->version, &next);
	s.serial = number(cfg->serial, &next);
	if (cfg->uuid) {
		/* The first three fields are little-endian (section 7.2.1). */
		static const u8 order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

		for (unsigned int i = 0; i < sizeof(order); i++)
			s.uuid[i] = cfg->uuid[order[i]];
	}
	begin(t, SMBIOS_SYSTEM, &s, sizeof(s));
	add_string(t, "lkvm");
	add_string(t, cfg->product && *cfg->product ? cfg->product : "lkvm");
	add_optional(t, cfg->version);
	add_optional(t, cfg->serial);
	end(t);
}

static void add_enclosure(struct smbios_table *t)
{
	struct smbios_enclosure s = {
		.manufacturer = 1,
		.type = ENCLOSURE_OTHER,
		.boot_up_state = ENCLOSURE_SAFE,
		.power_state = ENCLOSURE_SAFE,
		.thermal_state = ENCLOSURE_SAFE,
		.security = ENCLOSURE_SECURITY_NONE,
	};

	begin(t, SMBIOS_ENCLOSURE, &s, sizeof(s));
	add_string(t, "lkvm");
	end(t);
}

static void add_oem_strings(struct smbios_table *t, const char *const *strings, unsigned int count)
{
	while (count) {
		struct smbios_oem s = { .count = min(count, (unsigned int)SMBIOS_OEM_MAX) };

		begin(t, SMBIOS_OEM_STRINGS, &s, sizeof(s));
		for (unsigned int i = 0; i < s.count; i++)
			add_string(t, strings[i]);
		end(t);
		strings += s.count;
		count -= s.count;
	}
}

static int write_entries(const struct mem *mem, const struct smbios_table *t)
{
	struct smbios3_entry v3 = {
		.anchor = { '_', 'S', 'M', '3', '_' },
		.length = sizeof(v3),
		.major = SMBIOS_MAJOR,
		.minor = SMBIOS_MINOR,
		.revision = 1,
		.table_max = t->len,
		.table = SMBIOS_TABLE,
	};
	struct smbios2_entry v2 = {
		.anchor = { '_', 'S', 'M', '_' },
		.length = sizeof(v2),
		.major = SMBIOS_MAJOR,
		.minor = SMBIOS_MINOR,
		.structure_max = t->largest,
		.dmi_anchor = { '_', 'D', 'M', 'I', '_' },
		.table_length = t->len,
		.table = SMBIOS_TABLE,
		.structures = t->count,
		.bcd_revision = SMBIOS_MAJOR << 4 | SMBIOS_MINOR,
	};
	const size_t dmi = offsetof(struct smbios2_entry, dmi_anchor);
	int err;

	v3.checksum = checksum8(&v3, sizeof(v3));
	v2.dmi_checksum = checksum8((u8 *)&v2 + dmi, sizeof(v2) - dmi);
	v2.checksum = checksum8(&v2, sizeof(v2));

	_Static_assert(sizeof(v3) <= 0x20 && 0x20 + sizeof(v2) <= 0x40, "room for the entry points");
	err = mem_write(mem, LAYOUT_SMBIOS, &v3, sizeof(v3));
	return err ? err : mem_write(mem, LAYOUT_SMBIOS + 0x20, &v2, sizeof(v2));
}

/**
 * smbios_build() - write the SMBIOS tables into guest memory
 * @mem:	guest memory, which covers LAYOUT_SMBIOS
 * @cfg:	what they tell
 *
 * The entry points are at LAYOUT_SMBIOS, the structures behind them (DSP0134 sections
 * 5.2 and 7).
 *
 * Return: 0; -EINVAL for an empty OEM string, which the format can't tell from the end
 * of all strings; -ENOSPC if the strings don't fit; -EFAULT if there is no memory for
 * the tables. The strings come from the user, so that the message names them.
 */
int smbios_build(const struct mem *mem, const struct smbios_config *cfg)
{
	struct smbios_header last;
	struct smbios_table t = { .data = mem_ptr(mem, SMBIOS_TABLE, SMBIOS_TABLE_MAX) };

	if (!t.data)
		return error(-EFAULT, "SMBIOS: no guest memory at 0x%x", LAYOUT_SMBIOS);
	for (unsigned int i = 0; i < cfg->oem_count; i++)
		if (!*cfg->oem_strings[i])
			return usage_error("SMBIOS: string %u is empty, it must have a character", i + 1);
	add_bios(&t, cfg);
	add_system(&t, cfg);
	add_enclosure(&t);
	add_oem_strings(&t, cfg->oem_strings, cfg->oem_count);
	begin(&t, SMBIOS_END, &last, sizeof(last));
	end(&t);
	if (t.len > SMBIOS_TABLE_MAX) {
		usage_error("SMBIOS: the strings make %zu bytes of tables, which must be at most %u",
			    t.len, SMBIOS_TABLE_MAX);
		return -ENOSPC;
	}
	return write_entries(mem, &t);
}
