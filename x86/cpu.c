// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of an x86 vCPU at entry, whether it has stopped for good, and its
 * registers for a report. All functions use the vCPU's ioctls, so they run while it
 * is new, parked or stopped (core/kvm-vcpu.c).
 */
#include <errno.h>

#include <linux/kvm.h>

#include "boot.h"
#include "cpu.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "msr.h"
#include "util.h"
#include "vcpu.h"

#define CR0_PE		(1UL << 0)
#define CR0_ET		(1UL << 4)
#define CR0_NE		(1UL << 5)
#define CR0_WP		(1UL << 16)
#define CR0_PG		(1UL << 31)
#define CR4_PAE		(1UL << 5)
#define OPCODE_HLT	0xf4
#define RFLAGS_FIXED	(1UL << 1)
#define RFLAGS_IF	(1UL << 9)

/* Selectors of the Linux boot protocol: __BOOT_CS and __BOOT_DS. */
#define BOOT_CS 0x10
#define BOOT_DS 0x18

#define SEGMENT_CODE	0xb	/* readable, accessed */
#define SEGMENT_DATA	0x3	/* writable, accessed */
#define REAL_VECTORS	(256 * 4 - 1)

static struct kvm_segment segment(u16 selector, u8 type, bool code, bool code64)
{
	return (struct kvm_segment){
		.base = 0,
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.l = code64,
		.db = !code64,
	};
}

/* As it is in real mode: no descriptor is looked at. */
static struct kvm_segment real_segment(u16 selector, u8 type)
{
	return (struct kvm_segment){
		.base = selector << 4,
		.limit = 0xffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
	};
}

/* The descriptor that a segment register would have been loaded from. */
static u64 descriptor(const struct kvm_segment *s)
{
	u64 flags = s->type | s->s << 4 | s->dpl << 5 | s->present << 7 |
		    s->avl << 12 | s->l << 13 | s->db << 14 | s->g << 15;

	return (s->base & 0xff000000ULL) << 32 | flags << 40 | (s->limit >> 12 & 0xf0000ULL) << 32 |
	       (s->base & 0xffffffULL) << 16 | (s->limit >> 12 & 0xffffULL);
}

static void set_real(struct kvm_sregs *sregs, u16 selector)
{
	sregs->cs = real_segment(selector, SEGMENT_CODE);
	sregs->ds = sregs->es = sregs->ss = sregs->fs = sregs->gs = real_segment(selector, SEGMENT_DATA);
	sregs->idt.base = 0;
	sregs->idt.limit = REAL_VECTORS;
	sregs->cr0 = CR0_ET;
}

/* Protected mode with flat segments, and with @long64 64-bit mode. */
static int set_flat(struct kvm_sregs *sregs, struct mem *mem, bool long64)
{
	struct kvm_segment code = segment(BOOT_CS, SEGMENT_CODE, true, long64);
	struct kvm_segment data = segment(BOOT_DS, SEGMENT_DATA, false, false);
	u64 gdt[] = { 0, 0, descriptor(&code), descriptor(&data) };

	sregs->cs = code;
	sregs->ds = sregs->es = sregs->ss = sregs->fs = sregs->gs = data;
	sregs->gdt.base = LAYOUT_GDT;
	sregs->gdt.limit = sizeof(gdt) - 1;
	sregs->idt.base = 0;
	sregs->idt.limit = 0;
	sregs->cr0 = CR0_PE | CR0_ET | CR0_NE;
	if (long64) {
		sregs->cr0 |= CR0_WP | CR0_PG;
		sregs->cr3 = LAYOUT_PAGE_TABLES;
		sregs->cr4 = CR4_PAE;
		sregs->efer = EFER_LME | EFER_LMA;
	}
	return mem_write(mem, LAYOUT_GDT, gdt, sizeof(gdt));
}

/**
 * cpu_enter() - set the boot CPU to a boot protocol's entry state
 * @vcpu:	the boot CPU, fresh
 * @mem:	gets the GDT, except in real mode
 * @entry:	as boot_load() gave it
 *
 * Return: 0 or -errno, said.
 */
int cpu_enter(struct vcpu *vcpu, struct mem *mem, const struct boot_entry *entry)
{
	struct kvm_regs regs = {
		.rip = entry->rip,
		.rsp = entry->rsp,
		.rsi = entry->rsi,
		.rax = entry->rax,
		.rbx = entry->rbx,
		.rflags = RFLAGS_FIXED,
	};
	struct kvm_sregs sregs;
	int err;

	if (entry->mode == BOOT_RESET)
		return 0;		/* KVM made it so */
	err = vcpu_ioctl(vcpu, KVM_GET_SREGS, &sregs);
	if (err)
		return error(err, "registers of the boot CPU");
	if (entry->mode == BOOT_REAL16)
		set_real(&sregs, entry->segment);
	else
		err = set_flat(&sregs, mem, entry->mode == BOOT_LONG64);
	if (!err)
		err = vcpu_ioctl(vcpu, KVM_SET_SREGS, &sregs);
	if (!err)
		err = vcpu_ioctl(vcpu, KVM_SET_REGS, &regs);
	return err ? error(err, "registers of the boot CPU") : 0;
}

