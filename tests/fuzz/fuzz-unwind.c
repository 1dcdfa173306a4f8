// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing backtraces: the input is a guest's memory, in which page tables, ORC tables and stacks
 * are wherever the input says. Its first bytes are registers; the rest is written over a small
 * synthetic kernel at the places that it names.
 */
#include <stddef.h>
#include <stdio.h>

#include <linux/kvm.h>

#include "cpu.h"
#include "log.h"
#include "mem.h"
#include "paging.h"
#include "report.h"
#include "symbols.h"
#include "unwind.h"
#include "util.h"

#define MEM_SIZE	(2 * MiB)
#define PAGE		4096
#define ROOT		0x1000	/* page tables: four of them */
#define TEXT		0xffffffff81000000ULL
#define PAGES		64	/* mapped from TEXT on, to where the first page is at TEXT_GPA */
#define TEXT_GPA	0x10000
#define ORC_IP		(TEXT + 0x8000)
#define ORC_ENTRIES	(TEXT + 0x9000)
#define ORC_COUNT	256

/* The beginning of an input. */
struct input {
	struct unwind_regs regs;
	u8 kind;
	u8 cr4;
	u16 patches;	/* how many of struct patch follow, as far as there are bytes */
} __packed;

struct patch {
	u32 at;		/* in memory, modulo its size */
	u16 len;
} __packed;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void silent(const char *line, size_t len)
{
}

static void put(struct mem *mem, u64 at, u64 value)
{
	mem_write(mem, at, &value, sizeof(value));
}

static void make_tables(struct mem *mem)
{
	put(mem, ROOT + 511 * 8, 0x2003);
	put(mem, 0x2000 + 510 * 8, 0x3003);
	put(mem, 0x3000 + 8 * 8, 0x4003);
	for (unsigned int i = 0; i < PAGES; i++)
		put(mem, 0x4000 + i * 8, (TEXT_GPA + i * PAGE) | 3);
}

static struct symbols *make_symbols(void)
{
	struct symbols *s = symbols_new();

	if (!s)
		return NULL;
	for (unsigned int i = 0; i < 32; i++)
		symbols_add(s, TEXT + i * 0x400, 0x400, 'T', "function", NULL);
	symbols_add(s, TEXT, 0, 'T', "_stext", NULL);
	symbols_add(s, TEXT + 0x8000, 0, 'T', "_etext", NULL);
	symbols_add(s, TEXT + PAGES * PAGE, 0, 'B', "_end", NULL);
	symbols_add(s, ORC_IP, 0, 'R', "__start_orc_unwind_ip", NULL);
	symbols_add(s, ORC_IP + 4 * ORC_COUNT, 0, 'R', "__stop_orc_unwind_ip", NULL);
	symbols_add(s, ORC_ENTRIES, 0, 'R', "__start_orc_unwind", NULL);
	symbols_add(s, ORC_ENTRIES + 6 * ORC_COUNT, 0, 'R', "__stop_orc_unwind", NULL);
	symbols_sort(s);
	return s;
}

static void apply(struct mem *mem, const u8 *data, size_t size, unsigned int patches)
{
	struct patch p;

	while (patches-- && size > sizeof(p)) {
		memcpy(&p, data, sizeof(p));
		data += sizeof(p);
		size -= sizeof(p);
		if (p.len > size)
			p.len = size;
		mem_write(mem, p.at % MEM_SIZE, data, p.len);
		data += p.len;
		size -= p.len;
	}
}

/* The whole of it, as text, with whatever symbols such a guest has. */
static void report_all(const struct input *in, struct mem *mem)
{
	struct report_config cfg = { .mem = mem };
	struct cpu_look look = {
		.known = true,
		.mp_state = in->kind >> 4,
		.regs = { .rip = in->regs.rip, .rsp = in->regs.rsp, .rbp = in->regs.rbp, .rflags = in->regs.r10 },
		.sregs = { .cr0 = 0x80000001, .cr3 = ROOT | (in->kind & 8 ? PAGE : 0), .cr4 = in->cr4, .efer = 0x500,
			   .cs = { .selector = in->kind & 3, .l = !(in->kind & 4) } },
	};
	struct report *r = report_new(&cfg);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (r && f)
		report_print(r, &look, 1, f);
	if (f)
		fclose(f);
	free(text);
	report_free(r);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct symbols *s;
	static struct mem *mem;
	struct unwind_trace trace;
	struct paging p;
	struct unwind_regs regs;
	struct input in;

	log_set_hook(silent);
	if (!mem) {
		s = make_symbols();
		mem = mem_new();
		if (mem_add(mem, 0, MEM_SIZE, MEM_RAM, NULL))
			abort();
	}
	if (size < sizeof(in))
		return 0;
	mem_zero(mem, 0, MEM_SIZE);
	memcpy(&in, data, sizeof(in));
	make_tables(mem);
	apply(mem, data + sizeof(in), size - sizeof(in), in.patches);
	switch (in.kind & 3) {
	case 0:
		paging_init(&p, mem, 0x80000001, ROOT, in.cr4 | 0x20, 0x500);
		break;
	case 1:
		paging_init(&p, mem, 0x80000001, ROOT, in.cr4, 0);
		break;
	case 2:
		paging_init(&p, mem, 1, 0, 0, 0);
		break;
	default:
		report_all(&in, mem);
		return 0;
	}
	regs = in.regs;
	unwind(&p, in.kind & 4 ? NULL : s, &regs, &trace);
	BUG_ON(trace.count > UNWIND_FRAMES);
	return 0;
}
