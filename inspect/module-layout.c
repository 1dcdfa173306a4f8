// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds out where the members of a guest's struct module are: by the kernel's BTF; without it the
 * first members are taken to be where they have been since 2.6.
 *
 * BTF is the guest's, and may be nonsense: what is said here to be in a struct is in it, and
 * no struct is bigger than MODULE_STRUCT_MAX.
 *
 * Runs in whichever thread wants the symbols.
 */
#include "guest-view.h"
#include "module-layout.h"
#include "symbols.h"
#include "util.h"


/* One member that is wanted: in which struct it is, how big its elements are, where to note it */
struct wanted {
	const char *path;
	u32 element;		/* 0: any size */
	struct btf_member *m;
};

/* All of them, each within a struct of @size bytes */
static bool find_all(const struct btf *btf, const char *name, u32 size, const struct wanted *w, size_t count)
{
	for (; count--; w++) {
		const struct btf_member *m = w->m;

		if (!btf_member(btf, name, w->path, w->m) || !m->size || (w->element && m->element != w->element) ||
		    m->size > size || m->offset > size - m->size) {
			*w->m = (struct btf_member) { 0 };
			return false;
		}
	}
	return true;
}

static bool find_first(const struct btf *btf, struct module_layout *l, u32 word)
{
	const struct wanted wanted[] = {
		{ "list", 2 * word, &l->list }, { "state", 4, &l->state }, { "name", 1, &l->name },
	};

	return btf_struct_size(btf, "module", &l->size) && l->size <= MODULE_STRUCT_MAX &&
	       find_all(btf, "module", l->size, wanted, ARRAY_SIZE(wanted));
}

static bool find_memory(const struct btf *btf, struct module_layout *l, u32 word)
{
	const struct wanted mem[] = { { "mem", 0, &l->mem } };
	const struct wanted of_mem[] = { { "base", word, &l->mem_base }, { "size", 4, &l->mem_size } };
	const struct wanted core[] = { { "core_layout", 0, &l->core }, { "init_layout", 0, &l->init } };
	const struct wanted of_core[] = {
		{ "base", word, &l->base }, { "size", 4, &l->core_size }, { "text_size", 4, &l->text_size },
	};

	if (find_all(btf, "module", l->size, mem, ARRAY_SIZE(mem)))
		return l->mem.count <= MODULE_PARTS &&
		       find_all(btf, "module_memory", l->mem.element, of_mem, ARRAY_SIZE(of_mem));
	return find_all(btf, "module", l->size, core, ARRAY_SIZE(core)) && l->core.size == l->init.size &&
	       find_all(btf, "module_layout", l->core.size, of_core, ARRAY_SIZE(of_core));
}

/* Not every kernel has them. */
static void find_symbols_and_orc(const struct btf *btf, struct module_layout *l, u32 word)
{
	const struct wanted kallsyms[] = { { "kallsyms", word, &l->kallsyms } };
	const struct wanted of_kallsyms[] = {
		{ "symtab", word, &l->symtab }, { "num_symtab", 4, &l->num_symtab }, { "strtab", word, &l->strtab },
	};
	const struct wanted typetab[] = { { "typetab", word, &l->typetab } };
	const struct wanted orc[] = {
		{ "arch.num_orcs", 4, &l->num_orcs }, { "arch.orc_unwind_ip", word, &l->orc_ip },
		{ "arch.orc_unwind", word, &l->orc },
	};

	if (!btf_struct_size(btf, "mod_kallsyms", &l->kallsyms_size) || l->kallsyms_size > MODULE_KALLSYMS_MAX ||
	    !find_all(btf, "module", l->size, kallsyms, ARRAY_SIZE(kallsyms)) ||
	    !find_all(btf, "mod_kallsyms", l->kallsyms_size, of_kallsyms, ARRAY_SIZE(of_kallsyms)))
		l->kallsyms.size = 0;
	find_all(btf, "mod_kallsyms", l->kallsyms_size, typetab, ARRAY_SIZE(typetab));
	if (!find_all(btf, "module", l->size, orc, ARRAY_SIZE(orc)))
		l->num_orcs.size = 0;
}

static bool find_by_btf(struct module_layout *l, const struct symbols *s, const struct guest_view *view, u32 word)
{
	struct btf *btf = NULL;
	u64 start, end;
	bool ok;

	if (!symbols_find(s, "__start_BTF", &start) || !symbols_find(s, "__stop_BTF", &end) ||
	    btf_read(&btf, view, start, end))
		return false;
	ok = find_first(btf, l, word) && find_memory(btf, l, word);
	if (ok)
		find_symbols_and_orc(btf, l, word);
	btf_free(btf);
	return ok;
}

/**
 * module_layout_find() - where the members of struct module are
 * @s:		has the kernel's symbols
 */
void module_layout_find(struct module_layout *l, const struct symbols *s, const struct guest_view *view)
{
	u32 word = view->is64 ? 8 : 4;

	*l = (struct module_layout) { 0 };
	if (find_by_btf(l, s, view, word))
		return;
	/* enum module_state state; struct list_head list; char name[64 - sizeof(long)]; */
	*l = (struct module_layout) {
		.guess = true,
		.state = { 0, 4, 1, 4 },
		.list = { word, 2 * word, 1, 2 * word },
		.name = { 3 * word, 64 - word, 64 - word, 1 },
	};
}
