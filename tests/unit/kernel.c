// SPDX-License-Identifier: GPL-2.0-only
/*
 * See kernel.h. The ORC entries are encoded here by what orc_types.h of the two formats says, so
 * that the decoder is held against something other than itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel.h"
#include "util.h"

static const char *const names[F_COUNT] = {
	"entry", "do_syscall", "do_write", "do_crash", "panic", "irq_entry", "do_irq", "idle", "switch_stack", "loop",
};

/* A kernel with its symbols, and with the entries of usual functions if @orc. */
void kernel_new(struct kernel *k, bool orc, bool typed)
{
	*k = (struct kernel){ .typed = typed };
	guest_new(&k->guest);
	guest_map(&k->guest, TEXT, TEXT_SIZE, 0);
	guest_map(&k->guest, ORC_IP, 0x8000, PTE_NX);
	guest_map(&k->guest, MODULE, GUEST_PAGE, 0);
	guest_map(&k->guest, MODULE_ORC, GUEST_PAGE, PTE_NX);
	guest_map(&k->guest, STACK, 0x4000, PTE_NX);
	guest_map(&k->guest, IRQ_STACK, 0x4000, PTE_NX);
	k->symbols = symbols_new();
	assert_non_null(k->symbols);
	for (unsigned int i = 0; i < F_COUNT; i++)
		symbols_add(k->symbols, FUNC(i), FUNC_SIZE, 'T', names[i], NULL);
	symbols_add(k->symbols, TEXT, 0, 'T', "_stext", NULL);
	symbols_add(k->symbols, TEXT + TEXT_SIZE, 0, 'T', "_etext", NULL);
	symbols_add(k->symbols, 0xffffffff82010000, 0, 'B', "_end", NULL);
	kernel_orc_at(k, ORC_IP, ORC_ENTRIES);
	if (!orc) {
		symbols_sort(k->symbols);
		return;
	}
	/* Each function of the usual kind has 16 bytes of its own, below the return address. */
	kernel_orc(k, FUNC(F_ENTRY), ORC_TYPE_REGS, ORC_SP, 0, ORC_UNDEFINED, 0, true);
	for (unsigned int i = F_SYSCALL; i < F_IRQ_ENTRY; i++) {
		kernel_orc(k, FUNC(i), ORC_TYPE_CALL, ORC_SP, 8, ORC_UNDEFINED, 0, false);
		kernel_orc(k, FUNC(i) + 0x10, ORC_TYPE_CALL, ORC_SP, 24, ORC_UNDEFINED, 0, false);
	}
	kernel_orc(k, FUNC(F_IRQ_ENTRY), ORC_TYPE_IRET, ORC_SP, 8, ORC_UNDEFINED, 0, true);
	kernel_orc(k, FUNC(F_IRQ_ENTRY) + 0x80, ORC_TYPE_REGS, ORC_SP, 0, ORC_UNDEFINED, 0, true);
	kernel_orc(k, FUNC(F_IRQ), ORC_TYPE_CALL, ORC_BP, 16, ORC_PREV_SP, -16, false);
	kernel_orc(k, FUNC(F_IDLE), ORC_TYPE_CALL, ORC_SP, 8, ORC_UNDEFINED, 0, false);
	kernel_orc(k, FUNC(F_IDLE) + 0x80, ORC_TYPE_END, ORC_UNDEFINED, 0, ORC_UNDEFINED, 0, false);
	kernel_orc(k, FUNC(F_SWITCH), ORC_TYPE_CALL, ORC_SP_INDIRECT, 8, ORC_UNDEFINED, 0, false);
	kernel_orc(k, FUNC(F_LOOP), ORC_TYPE_CALL, ORC_BP_INDIRECT, 0, ORC_BP, 8, false);
	kernel_orc(k, FUNC(F_COUNT), ORC_TYPE_NONE, ORC_UNDEFINED, 0, ORC_UNDEFINED, 0, false);
	symbols_add(k->symbols, ORC_IP, 0, 'R', "__start_orc_unwind_ip", NULL);
	symbols_add(k->symbols, ORC_IP + 4 * k->orc_count, 0, 'R', "__stop_orc_unwind_ip", NULL);
	symbols_add(k->symbols, ORC_ENTRIES, 0, 'R', "__start_orc_unwind", NULL);
	symbols_add(k->symbols, ORC_ENTRIES + 6 * k->orc_count, 0, 'R', "__stop_orc_unwind", NULL);
	symbols_sort(k->symbols);
}

void kernel_free(struct kernel *k)
{
	symbols_free(k->symbols);
	guest_free(&k->guest);
}

/* Where kernel_orc() puts the next entry. */
void kernel_orc_at(struct kernel *k, u64 ip_table, u64 entries)
{
	k->orc_ip = ip_table;
	k->orc_entries = entries;
	k->orc_count = 0;
}

void kernel_orc(struct kernel *k, u64 ip, enum orc_type type, u8 sp_reg, s16 sp_offset, u8 bp_reg, s16 bp_offset,
		bool signal)
{
	/* type:2, then end:1; or type:3, then signal:1 */
	static const u8 old_types[] = { 0, 0, 0, 1, 2 };
	u16 word = sp_reg | bp_reg << 4;
	u8 entry[6];

	if (k->typed)
		word |= type << 8 | signal << 11;
	else
		word |= old_types[type] << 8 | (type == ORC_TYPE_END) << 10;
	memcpy(entry, &sp_offset, 2);
	memcpy(entry + 2, &bp_offset, 2);
	memcpy(entry + 4, &word, 2);
	guest_write32(&k->guest, k->orc_ip + 4 * k->orc_count, ip - (k->orc_ip + 4 * k->orc_count));
	guest_write(&k->guest, k->orc_entries + 6 * k->orc_count, entry, 6);
	k->orc_count++;
}

void kernel_put(struct kernel *k, u64 va, u64 value)
{
	guest_write64(&k->guest, va, value);
}

/* What an interrupt pushes. */
void kernel_put_iret(struct kernel *k, u64 va, u64 rip, u64 cs, u64 rsp)
{
	kernel_put(k, va, rip);
	kernel_put(k, va + 8, cs);
	kernel_put(k, va + 16, 2);
	kernel_put(k, va + 24, rsp);
	kernel_put(k, va + 32, 0x18);
}

/* An instruction that calls @target. */
void kernel_call(struct kernel *k, u64 at, u64 target)
{
	u8 call = 0xe8;

	guest_write(&k->guest, at, &call, 1);
	guest_write32(&k->guest, at + 1, target - (at + 5));
}
