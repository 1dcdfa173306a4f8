// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unwinding the stack of a kernel that has stopped somewhere, from its registers and memory.
 *
 * How the next frame is found, the best first:
 *
 * - ORC (x86/orc.c), where the kernel or the module has its tables. Interrupts and exceptions
 *   are followed, and so are changes from one stack to another.
 * - frame pointers: RBP leads to the saved RBP and the return address above it. Linux
 *   marks an RBP that leads to saved registers instead: bit 0 set, in 32 bits the topmost bit clear.
 * - a function that was called by a wild pointer has its return address on top of the stack.
 * - all words on the rest of the stack that are addresses of code, each a guess; where ORC
 *   leads from one of them to the end of the stack, what follows is none.
 *
 * Without symbols, what the page tables let the kernel execute is taken for code, if it is
 * near RIP.
 *
 * Everything here is the guest's and may be made to mislead. It can lead to wrong names, but a
 * trace has at most UNWIND_FRAMES frames, a step reads a few words, and a frame that
 * was there already ends it.
 *
 * Runs in whatever thread has stopped the vCPUs. Left out: return addresses that the
 * function graph tracer and kretprobes have replaced; behind these there are guesses.
 */
#include "orc.h"
#include "paging.h"
#include "symbols.h"
#include "unwind.h"
#include "util.h"

#define STACK_SIZE64	(16 * KiB)	/* and twice that with KASAN */
#define STACK_SIZE32	(8 * KiB)
#define PAGE		(4 * KiB)
#define TRIES_MAX	64		/* how many guesses are followed */
#define NEAR		(64 * MiB)	/* of RIP: the kernel's image, when there are no symbols */
#define CALL_SIZE	5		/* of CALL rel32 */
#define OPCODE_CALL	0xe8
#define OPCODE_FF	0xff		/* with 2 in the middle of its second byte it is a call too */
#define MODRM_REG	0x38
#define MODRM_CALL	0x10
#define ENDBR_SIZE	4

/* struct pt_regs of 64 and of 32 bits; what an interrupt pushes is its last part. */
#define REGS64_R13	(2 * 8)
#define REGS64_RBP	(4 * 8)
#define REGS64_R10	(7 * 8)
#define REGS64_RDX	(12 * 8)
#define REGS64_RDI	(14 * 8)
#define REGS64_RIP	(16 * 8)
#define REGS32_EBP	(5 * 4)
#define REGS32_EIP	(12 * 4)
#define REGS_CS(word)	((word))	/* behind RIP: CS, flags, RSP, SS */
#define REGS_SP(word)	(3 * (word))
#define CS_RPL		3

enum step { STEP_CALL, STEP_REGS, STEP_BOTTOM, STEP_USER, STEP_LOST };

/**
 * struct unwinder - one trace
 * @regs:	of the frame that was reached; all but RIP, RSP and RBP only when @full
 * @full:	no call has come between the registers and this frame
 * @exact:	RIP is an instruction that was to be executed, and no return address
 * @framed:	RBP has led to a frame
 */
struct unwinder {
	const struct paging *paging;
	const struct symbols *symbols;
	struct orc_table orc;
	bool has_orc;
	unsigned int word;
	u64 origin;
	struct unwind_regs regs;
	bool full;
	bool exact;
	bool framed;
	u64 seen[UNWIND_FRAMES];	/* the stack pointer of each frame */
	struct unwind_trace *trace;
};

/* --- memory ------------------------------------------------------------------ */

static bool read_word(const struct unwinder *u, u64 va, u64 *value)
{
	*value = 0;
	return !paging_read(u->paging, va, value, u->word);
}

static bool is_near(const struct unwinder *u, u64 va)
{
	return va >= PAGE && (va > u->origin ? va - u->origin : u->origin - va) < NEAR;
}

/* Whether this is an address of the kernel's or a module's code. */
static bool is_text(const struct unwinder *u, u64 va)
{
	if (u->symbols)
		return symbols_is_text(u->symbols, va);
	return is_near(u, va) && paging_is_code(u->paging, va);
}

/* The same for an address that something other than a look at the stack led to: it may be generated code. */
static bool may_run(const struct unwinder *u, u64 va)
{
	return is_text(u, va) || (u->paging->is64 && va >= PAGING_IMAGE64 && paging_is_code(u->paging, va));
}

/* --- registers on the stack ---------------------------------------------------- */

/* What an interrupt has pushed; @at is where its RIP is. */
static enum step take_iret(struct unwinder *u, u64 at)
{
	u64 rip, cs, rsp;

