// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the kernel's own symbol table in the guest's memory, without any symbol to start from.
 *
 * scripts/kallsyms.c of the kernel writes it at build time. Its parts are in one piece of
 * read-only data, each aligned to the size of a pointer:
 *
 *   4.6 to 6.3:	offsets relative_base num_syms names markers [seqs_of_names, since 6.2]
 *			token_table token_index
 *   since 6.4:		num_syms names markers token_table token_index offsets relative_base
 *			seqs_of_names
 *   since 7.0:		the same without relative_base
 *
 * or, in the place of offsets and relative_base, addresses. The search goes from the part that
 * nothing else looks like to those before it:
 *
 *   1. token_index: 256 rising 16-bit numbers, the first of them 0, just behind 256 strings that
 *      begin where the numbers say.
 *   2. markers, before the tokens: rising numbers from 0, one for each 256 names.
 *   3. num_syms and names, before the markers: as many names as it says, from marker to marker.
 *
 * Addresses come last (inspect/kallsyms-decode.c). All of it is checked, since the guest may be
 * hostile: at most SCAN_MAX bytes are looked at, TABLES_MAX candidates are followed, and
 * WORK_MAX steps are done.
 *
 * Runs in whichever thread wants the symbols, while the guest's CPUs stand still.
 */
#include <errno.h>

#include "guest-view.h"
#include "kallsyms-table.h"
#include "log.h"
#include "symbols.h"
#include "util.h"

#define SCAN_MAX	(256 * MiB)
#define TABLES_MAX	16
#define WORK_MAX	(64 * 1000 * 1000ULL)
#define CHUNK		(1 * MiB)
#define INDEX_SIZE	(KALLSYMS_TOKENS * sizeof(u16))
#define TOKEN_MAX	KALLSYMS_NAME_MAX

/* 64-bit kernels are in the last 2 GiB, which need not wait for all memory's direct mapping. */
#define IMAGE_AREA	0xffffffff80000000ULL

/* Names of the last, incomplete group: each has at most two bytes of length */
#define GROUP		256
#define GROUP_MAX	(GROUP * (KALLSYMS_NAME_MAX + 2))

