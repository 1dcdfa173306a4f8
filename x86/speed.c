// SPDX-License-Identifier: GPL-2.0-only
/*
 * How fast guest code runs, kernel's and user's: a KVM may interpret what runs at CPL 0, and
 * then no unmodified kernel boots on it in any useful time. No flag of the CPU tells. So a guest
 * of a few bytes runs the same loop at CPL 0 and at CPL 3, in 64-bit mode, each on a vCPU of its
 * own, for some ten milliseconds. Its VM has interrupt controllers and CPUID as any other: where
 * it runs, they all do.
 *
 * The loop has what kernels do all the time: memory, a call, flags saved and restored. It counts
 * its rounds in memory, where it also finds how many it is to do, so that nothing but
 * KVM_RUN is needed between two tries, and no register has to be set behind an exit.
 *
 * Runs in the caller's thread, which enters the guest itself: vCPUs have no threads here. Leaves out
 * what an exit costs, which is another question.
 */
#include <errno.h>

#include <linux/kvm.h>

#include "bus.h"
#include "cpu.h"
#include "device.h"
#include "host.h"
#include "irqchip.h"
#include "kvm-irqs.h"
#include "kvm.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "msr.h"
#include "speed.h"
#include "topology.h"
#include "util.h"
#include "vcpu.h"

/* The guest's memory. Its page tables map the first 2 MiB as they are, for everybody. */
#define PML4		0x1000
#define PDPT		0x2000
#define PD		0x3000
#define GDT		0x4000
#define CODE		0x5000
#define DATA		0x6000
#define STACK		0x8000
#define MEM_SIZE	(2 * MiB)

#define PAGE_FLAGS	0x7	/* present, writable, for user mode */
#define PAGE_2M		0x80
#define ACCESSED	0x60	/* accessed and dirty: nobody has to note it */

#define LOOP		34	/* instructions of a round; see below */
#define FIRST_ROUNDS	500U	/* some 15 ms on an interpreter */
#define LONG_ENOUGH_NS	6000000ULL
#define TRIES		12
#define REPEATS		2	/* after the first one; the best counts, since a host does other things too */

#define RFLAGS_IOPL3	(3 << 12 | 2)

/* What host and guest share. */
struct shared {
	u64 rounds;	/* to do */
	u64 done;	/* so often it has done them */
	u64 scratch[2];
};

extern const u8 speed_guest[];
extern const u32 speed_guest_size;

/* %rbx is DATA, %rsp the stack; the host enters again behind the OUT. */
__asm__(".pushsection .rodata\n"
	"	.globl	speed_guest, speed_guest_size\n"
	"speed_guest:\n"
	"	movq	(%rbx), %rcx\n"
	"1:	pushfq\n"
	"	.rept	4\n"			/* 4 * 7 */
	"	movq	16(%rbx), %rdx\n"
	"	addq	%rcx, %rdx\n"
	"	xorq	%rdx, %rax\n"
	"	movq	%rdx, 16(%rbx)\n"
	"	shrq	$3, %rax\n"
	"	testq	%rax, %rax\n"
	"	leaq	1(%rax,%rdx), %rax\n"
	"	.endr\n"
	"	call	2f\n"			/* and the ret */
	"	popfq\n"
	"	decq	%rcx\n"
	"	jnz	1b\n"
	"	incq	8(%rbx)\n"
	"	outb	%al, $0x80\n"
	"	jmp	speed_guest\n"
	"2:	ret\n"
	"	.balign	4\n"
	"speed_guest_size:\n"
	"	.long	. - speed_guest\n"
	".popsection\n");

/* What there is of a machine. */
struct lab {
	struct kvm_vm *vm;
	struct mem *mem;
	struct bus *bus;	/* where vCPUs would send what nobody asks for */
	struct kvm_irqs *irqs;
	struct device *irqchip;
	struct cpu_model *model;
};

static const struct topology topology = { .cpus = 2, .sockets = 1, .cores = 2, .threads = 1 };

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void put64(struct mem *mem, u64 gpa, u64 value)
{
	BUG_ON(mem_write(mem, gpa, &value, sizeof(value)));
}

static void fill_memory(struct mem *mem)
{
	put64(mem, PML4, PDPT | PAGE_FLAGS | ACCESSED);
	put64(mem, PDPT, PD | PAGE_FLAGS | ACCESSED);
	put64(mem, PD, 0 | PAGE_FLAGS | PAGE_2M | ACCESSED);
	put64(mem, GDT + 0x08, 0x00af9b000000ffffULL);	/* code and data at CPL 0 ... */
	put64(mem, GDT + 0x10, 0x00cf93000000ffffULL);
	put64(mem, GDT + 0x18, 0x00affb000000ffffULL);	/* ... and at CPL 3 */
	put64(mem, GDT + 0x20, 0x00cff3000000ffffULL);
	BUG_ON(mem_write(mem, CODE, speed_guest, speed_guest_size));
}

static struct kvm_segment segment(u16 selector, bool code, u8 cpl)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = selector | cpl, .type = code ? 0xb : 0x3, .dpl = cpl,
		.present = 1, .s = 1, .g = 1, .l = code, .db = !code,
	};
}

