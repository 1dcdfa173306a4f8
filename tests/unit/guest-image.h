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

/* --- BTF --- */

enum {
	BTF_INT = 1,
	BTF_PTR,
	BTF_ARRAY,
	BTF_STRUCT,
	BTF_UNION,
	BTF_ENUM,
	BTF_FWD,
	BTF_TYPEDEF,
	BTF_VOLATILE,
	BTF_CONST,
	BTF_ENUM64 = 19,
};

/**
 * struct btf_image - types in the making; the first one has the number 1
 */
struct btf_image {
	u8 types[16384];
	size_t types_len;
	char strings[8192];
	size_t strings_len;
	u32 count;
};

struct btf_image_member {
	const char *name;
	u32 type;
	u32 offset;		/* in bits */
};

u32 btf_image_type(struct btf_image *b, const char *name, u32 kind, u32 length, u32 size_or_type);
void btf_image_word(struct btf_image *b, u32 word);
u32 btf_image_int(struct btf_image *b, const char *name, u32 size);
u32 btf_image_array(struct btf_image *b, u32 type, u32 count);
/* @members end in one without a type */
u32 btf_image_struct(struct btf_image *b, const char *name, u32 size, const struct btf_image_member *members);
/* All of it, at @out. Returns its bytes. */
size_t btf_image_write(const struct btf_image *b, u8 *out, size_t room);

/* --- modules --- */

/* Which kernel's struct module; see include/linux/module.h of the kernel */
enum modules_era {
	MODULES_4_6,	/* core_layout and init_layout */
	MODULES_6_4,	/* mem[] */
};

/* Without trees there is no address of the module behind each part of its memory. */
#define MODULES_NO_TREE	1
/* The members are where no kernel has them: only BTF tells. */
#define MODULES_ODD	2

/*
 * A kernel at @base with BTF at @base + GUEST_BTF and a list of three modules: alpha with symbols
 * and ORC tables at @base + GUEST_ALPHA, beta at @base + GUEST_BETA, and one that is not there yet.
 */
#define GUEST_LIST	0x1000
#define GUEST_BTF	0x2000
#define GUEST_KERNEL	0x10000		/* its size */
#define GUEST_ALPHA	0x1000000
#define GUEST_BETA	0x1100000
#define GUEST_GAMMA	0x1200000
#define GUEST_MODULE	0x8000		/* the size of each */

/* Returns the end of the BTF. */
u64 guest_image_modules(struct guest_image *image, u64 base, enum modules_era era, int flags);

#endif /* LKVM_TEST_GUEST_IMAGE_H */
