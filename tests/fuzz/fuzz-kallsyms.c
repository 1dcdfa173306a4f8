// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing the search for a kernel's symbols: the input is the guest's memory. Its first byte
 * chooses the size of pointers, and where it is.
 */
#include <errno.h>

#include "guest-view.h"
#include "log.h"
#include "symbols.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct memory {
	struct guest_view view;
	u64 va;
	const u8 *data;
	size_t size;
};

static int memory_read(const struct guest_view *view, u64 va, void *data, size_t len)
{
	const struct memory *m = container_of(view, struct memory, view);

	if (va < m->va || va - m->va > m->size || len > m->size - (va - m->va))
		return -EFAULT;
	memcpy(data, m->data + (va - m->va), len);
	return 0;
}

static bool memory_next(const struct guest_view *view, u64 va, u64 *start, u64 *end)
{
	const struct memory *m = container_of(view, struct memory, view);

	*start = m->va;
	*end = m->va + m->size;
	return *end > va && m->size;
}

static void ask(void *arg, u64 addr, char type, const char *name, const char *module)
{
	struct symbol_at at;

	symbols_at(arg, addr, &at);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct symbols *s = symbols_new();
	struct memory m = { .view = { memory_read, memory_next, true } };
	int err;

	if (!s)
		abort();
	if (size) {
		m.view.is64 = data[0] & 1;
		m.va = m.view.is64 ? 0xffffffff81800000ULL : 0xc1800000ULL;
		m.data = data + 1;
		m.size = size - 1;
	}
	err = symbols_read_kallsyms(s, &m.view);
	if (err && err != -ENOENT && err != -E2BIG)
		abort();
	if (!err)
		symbols_each(s, ask, s);
	symbols_free(s);
	return 0;
}
