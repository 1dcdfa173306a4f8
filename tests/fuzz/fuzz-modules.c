// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing BTF and the list of modules: the input is the guest's memory, in two pieces. Byte 0
 * chooses the size of pointers, and whether there is BTF; bytes 1 and 2 are the length of the
 * first piece, which begins with the list and has the BTF 4 KiB further.
 */
#include <errno.h>

#include "btf.h"
#include "guest-view.h"
#include "log.h"
#include "symbols.h"
#include "util.h"

#define LIST	0x1000
#define BTF	0x2000
#define END	0x10000
#define MODULES	0x1002000

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct piece {
	u64 va;
	const u8 *data;
	size_t size;
};

struct memory {
	struct guest_view view;
	struct piece pieces[2];
};

static int memory_read(const struct guest_view *view, u64 va, void *data, size_t len)
{
	const struct memory *m = container_of(view, struct memory, view);

	for (int i = 0; i < 2; i++) {
		const struct piece *p = &m->pieces[i];

		if (va >= p->va && va - p->va <= p->size && len <= p->size - (va - p->va)) {
			memcpy(data, p->data + (va - p->va), len);
			return 0;
		}
	}
	return -EFAULT;
}

static void ask(void *arg, u64 addr, char type, const char *name, const char *module)
{
	struct symbol_at at;
	u64 ip, orc;
	u32 count;

	symbols_at(arg, addr, &at);
	symbols_is_text(arg, addr);
	symbols_module_orc(arg, addr, &ip, &orc, &count);
}

static void try_btf(const struct piece *p, bool is64)
{
	static const char *const paths[] = { "list.next", "mem.base", "name", "arch.orc_unwind", "kallsyms", "x.y.z" };
	struct btf_member m;
	struct btf *btf;

	if (p->size <= BTF - LIST || btf_parse(&btf, p->data + BTF - LIST, p->size - (BTF - LIST), is64))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		btf_member(btf, "module", paths[i], &m);
	btf_free(btf);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct symbols *s = symbols_new();
	struct memory m = { .view = { memory_read, NULL, true } };
	u64 base;
	int err;

	if (!s)
		abort();
	if (size >= 3) {
		size_t first = min((size_t)(data[1] | data[2] << 8), size - 3);

		m.view.is64 = data[0] & 1;
		base = m.view.is64 ? 0xffffffff81000000ULL : 0xc1000000ULL;
		m.pieces[0] = (struct piece) { base + LIST, data + 3, first };
		m.pieces[1] = (struct piece) { base + MODULES, data + 3 + first, size - 3 - first };
		symbols_add(s, base, 0, 'T', "_text", NULL);
		symbols_add(s, base + END, 0, 'B', "_end", NULL);
		symbols_add(s, base + LIST, 0, 'D', "modules", NULL);
		if (data[0] & 2) {
			symbols_add(s, base + BTF, 0, 'R', "__start_BTF", NULL);
			symbols_add(s, base + LIST + first, 0, 'R', "__stop_BTF", NULL);
		}
		symbols_sort(s);
		try_btf(&m.pieces[0], m.view.is64);
		err = symbols_read_modules(s, &m.view);
		if (err && err != -ENOENT && err != -EFAULT && err != -ELOOP && err != -E2BIG)
			abort();
		symbols_each(s, ask, s);
	}
	symbols_free(s);
	return 0;
}
