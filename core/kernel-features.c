// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lkvm offers to a kernel, and the options that the kernel must have been built with to
 * use it: a row for each. A new device adds its row; include/kernel-check.h has the form. A
 * row that is there before its device says @planned. Names are those of Linux 6.1 to 6.12, and
 * older ones where they differ. Data only.
 */
#include "kernel-check.h"

#define CONSOLE	"Console"
#define START	"Starting user space"
#define MACHINE	"Machine"
#define GUEST	"As a guest of KVM"
#define ENDING	"Why it stopped"
#define LATER	"For what this version of lkvm does not have yet"

#define ROW(g, n, o, w, m) { .group = g, .name = n, .options = o, .without = w, .module = m }
#define NEED(g, n, o, w) { .group = g, .name = n, .options = o, .needed = true, .without = w }
#define PLAN(n, o, w) { .group = LATER, .name = n, .options = o, .planned = true, .without = w, \
			.module = "its module must be in the initrd" }

const struct kernel_feature kernel_features[] = {
	NEED(CONSOLE, "serial console", "TTY=y PRINTK=y SERIAL_8250=y SERIAL_8250_CONSOLE=y",
	     "nothing is seen of the guest, and nothing can be typed"),
	ROW(CONSOLE, "ttyS1 to ttyS3", "SERIAL_8250_RUNTIME_UARTS>=4",
	    "--tty N gives the guest no such terminal", NULL),
	ROW(CONSOLE, "early console", "EARLY_PRINTK=y|SERIAL_EARLYCON=y",
	    "-p earlyprintk=ttyS0 shows nothing of a kernel that stops before its console is up", NULL),
	ROW(CONSOLE, "sysrq", "MAGIC_SYSRQ=y MAGIC_SYSRQ_SERIAL=y",
	    "lkvm sysrq, and Ctrl-A c and a key, do nothing", NULL),

	NEED(START, "initrd", "BLK_DEV_INITRD=y", "what -i gives is not found, and there is no user space to start"),
	ROW(START, "packed initrd", "RD_GZIP=y RD_XZ=y RD_ZSTD=y RD_LZ4=y",
	    "an initrd in this compression is not unpacked, and the kernel panics", NULL),
	NEED(START, "programs", "BINFMT_ELF=y", "no program runs, /init neither"),
	ROW(START, "scripts", "BINFMT_SCRIPT=y", "an /init that begins with #! does not run",
	    "a module is too late for /init"),
	ROW(START, "/dev, /proc and /sys", "DEVTMPFS=y PROC_FS=y SYSFS=y",
	    "the initrd's programs find no devices, processes or attributes", NULL),

	ROW(MACHINE, "ACPI", "ACPI=y", "a poweroff is a halt, and there is no power button", NULL),
	ROW(MACHINE, "power button", "ACPI_BUTTON", "a signal to lkvm cannot shut the guest down in order",
	    "until the module is loaded, a signal to lkvm cannot shut the guest down in order"),
	ROW(MACHINE, "several CPUs", "SMP=y", "the guest uses one CPU, whatever -c says", NULL),
	ROW(MACHINE, "CPUs up to 8", "NR_CPUS>=8", "the guest uses no more, whatever -c says", NULL),
	ROW(MACHINE, "CPUs beyond 255", "X86_X2APIC=y", "the guest uses no CPU with an APIC id beyond 254", NULL),
	ROW(MACHINE, "MP table", "X86_MPPARSE=y", "with acpi=off the guest finds one CPU and no I/O APIC", NULL),
	ROW(MACHINE, "--numa", "NUMA=y ACPI_NUMA=y", "the guest does not see what --numa tells", NULL),
	ROW(MACHINE, "--kaslr", "RELOCATABLE=y RANDOMIZE_BASE=y",
	    "the address is always the same, also with --kaslr", NULL),
	ROW(MACHINE, "PCI", "PCI=y", "no device on PCI is found", NULL),
	ROW(MACHINE, "PCI ECAM", "PCI_MMCONFIG=y", "configuration space beyond 256 bytes is not seen", NULL),
	ROW(MACHINE, "virtio on PCI", "VIRTIO_PCI", "no virtio device, such as --rng, is found",
	    "none is found until the module is loaded"),
	ROW(MACHINE, "--rng", "HW_RANDOM_VIRTIO", "no random numbers from the host",
	    "no random numbers from the host until the module is loaded"),
	ROW(MACHINE, "RTC", "RTC_CLASS=y RTC_DRV_CMOS", "no /dev/rtc0: no hwclock, no alarm",
	    "no /dev/rtc0 until the module is loaded"),
	ROW(MACHINE, "keyboard", "SERIO_I8042 KEYBOARD_ATKBD", "the i8042 keyboard is not found",
	    "not found until the module is loaded"),
	ROW(MACHINE, "--smbios-string", "DMI=y DMI_SYSFS", "it is not in /sys/firmware/dmi/entries",
	    "it is not in /sys/firmware/dmi/entries until the module is loaded"),

	ROW(GUEST, "kvmclock", "HYPERVISOR_GUEST=y PARAVIRT=y KVM_GUEST=y",
	    "time comes from the TSC or the ACPI timer, and a watchdog may bark after a pause", NULL),
	ROW(GUEST, "spinlocks", "PARAVIRT_SPINLOCKS=y", "more vCPUs than CPUs wait for each other in loops", NULL),

	ROW(ENDING, "pvpanic", "PVPANIC_MMIO|PVPANIC<5.13",
	    "a panic is known only by its text on the console", "a panic before the module is loaded is known "
	    "only by its text on the console"),
	ROW(ENDING, "--fail-on warn, oops", "BUG=y DEBUG_BUGVERBOSE=y",
	    "warnings are not printed, or without their place", NULL),
	ROW(ENDING, "--fail-on hung", "DETECT_HUNG_TASK=y SOFTLOCKUP_DETECTOR=y", "the kernel does not look", NULL),
	ROW(ENDING, "--fail-on lockdep", "PROVE_LOCKING=y", "the kernel does not look", NULL),
	ROW(ENDING, "--fail-on kasan", "KASAN=y", "the kernel does not look", NULL),
	ROW(ENDING, "--fail-on kmemleak", "DEBUG_KMEMLEAK=y", "the kernel does not look", NULL),
	ROW(ENDING, "symbols", "KALLSYMS=y", "addresses have no names without a vmlinux or a System.map", NULL),
	ROW(ENDING, "symbols of data", "KALLSYMS_ALL=y",
	    "modules are not found, whose functions have no names then", NULL),
	ROW(ENDING, "backtraces", "UNWINDER_ORC=y|UNWINDER_FRAME_POINTER=y",
	    "a backtrace is whatever on the stack looks like a return address", NULL),
	ROW(ENDING, "its configuration", "IKCONFIG=y",
	    "who has the kernel's file alone does not know its configuration", "it is not in the kernel's file"),

	PLAN("virtio without PCI", "VIRTIO_MMIO VIRTIO_MMIO_CMDLINE_DEVICES=y",
	     "no virtio device is found on a machine without PCI"),
	PLAN("virtio disks", "VIRTIO_BLK", "no disk"),
	PLAN("virtio network", "VIRTIO_NET", "no network"),
	PLAN("virtio console", "VIRTIO_CONSOLE", "no fast console"),
	PLAN("virtio sockets", "VIRTIO_VSOCKETS", "no sockets between host and guest"),
	PLAN("virtio balloon", "VIRTIO_BALLOON", "memory cannot be taken back"),
	PLAN("virtio-fs folders", "VIRTIO_FS", "no folder of the host by virtio-fs"),
	PLAN("9p folders", "NET_9P NET_9P_VIRTIO 9P_FS", "no folder of the host by 9p"),
	PLAN("fw_cfg", "FW_CFG_SYSFS", "no /sys/firmware/qemu_fw_cfg"),
	PLAN("memory dumps", "VMCORE_INFO=y|CRASH_CORE=y<6.9", "crash and gdb cannot find their way in a dump"),
	{ 0 },
};
