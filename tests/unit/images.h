/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builders of synthetic kernels, for the tests of the boot code.
 */
#ifndef LKVM_TESTS_IMAGES_H
#define LKVM_TESTS_IMAGES_H

#include "types.h"
#include "unpack.h"

struct image {
	u8 *data;
	size_t size;
};

struct image_segment {
	u64 gpa, vaddr, mem_size;
	const void *data;
	size_t size;
};

struct image_elf {
	bool is32;
	u64 entry;
	struct image_segment segments[8];
	const void *notes;
	size_t notes_size;
};

struct image_bzimage {
	u16 version;		/* 0: 2.15 */
	u16 xloadflags;
	u64 pref_address;
	u32 init_size;
	u32 cmdline_size;
	u32 initrd_addr_max;	/* 0: 0x7fffffff */
	const char *release;
	const void *payload;
	size_t payload_size;
	u32 declared;		/* appended to the payload, unless 0 */
};

struct image image_elf(const struct image_elf *elf);
struct image image_bzimage(const struct image_bzimage *bz);
struct image image_pack(enum unpack_format format, const void *data, size_t size);
struct image image_packed_bzimage(enum unpack_format format, const struct image *elf);
size_t image_note(u8 *buf, size_t at, const char *name, u32 type, const void *desc, u32 desc_size);
void image_fill(u8 *data, size_t size, u32 seed);
void image_write(const char *path, const void *data, size_t size);
void image_free(struct image *image);

/* What was said since the last call of said_start(). */
void said_start(void);
unsigned int said_lines(void);
const char *said(void);

#endif /* LKVM_TESTS_IMAGES_H */
