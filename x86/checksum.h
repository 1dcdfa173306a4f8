/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checksum of firmware tables: all bytes, this one included, add up to zero.
 */
#ifndef LKVM_X86_CHECKSUM_H
#define LKVM_X86_CHECKSUM_H

#include "types.h"

/**
 * checksum8() - the byte that makes the sum of all bytes zero modulo 256
 * @data:	the table, with 0 where its checksum goes
 * @len:	bytes
 */
static inline u8 checksum8(const void *data, size_t len)
{
	const u8 *p = data;
	u8 sum = 0;

	while (len--)
		sum += *p++;
	return -sum;
}

#endif /* LKVM_X86_CHECKSUM_H */
