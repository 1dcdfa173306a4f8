// SPDX-License-Identifier: GPL-2.0-only
/*
 * How fast does /dev/kvm run the kernel of a guest?
 *
 * A KVM may interpret what runs at CPL 0, and then no unmodified kernel boots on it in
 * any useful time. Flags of the CPU do not tell, so this runs a short loop in flat 32-bit
 * protected mode and takes the time. Prints instructions per second; ends with 0 when that
 * is enough for a kernel, 1 when it is not, 2 when /dev/kvm cannot be used.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define ROUNDS		1000000U
#define ENOUGH		30e6	/* hardware does far more, emulated hardware too, an interpreter far less */
#define CODE		0x1000

/* mov $ROUNDS, %ecx; 1: dec %ecx; jnz 1b; out %al, $0x80; hlt */
static const uint8_t code[] = {
	0xb9, ROUNDS & 0xff, ROUNDS >> 8 & 0xff, ROUNDS >> 16 & 0xff, ROUNDS >> 24,
	0x49, 0x75, 0xfd, 0xe6, 0x80, 0xf4,
};

static int fail(const char *what)
{
	perror(what);
	return 2;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int set_flat(int vcpu)
{
	struct kvm_segment segment = {
		.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .db = 1, .s = 1, .g = 1,
	};
	struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rsp = 0x8000 };
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -1;
	sregs.cs = segment;
	segment.type = 3;
	segment.selector = 16;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment;
	sregs.cr0 |= 1;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0)
		return -1;
	return ioctl(vcpu, KVM_SET_REGS, &regs);
}

int main(void)
{
	struct kvm_userspace_memory_region slot = { .memory_size = 0x10000 };
	int kvm, vm, vcpu, size;
	struct kvm_run *run;
	double began, rate;
	uint8_t *memory;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return fail("/dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return fail("KVM_CREATE_VM");
	ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	memory = mmap(NULL, slot.memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return fail("memory");
	memcpy(memory + CODE, code, sizeof(code));
	slot.userspace_addr = (uintptr_t)memory;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		return fail("KVM_SET_USER_MEMORY_REGION");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vcpu < 0 || size < 0)
		return fail("KVM_CREATE_VCPU");
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		return fail("kvm_run");
	if (set_flat(vcpu) < 0)
		return fail("KVM_SET_SREGS");

	began = now();
	if (ioctl(vcpu, KVM_RUN, 0) < 0)
		return fail("KVM_RUN");
	rate = 2.0 * ROUNDS / (now() - began);
	if (run->exit_reason != KVM_EXIT_IO) {
		fprintf(stderr, "KVM_RUN ended with reason %u\n", run->exit_reason);
		return 2;
	}
	printf("%.1f million instructions/s\n", rate / 1e6);
	return rate < ENOUGH;
}
