/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unpacking in memory: the compressions that kernels come in.
 */
#ifndef LKVM_UNPACK_H
#define LKVM_UNPACK_H

#include "types.h"

/* Nothing is unpacked to more than this, whatever it claims. */
#define UNPACK_MAX (1ULL << 30)

enum unpack_format {
	UNPACK_NONE,		/* no magic number that we know */
	UNPACK_GZIP,
	UNPACK_ZSTD,
	UNPACK_LZ4,		/* the legacy frame, which the kernel uses */
	UNPACK_XZ,
	UNPACK_LZMA,		/* "LZMA alone" */
	UNPACK_BZIP2,
	UNPACK_LZO,		/* known by its magic number, never unpacked here */
};

/**
 * struct unpacked - the result; give it back with unpack_free()
 * @data:	the bytes, in a mapping of its own
 * @size:	how many there are
 * @mapped:	length of the mapping
 */
struct unpacked {
	u8 *data;
	size_t size;
	size_t mapped;
};

enum unpack_format unpack_probe(const void *data, size_t size);
const char *unpack_name(enum unpack_format format);
const char *unpack_missing(enum unpack_format format);

int unpack(const char *what, enum unpack_format format, const void *data, size_t size,
	   size_t expected, size_t limit, struct unpacked *out);
void unpack_free(struct unpacked *u);

#endif /* LKVM_UNPACK_H */
