// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of symbols: a sorted array, one arena for all names, a hash of the names, and the
 * ranges of memory that the kernel and its modules occupy.
 *
 * Several symbols may stand at one address; they are sorted so that the one which a reader
 * expects comes first (see unlikeliness()). A symbol reaches to the next one, but never
 * out of the range that it is in: an address outside of all ranges has no name, rather
 * than the last symbol's with a great offset.
 *
 * What is added may come from a hostile guest: counts and sizes are bounded, names are
 * cleaned. One thread at a time; nothing here is locked.
 */
#include <errno.h>

#include "symbols.h"
#include "util.h"

#define SYMBOLS_MAX	2000000
#define ARENA_MAX	(64 * MiB)	/* the names of a large kernel have some 10 MiB */
#define MODULES_MAX	4096
#define RANGES_MAX	(MODULES_MAX * 8)
#define LAST_SIZE	4096	/* how far a last symbol reaches when nothing tells */
#define NEIGHBOURS	64	/* how many foreign symbols, or labels in a function, are passed over */
#define NOTHING		UINT32_MAX

/* Which module something belongs to; the kernel itself is none. */
#define KERNEL		0

struct symbol {
	u64 addr;
	u32 size;
	u32 name;		/* offset in the arena */
	u32 next;		/* in the chain of its hash */
	u16 module;
	u8 rank;		/* among those at one address, the lowest first */
	char type;
};

struct module {
	u32 name;
	u32 orc_count;
	u64 orc_ip;
	u64 orc;
};

struct range {
	u64 start;
	u64 end;
	u16 module;
	bool text;
};

/**
 * struct symbols - all that is known of one guest
 * @v:		the symbols, sorted by address and rank
 * @arena:	the names, each with a NUL; offset 0 is the empty name
 * @modules:	[KERNEL] is unused
 * @last:	the module that something was added to last
 * @ranges:	of the modules, sorted by start
 * @heads:	the hash: first symbol of each chain, in the order of @v
 * @start:	of the kernel
 * @end:	of the kernel; 0 when there are no symbols of it
 * @text:	where the kernel's functions are, the initial ones in [1]
 */
struct symbols {
	struct symbol *v;
	size_t count, room;
	char *arena;
	size_t used, arena_room;
	struct module *modules;
	size_t module_count;
	u16 last;
	struct range *ranges;
	size_t range_count;
	u32 *heads;
	u32 mask;
	u64 start, end;
	struct range text[2];
};

/**
 * symbols_new() - make an empty table
 *
 * Return: the table, or NULL when there is no memory.
 */
struct symbols *symbols_new(void)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->arena = calloc(1, 64 * KiB);
	s->modules = calloc(1, sizeof(*s->modules));
	if (!s->arena || !s->modules) {
		symbols_free(s);
		return NULL;
	}
	s->arena_room = 64 * KiB;
	s->used = 1;
	s->module_count = 1;
	return s;
}

/**
 * symbols_free() - release a table and all names that it gave out
 * @s:		may be NULL
 */
void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	free(s->v);
	free(s->arena);
	free(s->modules);
	free(s->ranges);
	free(s->heads);
	free(s);
}

/* --- adding -------------------------------------------------------------- */

static int add_name(struct symbols *s, const char *name, u32 *at)
{
	size_t len = strlen(name);

	if (len >= ARENA_MAX - s->used)
		return -E2BIG;
	if (s->used + len + 1 > s->arena_room) {
		size_t room = s->arena_room * 2 + len;
		char *arena = realloc(s->arena, room);

		if (!arena)
			return -ENOMEM;
		s->arena = arena;
		s->arena_room = room;
	}
	*at = s->used;
	for (size_t i = 0; i < len; i++)
		s->arena[s->used++] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
	s->arena[s->used++] = '\0';
	return 0;
}

static int get_module(struct symbols *s, const char *name)
{
	struct module *modules;
	int err;

	if (!name)
		return KERNEL;
	/* Symbols come module by module: it is mostly the same as for the last one. */
	if (s->last != KERNEL && !strcmp(s->arena + s->modules[s->last].name, name))
		return s->last;
	for (size_t i = 1; i < s->module_count; i++)
		if (!strcmp(s->arena + s->modules[i].name, name))
			return s->last = i;
	if (s->module_count == MODULES_MAX)
		return -E2BIG;
	modules = realloc(s->modules, (s->module_count + 1) * sizeof(*modules));
	if (!modules)
		return -ENOMEM;
	s->modules = modules;
	modules[s->module_count] = (struct module) { 0 };
	err = add_name(s, name, &modules[s->module_count].name);
	return err ? err : (int)(s->last = s->module_count++);
}

