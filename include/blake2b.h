/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BLAKE2b with a 256-bit result (RFC 7693): the name of a file's contents.
 */
#ifndef LKVM_BLAKE2B_H
#define LKVM_BLAKE2B_H

#include "types.h"

#define BLAKE2B_SIZE 32

void blake2b(const void *data, size_t size, u8 digest[BLAKE2B_SIZE]);

#endif /* LKVM_BLAKE2B_H */
