// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backtraces of a synthetic kernel: by ORC tables of both formats, by frame pointers of 64 and 32 bits,
 * by guesses; and of stacks and tables that are made to mislead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "images.h"
#include "kernel.h"
#include "mem.h"
#include "util.h"

#define USER_CS		0x33
#define KERNEL_CS	0x10

static struct kernel k;
static struct unwind_trace trace;

static int setup_orc_old(void **state)
{
	kernel_new(&k, true, false);
	return 0;
}

static int setup_orc_typed(void **state)
{
	kernel_new(&k, true, true);
	return 0;
}

static int setup_frames(void **state)
{
	kernel_new(&k, false, false);
	return 0;
}

static int teardown(void **state)
{
	kernel_free(&k);
	return 0;
}

static void run(u64 rip, u64 rsp, u64 rbp)
{
	struct unwind_regs regs = { .rip = rip, .rsp = rsp, .rbp = rbp };

	unwind(&k.guest.paging, k.symbols, &regs, &trace);
}

static void want(unsigned int n, enum unwind_kind kind, u64 rip)
{
	assert_true(n < trace.count);
	assert_int_equal(trace.frames[n].kind, kind);
	assert_int_equal(trace.frames[n].rip, rip);
}

static void want_end(unsigned int count, enum unwind_end end)
{
	assert_int_equal(trace.count, count);
	assert_int_equal(trace.end, end);
}

/* A system call that crashes: the return addresses, and user mode's registers above. */
static u64 put_syscall(u64 sp)
{
	u64 at = sp;

	kernel_put(&k, at + 16, IN(F_WRITE, 0x40));	/* of do_crash */
	at += 24;
	kernel_put(&k, at + 16, IN(F_SYSCALL, 0x40));
	at += 24;
	kernel_put(&k, at + 16, IN(F_ENTRY, 0x40));
	at += 24;
	kernel_put_iret(&k, at + 16 * 8, 0x401000, USER_CS, 0x7fff0000);
	return at + 21 * 8;
}

/* --- ORC --- */

static void calls(void **state)
{
	u64 sp = STACK_END - 0x400;

	put_syscall(sp);
	run(IN(F_CRASH, 0x20), sp, 0);
	want(0, UNWIND_CALL, IN(F_WRITE, 0x40));
	want(1, UNWIND_CALL, IN(F_SYSCALL, 0x40));
	want(2, UNWIND_CALL, IN(F_ENTRY, 0x40));
	want_end(3, UNWIND_USER);
	assert_int_equal(trace.user_rip, 0x401000);

	/* At its first instruction a function has not taken its 16 bytes yet. */
	run(FUNC(F_CRASH), sp + 16, 0);
	want(0, UNWIND_CALL, IN(F_WRITE, 0x40));
	want_end(3, UNWIND_USER);
}

/* The call is the last instruction of its function: the return address is in the next one. */
static void call_without_return(void **state)
{
	u64 sp = STACK_END - 0x400;

	kernel_put(&k, sp + 16, FUNC(F_CRASH));		/* do_write has called, and not do_crash */
	kernel_put(&k, sp + 24 + 16, IN(F_IDLE, 0x81));
	run(IN(F_PANIC, 0x20), sp, 0);
	want(0, UNWIND_CALL, FUNC(F_CRASH));
	want(1, UNWIND_CALL, IN(F_IDLE, 0x81));
	want_end(2, UNWIND_BOTTOM);
}

