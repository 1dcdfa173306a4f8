// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builds BTF, and a guest's list of modules that is as this BTF says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>

#include "guest-image.h"
#include "util.h"

/* --- BTF ------------------------------------------------------------------ */

static u32 add_string(struct btf_image *b, const char *name)
{
	u32 at;

	if (!b->strings_len)
		b->strings_len = 1;
	if (!name)
		return 0;
	at = b->strings_len;
	assert_true(at + strlen(name) < sizeof(b->strings));
	memcpy(b->strings + at, name, strlen(name) + 1);
	b->strings_len += strlen(name) + 1;
	return at;
}

void btf_image_word(struct btf_image *b, u32 word)
{
	assert_true(b->types_len + 4 <= sizeof(b->types));
	memcpy(b->types + b->types_len, &word, 4);
	b->types_len += 4;
}

u32 btf_image_type(struct btf_image *b, const char *name, u32 kind, u32 length, u32 size_or_type)
{
	btf_image_word(b, add_string(b, name));
	btf_image_word(b, kind << 24 | length);
	btf_image_word(b, size_or_type);
	return ++b->count;
}

u32 btf_image_int(struct btf_image *b, const char *name, u32 size)
{
	u32 id = btf_image_type(b, name, BTF_INT, 0, size);

	btf_image_word(b, size * 8);
	return id;
}

u32 btf_image_array(struct btf_image *b, u32 type, u32 count)
{
	u32 id = btf_image_type(b, NULL, BTF_ARRAY, 0, 0);

	btf_image_word(b, type);
	btf_image_word(b, 1);
	btf_image_word(b, count);
	return id;
}

u32 btf_image_struct(struct btf_image *b, const char *name, u32 size, const struct btf_image_member *members)
{
	u32 id, count = 0;

	while (members[count].type)
		count++;
	id = btf_image_type(b, name, BTF_STRUCT, count, size);
	for (; members->type; members++) {
		btf_image_word(b, add_string(b, members->name));
		btf_image_word(b, members->type);
		btf_image_word(b, members->offset);
	}
	return id;
}

size_t btf_image_write(const struct btf_image *b, u8 *out, size_t room)
{
	u32 head[6] = { 0xeb9f | 1 << 16, 24, 0, b->types_len, b->types_len, b->strings_len };

	assert_true(sizeof(head) + b->types_len + b->strings_len <= room);
	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), b->types, b->types_len);
	memcpy(out + sizeof(head) + b->types_len, b->strings, b->strings_len);
	return sizeof(head) + b->types_len + b->strings_len;
}

/* --- modules ---------------------------------------------------------------- */

/* Where the members are: as in a kernel of that word size, or moved */
struct offsets {
	u32 word, size, list, name, mem, mem_size, orc, kallsyms;
};

static struct offsets offsets_of(bool is64, enum modules_era era, int flags)
{
	u32 word = is64 ? 8 : 4, shift = flags & MODULES_ODD ? 48 : 0;
	struct offsets o = { word, 1024, word + shift, 3 * word + shift, 320, 0, 0, 0 };

	o.mem_size = era == MODULES_6_4 ? 9 * word : 10 * word;
	o.orc = o.mem + 7 * o.mem_size;
	o.kallsyms = o.orc + 3 * word + 8;
	return o;
}

static void describe(struct btf_image *b, const struct offsets *o, enum modules_era era)
{
	u32 byte = btf_image_int(b, "char", 1);
	u32 number = btf_image_int(b, "unsigned int", 4);
	u32 pointer = btf_image_type(b, NULL, BTF_PTR, 0, 0);
	u32 name = btf_image_array(b, byte, 64 - o->word);
	u32 state = btf_image_type(b, "module_state", BTF_ENUM, 0, 4);
	u32 word = o->word * 8;
	const struct btf_image_member of_list[] = { { "next", pointer, 0 }, { "prev", pointer, word }, { 0 } };
	const struct btf_image_member of_memory[] = { { "base", pointer, 0 }, { "size", number, word }, { 0 } };
	const struct btf_image_member of_layout[] = {
		{ "base", pointer, 0 }, { "size", number, word }, { "text_size", number, word + 32 }, { 0 },
	};
	const struct btf_image_member of_arch[] = {
		{ "num_orcs", number, 0 }, { "orc_unwind_ip", pointer, word },
		{ "orc_unwind", pointer, 2 * word }, { 0 },
	};
	const struct btf_image_member of_kallsyms[] = {
		{ "symtab", pointer, 0 }, { "num_symtab", number, word }, { "strtab", pointer, 2 * word },
		{ "typetab", pointer, 3 * word }, { 0 },
	};
	u32 list = btf_image_struct(b, "list_head", 2 * o->word, of_list);
	u32 memory = btf_image_struct(b, "module_memory", o->mem_size, of_memory);
	u32 layout = btf_image_struct(b, "module_layout", o->mem_size, of_layout);
	u32 arch = btf_image_struct(b, "mod_arch_specific", 3 * o->word, of_arch);
	u32 all = btf_image_array(b, memory, 7);
	u32 kallsyms = btf_image_struct(b, "mod_kallsyms", 4 * o->word, of_kallsyms);
	u32 kallsyms_pointer = btf_image_type(b, NULL, BTF_PTR, 0, kallsyms);
	const struct btf_image_member new_module[] = {
		{ "state", state, (o->list - o->word) * 8 }, { "list", list, o->list * 8 },
		{ "name", name, o->name * 8 },
		{ "mem", all, o->mem * 8 }, { "arch", arch, o->orc * 8 },
		{ "kallsyms", kallsyms_pointer, o->kallsyms * 8 }, { 0 },
	};
	const struct btf_image_member old_module[] = {
		new_module[0], new_module[1], new_module[2], { "core_layout", layout, o->mem * 8 },
		{ "init_layout", layout, (o->mem + o->mem_size) * 8 }, new_module[4], new_module[5], { 0 },
	};

	btf_image_struct(b, "module", o->size, era == MODULES_6_4 ? new_module : old_module);
}