	if (!read_word(u, at, &rip) || !read_word(u, at + REGS_CS(u->word), &cs))
		return STEP_LOST;
	if ((cs & CS_RPL) == CS_RPL) {
		u->trace->user_rip = rip;
		return STEP_USER;
	}
	/* The registers above a kernel thread's stack have never been used. */
	if (!rip && !(cs & 0xffff))
		return STEP_BOTTOM;
	if (!read_word(u, at + REGS_SP(u->word), &rsp))
		return STEP_LOST;
	u->regs.rip = rip;
	u->regs.rsp = rsp;
	return STEP_REGS;
}

/* A struct pt_regs. */
static enum step take_regs(struct unwinder *u, u64 at)
{
	struct unwind_regs r = u->regs;
	enum step step;

	if (u->word == 4) {
		if (!read_word(u, at + REGS32_EBP, &r.rbp))
			return STEP_LOST;
		step = take_iret(u, at + REGS32_EIP);
		if (step == STEP_REGS)
			u->regs.rbp = r.rbp;
		return step;
	}
	if (!read_word(u, at + REGS64_R13, &r.r13) || !read_word(u, at + REGS64_RBP, &r.rbp) ||
	    !read_word(u, at + REGS64_R10, &r.r10) || !read_word(u, at + REGS64_RDX, &r.rdx) ||
	    !read_word(u, at + REGS64_RDI, &r.rdi))
		return STEP_LOST;
	step = take_iret(u, at + REGS64_RIP);
	if (step == STEP_REGS) {
		r.rip = u->regs.rip;
		r.rsp = u->regs.rsp;
		u->regs = r;
		u->full = true;
	}
	return step;
}

/* A return address at @at, and the stack of the caller right above it. */
static enum step take_call(struct unwinder *u, u64 at)
{
	u64 rip;

	if (!read_word(u, at, &rip) || !may_run(u, rip - 1))
		return STEP_LOST;
	u->regs.rip = rip;
	u->regs.rsp = at + u->word;
	u->full = false;
	return STEP_CALL;
}

/* --- ORC --------------------------------------------------------------------- */

static bool find_orc(const struct unwinder *u, u64 rip, struct orc_entry *e)
{
	struct orc_table module;
	u64 ip, entries;
	u32 count;

	if (!u->symbols)
		return false;
	if (!symbols_module_orc(u->symbols, rip, &ip, &entries, &count)) {
		if (!orc_open(&module, ip, ip + 4ULL * count, entries, entries + 6ULL * count))
			return false;
		/* Modules have the kernel's format. */
		if (u->has_orc)
			module.typed = u->orc.typed;
		else
			orc_probe(&module, u->paging);
		return orc_find(&module, u->paging, rip, e);
	}
	return u->has_orc && is_text(u, rip) && orc_find(&u->orc, u->paging, rip, e);
}

/* Where the caller's stack pointer is, or the registers on the stack are. */
static bool orc_base(const struct unwinder *u, const struct orc_entry *e, u64 *base)
{
	const struct unwind_regs *r = &u->regs;

	switch (e->sp_reg) {
	case ORC_SP:
		*base = r->rsp + e->sp_offset;
		return true;
	case ORC_BP:
		*base = r->rbp + e->sp_offset;
		return true;
	case ORC_SP_INDIRECT:
		if (!read_word(u, r->rsp, base))
			return false;
		*base += e->sp_offset;
		return true;
	case ORC_BP_INDIRECT:
		return read_word(u, r->rbp + e->sp_offset, base);
	case ORC_R10:
		*base = r->r10;
		return u->full;
	case ORC_R13:
		*base = r->r13;
		return u->full;
	case ORC_DI:
		*base = r->rdi;
		return u->full;
	case ORC_DX:
		*base = r->rdx;
		return u->full;
	default:
		return false;
	}
}

/* Where RBP was saved, if it was. */
static bool orc_rbp(const struct unwinder *u, const struct orc_entry *e, u64 base, u64 *rbp)
{
	switch (e->bp_reg) {
	case ORC_UNDEFINED:
		return true;
	case ORC_PREV_SP:
		return read_word(u, base + e->bp_offset, rbp);
	case ORC_BP:
		return read_word(u, u->regs.rbp + e->bp_offset, rbp);
	default:
		return false;
	}
}

static enum step orc_step(struct unwinder *u, const struct orc_entry *e)
{
	u64 base, rbp = u->regs.rbp;
	enum step step;