static bool begins(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

static bool ends(const char *name, const char *with)
{
	size_t len = strlen(name), tail = strlen(with);

	return len >= tail && !strcmp(name + len - tail, with);
}

/* The marks that linker scripts put at the borders of sections */
static bool is_border(const char *name)
{
	static const char *const borders[] = {
		"_text", "_stext", "_etext", "_sinittext", "_einittext", "_sdata", "_edata", "_end",
	};

	if (name[0] != '_')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(borders); i++)
		if (!strcmp(name, borders[i]))
			return true;
	return begins(name, "__start_") || begins(name, "__stop_") || begins(name, "__end_") ||
	       (name[1] == '_' && (ends(name, "_start") || ends(name, "_end") || ends(name, "_begin")));
}

/* How unlikely it is that a reader expects this name at its address */
static u8 unlikeliness(const char *name, char type)
{
	static const char types[] = "TWtiDRBVdrbv";
	const char *at = type ? strchr(types, type) : NULL;
	u8 rank = 4 * (at ? at - types : (ptrdiff_t)sizeof(types));

	if (begins(name, "__pfx_") || begins(name, "__cfi_") || name[0] == '.' || name[0] == '$')
		rank += 128;
	else if (is_border(name))
		rank += 64;
	return rank + min(strspn(name, "_"), (size_t)3);
}

/**
 * symbols_add() - one more symbol; symbols_sort() is to follow the last
 * @size:	in bytes, 0 if it is not known
 * @type:	the letter that nm(1) shows
 * @module:	NULL for the kernel
 *
 * Return: 0, -ENOMEM, or -E2BIG when there are more than any kernel has.
 */
int symbols_add(struct symbols *s, u64 addr, u64 size, char type, const char *name, const char *module)
{
	int owner = get_module(s, module);
	u32 at;
	int err;

	if (owner < 0)
		return owner;
	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 1024;
		struct symbol *v;

		if (s->count >= SYMBOLS_MAX)
			return -E2BIG;
		v = realloc(s->v, room * sizeof(*v));
		if (!v)
			return -ENOMEM;
		s->v = v;
		s->room = room;
	}
	err = add_name(s, name, &at);
	if (err)
		return err;
	s->v[s->count++] = (struct symbol) {
		.addr = addr,
		.size = min(size, (u64)UINT32_MAX),
		.name = at,
		.next = NOTHING,
		.module = owner,
		.rank = unlikeliness(name, type),
		.type = type,
	};
	return 0;
}

/**
 * symbols_add_range() - tell of memory that a module occupies; symbols_sort() is to follow
 * @text:	it has functions
 *
 * Return: 0, -EINVAL for an empty range or one that wraps around, -ENOMEM, -E2BIG.
 */
int symbols_add_range(struct symbols *s, const char *module, u64 start, u64 size, bool text)
{
	int owner = get_module(s, module);
	struct range *ranges;

	if (owner < 0)
		return owner;
	if (!size || start + size < start || owner == KERNEL)
		return -EINVAL;
	if (s->range_count == RANGES_MAX)
		return -E2BIG;
	ranges = realloc(s->ranges, (s->range_count + 1) * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	s->ranges = ranges;
	ranges[s->range_count++] = (struct range) { start, start + size, owner, text };
	return 0;
}

/**
 * symbols_set_orc() - tell where a module's ORC tables are
 * @ip_table:	guest address of the table of 32-bit instruction offsets
 * @orc_table:	guest address of the entries
 * @count:	of entries in both
 *
 * Return: 0 or -errno, as symbols_add().
 */
int symbols_set_orc(struct symbols *s, const char *module, u64 ip_table, u64 orc_table, u32 count)
{
	int owner = get_module(s, module);

	if (owner < 0)
		return owner;
	s->modules[owner].orc_ip = ip_table;
	s->modules[owner].orc = orc_table;
	s->modules[owner].orc_count = count;
	return 0;
}

/* --- sorting ------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* A kernel's own table comes sorted but for names at one address: little is moved then. */
static bool sort_by_few_moves(struct symbol *v, size_t count)
{
	size_t left = count * 4;

	for (size_t i = 1; i < count; i++) {
		struct symbol sym = v[i];
		size_t at = i;

		while (at && left && compare(&v[at - 1], &sym) > 0) {
			v[at] = v[at - 1];
			at--;
			left--;
		}
		v[at] = sym;
		if (!left)
			return false;
	}
	return true;
}

static u32 hash(const char *name)
{
	u32 h = 2166136261u;

	while (*name)
		h = (h ^ (u8)*name++) * 16777619u;
	return h ^ h >> 15;
}

/* Without memory for it there is no hash, and symbols_find() looks at each symbol. */
static void make_hash(struct symbols *s)
{
	size_t size = 1024;

	free(s->heads);
	while (size < s->count)
		size *= 2;
	s->heads = malloc(size * sizeof(*s->heads));
	if (!s->heads)
		return;
	memset(s->heads, 0xff, size * sizeof(*s->heads));
	s->mask = size - 1;
	/* From the end, so that a chain has the order of the array. */
	for (size_t i = s->count; i-- > 0;) {
		u32 *head = &s->heads[hash(s->arena + s->v[i].name) & s->mask];

		s->v[i].next = *head;
		*head = i;
	}
}

static bool is_absolute(const struct symbol *sym)
{
	return sym->type == 'A' || sym->type == 'a';
}

/* Where no border is named, the first and the last symbol are it. */
static void find_borders_by_symbols(struct symbols *s)
{
	s->start = s->end = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct symbol *sym = &s->v[i];
		u64 size = sym->size ? sym->size : LAST_SIZE;

		if (sym->module != KERNEL || is_absolute(sym))
			continue;
		if (!s->end)
			s->start = sym->addr;
		s->end = sym->addr + min(size, UINT64_MAX - sym->addr);
	}
}