/* An interrupt came into do_crash, which is about to execute its first instruction. */
static void interrupt(void **state)
{
	u64 task = STACK_END - 0x400, irq = IRQ_STACK + 0x4000 - 8, regs = task - 21 * 8;

	put_syscall(task);
	/* the registers that it pushed and saved */
	kernel_put(&k, regs + 4 * 8, 0x1234);
	kernel_put_iret(&k, regs + 16 * 8, FUNC(F_CRASH), KERNEL_CS, task + 16);
	/* switch_stack has the task's stack pointer on top of the interrupts' stack */
	kernel_put(&k, irq, regs - 8);
	kernel_put(&k, regs - 8, IN(F_IRQ_ENTRY, 0x90));
	/* do_irq has a frame pointer */
	kernel_put(&k, irq - 8, IN(F_SWITCH, 0x20));
	kernel_put(&k, irq - 16, 0x5678);
	run(IN(F_IRQ, 0x20), irq - 0x100, irq - 16);
	want(0, UNWIND_CALL, IN(F_SWITCH, 0x20));
	/* SP_INDIRECT: the word on the stack, and 8 more: behind the return address */
	want(1, UNWIND_CALL, IN(F_IRQ_ENTRY, 0x90));
	want(2, UNWIND_REGS, FUNC(F_CRASH));
	want(3, UNWIND_CALL, IN(F_WRITE, 0x40));
	want(4, UNWIND_CALL, IN(F_SYSCALL, 0x40));
	want(5, UNWIND_CALL, IN(F_ENTRY, 0x40));
	want_end(6, UNWIND_USER);
}

/* Stopped right in an interrupt's entry, with an error code on top; and then user mode's. */
static void interrupt_entry(void **state)
{
	u64 sp = STACK_END - 0x400;

	put_syscall(sp);
	kernel_put_iret(&k, sp - 40, IN(F_CRASH, 0x20), KERNEL_CS, sp);
	run(FUNC(F_IRQ_ENTRY), sp - 48, 0);
	want(0, UNWIND_REGS, IN(F_CRASH, 0x20));
	want(1, UNWIND_CALL, IN(F_WRITE, 0x40));
	want_end(4, UNWIND_USER);
	kernel_put_iret(&k, sp - 40, 0x402000, USER_CS, 0);
	run(FUNC(F_IRQ_ENTRY), sp - 48, 0);
	want_end(0, UNWIND_USER);
	assert_int_equal(trace.user_rip, 0x402000);
}

/* A base register other than SP and BP is known as long as nothing was called. */
static void other_registers(void **state)
{
	static const u8 bases[] = { ORC_R10, ORC_R13, ORC_DI, ORC_DX };
	u64 sp = STACK_END - 0x400, ip = MODULE_ORC, entries = MODULE_ORC + 0x800;

	symbols_add_range(k.symbols, "mod", MODULE, GUEST_PAGE, true);
	symbols_add(k.symbols, MODULE, 0x800, 't', "mod_func", "mod");
	assert_int_equal(symbols_set_orc(k.symbols, "mod", ip, entries, 5), 0);
	symbols_sort(k.symbols);
	kernel_orc_at(&k, ip, entries);
	for (unsigned int i = 0; i < 4; i++)
		kernel_orc(&k, MODULE + i * 0x100, ORC_TYPE_CALL, bases[i], 0, ORC_UNDEFINED, 0, false);
	kernel_orc(&k, MODULE + 0x400, ORC_TYPE_CALL, ORC_SP, 8, ORC_UNDEFINED, 0, false);
	kernel_put(&k, sp, IN(F_IDLE, 0x90));
	for (unsigned int i = 0; i < 4; i++) {
		struct unwind_regs regs = { .rip = MODULE + i * 0x100 + 0x10, .rsp = STACK };

		*(i == 0 ? &regs.r10 : i == 1 ? &regs.r13 : i == 2 ? &regs.rdi : &regs.rdx) = sp + 8;
		unwind(&k.guest.paging, k.symbols, &regs, &trace);
		want(0, UNWIND_CALL, IN(F_IDLE, 0x90));
		want_end(1, UNWIND_BOTTOM);
	}
	/* Behind a call it is not known any more, whatever it was. */
	kernel_put(&k, STACK, MODULE + 0x110);
	run(MODULE + 0x410, STACK, 0);
	want(0, UNWIND_CALL, MODULE + 0x110);
	assert_int_equal(trace.end, UNWIND_LOST);
}

static void saved_rbp(void **state)
{
	u64 sp = STACK_END - 0x200;

	/* do_irq called do_irq: each has saved the RBP of the one before below its return address. */
	kernel_put(&k, sp - 8, IN(F_IRQ, 0x30));
	kernel_put(&k, sp - 16, sp + 0x100 - 16);
	kernel_put(&k, sp + 0x100 - 8, IN(F_IDLE, 0x90));
	run(IN(F_IRQ, 0x40), sp - 0x80, sp - 16);
	want(0, UNWIND_CALL, IN(F_IRQ, 0x30));
	want(1, UNWIND_CALL, IN(F_IDLE, 0x90));
	want_end(2, UNWIND_BOTTOM);
}