/* A byte of code, where its address can be translated and lies in memory. */
static bool code_byte(struct vcpu *vcpu, const struct mem *mem, u64 linear, u8 *byte)
{
	struct kvm_translation tr = { .linear_address = linear };

	return !vcpu_ioctl(vcpu, KVM_TRANSLATE, &tr) && tr.valid &&
	       !mem_read(mem, tr.physical_address, byte, 1);
}

/**
 * cpu_halted_for_good() - whether nothing but an NMI or a reset can wake the CPU
 * @vcpu:	parked
 * @mem:	the guest's memory
 *
 * That is a CPU in HLT with interrupts off, or one that was never started. KVM may let a
 * CPU go on from HLT for an interrupt that it then cannot take, again and again: so one with
 * interrupts off right behind an HLT counts too.
 */
bool cpu_halted_for_good(struct vcpu *vcpu, const struct mem *mem)
{
	struct kvm_mp_state mp;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	u8 byte;

	if (vcpu_ioctl(vcpu, KVM_GET_MP_STATE, &mp))
		return false;
	if (mp.mp_state == KVM_MP_STATE_UNINITIALIZED || mp.mp_state == KVM_MP_STATE_INIT_RECEIVED)
		return true;
	if (vcpu_ioctl(vcpu, KVM_GET_REGS, &regs) || (regs.rflags & RFLAGS_IF))
		return false;
	if (mp.mp_state == KVM_MP_STATE_HALTED)
		return true;
	return !vcpu_ioctl(vcpu, KVM_GET_SREGS, &sregs) &&
	       code_byte(vcpu, mem, sregs.cs.base + regs.rip - 1, &byte) && byte == OPCODE_HLT;
}

static const char *mp_state_name(u32 state)
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

/* The bytes around RIP, where it can be translated and lies in memory. */
static void print_code(struct vcpu *vcpu, const struct mem *mem, u64 rip)
{
	char line[3 * 48 + 8];
	size_t len = 0;

	for (u64 at = rip - 16; at != rip + 16; at++) {
		u8 byte;

		if (!code_byte(vcpu, mem, at, &byte))
			len += snprintf(line + len, sizeof(line) - len, " ??");
		else
			len += snprintf(line + len, sizeof(line) - len, at == rip ? " <%02x>" : " %02x", byte);
	}
	error(0, "  code%s", line);
}

/**
 * cpu_print() - print a vCPU's registers and the code at RIP for the user
 */
void cpu_print(struct vcpu *vcpu, const struct mem *mem)
{
	struct kvm_mp_state mp = { .mp_state = ~0U };
	struct kvm_sregs s;
	struct kvm_regs r;

	if (vcpu_ioctl(vcpu, KVM_GET_REGS, &r) || vcpu_ioctl(vcpu, KVM_GET_SREGS, &s)) {
		error(0, "CPU %u: no registers", vcpu_index(vcpu));
		return;
	}
	vcpu_ioctl(vcpu, KVM_GET_MP_STATE, &mp);
	error(0, "CPU %u %s, interrupts %s", vcpu_index(vcpu), mp_state_name(mp.mp_state),
	      r.rflags & RFLAGS_IF ? "on" : "off");
	error(0, "  rip %016llx rsp %016llx flags %08llx cs %04x ss %04x", r.rip, r.rsp, r.rflags,
	      s.cs.selector, s.ss.selector);
	error(0, "  rax %016llx rbx %016llx rcx %016llx rdx %016llx", r.rax, r.rbx, r.rcx, r.rdx);
	error(0, "  rsi %016llx rdi %016llx rbp %016llx r8  %016llx", r.rsi, r.rdi, r.rbp, r.r8);
	error(0, "  r9  %016llx r10 %016llx r11 %016llx r12 %016llx", r.r9, r.r10, r.r11, r.r12);
	error(0, "  r13 %016llx r14 %016llx r15 %016llx", r.r13, r.r14, r.r15);
	error(0, "  cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx efer %04llx", s.cr0, s.cr2, s.cr3,
	      s.cr4, s.efer);
	error(0, "  fs %016llx gs %016llx gdt %016llx idt %016llx", (unsigned long long)s.fs.base,
	      (unsigned long long)s.gs.base, (unsigned long long)s.gdt.base,
	      (unsigned long long)s.idt.base);
	if (mp.mp_state != KVM_MP_STATE_UNINITIALIZED)
		print_code(vcpu, mem, s.cs.base + r.rip);
}