	if (e->type == ORC_TYPE_END)
		return STEP_BOTTOM;
	if (e->type == ORC_TYPE_NONE || !orc_base(u, e, &base) || !orc_rbp(u, e, base, &rbp))
		return STEP_LOST;
	switch (e->type) {
	case ORC_TYPE_CALL:
		/* Stacks grow down. */
		if (e->sp_reg == ORC_SP && e->sp_offset <= 0)
			return STEP_LOST;
		step = take_call(u, base - u->word);
		break;
	case ORC_TYPE_REGS:
		step = take_regs(u, base);
		break;
	default:
		step = take_iret(u, base);
		break;
	}
	/* Registers on the stack have the RBP of their frame, unless it was said to be elsewhere. */
	if (step == STEP_CALL || (step == STEP_REGS && (e->type != ORC_TYPE_REGS || e->bp_reg != ORC_UNDEFINED)))
		u->regs.rbp = rbp;
	u->exact = e->signal;
	return step;
}

/* --- frame pointers -------------------------------------------------------------- */

/* Whether the instruction before a return address calls the function that @rip is in. */
static bool calls_function(const struct unwinder *u, u64 ret, u64 rip)
{
	struct symbol_at at;
	u8 code[CALL_SIZE];
	u64 target;
	s32 offset;

	if (!u->symbols || !symbols_at(u->symbols, rip, &at) || !*at.name || !is_text(u, ret - 1) ||
	    paging_read(u->paging, ret - CALL_SIZE, code, CALL_SIZE) || code[0] != OPCODE_CALL)
		return false;
	memcpy(&offset, code + 1, sizeof(offset));
	target = ret + (s64)offset;
	if (u->word == 4)
		target = (u32)target;
	return target == rip - at.offset || target == rip - at.offset + ENDBR_SIZE;
}

/*
 * A function that was stopped before it had made its frame, or has none: its return
 * address is on top of the stack, or below RBP that has just been pushed.
 */
static enum step frameless_step(struct unwinder *u)
{
	for (unsigned int i = 0; i < 2; i++) {
		u64 at = u->regs.rsp + i * u->word, ret;

		/* That is the frame's own. */
		if (at == u->regs.rbp + u->word)
			continue;
		if (read_word(u, at, &ret) && calls_function(u, ret, u->regs.rip))
			return take_call(u, at);
	}
	return STEP_LOST;
}

static bool is_frame(const struct unwinder *u, u64 rbp)
{
	u64 stack = u->word == 4 ? STACK_SIZE32 : STACK_SIZE64;
	u64 ret;

	if (rbp % u->word || !read_word(u, rbp + u->word, &ret) || !may_run(u, ret - 1))
		return false;
	/* A frame may be on another stack, but not the innermost, where RBP may be anything. */
	return u->framed || rbp - u->regs.rsp < stack;
}

static enum step frame_step(struct unwinder *u)
{
	u64 rbp = u->regs.rbp;
	enum step step = STEP_LOST;

	if (u->exact) {
		step = frameless_step(u);
		u->exact = false;
		if (step != STEP_LOST)
			return step;
	}
	if (!rbp)
		return u->framed ? STEP_BOTTOM : STEP_LOST;
	if (is_frame(u, rbp)) {
		u64 saved;

		if (!read_word(u, rbp, &saved))
			return STEP_LOST;
		step = take_call(u, rbp + u->word);
		if (step == STEP_CALL)
			u->regs.rbp = saved;
		u->framed = true;
		return step;
	}
	if (u->word == 8 && (rbp & 1))
		step = take_regs(u, rbp & ~1ULL);
	else if (u->word == 4 && !(rbp & 0x80000000) && !(rbp % 4))
		step = take_regs(u, rbp | 0x80000000);
	u->exact = step == STEP_REGS;
	return step;
}

/* --- step by step -------------------------------------------------------------- */

static enum step next(struct unwinder *u)
{
	u64 rip = u->exact ? u->regs.rip : u->regs.rip - 1;
	struct orc_entry e;

	if (u->exact && !may_run(u, rip)) {
		/* A wild jump; if it was a call, that can be undone. */
		u->exact = false;
		return take_call(u, u->regs.rsp);
	}
	if (find_orc(u, rip, &e))
		return orc_step(u, &e);
	return frame_step(u);
}