static void wild_jump(void **state)
{
	static const u64 to[] = { 0, 8, 0xdeadbeefdeadbeef, STACK, 0xffffffff81700000 };
	u64 sp = STACK_END - 0x400;

	put_syscall(sp);
	for (unsigned int i = 0; i < ARRAY_SIZE(to); i++) {
		kernel_put(&k, sp - 8, IN(F_CRASH, 0x30));
		run(to[i], sp - 8, 0);
		want(0, UNWIND_CALL, IN(F_CRASH, 0x30));
		want(1, UNWIND_CALL, IN(F_WRITE, 0x40));
		want_end(4, UNWIND_USER);
	}
	/* It was no call: what is on the stack is only guessed. */
	kernel_put(&k, sp - 8, 0x1111);
	run(0, sp - 8, 0);
	want(0, UNWIND_GUESS, IN(F_WRITE, 0x40));
	assert_int_equal(trace.end, UNWIND_LOST);
}

/* Code without ORC, as BPF makes it: its frame pointer is believed. */
static void generated_code(void **state)
{
	u64 sp = STACK_END - 0x400;

	put_syscall(sp);
	kernel_put(&k, sp - 16, sp + 0x100);
	kernel_put(&k, sp - 8, IN(F_CRASH, 0x30));
	run(MODULE + 0x30, sp - 0x40, sp - 16);
	want(0, UNWIND_CALL, IN(F_CRASH, 0x30));
	want(1, UNWIND_CALL, IN(F_WRITE, 0x40));
	want_end(4, UNWIND_USER);
}

/* Half-way there is an address that nothing is known of; a guess leads on from there. */
static void half_way(void **state)
{
	u64 sp = STACK_END - 0x400;

	kernel_put(&k, sp + 16, IN(F_COUNT, 0x20));
	kernel_put(&k, sp + 24, 0x1234);
	kernel_put(&k, sp + 32, IN(F_PANIC, 0x44));	/* an old one: no call is before it */
	kernel_put(&k, sp + 40, IN(F_PANIC, 0x85));	/* this one leads nowhere */
	kernel_call(&k, IN(F_PANIC, 0x80), FUNC(F_IRQ));
	kernel_put(&k, sp + 0x60, IN(F_CRASH, 0x25));
	kernel_call(&k, IN(F_CRASH, 0x20), FUNC(F_PANIC));
	put_syscall(sp + 0x68);
	run(IN(F_CRASH, 0x20), sp, 0);
	want(0, UNWIND_CALL, IN(F_COUNT, 0x20));
	want(1, UNWIND_GUESS, IN(F_PANIC, 0x44));
	want(2, UNWIND_GUESS, IN(F_PANIC, 0x85));
	want(3, UNWIND_GUESS, IN(F_CRASH, 0x25));
	want(4, UNWIND_CALL, IN(F_WRITE, 0x40));
	want(5, UNWIND_CALL, IN(F_SYSCALL, 0x40));
	want(6, UNWIND_CALL, IN(F_ENTRY, 0x40));
	want_end(7, UNWIND_USER);
}

/* A stack that ran over has its stack pointer in the page below, where nothing is. */
static void overflow(void **state)
{
	for (unsigned int i = 0; i < 3; i++)
		kernel_put(&k, STACK + 0x10 + i * 0x20, IN(F_CRASH, 0x30 + i));
	run(IN(F_CRASH, 0x20), STACK - 0x30, 0);
	for (unsigned int i = 0; i < 3; i++)
		want(i, UNWIND_GUESS, IN(F_CRASH, 0x30 + i));
	want_end(3, UNWIND_LOST);
}

static void recursion(void **state)
{
	u64 sp = STACK;

	for (unsigned int i = 0; i < 200; i++)
		kernel_put(&k, sp + i * 24 + 16, IN(F_CRASH, 0x30));
	run(IN(F_CRASH, 0x20), sp, 0);
	for (unsigned int i = 0; i < UNWIND_FRAMES; i++)
		want(i, UNWIND_CALL, IN(F_CRASH, 0x30));
	want_end(UNWIND_FRAMES, UNWIND_LIMIT);
}

