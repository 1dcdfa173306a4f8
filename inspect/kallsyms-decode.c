// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decodes a kallsyms table that was found: expands the names, and works out which of several
 * ways its addresses are written in.
 *
 *   pointers		addresses, relocated with the kernel
 *   unsigned		an offset from relative_base
 *   per-CPU		not negative: the value itself, that of a per-CPU symbol; else -1 - offset is
 *			relative to relative_base (64-bit SMP kernels up to 6.14)
 *   place		relative to where the offset itself is (64-bit kernels since 7.0)
 *
 * Each is tried in each of the places where it may be. The right one gives addresses that rise
 * all the way, as the kernel's build sorts them, with the functions near the table itself,
 * since both are in the kernel's image. relative_base is a pointer that the kernel relocates
 * when it starts, so this is true with KASLR too.
 */
#include <errno.h>

#include "guest-view.h"
#include "kallsyms-table.h"
#include "symbols.h"
#include "util.h"

/* The image of a kernel is smaller than this. */
#define NEAR	(1 * GiB)

enum encoding {
	PER_CPU,
	UNSIGNED,
	POINTERS,
	PLACE,
};

/**
 * struct decoded - the table in the making
 * @addrs:	of the symbols
 * @raw:	the offsets, or addresses, as they are in the guest
 * @letters:	the types of the symbols
 */
struct decoded {
	u64 *addrs;
	u8 *raw;
	char *letters;
};

static u64 get_pointer(const struct kallsyms *k, const u8 *p)
{
	u64 v = 0;

	memcpy(&v, p, k->align);
	return v;
}

static u64 decode(const struct kallsyms *k, enum encoding how, const u8 *raw, u32 i, u64 base, u64 at)
{
	s32 offset;

	if (how == POINTERS)
		return get_pointer(k, raw + (size_t)i * k->align);
	memcpy(&offset, raw + (size_t)i * 4, 4);
	switch (how) {
	case UNSIGNED:
		return base + (u32)offset;
	case PLACE:
		return at + (u64)i * 4 + offset;
	default:
		return offset >= 0 ? (u64)offset : base - 1 - offset;
	}
}

/* Whether the symbols rise, and the functions among them are where the table is, but for a few */
static bool is_plausible(const struct kallsyms *k, const struct decoded *d)
{
	u32 functions = 0, far = 0;

	for (u32 i = 0; i < k->num; i++) {
		if (i && d->addrs[i] < d->addrs[i - 1])
			return false;
		if (d->letters[i] != 'T' && d->letters[i] != 't')
			continue;
		functions++;
		if (d->addrs[i] - k->tokens_at + NEAR > 2 * NEAR)
			far++;
	}
	return functions && far <= functions / 64;
}

/* Try one way to read the addresses: @at is where they are, @base_at where relative_base is. */
static bool try_encoding(const struct kallsyms *k, enum encoding how, u64 at, u64 base_at, struct decoded *d)
{
	size_t len = (size_t)k->num * (how == POINTERS ? k->align : 4);
	u8 pointer[8];
	u64 base = 0, mask = k->align == 8 ? UINT64_MAX : UINT32_MAX;

	if (how == UNSIGNED || how == PER_CPU) {
		if (k->view->read(k->view, base_at, pointer, k->align))
			return false;
		base = get_pointer(k, pointer);
		if (base - k->tokens_at + NEAR > 2 * NEAR)
			return false;
	}
	if (k->view->read(k->view, at, d->raw, len))
		return false;
	for (u32 i = 0; i < k->num; i++)
		d->addrs[i] = decode(k, how, d->raw, i, base, at) & mask;
	return is_plausible(k, d);
}

static bool find_addresses(const struct kallsyms *k, struct decoded *d)
{
	u64 after = k->index_at + KALLSYMS_TOKENS * sizeof(u16);
	u64 offsets = ALIGN_UP((u64)k->num * 4, k->align), pointers = (u64)k->num * k->align;
	u64 before = k->num_at - k->align;	/* relative_base, up to 6.3 */

	return try_encoding(k, PER_CPU, after, after + offsets, d) ||
	       try_encoding(k, UNSIGNED, after, after + offsets, d) ||
	       try_encoding(k, PER_CPU, before - offsets, before, d) ||
	       try_encoding(k, UNSIGNED, before - offsets, before, d) ||
	       try_encoding(k, POINTERS, after, 0, d) ||
	       try_encoding(k, POINTERS, k->num_at - pointers, 0, d) ||
	       try_encoding(k, PLACE, after, 0, d);
}

/* Expand a name, its type letter first; one that is too long is cut. Return: its bytes in the table. */
static size_t expand(const struct kallsyms *k, size_t at, char name[KALLSYMS_NAME_MAX + 1])
{
	size_t head = 0, len = kallsyms_name_length(k->names + at, k->names_len - at, &head), used = 0;

	for (size_t i = 0; i < len; i++) {
		const u8 *token = k->tokens + k->index[k->names[at + head + i]];

		while (*token && used < KALLSYMS_NAME_MAX)
			name[used++] = *token++;
	}
	name[used] = '\0';
	return head + len;
}

/* The type is the first letter of a name's first token. */
static bool find_letters(const struct kallsyms *k, struct decoded *d)
{
	size_t at = 0;

	for (u32 i = 0; i < k->num; i++) {
		size_t head = 0, len = kallsyms_name_length(k->names + at, k->names_len - at, &head);
		char c = len ? k->tokens[k->index[k->names[at + head]]] : '\0';

		if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '?')
			return false;
		d->letters[i] = c;
		at += head + len;
	}
	return true;
}

static int add_all(const struct kallsyms *k, const struct decoded *d, struct symbols *s)
{
	char name[KALLSYMS_NAME_MAX + 1];
	size_t at = 0;
	int err = 0;

	for (u32 i = 0; i < k->num && !err; i++) {
		at += expand(k, at, name);
		if (name[1])
			err = symbols_add(s, d->addrs[i], 0, name[0], name + 1, NULL);
	}
	return err;
}

/**
 * kallsyms_decode() - add the symbols of a table
 * @k:		all of it is filled in, and kallsyms_check_names() is true
 *
 * Return: 0; -ENOENT when the names or addresses make no sense; else -errno.
 */
int kallsyms_decode(struct kallsyms *k, struct symbols *s)
{
	struct decoded d;
	int err = -ENOENT;

	if (k->num > KALLSYMS_SYMBOLS_MAX)
		return -E2BIG;
	d.addrs = malloc(k->num * sizeof(*d.addrs));
	d.raw = malloc((size_t)k->num * k->align);
	d.letters = malloc(k->num);
	if (!d.addrs || !d.raw || !d.letters)
		err = -ENOMEM;
	else if (find_letters(k, &d) && find_addresses(k, &d))
		err = add_all(k, &d, s);
	free(d.addrs);
	free(d.raw);
	free(d.letters);
	return err;
}
