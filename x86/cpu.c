// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of an x86 vCPU at entry, its registers for a report, and whether it has stopped for good.
 * All functions use the vCPU's ioctls, so they run while it is new, parked or
 * stopped (core/kvm-vcpu.c).
 */
#include <errno.h>

#include <linux/kvm.h>

#include "boot.h"
#include "cpu.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "msr.h"
#include "paging.h"
#include "registers.h"
#include "util.h"
#include "vcpu.h"

#define OPCODE_HLT	0xf4

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

/**
 * cpu_paging() - how a CPU translates addresses, to look at its memory
 */
void cpu_paging(const struct kvm_sregs *sregs, const struct mem *mem, struct paging *p)
{
	paging_init(p, mem, sregs->cr0, sregs->cr3, sregs->cr4, sregs->efer);
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
	struct paging paging;
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
	if (vcpu_ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return false;
	cpu_paging(&sregs, mem, &paging);
	return !paging_read(&paging, sregs.cs.base + regs.rip - 1, &byte, 1) && byte == OPCODE_HLT;
}

/**
 * cpu_look() - take down a vCPU's registers
 * @vcpu:	parked or stopped
 * @look:	to be filled in; its known member tells whether it could be
 */
void cpu_look(struct vcpu *vcpu, struct cpu_look *look)
{
	struct kvm_mp_state mp = { .mp_state = ~0U };

	*look = (struct cpu_look){ .index = vcpu_index(vcpu) };
	vcpu_ioctl(vcpu, KVM_GET_MP_STATE, &mp);
	look->mp_state = mp.mp_state;
	look->known = !vcpu_ioctl(vcpu, KVM_GET_REGS, &look->regs) &&
		      !vcpu_ioctl(vcpu, KVM_GET_SREGS, &look->sregs);
}