/* The frame before is the frame itself, by way of an indirect base and a saved RBP. */
static void circles(void **state)
{
	u64 bp = STACK + 0x3000;

	kernel_put(&k, bp, bp + 0x40);
	kernel_put(&k, bp + 8, bp);
	kernel_put(&k, bp + 0x38, IN(F_LOOP, 0x10));
	run(IN(F_LOOP, 0x20), STACK + 0x2000, bp);
	want(0, UNWIND_CALL, IN(F_LOOP, 0x10));
	assert_int_equal(trace.end, UNWIND_LOST);
	assert_true(trace.count < 4);
	/* Two that lead to each other. */
	kernel_put(&k, bp + 8, bp + 0x80);
	kernel_put(&k, bp + 0x80, bp + 0x48);
	kernel_put(&k, bp + 0x88, bp);
	kernel_put(&k, bp + 0x40, IN(F_LOOP, 0x18));
	run(IN(F_LOOP, 0x20), STACK + 0x2000, bp);
	want(0, UNWIND_CALL, IN(F_LOOP, 0x10));
	want(1, UNWIND_CALL, IN(F_LOOP, 0x18));
	assert_int_equal(trace.end, UNWIND_LOST);
	assert_true(trace.count < 8);
}

static void stack_anywhere(void **state)
{
	static const u64 where[] = { 0, 1, 7, 0x7fffffffffff, 0x8000000000000000, UINT64_MAX, UINT64_MAX - 7, STACK - 1,
				     STACK_END - 1, STACK_END - 8, STACK_END, TEXT };

	for (unsigned int i = 0; i < ARRAY_SIZE(where); i++) {
		for (unsigned int f = 0; f < F_COUNT; f++) {
			run(IN(f, 0x20), where[i], where[i]);
			run(IN(f, 0x20), STACK, where[i]);
			assert_true(trace.count <= UNWIND_FRAMES);
		}
	}
}

/* Tables and stacks of noise, with and without sense in the tables. */
static void noise(void **state)
{
	u8 bytes[0x1000];
	u64 seed = 1;

	for (unsigned int round = 0; round < 300; round++) {
		image_fill(bytes, sizeof(bytes), round + 1);
		guest_write(&k.guest, STACK + 0x3000, bytes, sizeof(bytes));
		for (unsigned int i = 0; i < 100; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			kernel_put(&k, STACK + 0x3000 + (seed >> 40) % 0xff8 / 8 * 8,
				   seed & 1 << 20 ? TEXT + (seed >> 32) % 0xa00 :
						    STACK + 0x3000 + (seed >> 30) % 0x1000);
		}
		if (round > 150)
			guest_write(&k.guest, ORC_ENTRIES, bytes, k.orc_count * 6);
		if (round > 250)
			guest_write(&k.guest, ORC_IP, bytes, k.orc_count * 4);
		run(TEXT + (seed >> 20) % 0xa00, STACK + 0x3000 + (seed >> 50) % 0x800, STACK + 0x3800);
		assert_true(trace.count <= UNWIND_FRAMES);
	}
}

static void damaged_tables(void **state)
{
	struct orc_table t;
	struct orc_entry e;

	assert_true(orc_open_kernel(&t, &k.guest.paging, k.symbols));
	assert_int_equal(t.typed, k.typed);
	assert_true(orc_find(&t, &k.guest.paging, IN(F_PANIC, 0x20), &e));
	assert_int_equal(e.sp_offset, 24);
	assert_false(orc_find(&t, &k.guest.paging, TEXT - 1, &e));
	assert_true(orc_find(&t, &k.guest.paging, UINT64_MAX, &e));
	assert_int_equal(e.type, ORC_TYPE_NONE);
	/* ends before beginnings, counts that differ, nothing, too much */
	assert_false(orc_open(&t, ORC_IP, ORC_IP, ORC_ENTRIES, ORC_ENTRIES));
	assert_false(orc_open(&t, ORC_IP + 4, ORC_IP, ORC_ENTRIES, ORC_ENTRIES + 6));
	assert_false(orc_open(&t, ORC_IP, ORC_IP + 4, ORC_ENTRIES, ORC_ENTRIES + 12));
	assert_false(orc_open(&t, 0, UINT64_MAX, 0, UINT64_MAX));
	assert_false(orc_open(&t, 0, 4ULL << 30, 0, 6ULL << 30));
	/* tables that are not mapped */
	assert_true(orc_open(&t, 0x1000, 0x2000, 0x3000, 0x3000 + 6 * 0x400));
	assert_false(orc_find(&t, &k.guest.paging, TEXT, &e));
}

