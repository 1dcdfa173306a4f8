// SPDX-License-Identifier: GPL-2.0-only
/*
 * ORC, the tables by which a Linux without frame pointers unwinds its stacks
 * (Documentation/arch/x86/orc-unwinder.rst; arch/x86/include/asm/orc_types.h). For ranges of
 * code they say where the stack pointer of the caller is, and where its RBP was saved.
 *
 * The guest has sorted them, and a search reads some twenty entries; nothing is copied. An
 * entry is two 16-bit offsets and a 16-bit word of bit fields, which
 * have changed: up to 6.3 the type has two bits, and a frame without a stack
 * pointer and with a bit "end" ends the stack; since 6.4 it has three bits, with a number for the end,
 * and a bit tells whether the frame was interrupted. Distributions carry changes back, so versions
 * tell nothing for sure; but in either format almost all entries are calls, and that shows.
 *
 * All of it may be damaged: an entry is a hint, and x86/unwind.c checks what it leads to.
 */
#include "orc.h"
#include "paging.h"
#include "symbols.h"
#include "util.h"

#define IP_SIZE		4
#define ENTRY_SIZE	6
#define COUNT_MAX	(64U << 20)	/* a kernel has one or two million */
#define SAMPLES		256

/* The word of bit fields: sp_reg, bp_reg, and from bit 8 on what the format says. */
#define WORD_SP_REG(w)	((w) & 0xf)
#define WORD_BP_REG(w)	((w) >> 4 & 0xf)
#define OLD_TYPE(w)	((w) >> 8 & 0x3)
#define OLD_END(w)	((w) >> 10 & 0x3)	/* 6.3 had "signal" before it */
#define TYPED_TYPE(w)	((w) >> 8 & 0x7)
#define TYPED_SIGNAL(w)	((w) >> 11 & 0x1)

struct raw_entry {
	s16 sp_offset;
	s16 bp_offset;
	u16 word;
};

static bool read_entry(const struct orc_table *t, const struct paging *p, u32 n, struct raw_entry *raw)
{
	return !paging_read(p, t->entries + (u64)n * ENTRY_SIZE, raw, ENTRY_SIZE);
}

static bool read_ip(const struct orc_table *t, const struct paging *p, u32 n, u64 *ip)
{
	u64 at = t->ip + (u64)n * IP_SIZE;
	s32 offset;

	if (paging_read(p, at, &offset, sizeof(offset)))
		return false;
	*ip = at + (s64)offset;
	return true;
}

static void decode_old(u16 word, struct orc_entry *e)
{
	static const enum orc_type types[] = { ORC_TYPE_CALL, ORC_TYPE_REGS, ORC_TYPE_IRET, ORC_TYPE_NONE };

	e->type = types[OLD_TYPE(word)];
	e->signal = e->type != ORC_TYPE_CALL;
	if (e->sp_reg == ORC_UNDEFINED)
		e->type = OLD_END(word) ? ORC_TYPE_END : ORC_TYPE_NONE;
}

static void decode_typed(u16 word, struct orc_entry *e)
{
	static const enum orc_type types[8] = {
		ORC_TYPE_NONE, ORC_TYPE_END, ORC_TYPE_CALL, ORC_TYPE_REGS, ORC_TYPE_IRET,
	};

	e->type = types[TYPED_TYPE(word)];
	e->signal = TYPED_SIGNAL(word);
}

/* Most entries are calls with a frame told by the stack pointer: type 0, or 2 if it is the new format. */
static bool looks_typed(const struct orc_table *t, const struct paging *p)
{
	u32 step = max(t->count / SAMPLES, 1U);
	unsigned int old = 0, typed = 0;
	struct raw_entry raw;

	for (u32 n = 0; n < t->count; n += step) {
		if (!read_entry(t, p, n, &raw) || WORD_SP_REG(raw.word) != ORC_SP)
			continue;
		old += TYPED_TYPE(raw.word) == 0;
		typed += TYPED_TYPE(raw.word) == 2;
	}
	return typed > old;
}

/**
 * orc_open() - take down where a pair of tables is
 * @t:		to be filled in
 * @ip:		first virtual address of the code addresses
 * @ip_end:	the end of them
 * @entries:	first virtual address of the entries
 * @entries_end: the end of them
 *
 * Return: whether the two can belong together.
 */
bool orc_open(struct orc_table *t, u64 ip, u64 ip_end, u64 entries, u64 entries_end)
{
	u64 count = (ip_end - ip) / IP_SIZE;

	if (ip_end <= ip || entries_end <= entries || count > COUNT_MAX ||
	    (entries_end - entries) / ENTRY_SIZE != count || !count)
		return false;
	*t = (struct orc_table){ .ip = ip, .entries = entries, .count = count };
	return true;
}

/**
 * orc_probe() - find out by samples which format the entries have
 */
void orc_probe(struct orc_table *t, const struct paging *p)
{
	t->typed = looks_typed(t, p);
}

/**
 * orc_open_kernel() - the tables of the kernel itself
 *
 * Return: whether it has any.
 */
bool orc_open_kernel(struct orc_table *t, const struct paging *p, const struct symbols *s)
{
	u64 ip, ip_end, entries, entries_end;

	if (!symbols_find(s, "__start_orc_unwind_ip", &ip) || !symbols_find(s, "__stop_orc_unwind_ip", &ip_end) ||
	    !symbols_find(s, "__start_orc_unwind", &entries) || !symbols_find(s, "__stop_orc_unwind", &entries_end) ||
	    !orc_open(t, ip, ip_end, entries, entries_end))
		return false;
	orc_probe(t, p);
	return true;
}

/**
 * orc_find() - the entry of a code address
 * @t:		where to look
 * @p:		the page tables
 * @ip:		the address
 * @entry:	set to the entry of the range that it is in
 *
 * Return: whether there is one. Beyond the last range that is the last entry, which a
 * kernel makes one of type none.
 */
bool orc_find(const struct orc_table *t, const struct paging *p, u64 ip, struct orc_entry *entry)
{
	u32 below = 0, above = t->count;
	struct raw_entry raw;
	u64 at;

	/* The last that begins at or below the address; where two begin together, the second counts. */
	while (below < above) {
		u32 middle = below + (above - below) / 2;

		if (!read_ip(t, p, middle, &at))
			return false;
		if (at <= ip)
			below = middle + 1;
		else
			above = middle;
	}
	if (!below || !read_entry(t, p, below - 1, &raw))
		return false;
	*entry = (struct orc_entry){
		.sp_offset = raw.sp_offset,
		.bp_offset = raw.bp_offset,
		.sp_reg = WORD_SP_REG(raw.word),
		.bp_reg = WORD_BP_REG(raw.word),
	};
	if (t->typed)
		decode_typed(raw.word, entry);
	else
		decode_old(raw.word, entry);
	return true;
}
