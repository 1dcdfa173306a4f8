// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builds the memory of a guest for the tests of inspect/, with the tables that a kernel has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "guest-image.h"
#include "util.h"

/* --- memory --------------------------------------------------------------- */

static int image_read(const struct guest_view *view, u64 va, void *data, size_t len)
{
	struct guest_image *image = container_of(view, struct guest_image, view);

	image->reads++;
	for (size_t i = 0; i < image->count; i++) {
		const struct guest_piece *p = &image->pieces[i];

		if (va >= p->va && va - p->va <= p->size && len <= p->size - (va - p->va)) {
			memcpy(data, p->data + (va - p->va), len);
			return 0;
		}
	}
	return -EFAULT;
}

static bool image_next(const struct guest_view *view, u64 va, u64 *start, u64 *end)
{
	const struct guest_image *image = container_of(view, struct guest_image, view);
	const struct guest_piece *best = NULL;

	for (size_t i = 0; i < image->count; i++) {
		const struct guest_piece *p = &image->pieces[i];

		if (p->va + p->size > va && (!best || p->va < best->va))
			best = p;
	}
	if (!best)
		return false;
	*start = best->va;
	*end = best->va + best->size;
	return true;
}

void guest_image_init(struct guest_image *image, bool is64)
{
	*image = (struct guest_image) { .view = { image_read, image_next, is64 } };
}

u8 *guest_image_add(struct guest_image *image, u64 va, size_t size)
{
	struct guest_piece *p = &image->pieces[image->count++];

	assert_true(image->count <= GUEST_PIECES);
	*p = (struct guest_piece) { va, calloc(1, size), size };
	assert_non_null(p->data);
	return p->data;
}

void guest_image_free(struct guest_image *image)
{
	for (size_t i = 0; i < image->count; i++)
		free(image->pieces[i].data);
	image->count = 0;
}

u8 *guest_image_at(struct guest_image *image, u64 va, size_t len)
{
	for (size_t i = 0; i < image->count; i++) {
		const struct guest_piece *p = &image->pieces[i];

		if (va >= p->va && va - p->va <= p->size && len <= p->size - (va - p->va))
			return p->data + (va - p->va);
	}
	fail_msg("nothing is at %llx", (unsigned long long)va);
	return NULL;
}

/* --- kallsyms ------------------------------------------------------------- */

static void put(struct guest_image *image, u64 va, u64 value, size_t size)
{
	memcpy(guest_image_at(image, va, size), &value, size);
}

/*
 * The tokens: each character stands for itself, as in a kernel, and the other codes for
 * pieces of names.
 */
static const char *const pieces[] = {
	"__x64_", "sys_", "_init", "_handler", "tion", "get_", "set_", "put_", "read", "write", "lock", "un",
	"__", "_to_", "er", "in", "re", "al", "t_", "d_", "tc", "Tc", "tg",
};

struct tokens {
	char text[256][8];
};

static void make_tokens(struct tokens *t)
{
	size_t next = 0;

	memset(t, 0, sizeof(*t));
	for (int c = 0; c < 256; c++) {
		bool used = c == '_' || c == '.' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z');

		if (used)
			t->text[c][0] = c;
		else if (next < ARRAY_SIZE(pieces))
			snprintf(t->text[c], sizeof(t->text[c]), "%s", pieces[next++]);
	}
}

/* The longest token at each place */
static size_t compress(const struct tokens *t, const char *name, u8 *out)
{
	size_t len = 0;

	while (*name) {
		size_t best_len = 0;
		int best = 0;

		for (int c = 0; c < 256; c++) {
			size_t n = strlen(t->text[c]);

			if (n > best_len && !strncmp(name, t->text[c], n)) {
				best = c;
				best_len = n;
			}
		}
		assert_true(best_len);
		out[len++] = best;
		name += best_len;
	}
	return len;
}

struct writer {
	struct guest_image *image;
	u64 at;
	size_t align;
};

static void align(struct writer *w)
{
	w->at = ALIGN_UP(w->at, w->align);
}

static void add(struct writer *w, u64 value, size_t size)
{
	put(w->image, w->at, value, size);
	w->at += size;
}

static void write_addresses(struct writer *w, enum kallsyms_era era, enum kallsyms_how how,
			    const struct test_symbol *symbols, u32 count)
{
	u64 base = 0;

	for (u32 i = 0; !base && i < count; i++)
		if (symbols[i].addr > 0x1000000 || how == HOW_UNSIGNED)
			base = symbols[i].addr;
	align(w);
	for (u32 i = 0; i < count; i++) {
		u64 addr = symbols[i].addr;

		if (how == HOW_POINTERS)
			add(w, addr, w->align);
		else if (how == HOW_UNSIGNED)
			add(w, addr - base, 4);
		else if (how == HOW_PLACE)
			add(w, addr - w->at, 4);
		else
			add(w, addr < base ? addr : base - 1 - addr, 4);
	}
	align(w);
	if (how != HOW_POINTERS && era != KALLSYMS_7_0)
		add(w, base, w->align);
}