/* --- frame pointers --- */

/* A frame, and what is at the end of it. */
static void put_frame(u64 bp, u64 saved, u64 ret)
{
	kernel_put(&k, bp, saved);
	kernel_put(&k, bp + 8, ret);
}

static void frames(void **state)
{
	u64 sp = STACK_END - 0x400, regs = STACK_END - 21 * 8;

	put_frame(sp + 0x20, sp + 0x80, IN(F_WRITE, 0x40));
	put_frame(sp + 0x80, sp + 0xc0, IN(F_SYSCALL, 0x40));
	put_frame(sp + 0xc0, regs + 1, IN(F_ENTRY, 0x40));
	kernel_put_iret(&k, regs + 16 * 8, 0x401000, USER_CS, 0);
	run(IN(F_CRASH, 0x20), sp, sp + 0x20);
	want(0, UNWIND_CALL, IN(F_WRITE, 0x40));
	want(1, UNWIND_CALL, IN(F_SYSCALL, 0x40));
	want(2, UNWIND_CALL, IN(F_ENTRY, 0x40));
	want_end(3, UNWIND_USER);
	assert_int_equal(trace.user_rip, 0x401000);

	/* The end of an idle task, and a kernel thread's, whose registers were never used. */
	kernel_put(&k, sp + 0xc0, 0);
	run(IN(F_CRASH, 0x20), sp, sp + 0x20);
	want_end(3, UNWIND_BOTTOM);
	kernel_put(&k, sp + 0xc0, regs + 1);
	kernel_put_iret(&k, regs + 16 * 8, 0, 0, 0);
	run(IN(F_CRASH, 0x20), sp, sp + 0x20);
	want_end(3, UNWIND_BOTTOM);
}

/* The interrupted function has no frame yet: its caller is known by the call alone. */
static void frames_of_an_interrupt(void **state)
{
	u64 sp = STACK_END - 0x400, regs = sp - 0x200;

	kernel_call(&k, IN(F_WRITE, 0x3b), FUNC(F_CRASH));
	put_frame(regs - 0x40, regs + 1, IN(F_IRQ_ENTRY, 0x90));
	kernel_put(&k, regs + 4 * 8, sp + 0x20);
	kernel_put_iret(&k, regs + 16 * 8, FUNC(F_CRASH), KERNEL_CS, sp);
	kernel_put(&k, sp, IN(F_WRITE, 0x40));
	put_frame(sp + 0x20, 0, IN(F_SYSCALL, 0x40));
	run(IN(F_IRQ, 0x20), regs - 0x80, regs - 0x40);
	want(0, UNWIND_CALL, IN(F_IRQ_ENTRY, 0x90));
	want(1, UNWIND_REGS, FUNC(F_CRASH));
	want(2, UNWIND_CALL, IN(F_WRITE, 0x40));
	want(3, UNWIND_CALL, IN(F_SYSCALL, 0x40));
	want_end(4, UNWIND_BOTTOM);
	/* RBP has just been pushed. */
	kernel_put(&k, sp - 8, sp + 0x20);
	kernel_put_iret(&k, regs + 16 * 8, IN(F_CRASH, 1), KERNEL_CS, sp - 8);
	run(IN(F_IRQ, 0x20), regs - 0x80, regs - 0x40);
	want(2, UNWIND_CALL, IN(F_WRITE, 0x40));
	want_end(4, UNWIND_BOTTOM);
	/* The frame is there: nothing is said twice. */
	put_frame(sp - 8, sp + 0x20, IN(F_WRITE, 0x40));
	kernel_put(&k, regs + 4 * 8, sp - 8);
	kernel_put_iret(&k, regs + 16 * 8, IN(F_CRASH, 4), KERNEL_CS, sp - 8);
	run(IN(F_IRQ, 0x20), regs - 0x80, regs - 0x40);
	want(2, UNWIND_CALL, IN(F_WRITE, 0x40));
	want(3, UNWIND_CALL, IN(F_SYSCALL, 0x40));
	want_end(4, UNWIND_BOTTOM);
}