static bool add(struct unwinder *u, enum unwind_kind kind, u64 rip)
{
	struct unwind_trace *t = u->trace;

	if (t->count == UNWIND_FRAMES) {
		t->end = UNWIND_LIMIT;
		return false;
	}
	u->seen[t->count] = u->regs.rsp;
	t->frames[t->count++] = (struct unwind_frame){ .rip = rip, .kind = kind };
	return true;
}

static bool was_here(const struct unwinder *u)
{
	for (unsigned int i = 0; i < u->trace->count; i++)
		if (u->seen[i] == u->regs.rsp && u->trace->frames[i].rip == u->regs.rip)
			return true;
	return false;
}

/* Step by step, until the end or until it is not known how to go on. */
static void follow(struct unwinder *u)
{
	for (;;) {
		enum step step = next(u);

		if (step == STEP_BOTTOM)
			u->trace->end = UNWIND_BOTTOM;
		else if (step == STEP_USER)
			u->trace->end = UNWIND_USER;
		if (step != STEP_CALL && step != STEP_REGS)
			return;
		if (was_here(u) || !add(u, step == STEP_REGS ? UNWIND_REGS : UNWIND_CALL, u->regs.rip))
			return;
	}
}

/* --- guesses ------------------------------------------------------------------ */

/* Whether there is a call right before an address: near and relative, or by a register or memory. */
static bool is_behind_call(const struct unwinder *u, u64 rip)
{
	u8 code[7];

	if (paging_read(u->paging, rip - sizeof(code), code, sizeof(code)))
		return false;
	if (code[2] == OPCODE_CALL)
		return true;
	for (unsigned int i = 0; i < 6; i++)
		if (code[i] == OPCODE_FF && (code[i + 1] & MODRM_REG) == MODRM_CALL)
			return true;
	return false;
}

/*
 * Take a guess for the return address that it may be. If all that follows fits together, up
 * to the end of the stack, then it was right.
 */
static bool follow_guess(struct unwinder *u, u64 at, u64 rip)
{
	struct unwind_trace trace = *u->trace;
	struct unwinder try = *u;
	struct orc_entry e;

	if (!find_orc(u, rip - 1, &e) || !is_behind_call(u, rip))
		return false;
	try.trace = &trace;
	try.regs.rip = rip;
	try.regs.rsp = at + u->word;
	try.full = try.exact = false;
	if (!add(&try, UNWIND_GUESS, rip))
		return false;
	follow(&try);
	if (trace.end != UNWIND_BOTTOM && trace.end != UNWIND_USER)
		return false;
	*u->trace = trace;
	return true;
}

/* From the stack pointer to the end of the stack: what could be a return address. */
static void guess(struct unwinder *u)
{
	u64 size = u->word == 4 ? STACK_SIZE32 : STACK_SIZE64, end, value;
	u64 at = ALIGN_UP(u->regs.rsp, (u64)u->word);
	unsigned int tries = TRIES_MAX;

	/* Every number looks like code to an early kernel, whose page tables map all memory to itself. */
	if (!u->symbols && !(u->paging->is64 && u->origin >= PAGING_IMAGE64))
		return;
	if (u->symbols && symbols_find(u->symbols, "kasan_report", &value))
		size *= 2;
	/* A stack that has run over is in the unmapped page below its own. */
	if (!read_word(u, at, &value))
		at = ALIGN_UP(at + 1, PAGE);
	end = ALIGN_UP(at + 1, size);
	for (; at < end && read_word(u, at, &value); at += u->word) {
		if (!is_text(u, value))
			continue;
		if (tries && u->has_orc && tries-- && follow_guess(u, at, value))
			return;
		if (!add(u, UNWIND_GUESS, value))
			return;
	}
}

/**
 * unwind() - the calls that have led to where a vCPU is
 * @p:		its page tables
 * @s:		the kernel's symbols, or NULL
 * @regs:	its registers; it is in kernel mode
 * @trace:	to be filled in
 */
void unwind(const struct paging *p, const struct symbols *s, const struct unwind_regs *regs,
	    struct unwind_trace *trace)
{
	struct unwinder u = {
		.paging = p,
		.symbols = s,
		.word = p->is64 ? 8 : 4,
		.origin = regs->rip,
		.regs = *regs,
		.full = true,
		.exact = true,
		.trace = trace,
	};

	trace->count = 0;
	trace->end = UNWIND_LOST;
	trace->user_rip = 0;
	u.has_orc = s && p->is64 && orc_open_kernel(&u.orc, p, s);
	follow(&u);
	if (trace->end == UNWIND_LOST)
		guess(&u);
}