static u16 get16(const u8 *p)
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static u32 get32(const u8 *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static u64 get_marker(const struct kallsyms *k, const u8 *markers, size_t i)
{
	u64 v = 0;

	memcpy(&v, markers + i * k->marker_size, k->marker_size);
	return v;
}

static bool work(struct kallsyms *k, u64 steps)
{
	k->work -= min(k->work, steps);
	return k->work;
}

/* --- the tokens ---------------------------------------------------------- */

/* Each step is a token and its NUL. */
static bool is_index(const u8 *p)
{
	u32 last = get16(p);

	if (last)
		return false;
	for (size_t i = 1; i < KALLSYMS_TOKENS; i++) {
		u32 next = get16(p + 2 * i);

		if (next <= last || next - last > TOKEN_MAX + 1)
			return false;
		last = next;
	}
	return true;
}

/* Whether @tokens are as the index says: strings of printable characters, one behind the other */
static bool are_tokens(struct kallsyms *k, const u8 *tokens, size_t len)
{
	for (size_t i = 0; i < KALLSYMS_TOKENS; i++) {
		size_t at = k->index[i], end = i + 1 < KALLSYMS_TOKENS ? k->index[i + 1] : len;

		if (end > len || tokens[end - 1])
			return false;
		for (; at < end - 1; at++)
			if (tokens[at] <= ' ' || tokens[at] >= 0x7f)
				return false;
	}
	return true;
}

/*
 * Read the tokens before the index at @k->index_at. The last token's length is the one
 * thing that the index does not tell; what follows it is padding.
 */
static bool read_tokens(struct kallsyms *k)
{
	u32 last = k->index[KALLSYMS_TOKENS - 1];
	u32 all = ALIGN_UP(last + TOKEN_MAX + 1, k->align);
	const u8 *end = k->tokens + all;

	if (all > KALLSYMS_TOKENS_MAX || k->index_at < all)
		return false;
	/* The memory before it may be shorter than the longest tokens. */
	while (k->view->read(k->view, k->index_at - all, k->tokens, all)) {
		if (all < last + 2 * k->align)
			return false;
		all -= k->align;
		end = k->tokens + all;
	}
	for (u32 size = ALIGN_UP(last + 1, k->align); size <= all; size += k->align) {
		const u8 *tokens = end - size;
		const u8 *nul = memchr(tokens + last, '\0', size - last);

		if (!work(k, KALLSYMS_TOKENS))
			return false;
		if (!nul || ALIGN_UP((u32)(nul + 1 - tokens), k->align) != size)
			continue;
		if (!are_tokens(k, tokens, nul + 1 - tokens))
			continue;
		k->tokens_at = k->index_at - size;
		k->tokens_len = nul + 1 - tokens;
		memmove(k->tokens, tokens, k->tokens_len);
		return true;
	}
	return false;
}

/* --- the names and their markers ----------------------------------------- */

/**
 * kallsyms_name_length() - how many bytes the tokens of a name have
 * @room:	bytes at @names
 * @head:	set to the bytes of the length itself
 *
 * Return: 0 when there is no name.
 */
size_t kallsyms_name_length(const u8 *names, size_t room, size_t *head)
{
	size_t len;

	if (room < 2)
		return 0;
	*head = names[0] & 0x80 ? 2 : 1;
	len = names[0] & 0x7f;
	if (*head == 2)
		len |= (size_t)names[1] << 7;
	return len <= KALLSYMS_NAME_MAX && len <= room - *head ? len : 0;
}

/**
 * kallsyms_check_names() - go through all names
 * @end:	set to the bytes that they have
 *
 * Return: whether each is one, and each marker is right.
 */
bool kallsyms_check_names(struct kallsyms *k, size_t *end)
{
	size_t at = 0;

	if (!work(k, k->num))
		return false;
	for (u32 i = 0; i < k->num; i++) {
		size_t head, len = kallsyms_name_length(k->names + at, k->names_len - at, &head);

		if (!len || (!(i % GROUP) && get_marker(k, k->markers, i / GROUP) != at))
			return false;
		at += head + len;
	}
	*end = at;
	return true;
}

/*
 * The names end at @markers in @buf, @count markers say where the groups begin. Looks for the
 * number of symbols, which is just before the names.
 */
static bool find_names(struct kallsyms *k, const u8 *buf, const u8 *markers, size_t count, size_t gap)
{
	u64 last = get_marker(k, markers, count - 1);
	size_t room = markers - buf, low, end;

	if (last + k->align >= room)
		return false;
	low = room - last > GROUP_MAX + 2 * k->align ? room - last - GROUP_MAX - 2 * k->align : 0;
	low = ALIGN_UP(low, k->align);
	for (size_t at = ALIGN_DOWN(room - last - 1, k->align); at >= low + k->align; at -= k->align) {
		u32 num = get32(buf + at - k->align);

		if (!work(k, 1))
			return false;
		if (!num || (num + GROUP - 1) / GROUP != count || (k->align == 8 && get32(buf + at - 4)))
			continue;
		/* What is between the markers and the tokens is nothing, or 3 or 4 bytes for each symbol. */
		if (gap && gap != ALIGN_UP(3 * num, k->align) && gap != ALIGN_UP(4 * num, k->align))
			continue;
		k->num = num;
		k->names = buf + at;
		k->names_len = room - at;
		k->markers = markers;
		if (kallsyms_check_names(k, &end) && ALIGN_UP(at + end, k->align) == room)
			return true;
	}
	return false;
}

/* How many markers there are at @p: each group has 2 bytes at least for each name */
static size_t count_markers(const struct kallsyms *k, const u8 *p, const u8 *end)
{
	size_t count = 1, room = (end - p) / k->marker_size;
	u64 last = 0;

	while (count < room) {
		u64 next = get_marker(k, p, count);

		if (next < last + 2 * GROUP || next > last + GROUP_MAX || next >= KALLSYMS_NAMES_MAX)
			break;
		last = next;
		count++;
	}
	return count;
}

/*
 * @buf has what is before the tokens in the guest, and ends where they begin, at
 * @k->tokens_at. Goes down from there, to the first zero that markers may begin with.
 */
static bool find_markers(struct kallsyms *k, const u8 *buf, size_t len)
{
	size_t lowest = len - min(len, (size_t)KALLSYMS_SYMBOLS_MAX * 4 + KALLSYMS_SYMBOLS_MAX / GROUP * 8);

	lowest = ALIGN_UP(lowest, k->align);
	for (size_t at = ALIGN_DOWN(len - k->align, k->align); at > lowest; at -= k->align) {
		if (get32(buf + at))
			continue;
		for (k->marker_size = 4; k->marker_size <= k->align; k->marker_size += 4) {
			size_t count = count_markers(k, buf + at, buf + len);
			size_t gap = len - at - ALIGN_UP(count * k->marker_size, k->align);

			if (!work(k, count))
				return false;
			/* A single marker is told from any other zero by its place only. */
			if ((count > 1 || !gap) && find_names(k, buf, buf + at, count, gap)) {
				k->num_at = k->tokens_at - len + (k->names - buf) - k->align;
				return true;
			}
		}
	}
	return false;
}

/* --- the search ---------------------------------------------------------- */

/* There seem to be tokens with their index at @k->index_at, in memory that begins at @low. */
static int try_table(struct kallsyms *k, u64 low, struct symbols *s)
{
	static const size_t lens[] = { 8 * MiB, KALLSYMS_NAMES_MAX + 8 * MiB };
	int err = -ENOENT;

	if (!read_tokens(k))
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(lens) && err == -ENOENT; i++) {
		size_t room = k->tokens_at > low ? k->tokens_at - low : 0;
		size_t len = ALIGN_DOWN(min(lens[i], room), k->align);
		u8 *buf;

		if (len < 64 || (i && len <= lens[0]))
			break;
		buf = malloc(len);
		if (!buf)
			return -ENOMEM;
		if (!k->view->read(k->view, k->tokens_at - len, buf, len) && find_markers(k, buf, len))
			err = kallsyms_decode(k, s);
		free(buf);
	}
	return err;
}

