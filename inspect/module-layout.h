/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the members of a guest's struct module are.
 */
#ifndef LKVM_MODULE_LAYOUT_H
#define LKVM_MODULE_LAYOUT_H

#include "btf.h"

struct symbols;

#define MODULE_STRUCT_MAX	16384
#define MODULE_KALLSYMS_MAX	256
#define MODULE_PARTS		8

/**
 * struct module_layout - what there is of struct module and those in it
 * @guess:		there is no BTF: only @list, @state and @name are known
 * @size:		of struct module
 * @mem:		the memory, since 6.4: an array of @mem_base and @mem_size
 * @core:		before: what stays of a module; @base, @core_size and @text_size are in it
 * @init:		before: what goes after its initialisation
 * @kallsyms:		pointer to what has @symtab, @num_symtab, @strtab and @typetab
 * @kallsyms_size:	bytes of that
 * @num_orcs:		entries in each of the tables at @orc_ip and @orc
 *
 * A member that is not there has no size.
 */
struct module_layout {
	bool guess;
	u32 size;
	struct btf_member list, state, name;
	struct btf_member mem, mem_base, mem_size;
	struct btf_member core, init, base, core_size, text_size;
	struct btf_member kallsyms, symtab, num_symtab, strtab, typetab;
	u32 kallsyms_size;
	struct btf_member num_orcs, orc_ip, orc;
};

void module_layout_find(struct module_layout *l, const struct symbols *s, const struct guest_view *view);

#endif /* LKVM_MODULE_LAYOUT_H */