static void put(struct guest_image *image, u64 va, u64 value, size_t size)
{
	memcpy(guest_image_at(image, va, size), &value, size);
}

/* A part of a module's memory at @at in its struct @mod */
static void put_part(struct guest_image *image, const struct offsets *o, u64 mod, u64 at, u64 base, u32 size, u32 text,
		     enum modules_era era, int flags)
{
	u32 node = era == MODULES_6_4 ? 2 * o->word : o->word == 8 ? 24 : 20;

	put(image, at, base, o->word);
	put(image, at + o->word, size, 4);
	if (era == MODULES_4_6)
		put(image, at + o->word + 4, text, 4);
	if (!(flags & MODULES_NO_TREE))
		put(image, at + node, mod, o->word);
}

/* The text at @base, all else a page further, with the struct in it. Returns the struct's address. */
static u64 put_module(struct guest_image *image, const struct offsets *o, u64 base, const char *name, u32 state,
		      enum modules_era era, int flags)
{
	u64 mod = base + 0x2040;

	guest_image_add(image, base, GUEST_MODULE);
	put(image, mod + o->list - o->word, state, 4);
	memcpy(guest_image_at(image, mod + o->name, 64 - o->word), name, strlen(name));
	if (era == MODULES_6_4) {
		put_part(image, o, mod, mod + o->mem, base, 0x1000, 0, era, flags);
		for (int i = 1; i < 7; i++)
			put_part(image, o, mod, mod + o->mem + i * o->mem_size, i == 1 ? base + 0x2000 : 0,
				 i == 1 ? GUEST_MODULE - 0x2000 : 0, 0, era, flags);
	} else {
		put_part(image, o, mod, mod + o->mem, base, GUEST_MODULE, 0x1000, era, flags);
		put_part(image, o, mod, mod + o->mem + o->mem_size, 0, 0, 0, era, flags);
	}
	return mod;
}

static void put_symbol(struct guest_image *image, const struct offsets *o, u64 table, int i, u32 name, u64 value,
		       u32 size, u8 info, u16 section)
{
	Elf64_Sym sym = { name, info, 0, section, value, size };
	Elf32_Sym small = { name, value, size, info, 0, section };

	if (o->word == 8)
		memcpy(guest_image_at(image, table + i * sizeof(sym), sizeof(sym)), &sym, sizeof(sym));
	else
		memcpy(guest_image_at(image, table + i * sizeof(small), sizeof(small)), &small, sizeof(small));
}

static void put_symbols(struct guest_image *image, const struct offsets *o, u64 base, u64 mod)
{
	static const char names[] = "\0alpha_open\0alpha_data\0printk\0elsewhere\0.Lnoise";
	u64 kallsyms = base + 0x3000, symtab = base + 0x3100, strtab = base + 0x3400, types = base + 0x3800;

	put(image, mod + o->kallsyms, kallsyms, o->word);
	put(image, kallsyms, symtab, o->word);
	put(image, kallsyms + o->word, 6, 4);
	put(image, kallsyms + 2 * o->word, strtab, o->word);
	put(image, kallsyms + 3 * o->word, types, o->word);
	put_symbol(image, o, symtab, 1, 1, base + 0x100, 0x40, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 1);
	put_symbol(image, o, symtab, 2, 12, base + 0x4000, 8, ELF64_ST_INFO(STB_LOCAL, STT_OBJECT), 2);
	put_symbol(image, o, symtab, 3, 23, 0, 0, ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), SHN_UNDEF);
	put_symbol(image, o, symtab, 4, 30, 0x12345, 0, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 1);
	put_symbol(image, o, symtab, 5, 40, base + 0x110, 0, ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE), 1);
	memcpy(guest_image_at(image, strtab, sizeof(names)), names, sizeof(names));
	/* No letter for the second: it follows from where it is. */
	memcpy(guest_image_at(image, types, 6), "?T\0U?t", 6);
}

u64 guest_image_modules(struct guest_image *image, u64 base, enum modules_era era, int flags)
{
	struct offsets o = offsets_of(image->view.is64, era, flags);
	struct btf_image b = { .count = 0 };
	u64 chain[4] = { base + GUEST_LIST };
	u8 *btf;

	guest_image_add(image, base, GUEST_KERNEL);
	describe(&b, &o, era);
	btf = guest_image_at(image, base + GUEST_BTF, GUEST_KERNEL - GUEST_BTF);
	chain[1] = put_module(image, &o, base + GUEST_ALPHA, "alpha", 0, era, flags) + o.list;
	chain[2] = put_module(image, &o, base + GUEST_BETA, "beta", 1, era, flags) + o.list;
	chain[3] = put_module(image, &o, base + GUEST_GAMMA, "gamma", 3, era, flags) + o.list;
	for (int i = 0; i < 4; i++)
		put(image, chain[i], chain[(i + 1) % 4], o.word);
	put_symbols(image, &o, base + GUEST_ALPHA, chain[1] - o.list);
	put(image, chain[1] - o.list + o.orc, 12, 4);
	put(image, chain[1] - o.list + o.orc + o.word, base + GUEST_ALPHA + 0x5000, o.word);
	put(image, chain[1] - o.list + o.orc + 2 * o.word, base + GUEST_ALPHA + 0x6000, o.word);
	return base + GUEST_BTF + btf_image_write(&b, btf, GUEST_KERNEL - GUEST_BTF);
}