static void find_borders(struct symbols *s)
{
	static const char *const begin[] = { "_text", "_stext" };
	static const char *const end[] = { "_end", "__bss_stop", "_einittext", "_etext" };
	static const char *const text[2][2] = { { "_stext", "_etext" }, { "_sinittext", "_einittext" } };
	u64 addr;

	s->start = s->end = 0;
	for (size_t i = 0; i < ARRAY_SIZE(begin); i++)
		if (symbols_find(s, begin[i], &addr) && (!s->start || addr < s->start))
			s->start = addr;
	for (size_t i = 0; i < ARRAY_SIZE(end); i++)
		if (symbols_find(s, end[i], &addr) && addr > s->end)
			s->end = addr;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		struct range *r = &s->text[i];

		if (!symbols_find(s, text[i][0], &r->start) || !symbols_find(s, text[i][1], &r->end))
			r->start = r->end = 0;
	}
	if (!s->start || s->end <= s->start)
		find_borders_by_symbols(s);
}

/**
 * symbols_sort() - make what was added known to the functions below
 */
void symbols_sort(struct symbols *s)
{
	if (!sort_by_few_moves(s->v, s->count))
		qsort(s->v, s->count, sizeof(*s->v), compare);
	if (s->range_count)
		qsort(s->ranges, s->range_count, sizeof(*s->ranges), compare_ranges);
	make_hash(s);
	find_borders(s);
}

/**
 * symbols_shift() - move the kernel by so many bytes, as KASLR does
 *
 * What is not in the kernel's image stays: absolute values, offsets of per-CPU variables,
 * modules. The table must be sorted, and is so afterwards.
 */
void symbols_shift(struct symbols *s, s64 by)
{
	for (size_t i = 0; i < s->count; i++) {
		struct symbol *sym = &s->v[i];

		if (sym->module == KERNEL && sym->addr >= s->start && sym->addr <= s->end && !is_absolute(sym))
			sym->addr += by;
	}
	symbols_sort(s);
}

/* --- asking -------------------------------------------------------------- */

/**
 * symbols_count() - how many symbols there are
 */
size_t symbols_count(const struct symbols *s)
{
	return s->count;
}

