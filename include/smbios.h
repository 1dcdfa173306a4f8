/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SMBIOS tables: the machine's name and serial number, and strings for the guest.
 */
#ifndef LKVM_SMBIOS_H
#define LKVM_SMBIOS_H

#include "types.h"

struct mem;

/**
 * struct smbios_config - what the tables tell
 * @product:		the machine's name, NULL for "lkvm"
 * @version:		of the machine and its firmware, NULL for none
 * @serial:		serial number, NULL for none
 * @uuid:		in the order in which it is written, or NULL for none
 * @oem_strings:	strings of type 11 for the guest, none of them empty
 * @oem_count:		how many
 *
 * A string ends at its NUL and may hold any other byte.
 */
struct smbios_config {
	const char *product;
	const char *version;
	const char *serial;
	const u8 *uuid;
	const char *const *oem_strings;
	unsigned int oem_count;
};

int smbios_build(const struct mem *mem, const struct smbios_config *cfg);

#endif /* LKVM_SMBIOS_H */
