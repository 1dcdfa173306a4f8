// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the user reads of the vCPUs of a guest that has stopped or stands still: their
 * registers, the code at RIP, and the calls that led there, in words that a kernel
 * developer knows from an oops.
 *
 * Symbols are looked for once and kept (x86/guest-symbols.c). A guest without any, or one in which
 * nothing is where it should be, still has its registers.
 *
 * Whoever prints has stopped the vCPUs; one report at a time.
 */
#include <linux/kvm.h>

#include "cpu.h"
#include "guest-symbols.h"
#include "mem.h"
#include "paging.h"
#include "registers.h"
#include "report.h"
#include "symbols.h"
#include "unwind.h"
#include "util.h"

#define TABLES_MAX	4	/* page tables that symbols are looked for in */
#define CODE_AROUND	16
#define STACK_WORDS	16
#define STACK_LINE	4
#define CS_RPL		3

typedef unsigned long long ull;		/* what %llx prints */

struct report {
	const struct mem *mem;
	struct guest_symbols symbols;
};

enum mode { MODE_REAL, MODE_KERNEL, MODE_USER };

static const char *const mode_names[] = {
	[MODE_REAL] = "real",
	[MODE_KERNEL] = "kernel",
	[MODE_USER] = "user",
};

/**
 * report_new() - get ready to report on a guest
 *
 * Return: what report_print() wants, or NULL without memory.
 */
struct report *report_new(const struct report_config *cfg)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->mem = cfg->mem;
	r->symbols.file = cfg->symbols;
	r->symbols.kernel = cfg->kernel;
	return r;
}

/**
 * report_free() - give it back, with the symbols
 * @r:		may be NULL
 */
void report_free(struct report *r)
{
	if (r)
		guest_symbols_fini(&r->symbols);
	free(r);
}

/* --- one vCPU ---------------------------------------------------------------- */

static const char *state_name(u32 state)
{
	switch (state) {
	case KVM_MP_STATE_RUNNABLE:
		return "running";
	case KVM_MP_STATE_UNINITIALIZED:
		return "not started";
	case KVM_MP_STATE_INIT_RECEIVED:
		return "waiting for a start-up IPI";
	case KVM_MP_STATE_HALTED:
		return "halted";
	case KVM_MP_STATE_SIPI_RECEIVED:
		return "starting";
	default:
		return "in an unknown state";
	}
}

/* Whether it has ever run, as KVM says. */
static bool has_started(const struct cpu_look *c)
{
	return c->known && c->mp_state != KVM_MP_STATE_UNINITIALIZED &&
	       c->mp_state != KVM_MP_STATE_INIT_RECEIVED && c->mp_state != KVM_MP_STATE_SIPI_RECEIVED;
}

static enum mode mode_of(const struct cpu_look *c)
{
	if (!(c->sregs.cr0 & CR0_PE))
		return MODE_REAL;
	if ((c->sregs.cs.selector & CS_RPL) == CS_RPL || (c->regs.rflags & RFLAGS_VM))
		return MODE_USER;
	return MODE_KERNEL;
}

/* Linear: in 64-bit mode the base of CS is 0. */
static u64 rip_of(const struct cpu_look *c)
{
	u64 rip = c->regs.rip;

	return c->sregs.cs.l ? rip : (u32)(c->sregs.cs.base + rip);
}

static void print_registers(const struct cpu_look *c, FILE *f)
{
	const struct kvm_sregs *s = &c->sregs;
	const struct kvm_regs *r = &c->regs;

	fprintf(f, "  rip %016llx rsp %016llx flags %08llx cs %04x ss %04x\n", r->rip, r->rsp, r->rflags,
		s->cs.selector, s->ss.selector);
	fprintf(f, "  rax %016llx rbx %016llx rcx %016llx rdx %016llx\n", r->rax, r->rbx, r->rcx, r->rdx);
	fprintf(f, "  rsi %016llx rdi %016llx rbp %016llx r8  %016llx\n", r->rsi, r->rdi, r->rbp, r->r8);
	fprintf(f, "  r9  %016llx r10 %016llx r11 %016llx r12 %016llx\n", r->r9, r->r10, r->r11, r->r12);
	fprintf(f, "  r13 %016llx r14 %016llx r15 %016llx\n", r->r13, r->r14, r->r15);
	fprintf(f, "  cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx efer %04llx\n", s->cr0, s->cr2, s->cr3,
		s->cr4, s->efer);
	fprintf(f, "  fs %016llx gs %016llx gdt %016llx idt %016llx\n", (ull)s->fs.base, (ull)s->gs.base,
		(ull)s->gdt.base, (ull)s->idt.base);
}

/* The bytes around RIP, where they are mapped to memory. */
static void print_code(const struct paging *p, u64 rip, FILE *f)
{
	fputs("  code", f);
	for (u64 at = rip - CODE_AROUND; at != rip + CODE_AROUND; at++) {
		u8 byte;

		if (paging_read(p, at, &byte, 1))
			fputs(" ??", f);
		else
			fprintf(f, at == rip ? " <%02x>" : " %02x", byte);
	}
	fputc('\n', f);
}

