// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modules that a guest has loaded: their names, the memory that they occupy, their symbols
 * and their ORC tables, from the kernel's list of modules.
 *
 * Where the members of struct module are, BTF tells. Without BTF the first ones are where
 * they have been since 2.6, and the memory is looked for in the rest: each part of a module has a
 * node for the kernel's tree of addresses, which has the module's own address behind the part's
 * (CONFIG_MODULES_TREE_LOOKUP). The module is named then, but nothing in it is.
 *
 * The list may be the work of a hostile guest: at most LIST_MAX modules are looked at, a
 * list that bites its tail ends there, and symbols and names are bounded for all modules together.
 *
 * Runs in whichever thread wants the symbols, while the guest's CPUs stand still.
 */
#include <elf.h>
#include <errno.h>

#include "guest-view.h"
#include "log.h"
#include "module-layout.h"
#include "symbols.h"
#include "util.h"

#define LIST_MAX	4096
#define SYMBOLS_MAX	1000000		/* of all modules */
#define MODULE_SYMBOLS	200000		/* of one */
#define STRINGS_MAX	(8 * MiB)	/* names of one module's symbols */
#define STRINGS_ALL	(128 * MiB)
#define PART_MAX	(256 * MiB)	/* of a module's memory */
#define GUEST_PAGE	((size_t)4096)
#define GUESSED_STRUCT	2048	/* how much of it is looked at without BTF */
#define NAME_MAX_LEN	511
#define NEAR		(1 * GiB)

/* enum module_state; its memory is not there yet */
#define STATE_UNFORMED	3

/* enum mod_mem_type: those with code */
#define MEM_TEXT	0
#define MEM_INIT_TEXT	4

struct part {
	u64 start;
	u64 size;
	bool text;
};

/**
 * struct reader - what goes through the list
 * @word:		bytes of a pointer
 * @symbols_left:	that may still be added
 * @strings_left:	bytes of names that may still be read
 * @raw:		the struct module in hand
 * @raw_len:		bytes of it
 * @at:			its address
 * @name:		its name
 * @parts:		its memory
 */
struct reader {
	struct symbols *s;
	const struct guest_view *view;
	struct module_layout l;
	unsigned int word;
	u32 symbols_left;
	u64 strings_left;
	u8 raw[MODULE_STRUCT_MAX];
	size_t raw_len;
	u64 at;
	char name[64];
	struct part parts[MODULE_PARTS];
	size_t part_count;
};

static u64 get(const u8 *p, size_t size)
{
	u64 v = 0;

	memcpy(&v, p, min(size, sizeof(v)));
	return v;
}

static bool read_word(const struct reader *r, u64 va, u64 *v)
{
	*v = 0;
	return !r->view->read(r->view, va, v, r->word);
}

static bool is_kernel_pointer(const struct reader *r, u64 va)
{
	return r->word == 8 ? va >> 63 : va >= 0x10000;
}

/* --- memory ---------------------------------------------------------------- */

static void add_part(struct reader *r, u64 start, u64 size, bool text)
{
	if (r->part_count == MODULE_PARTS || !size || size > PART_MAX)
		return;
	if (!is_kernel_pointer(r, start) || start + size < start)
		return;
	r->parts[r->part_count++] = (struct part) { start, size, text };
}

/* Since 6.4: an array of parts by what is in them */
static void find_memory(struct reader *r)
{
	const struct module_layout *l = &r->l;

	for (u32 i = 0; i < l->mem.count; i++) {
		const u8 *p = r->raw + l->mem.offset + (size_t)i * l->mem.element;

		add_part(r, get(p + l->mem_base.offset, r->word), get(p + l->mem_size.offset, 4),
			 i == MEM_TEXT || i == MEM_INIT_TEXT);
	}
}

/* Before: code first, then all else, in one piece; another one for what is needed only once */
static void find_core_and_init(struct reader *r)
{
	const struct module_layout *l = &r->l;
	const u32 at[] = { l->core.offset, l->init.offset };

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		const u8 *p = r->raw + at[i];
		u64 base = get(p + l->base.offset, r->word), size = get(p + l->core_size.offset, 4);
		u64 text = min(get(p + l->text_size.offset, 4), size);

		add_part(r, base, text, true);
		add_part(r, base + text, size - text, false);
	}
}

static bool is_part(const struct reader *r, u64 base, u64 size)
{
	u8 byte;

	return size && size <= PART_MAX && !(base % GUEST_PAGE) && is_kernel_pointer(r, base) &&
	       base - r->at + NEAR < 2 * NEAR && !r->view->read(r->view, base, &byte, 1) &&
	       !r->view->read(r->view, base + size - 1, &byte, 1);
}

/*
 * A part is an address and a 32-bit size; before 6.4 two more sizes follow, and in any case the
 * module's own address. What has that is a part for certain.
 */