static int set_registers(struct vcpu *vcpu, u8 cpl)
{
	struct kvm_regs regs = { .rip = CODE, .rbx = DATA, .rsp = STACK, .rflags = RFLAGS_IOPL3 };
	struct kvm_mp_state runs = { .mp_state = KVM_MP_STATE_RUNNABLE };	/* no boot CPU has to start it */
	struct kvm_sregs s;
	int err = vcpu_ioctl(vcpu, KVM_GET_SREGS, &s);

	if (!err)
		err = vcpu_ioctl(vcpu, KVM_SET_MP_STATE, &runs);
	if (err)
		return err;
	s.cs = segment(cpl ? 0x18 : 0x08, true, cpl);
	s.ss = s.ds = s.es = s.fs = s.gs = segment(cpl ? 0x20 : 0x10, false, cpl);
	s.gdt.base = GDT;
	s.gdt.limit = 0x27;
	s.idt.base = s.idt.limit = 0;
	s.cr0 = 0x80050033;	/* PG AM WP NE ET MP PE */
	s.cr3 = PML4;
	s.cr4 = 0x20;		/* PAE */
	s.efer = EFER_LME | EFER_LMA;
	err = vcpu_ioctl(vcpu, KVM_SET_SREGS, &s);
	return err ? err : vcpu_ioctl(vcpu, KVM_SET_REGS, &regs);
}

/* Do some rounds, and take the time. */
static int run(struct vcpu *vcpu, volatile struct shared *shared, u64 rounds, u64 *ns)
{
	u64 before = shared->done, begin;
	int err;

	shared->rounds = rounds;
	begin = now_ns();
	do {
		err = vcpu_ioctl(vcpu, KVM_RUN, NULL);
	} while (err == -EINTR || err == -EAGAIN);
	*ns = max(now_ns() - begin, 1ULL);
	if (err < 0)
		return error(err, "KVM_RUN of a first guest");
	if (shared->done != before + 1)
		return error(-EIO, "a first guest of a few instructions does not come to its end");
	return 0;
}

static int measure(const struct lab *lab, unsigned int index, u8 cpl, u64 *speed, u64 *first_ns)
{
	struct shared *shared = mem_ptr(lab->mem, DATA, sizeof(*shared));
	struct vcpu_config cfg = {
		.vm = lab->vm, .index = index, .id = index, .ops = &cpu_ops, .pio = lab->bus, .mmio = lab->bus,
	};
	struct vcpu *vcpu;
	u64 rounds = FIRST_ROUNDS, ns = 0, again;
	int err = vcpu_new(&cfg, &vcpu);

	if (err)
		return err;
	err = cpu_setup(vcpu, lab->model);
	if (!err) {
		err = set_registers(vcpu, cpl);
		if (err)
			error(err, "registers of a first guest");
	}
	if (!err)
		err = run(vcpu, shared, 1, first_ns);
	/* Grow until it is long enough to be told from what an exit costs, and no longer. */
	for (unsigned int i = 0; !err && i < TRIES; i++) {
		err = run(vcpu, shared, rounds, &ns);
		if (err || ns >= LONG_ENOUGH_NS)
			break;
		rounds *= min(max(LONG_ENOUGH_NS * 3 / 2 / ns, 2ULL), 16ULL);
	}
	for (unsigned int i = 0; !err && i < REPEATS; i++) {
		err = run(vcpu, shared, rounds, &again);
		ns = min(ns, again);
	}
	if (!err)
		*speed = (u64)(rounds * (double)LOOP * 1e9 / ns);
	vcpu_free(vcpu);
	return err;
}

static int prepare(struct lab *lab)
{
	int err;

	lab->mem = mem_new();
	lab->bus = bus_new("none", 65536);
	if (!lab->mem || !lab->bus)
		return error(-ENOMEM, "a first guest");
	err = mem_add(lab->mem, 0, MEM_SIZE, MEM_RAM, NULL);
	if (err)
		return err;
	fill_memory(lab->mem);
	err = kvm_vm_set_mem(lab->vm, lab->mem);
	if (!err) {
		lab->irqs = kvm_irqs_new(lab->vm, GSI_COUNT);
		err = lab->irqs ? irqchip_new(lab->vm, lab->irqs, &lab->irqchip) : error(-ENOMEM, "a first guest");
	}
	if (!err)
		err = cpu_model_new(lab->vm, NULL, &topology, &lab->model);
	return err;
}

/**
 * speed_measure() - run a small guest and take the time
 * @kvm_path:	KVM's device
 * @speed:	set to what was measured, but for @why
 *
 * Takes less than 0.1 s.
 *
 * Return: 0 or -errno, said.
 */
int speed_measure(const char *kvm_path, struct guest_speed *speed)
{
	struct lab lab = { 0 };
	u64 entry_ns = 0;
	int err;

	*speed = (struct guest_speed){ 0 };
	err = kvm_vm_new(kvm_path, &lab.vm);
	if (err)
		return err;
	err = prepare(&lab);
	if (!err)
		err = measure(&lab, 0, 0, &speed->kernel, &speed->entry_ns);
	if (!err)
		err = measure(&lab, 1, 3, &speed->user, &entry_ns);
	speed->done = !err;
	cpu_model_free(lab.model);
	if (lab.irqchip)
		device_destroy(lab.irqchip);
	kvm_irqs_free(lab.irqs);
	kvm_vm_free(lab.vm);
	bus_free(lab.bus);
	mem_free(lab.mem);
	return err;
}