static void frames_in_circles(void **state)
{
	u64 sp = STACK_END - 0x400;

	put_frame(sp + 0x20, sp + 0x40, IN(F_WRITE, 0x40));
	put_frame(sp + 0x40, sp + 0x20, IN(F_SYSCALL, 0x40));
	run(IN(F_CRASH, 0x20), sp, sp + 0x20);
	want(0, UNWIND_CALL, IN(F_WRITE, 0x40));
	want(1, UNWIND_CALL, IN(F_SYSCALL, 0x40));
	assert_int_equal(trace.end, UNWIND_LOST);
	assert_true(trace.count <= 4);
}

/* RBP is just a register: all is guessed. */
static void no_frames(void **state)
{
	static const u64 rbp[] = { 0, 1, 0x1234, STACK + 0x3000, IRQ_STACK, UINT64_MAX, STACK_END - 8 };
	u64 sp = STACK_END - 0x400;

	put_syscall(sp);
	put_frame(IRQ_STACK, 0, IN(F_PANIC, 0x40));
	for (unsigned int i = 0; i < ARRAY_SIZE(rbp); i++) {
		run(IN(F_CRASH, 0x20), sp, rbp[i]);
		want(0, UNWIND_GUESS, IN(F_WRITE, 0x40));
		want(1, UNWIND_GUESS, IN(F_SYSCALL, 0x40));
		want(2, UNWIND_GUESS, IN(F_ENTRY, 0x40));
		want_end(3, UNWIND_LOST);
	}
}

static void no_symbols(void **state)
{
	struct unwind_regs regs = { .rip = IN(F_CRASH, 0x20), .rsp = STACK_END - 0x400 };
	u64 sp = regs.rsp;

	put_frame(sp + 0x20, sp + 0x80, IN(F_WRITE, 0x40));
	put_frame(sp + 0x80, 0x1234, IN(F_SYSCALL, 0x40));
	kernel_put(&k, sp + 0xc0, IN(F_ENTRY, 0x40));
	kernel_put(&k, sp + 0xc8, STACK);		/* memory, but no code */
	kernel_put(&k, sp + 0xd0, 0x1000);
	regs.rbp = sp + 0x20;
	unwind(&k.guest.paging, NULL, &regs, &trace);
	want(0, UNWIND_CALL, IN(F_WRITE, 0x40));
	want(1, UNWIND_CALL, IN(F_SYSCALL, 0x40));
	want(2, UNWIND_GUESS, IN(F_ENTRY, 0x40));
	want_end(3, UNWIND_LOST);
}

/* A kernel whose page tables map memory to itself: no number on the stack is a good guess. */
static void early(void **state)
{
	struct unwind_regs regs = { .rip = 0x2000, .rsp = 0x6000 };

	for (u64 at = 0x1000; at < 0x10000; at += GUEST_PAGE)
		guest_map_at(&k.guest, at, at, PTE_PRESENT);
	for (u64 at = 0x6000; at < 0x8000; at += 8)
		kernel_put(&k, at, 0x2000 + at % 64);
	unwind(&k.guest.paging, NULL, &regs, &trace);
	want_end(0, UNWIND_LOST);
	put_frame(0x6100, 0, 0x2040);
	regs.rbp = 0x6100;
	unwind(&k.guest.paging, NULL, &regs, &trace);
	want(0, UNWIND_CALL, 0x2040);
	want_end(1, UNWIND_BOTTOM);
}

/* --- 32 bits, with paging off --- */

#define TEXT32	0x100000U
#define STACK32	0x200000U