/* The module's range that @addr is in, or NULL */
static const struct range *find_range(const struct symbols *s, u64 addr)
{
	size_t low = 0, high = s->range_count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s->ranges[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low && addr < s->ranges[low - 1].end ? &s->ranges[low - 1] : NULL;
}

static bool is_function(char type)
{
	return type && strchr("tTwW", type);
}

/* How many symbols have an address that is not above @addr */
static size_t count_up_to(const struct symbols *s, u64 addr)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s->v[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * The best of those symbols of @module with the highest address that is not below @start,
 * among the first @*count, which end with all of their address; @*count becomes the number
 * of those before. A guest may have any number at one address: few are looked at.
 */
static const struct symbol *best_of_last(const struct symbols *s, u64 start, u16 module, size_t *count)
{
	size_t end, foreign = 0;

	while ((end = *count) && s->v[end - 1].addr >= start && foreign < NEIGHBOURS) {
		u64 addr = s->v[end - 1].addr;
		size_t first = addr ? count_up_to(s, addr - 1) : 0;

		*count = first;
		for (size_t i = first; i < end && foreign < NEIGHBOURS; i++, foreign++)
			if (s->v[i].module == module && !is_absolute(&s->v[i]))
				return &s->v[i];
	}
	return NULL;
}

/*
 * The symbol that @addr belongs to. A label of assembly without a size gives way to the
 * function around it, where that one's size tells.
 */
static const struct symbol *lookup(const struct symbols *s, u64 addr, u64 start, u16 module)
{
	size_t count = count_up_to(s, addr);
	const struct symbol *best = best_of_last(s, start, module, &count), *around = best;

	if (!best || best->size || best->type != 't')
		return best;
	for (int tries = 0; around && !around->size && tries < NEIGHBOURS; tries++)
		around = best_of_last(s, start, module, &count);
	return around && is_function(around->type) && addr - around->addr < around->size ? around : best;
}

/* Up to the next symbol of another address, or the end of the range */
static u64 reach(const struct symbols *s, const struct symbol *sym, u64 end)
{
	size_t i;

	if (sym->size)
		return sym->size;
	i = count_up_to(s, sym->addr);
	return (i < s->count ? min(s->v[i].addr, end) : end) - sym->addr;
}

/**
 * symbols_at() - what is at an address
 * @at:		filled in; its strings live until the table changes
 *
 * Return: false when @addr is in no known part of the kernel or of a module.
 */
bool symbols_at(const struct symbols *s, u64 addr, struct symbol_at *at)
{
	const struct range *r = find_range(s, addr);
	u64 start = r ? r->start : s->start, end = r ? r->end : s->end;
	u16 module = r ? r->module : KERNEL;
	const struct symbol *sym;

	if (addr < start || addr >= end)
		return false;
	sym = lookup(s, addr, start, module);
	if (!sym && !r)
		return false;
	*at = (struct symbol_at) {
		.name = s->arena + (sym ? sym->name : 0),
		.module = r ? s->arena + s->modules[module].name : NULL,
		.offset = addr - (sym ? sym->addr : start),
		.size = sym ? reach(s, sym, end) : end - start,
	};
	return true;
}

/**
 * symbols_find() - where a symbol is
 *
 * Of several with this name the kernel's comes before a module's, and then the one that
 * all of the kernel can see before one that a single file has.
 *
 * Return: whether there is one; @addr is set then.
 */
bool symbols_find(const struct symbols *s, const char *name, u64 *addr)
{
	const struct symbol *best = NULL;
	u32 i = s->heads ? s->heads[hash(name) & s->mask] : 0;

	for (; i < s->count; i = s->heads ? s->v[i].next : i + 1) {
		const struct symbol *sym = &s->v[i];

		if (strcmp(s->arena + sym->name, name))
			continue;
		if (!best || (best->module != KERNEL && sym->module == KERNEL) ||
		    (best->module == KERNEL && sym->module == KERNEL && sym->rank < best->rank))
			best = sym;
	}
	if (best)
		*addr = best->addr;
	return best;
}

/**
 * symbols_is_text() - whether an address is one of code
 */
bool symbols_is_text(const struct symbols *s, u64 addr)
{
	const struct range *r = find_range(s, addr);
	const struct symbol *sym;
	const char *name;

	if (r)
		return r->text;
	for (size_t i = 0; i < ARRAY_SIZE(s->text); i++)
		if (addr >= s->text[i].start && addr < s->text[i].end)
			return true;
	if (addr < s->start || addr >= s->end)
		return false;
	sym = lookup(s, addr, s->start, KERNEL);
	if (!sym || !is_function(sym->type))
		return false;
	/* These are of code by their letter, but there is none behind them. */
	name = s->arena + sym->name;
	return strcmp(name, "_etext") && strcmp(name, "_einittext");
}

/**
 * symbols_module_orc() - the ORC tables of the module that an address is in
 * @ip_table:	guest address of the table of 32-bit instruction offsets
 * @orc_table:	guest address of the entries
 * @count:	of entries in both
 *
 * Return: 0, or -ENOENT when @addr is in no module, or its tables are not known.
 */
int symbols_module_orc(const struct symbols *s, u64 addr, u64 *ip_table, u64 *orc_table, u32 *count)
{
	const struct range *r = find_range(s, addr);
	const struct module *m = r ? &s->modules[r->module] : NULL;

	if (!m || !m->orc_count)
		return -ENOENT;
	*ip_table = m->orc_ip;
	*orc_table = m->orc;
	*count = m->orc_count;
	return 0;
}

/**
 * symbols_each() - call @fn with each symbol, by rising address
 */
void symbols_each(const struct symbols *s, symbols_fn *fn, void *arg)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct symbol *sym = &s->v[i];

		fn(arg, sym->addr, sym->type, s->arena + sym->name,
		   sym->module == KERNEL ? NULL : s->arena + s->modules[sym->module].name);
	}
}