static void guess_certain_memory(struct reader *r)
{
	const u32 word = r->word, new_node = 2 * word, old_node = word == 8 ? 24 : 20;
	int index = -1;		/* in mem[], of which even empty elements have the address */

	for (size_t at = r->l.name.offset + r->l.name.size; at + old_node + word <= r->raw_len; at += word) {
		const u8 *p = r->raw + at;
		u64 base = get(p, word), size = get(p + word, 4), text = get(p + word + 4, 4);

		if (get(p + new_node, word) == r->at) {
			if (index >= 0 || is_part(r, base, size))
				index++;
			if (is_part(r, base, size))
				add_part(r, base, size, index == MEM_TEXT || index == MEM_INIT_TEXT);
		} else if (get(p + old_node, word) == r->at && is_part(r, base, size)) {
			text = min(text, size);
			add_part(r, base, text, true);
			add_part(r, base + text, size - text, false);
		}
	}
}

/* Where nothing is certain, what looks like a part is taken for one, and may have code. */
static void guess_memory(struct reader *r)
{
	guess_certain_memory(r);
	if (r->part_count)
		return;
	for (size_t at = r->l.name.offset + r->l.name.size; at + 2 * r->word <= r->raw_len; at += r->word) {
		u64 base = get(r->raw + at, r->word), size = get(r->raw + at + r->word, 4);

		if (is_part(r, base, size))
			add_part(r, base, size, true);
	}
}

/* --- symbols ---------------------------------------------------------------- */

static const struct part *find_part(const struct reader *r, u64 addr)
{
	for (size_t i = 0; i < r->part_count; i++)
		if (addr - r->parts[i].start < r->parts[i].size)
			return &r->parts[i];
	return NULL;
}

/* As much of @len bytes as is mapped */
static size_t read_some(const struct reader *r, u64 va, u8 *data, size_t len)
{
	size_t done = 0, step;

	for (; done < len; done += step) {
		step = min(len - done, GUEST_PAGE - (size_t)((va + done) % GUEST_PAGE));
		if (r->view->read(r->view, va + done, data + done, step))
			break;
	}
	return done;
}

static Elf64_Sym get_symbol(const struct reader *r, const u8 *table, u32 i)
{
	Elf64_Sym sym;
	Elf32_Sym small;

	if (r->word == 8) {
		memcpy(&sym, table + i * sizeof(sym), sizeof(sym));
		return sym;
	}
	memcpy(&small, table + i * sizeof(small), sizeof(small));
	return (Elf64_Sym) {
		.st_name = small.st_name, .st_info = small.st_info, .st_shndx = small.st_shndx,
		.st_value = small.st_value, .st_size = small.st_size,
	};
}

/**
 * struct tables - a module's symbols, as they were read
 * @symtab:	@count ELF symbols
 * @types:	a letter for each, as nm(1) shows it, or 0 where it is not known
 * @names:	of them
 * @names_len:	bytes that were to be had, and a NUL behind them
 */
struct tables {
	u8 *symtab;
	u32 count;
	char *types;
	char *names;
	size_t names_len;
};

static bool read_tables(struct reader *r, struct tables *t)
{
	const struct module_layout *l = &r->l;
	size_t size = r->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym), longest = 0;
	u64 at = get(r->raw + l->kallsyms.offset, r->word);
	u8 raw[MODULE_KALLSYMS_MAX];

	if (!is_kernel_pointer(r, at) || r->view->read(r->view, at, raw, l->kallsyms_size))
		return false;
	t->count = get(raw + l->num_symtab.offset, 4);
	if (!t->count || t->count > MODULE_SYMBOLS || t->count > r->symbols_left)
		return false;
	r->symbols_left -= t->count;
	t->symtab = malloc(t->count * size);
	t->types = calloc(1, t->count);
	if (!t->symtab || !t->types || r->view->read(r->view, get(raw + l->symtab.offset, r->word), t->symtab,
						     t->count * size))
		return false;
	/* Without it the letter follows from where a symbol is. */
	if (l->typetab.size &&
	    r->view->read(r->view, get(raw + l->typetab.offset, r->word), t->types, t->count))
		memset(t->types, 0, t->count);
	for (u32 i = 0; i < t->count; i++)
		longest = max(longest, (size_t)get_symbol(r, t->symtab, i).st_name);
	longest = min(longest + NAME_MAX_LEN + 1, (size_t)STRINGS_MAX);
	longest = min((u64)longest, r->strings_left);
	t->names = malloc(longest + 1);
	if (!t->names)
		return false;
	t->names_len = read_some(r, get(raw + l->strtab.offset, r->word), (u8 *)t->names, longest);
	t->names[t->names_len] = '\0';
	r->strings_left -= t->names_len;
	return true;
}

