# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# The project's own small kernels: without ACPI and PCI, with virtio devices from the command
# line, for 32-bit CPUs, and packed in a way that the host does not unpack.

# They cannot turn the power off, and say so.
want_power_off_halts() {
	want_status 0
	want_result reason halt
	want_line 'System halted'
	want_line 'lkvm-test: up'
	want_no_line 'lkvm-test: complaint'
}

case_small() {
	use_kernel small
	boot poweroff
	want_power_off_halts
	want_line 'kernel=6\.12\.[0-9]+-small'
}

case_small-vmlinux() {
	use_kernel small.vmlinux
	boot poweroff
	want_power_off_halts
}

# It calls none of lkvm's devices for a reset but the keyboard controller.
case_small-reboot() {
	use_kernel small
	boot reboot -c 2
	want_status 0
	want_result reason reset
	want_line 'lkvm-test: up cpus=0-1'
}

# No pvpanic that it could know of: the console tells.
case_small-panic() {
	use_kernel small
	boot panic -c 2
	want_status 120
	want_result reason panic
	want_result evidence console
	want_line 'Kernel panic - not syncing: sysrq triggered crash'
}

case_small-timeout() {
	use_kernel small
	options sleep
	run_lkvm "${OPTIONS[@]}" --timeout 20
	want_status 124
	want_result reason timeout
	want_line 'lkvm-test: up'
}

# Its CPUs, interrupts and clocks are those of the MP table and KVM.
case_small-4-cpus() {
	use_kernel small
	boot report -c 4
	want_power_off_halts
	want_line 'lkvm-test: up cpus=0-3'
	want_in interrupts 'CPU3'
	want_in interrupts 'IO-APIC +4-edge +ttyS0'
	want_in interrupts 'IO-APIC +8-edge +rtc0'
	want_in clocksource 'kvm-clock'
	want_in serial '^3: uart:16550A'
	[ -z "$(section pci)" ] || wrong "it has PCI devices"
}

# The device that the command line tells of is made, and its driver finds nobody there.
case_small-virtio-mmio() {
	use_kernel small
	boot complaints -c 1 -p 'virtio_mmio.device=512@0xd0000000:5'
	want_power_off_halts
	want_line 'virtio-mmio: Registering device virtio-mmio\.0 at 0xd0000000-0xd00001ff, IRQ 5'
	want_line 'virtio-mmio virtio-mmio\.0: Wrong magic value 0xffffffff'
	want_line 'MPTABLE: '
}

case_small-lzo() {
	use_kernel small-lzo
	boot poweroff
	want_power_off_halts
	want_line 'kernel=6\.12\.[0-9]+-small'
}

# boot_32 TEST ARGS... - in the 32-bit guest, whose init is tests/lab/init32.c
boot_32() {
	INITRD=$INITRD32
	boot "$@"
	want_line 'lkvm-test: up .* kernel=6\.12\.[0-9]+-small-32 machine=i686'
}

case_small-32() {
	use_kernel small-32
	boot_32 poweroff -c 1
	want_power_off_halts
	want_line 'lkvm-test: up cpus=0 memory=[5-9][0-9]{5} '
}

case_small-32-vmlinux() {
	use_kernel small-32.vmlinux
	boot_32 halt -c 1
	want_power_off_halts
}

case_small-32-2-cpus() {
	use_kernel small-32
	boot_32 poweroff -c 2
	want_power_off_halts
	want_line 'lkvm-test: up cpus=0-1 '
}

case_small-32-reboot() {
	use_kernel small-32
	boot_32 reboot -c 2
	want_status 0
	want_result reason reset
}

case_small-32-panic() {
	use_kernel small-32
	boot_32 panic -c 1
	want_status 120
	want_result reason panic
	want_result evidence console
	want_line 'Attempted to kill init'
}

case_small-32-timeout() {
	use_kernel small-32
	boot_32 spin -c 2 --timeout 20
	want_status 124
	want_result reason timeout
}