/**
 * struct scan - the search through the memory
 * @left:	bytes that may still be looked at
 * @tables:	candidates that may still be followed
 * @buf:	of CHUNK bytes and another index
 */
struct scan {
	struct kallsyms *k;
	struct symbols *s;
	u64 left;
	unsigned int tables;
	u8 *buf;
};

/* An index in the @len bytes of @sc->buf, which are at @va, part of memory that begins at @low */
static int scan_chunk(struct scan *sc, u64 low, u64 va, size_t len)
{
	struct kallsyms *k = sc->k;
	size_t at = -va & (k->align - 1);

	for (; at + INDEX_SIZE <= len; at += k->align) {
		const u8 *p = sc->buf + at;
		int err;

		/* Nearly all places are left here. */
		if (p[0] || p[1] || !(p[2] || p[3]) || !is_index(p))
			continue;
		if (!sc->tables-- || !work(k, 1))
			return -E2BIG;
		k->index_at = va + at;
		memcpy(k->index, p, INDEX_SIZE);
		err = try_table(k, low, sc->s);
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

/* Memory that is mapped without a gap */
static int scan_run(struct scan *sc, u64 start, u64 end)
{
	for (u64 va = start; end - va >= INDEX_SIZE && sc->left;) {
		size_t len = min(end - va, CHUNK + INDEX_SIZE);
		int err;

		sc->left -= min(sc->left, (u64)CHUNK);
		if (!sc->k->view->read(sc->k->view, va, sc->buf, len)) {
			err = scan_chunk(sc, start, va, len);
			if (err != -ENOENT)
				return err;
		}
		/* Each chunk begins with what an index at the end of the last one lacked. */
		va += len - INDEX_SIZE + (len < CHUNK + INDEX_SIZE ? INDEX_SIZE : 0);
	}
	return -ENOENT;
}

static int scan(struct scan *sc, u64 from, u64 below)
{
	const struct guest_view *view = sc->k->view;
	u64 start, end, next_start, next_end;
	bool more = view->next(view, from, &start, &end);

	/* A run costs something even when it is too short for any index. */
	for (; more && start < below && sc->left && work(sc->k, 64); start = next_start, end = next_end) {
		int err;

		if (start >= end || end <= from)
			return -EFAULT;
		from = end;
		more = view->next(view, end, &next_start, &next_end);
		if (more && next_start == end && next_end > end && work(sc->k, 64)) {
			next_start = start;
			continue;
		}
		err = scan_run(sc, start, end);
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

/**
 * symbols_read_kallsyms() - add the symbols of a guest's kernel, from its own table
 * @s:		sorted afterwards
 * @view:	the guest's memory; its CPUs do not run
 *
 * Nothing is said when there is no table, since a kernel may lack one.
 *
 * Return: 0; -ENOENT when no table was found (a kernel without CONFIG_KALLSYMS, or no
 * Linux, or one that is not up yet), -E2BIG when it gave up, -ENOMEM.
 */
int symbols_read_kallsyms(struct symbols *s, const struct guest_view *view)
{
	struct kallsyms *k = calloc(1, sizeof(*k));
	struct scan sc = { .k = k, .s = s, .left = SCAN_MAX, .tables = TABLES_MAX, .buf = malloc(CHUNK + INDEX_SIZE) };
	int err = -ENOMEM;

	if (k && sc.buf) {
		k->view = view;
		k->align = view->is64 ? 8 : 4;
		k->work = WORK_MAX;
		err = view->is64 ? scan(&sc, IMAGE_AREA, UINT64_MAX) : -ENOENT;
		if (err == -ENOENT)
			err = scan(&sc, 0, view->is64 ? IMAGE_AREA : UINT64_MAX);
		debug("kallsyms: %zu symbols, %llu MiB looked at", err ? 0 : symbols_count(s),
		      (unsigned long long)((SCAN_MAX - sc.left) / MiB));
	}
	free(sc.buf);
	free(k);
	if (!err)
		symbols_sort(s);
	return err;
}