static void write_names(struct writer *w, enum kallsyms_era era, const struct tokens *t,
			const struct test_symbol *symbols, u32 count)
{
	size_t marker = era == KALLSYMS_4_6 ? w->align : 4;
	u64 begin, *markers = calloc(count / 256 + 1, sizeof(*markers));

	align(w);
	add(w, count, era == KALLSYMS_4_6 ? w->align : 4);
	align(w);
	begin = w->at;
	for (u32 i = 0; i < count; i++) {
		char name[sizeof(symbols->name) + 2];
		u8 packed[sizeof(name)];
		size_t len;

		snprintf(name, sizeof(name), "%c%s", symbols[i].type, symbols[i].name);
		len = compress(t, name, packed);
		if (!(i % 256))
			markers[i / 256] = w->at - begin;
		if (len > 0x7f)
			add(w, (len & 0x7f) | 0x80, 1);
		add(w, len > 0x7f ? len >> 7 : len, 1);
		for (size_t n = 0; n < len; n++)
			add(w, packed[n], 1);
	}
	align(w);
	for (u32 i = 0; i < (count + 255) / 256; i++)
		add(w, markers[i], marker);
	free(markers);
}

static void write_seqs(struct writer *w, u32 count, size_t size)
{
	align(w);
	for (u32 i = 0; i < count; i++) {
		u32 seq = (i * 2654435761u) % count;

		if (size == 3)
			seq = seq >> 16 | (seq & 0xff00) | (seq & 0xff) << 16;
		add(w, seq, size);
	}
}

static void write_tokens(struct writer *w, const struct tokens *t)
{
	u16 index[256], at = 0;

	align(w);
	for (int c = 0; c < 256; c++) {
		index[c] = at;
		for (const char *p = t->text[c]; *p; p++, at++)
			add(w, *p, 1);
		add(w, 0, 1);
		at++;
	}
	align(w);
	for (int c = 0; c < 256; c++)
		add(w, index[c], 2);
}

u64 guest_image_kallsyms(struct guest_image *image, u64 va, enum kallsyms_era era, enum kallsyms_how how,
			 const struct test_symbol *symbols, u32 count)
{
	struct writer w = { image, va, image->view.is64 ? 8 : 4 };
	struct tokens tokens;

	make_tokens(&tokens);
	if (era < KALLSYMS_6_4)
		write_addresses(&w, era, how, symbols, count);
	write_names(&w, era, &tokens, symbols, count);
	if (era == KALLSYMS_6_2 || era == KALLSYMS_6_2_RC)
		write_seqs(&w, count, era == KALLSYMS_6_2 ? 3 : 4);
	write_tokens(&w, &tokens);
	if (era >= KALLSYMS_6_4) {
		write_addresses(&w, era, how, symbols, count);
		write_seqs(&w, count, 3);
	}
	return w.at;
}

static u32 random_number(u32 *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

struct test_symbol *test_symbols(u64 text, u32 count, bool per_cpu)
{
	static const char types[] = "tttTTTdDrRbBWV";
	struct test_symbol *v = calloc(count, sizeof(*v));
	u64 addr = text;
	u32 seed = 1;

	assert_non_null(v);
	assert_true(count > 32);
	for (u32 i = 0; i < count; i++) {
		struct test_symbol *s = &v[i];

		if (per_cpu && i < 8) {
			*s = (struct test_symbol) { i * 0x100, 'A', "" };
			snprintf(s->name, sizeof(s->name), "cpu_var_%u", i);
			continue;
		}
		*s = (struct test_symbol) { addr, types[random_number(&seed) % (ARRAY_SIZE(types) - 1)], "" };
		snprintf(s->name, sizeof(s->name), "%s%s_%x%s", pieces[random_number(&seed) % 20],
			 pieces[random_number(&seed) % 20], random_number(&seed), i % 7 ? "" : ".constprop.0");
		/* A name that needs two bytes for its length, as those of Rust do */
		if (i % 300 == 299)
			memset(s->name, 'Q', 290);
		if (i % 9)
			addr += 16 * (random_number(&seed) % 64);
	}
	snprintf(v[8].name, sizeof(v[8].name), "_stext");
	v[8].type = 'T';
	snprintf(v[count - 1].name, sizeof(v[count - 1].name), "_end");
	v[count - 1].type = 'B';
	snprintf(v[count - 10].name, sizeof(v[count - 10].name), "_etext");
	v[count - 10].type = 'T';
	return v;
}