static void frames_of_32_bits(void **state)
{
	struct unwind_regs regs = { .rip = TEXT32 + 0x320, .rsp = STACK32 + 0x1f00, .rbp = STACK32 + 0x1f10 };
	struct symbols *s = symbols_new();
	u32 words[0x40] = {};
	struct paging p;

	paging_init(&p, k.guest.mem, 1, 0, 0, 0);
	for (unsigned int i = 0; i < 4; i++)
		symbols_add(s, TEXT32 + i * 0x100, 0x100, 'T', (const char *[]){ "a", "b", "c", "d" }[i], NULL);
	symbols_sort(s);
	words[4] = STACK32 + 0x1f40;
	words[5] = TEXT32 + 0x240;
	words[16] = 0;
	words[17] = TEXT32 + 0x140;
	assert_int_equal(mem_write(k.guest.mem, STACK32 + 0x1f00, words, sizeof(words)), 0);
	unwind(&p, s, &regs, &trace);
	want(0, UNWIND_CALL, TEXT32 + 0x240);
	want(1, UNWIND_CALL, TEXT32 + 0x140);
	want_end(2, UNWIND_BOTTOM);
	symbols_free(s);
}

/* With paging on, and the registers of an interrupt marked by a clear topmost bit. */
static void interrupt_of_32_bits(void **state)
{
	const u32 base = 0xc0000000, sp = base + STACK32 + 0x1e00, at = base + STACK32 + 0x1e80;
	struct unwind_regs regs = { .rip = base + TEXT32 + 0x320, .rsp = sp, .rbp = sp + 16 };
	struct symbols *s = symbols_new();
	u32 words[0x80] = {}, large = 0x83, root = guest_table(&k.guest);
	struct paging p;

	assert_int_equal(mem_write(k.guest.mem, root + 4 * 0x300, &large, 4), 0);
	paging_init(&p, k.guest.mem, 0x80000001, root, 0x10, 0);
	for (unsigned int i = 0; i < 4; i++)
		symbols_add(s, base + TEXT32 + i * 0x100, 0x100, 'T', (const char *[]){ "a", "b", "c", "d" }[i], NULL);
	symbols_sort(s);
	words[4] = at & 0x7fffffff;
	words[5] = base + TEXT32 + 0x240;
	/* struct pt_regs: EBP, EIP, CS */
	words[0x20 + 5] = sp + 0x100;
	words[0x20 + 12] = base + TEXT32 + 0x180;
	words[0x20 + 13] = 0x60;
	words[0x40] = (at + 0x140) & 0x7fffffff;
	words[0x41] = base + TEXT32 + 0x40;
	words[0x70 + 12] = 0x8048000;
	words[0x70 + 13] = 0x73;
	assert_int_equal(mem_write(k.guest.mem, STACK32 + 0x1e00, words, sizeof(words)), 0);
	unwind(&p, s, &regs, &trace);
	want(0, UNWIND_CALL, base + TEXT32 + 0x240);
	want(1, UNWIND_REGS, base + TEXT32 + 0x180);
	want(2, UNWIND_CALL, base + TEXT32 + 0x40);
	want_end(3, UNWIND_USER);
	assert_int_equal(trace.user_rip, 0x8048000);
	symbols_free(s);
}

#define ORC(f)	{ #f " (to 6.3)", f, setup_orc_old, teardown, NULL }, \
		{ #f " (since 6.4)", f, setup_orc_typed, teardown, NULL }
#define FRAMES(f) cmocka_unit_test_setup_teardown(f, setup_frames, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ORC(calls),
		ORC(call_without_return),
		ORC(interrupt),
		ORC(interrupt_entry),
		ORC(other_registers),
		ORC(saved_rbp),
		ORC(wild_jump),
		ORC(generated_code),
		ORC(half_way),
		ORC(overflow),
		ORC(recursion),
		ORC(circles),
		ORC(stack_anywhere),
		ORC(noise),
		ORC(damaged_tables),
		FRAMES(frames),
		FRAMES(frames_of_an_interrupt),
		FRAMES(frames_in_circles),
		FRAMES(no_frames),
		FRAMES(stack_anywhere),
		FRAMES(noise),
		FRAMES(no_symbols),
		FRAMES(early),
		FRAMES(frames_of_32_bits),
		FRAMES(interrupt_of_32_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