static char letter(const Elf64_Sym *sym, const struct part *part, char type)
{
	bool local = ELF64_ST_BIND(sym->st_info) == STB_LOCAL;

	if ((type >= 'a' && type <= 'z') || (type >= 'A' && type <= 'Z'))
		return type;
	if (part->text)
		return local ? 't' : 'T';
	return local ? 'd' : 'D';
}

static int add_symbols(struct reader *r)
{
	struct tables t = { 0 };
	int err = 0;

	if (r->l.kallsyms.size && read_tables(r, &t)) {
		for (u32 i = 0; i < t.count && !err; i++) {
			Elf64_Sym sym = get_symbol(r, t.symtab, i);
			const struct part *part = find_part(r, sym.st_value);
			const char *name = t.names + sym.st_name;

			/* Its own values are addresses; those of what it uses are in other modules. */
			if (!part || sym.st_shndx == SHN_UNDEF || sym.st_name >= t.names_len)
				continue;
			if (!*name || *name == '.' || *name == '$' || strnlen(name, NAME_MAX_LEN + 1) > NAME_MAX_LEN)
				continue;
			err = symbols_add(r->s, sym.st_value, sym.st_size, letter(&sym, part, t.types[i]), name,
					  r->name);
		}
	}
	free(t.symtab);
	free(t.types);
	free(t.names);
	return err;
}

/* --- the list ---------------------------------------------------------------- */

static bool read_struct(struct reader *r, u64 at)
{
	const struct module_layout *l = &r->l;

	r->at = at;
	if (!l->guess) {
		r->raw_len = l->size;
		return !r->view->read(r->view, at, r->raw, l->size);
	}
	r->raw_len = read_some(r, at, r->raw, GUESSED_STRUCT);
	return r->raw_len >= l->name.offset + l->name.size;
}

static bool read_name(struct reader *r)
{
	size_t len = min((size_t)r->l.name.size, sizeof(r->name) - 1);

	memcpy(r->name, r->raw + r->l.name.offset, len);
	r->name[len] = '\0';
	for (const char *p = r->name; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return r->name[0];
}

static int add_module(struct reader *r, u64 at)
{
	const struct module_layout *l = &r->l;
	int err = 0;

	r->part_count = 0;
	if (!read_struct(r, at) || get(r->raw + l->state.offset, 4) >= STATE_UNFORMED || !read_name(r))
		return 0;
	if (l->guess)
		guess_memory(r);
	else if (l->mem.size)
		find_memory(r);
	else
		find_core_and_init(r);
	for (size_t i = 0; i < r->part_count && !err; i++)
		err = symbols_add_range(r->s, r->name, r->parts[i].start, r->parts[i].size, r->parts[i].text);
	if (err)
		return err;
	if (l->num_orcs.size && r->part_count)
		err = symbols_set_orc(r->s, r->name, get(r->raw + l->orc_ip.offset, r->word),
				      get(r->raw + l->orc.offset, r->word), get(r->raw + l->num_orcs.offset, 4));
	return err ? err : add_symbols(r);
}

static int read_list(struct reader *r, u64 head)
{
	u64 at, seen = head;
	int err = 0;

	if (!read_word(r, head, &at))
		return -EFAULT;
	for (unsigned int i = 1; i <= LIST_MAX && at != head && !err; i++) {
		if (!is_kernel_pointer(r, at))
			return -EFAULT;
		/* A loop that leaves the head out comes by here again before it was gone through three times. */
		if (at == seen)
			return -ELOOP;
		err = add_module(r, at - r->l.list.offset);
		if (!(i & (i - 1)))
			seen = at;
		if (!read_word(r, at, &at))
			return -EFAULT;
	}
	return err;
}

/**
 * symbols_read_modules() - add the modules that a guest has loaded
 * @s:		has the symbols of its kernel, at their addresses; sorted afterwards
 * @view:	the guest's memory; its CPUs do not run
 *
 * When the list breaks off, what was read until then stays.
 *
 * Return: 0; -ENOENT when the kernel has no modules, or its symbols do not tell where their
 * list is (they do with CONFIG_KALLSYMS_ALL); -EFAULT or -ELOOP when the list breaks off; -ENOMEM,
 * -E2BIG.
 */
int symbols_read_modules(struct symbols *s, const struct guest_view *view)
{
	struct reader *r;
	u64 head;
	int err;

	if (!symbols_find(s, "modules", &head))
		return -ENOENT;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->s = s;
	r->view = view;
	r->word = view->is64 ? 8 : 4;
	r->symbols_left = SYMBOLS_MAX;
	r->strings_left = STRINGS_ALL;
	module_layout_find(&r->l, s, view);
	err = read_list(r, head);
	debug("modules: %s, result %d", r->l.guess ? "no BTF" : "by BTF", err);
	free(r);
	symbols_sort(s);
	return err;
}
