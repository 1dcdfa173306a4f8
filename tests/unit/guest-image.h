/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a guest that is none: pieces at virtual addresses, with a kernel's tables
 * built into them. For the tests of inspect/, and the seeds of its fuzzers.
 */
#ifndef LKVM_TEST_GUEST_IMAGE_H
#define LKVM_TEST_GUEST_IMAGE_H

#include "guest-view.h"

#define GUEST_PIECES	8

struct guest_piece {
	u64 va;
	u8 *data;
	size_t size;
};

/**
 * struct guest_image - memory behind a guest_view
 * @reads:	how often it was read
 */
struct guest_image {
	struct guest_view view;
	struct guest_piece pieces[GUEST_PIECES];
	size_t count;
	unsigned int reads;
};

void guest_image_init(struct guest_image *image, bool is64);
u8 *guest_image_add(struct guest_image *image, u64 va, size_t size);
void guest_image_free(struct guest_image *image);
/* A pointer to what is at @va, of which @len bytes must be there */
u8 *guest_image_at(struct guest_image *image, u64 va, size_t len);

struct test_symbol {
	u64 addr;
	char type;
	char name[400];
};

/* Which kernel wrote the table; see inspect/kallsyms.c and scripts/kallsyms.c of the kernel */
enum kallsyms_era {
	KALLSYMS_4_6,	/* 64-bit numbers for markers on 64-bit kernels */
	KALLSYMS_5_0,
	KALLSYMS_6_2,	/* seqs_of_names before the tokens, 3 bytes each */
	KALLSYMS_6_2_RC,	/* 4 bytes each */
	KALLSYMS_6_4,	/* the addresses behind the tokens */
	KALLSYMS_7_0,	/* without a base */
};

enum kallsyms_how {
	HOW_PER_CPU,
	HOW_UNSIGNED,
	HOW_POINTERS,
	HOW_PLACE,
};

/* Write the table of @count symbols, sorted by address, at @va. Returns the first address behind it. */
u64 guest_image_kallsyms(struct guest_image *image, u64 va, enum kallsyms_era era, enum kallsyms_how how,
			 const struct test_symbol *symbols, u32 count);

/* A kernel's worth of symbols from @text on, @count of them, the borders included */
struct test_symbol *test_symbols(u64 text, u32 count, bool per_cpu);

#endif /* LKVM_TEST_GUEST_IMAGE_H */