/* The words on top of the stack, as wide as the code's mode has them. */
static void print_stack(const struct cpu_look *c, const struct paging *p, FILE *f)
{
	unsigned int word = c->sregs.cs.l ? 8 : c->sregs.ss.db ? 4 : 2;
	u64 sp = word == 8 ? c->regs.rsp : word == 4 ? (u32)c->regs.rsp : (u16)c->regs.rsp;

	if (word != 8)
		sp = (u32)(c->sregs.ss.base + sp);
	for (unsigned int i = 0; i < STACK_WORDS; i++) {
		u64 value = 0;

		fputs(i % STACK_LINE ? " " : i ? "\n        " : "  stack ", f);
		if (paging_read(p, sp + i * word, &value, word))
			fprintf(f, "%.*s", (int)word * 2, "????????????????");
		else
			fprintf(f, "%0*llx", (int)word * 2, (ull)value);
	}
	fputc('\n', f);
}

/*
 * name+offset/size [module]. @back: a return address belongs to the call before it, which
 * may be the last instruction of its function.
 */
static void print_symbol(const struct symbols *s, u64 addr, unsigned int back, FILE *f)
{
	struct symbol_at at;

	if (!s || !symbols_at(s, addr - back, &at)) {
		fprintf(f, "0x%llx", (ull)addr);
		return;
	}
	fprintf(f, "%s+0x%llx", *at.name ? at.name : "?", (ull)(at.offset + back));
	if (at.size)
		fprintf(f, "/0x%llx", (ull)at.size);
	if (at.module)
		fprintf(f, " [%s]", at.module);
}

static void print_trace(const struct symbols *s, const struct unwind_trace *t, FILE *f)
{
	fputs("  Call trace:\n", f);
	for (unsigned int i = 0; i < t->count; i++) {
		const struct unwind_frame *frame = &t->frames[i];

		fputs(frame->kind == UNWIND_GUESS ? "   ? " : "   ", f);
		print_symbol(s, frame->rip, frame->kind == UNWIND_CALL, f);
		fputs(frame->kind == UNWIND_REGS ? " (interrupted)\n" : "\n", f);
	}
	if (t->end == UNWIND_USER)
		fprintf(f, "   (user mode, rip %016llx)\n", (ull)t->user_rip);
	else if (t->end == UNWIND_LIMIT)
		fputs("   (and more)\n", f);
	else if (!t->count)
		fputs("   (nothing found on the stack)\n", f);
}

static void print_kernel(const struct report *r, const struct cpu_look *c, const struct paging *p, FILE *f)
{
	struct unwind_regs regs = {
		.rip = rip_of(c),
		.rsp = c->regs.rsp,
		.rbp = c->regs.rbp,
		.r10 = c->regs.r10,
		.r13 = c->regs.r13,
		.rdi = c->regs.rdi,
		.rdx = c->regs.rdx,
	};
	struct unwind_trace trace;

	unwind(p, r->symbols.found, &regs, &trace);
	print_trace(r->symbols.found, &trace, f);
}

static void print_cpu(const struct report *r, const struct cpu_look *c, FILE *f)
{
	enum mode mode = mode_of(c);
	struct paging paging;

	if (!c->known) {
		fprintf(f, "CPU %u: no registers\n", c->index);
		return;
	}
	if (!has_started(c)) {
		fprintf(f, "CPU %u %s\n", c->index, state_name(c->mp_state));
		return;
	}
	fprintf(f, "CPU %u %s in %s mode, interrupts %s\n", c->index, state_name(c->mp_state), mode_names[mode],
		c->regs.rflags & RFLAGS_IF ? "on" : "off");
	if (mode == MODE_KERNEL) {
		fputs("  RIP ", f);
		print_symbol(r->symbols.found, rip_of(c), 0, f);
		fputc('\n', f);
	}
	print_registers(c, f);
	cpu_paging(&c->sregs, r->mem, &paging);
	print_code(&paging, rip_of(c), f);
	print_stack(c, &paging, f);
	if (mode == MODE_KERNEL)
		print_kernel(r, c, &paging, f);
}

/* --- all of them --------------------------------------------------------------- */

static bool is_new(const struct paging *tables, unsigned int count, const struct paging *p)
{
	for (unsigned int i = 0; i < count; i++)
		if (tables[i].kernel_root == p->kernel_root && tables[i].levels == p->levels)
			return false;
	return true;
}

/* vCPUs in kernel mode first, then those in user mode, and those with paging off last. */
static unsigned int promise(const struct cpu_look *c)
{
	if (!(c->sregs.cr0 & CR0_PG))
		return 2;
	return mode_of(c) == MODE_USER;
}

/* The page tables of the vCPUs, each once. */
static unsigned int collect_tables(const struct report *r, const struct cpu_look *cpus, unsigned int count,
				   struct paging *tables)
{
	unsigned int n = 0;

	for (unsigned int rank = 0; rank < 3; rank++) {
		for (unsigned int i = 0; i < count && n < TABLES_MAX; i++) {
			const struct cpu_look *c = &cpus[i];

			if (!has_started(c) || promise(c) != rank)
				continue;
			cpu_paging(&c->sregs, r->mem, &tables[n]);
			n += is_new(tables, n, &tables[n]);
		}
	}
	return n;
}

/**
 * report_print() - print where vCPUs are
 * @r:		of their guest
 * @cpus:	what cpu_look() has seen of them
 * @count:	how many
 * @f:		gets lines of text, each ended by a newline
 */
void report_print(struct report *r, const struct cpu_look *cpus, unsigned int count, FILE *f)
{
	struct paging tables[TABLES_MAX];

	guest_symbols_get(&r->symbols, tables, collect_tables(r, cpus, count, tables));
	if (*r->symbols.refused)
		fprintf(f, "%s\n", r->symbols.refused);
	fprintf(f, "%s\n", r->symbols.line);
	for (unsigned int i = 0; i < count; i++)
		print_cpu(r, &cpus[i], f);
}
