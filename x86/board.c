// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an x86 machine has: memory around the hole below 4 GiB, the chips of a PC on
 * their ports, vCPUs, and the tables that tell a kernel of it all.
 *
 * To add a chip: hw/foo.c, and one row in the table below.
 */
#include <cpuid.h>
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "acpi-pm.h"
#include "acpi.h"
#include "board.h"
#include "boot.h"
#include "bus.h"
#include "coalesce.h"
#include "cpu.h"
#include "debug-exit.h"
#include "debug-port.h"
#include "i8042.h"
#include "irq.h"
#include "irqchip.h"
#include "kvm-irqs.h"
#include "kvm.h"
#include "layout.h"
#include "log.h"
#include "loop.h"
#include "machine.h"
#include "mem.h"
#include "mptable.h"
#include "outcome.h"
#include "pci-host.h"
#include "pvpanic.h"
#include "report.h"
#include "reset-port.h"
#include "rtc.h"
#include "serial.h"
#include "smbios.h"
#include "test-device.h"
#include "util.h"
#include "version.h"
#include "virtio-pci.h"
#include "virtio.h"

#define PCI_SLOTS 31	/* of bus 0, behind that of the host bridge */
#define BOARD_IRQS 16	/* the ISA interrupts; PCI functions bring their own */

struct x86 {
	struct irq irqs[BOARD_IRQS];	/* by GSI; fd -1 where no chip has one */
	struct device *uarts[MACHINE_UARTS];
	struct device *pm;
	struct device *i8042;
	struct device *pci_host;
	struct loop_fd *sci_watch;
	u32 *apic_ids;
	struct report *report;		/* NULL before the first */
};

static struct x86 *x86(struct machine *m)
{
	return m->data;
}

/* --- the chips ----------------------------------------------------------- */

/*
 * The interrupt of a chip, connected to KVM. An ISA interrupt that two chips share is
 * one line.
 */
static const struct irq *wire(struct machine *m, u32 gsi, bool level)
{
	struct irq *irq = &x86(m)->irqs[gsi];

	if (irq->fd >= 0)
		return irq;
	if (irq_init(irq, gsi, level))
		return NULL;
	if (m->irqs && kvm_irqs_connect(m->irqs, irq)) {
		irq_fini(irq);
		return NULL;
	}
	return irq;
}

static struct device *make_uart(struct machine *m, unsigned int n)
{
	/* As on a PC, COM1 and COM3 share a line, and COM2 and COM4. */
	const struct irq *irq = wire(m, n % 2 ? GSI_COM2 : GSI_COM1, false);

	if (irq)
		x86(m)->uarts[n] = serial_new(n, irq, m->cfg->uarts[n]);
	return x86(m)->uarts[n];
}

static void below_and_above(const struct machine *m, u64 *low, u64 *high)
{
	*low = min(m->cfg->mem_size, LAYOUT_LOW_RAM_END);
	*high = m->cfg->mem_size - *low;
}

static struct device *make_rtc(struct machine *m, unsigned int n)
{
	const struct irq *irq = wire(m, GSI_RTC, false);
	struct device *rtc = irq ? rtc_new(irq, m->loop) : NULL;
	u64 low, high;

	below_and_above(m, &low, &high);
	if (rtc) {
		rtc_set_memory(rtc, low, high);
		rtc_set_cpus(rtc, m->cfg->cpus.cpus);
	}
	return rtc;
}

static struct device *make_i8042(struct machine *m, unsigned int n)
{
	const struct irq *keyboard = wire(m, GSI_KEYBOARD, false);
	const struct irq *mouse = wire(m, GSI_MOUSE, false);

	if (keyboard && mouse)
		x86(m)->i8042 = i8042_new(keyboard, mouse, m->cfg->outcome);
	return x86(m)->i8042;
}

/* The guest has acknowledged the SCI; raise it again if something is still pending. */
static void sci_acknowledged(void *arg, u32 events)
{
	struct machine *m = arg;
	u64 count;

	if (read(x86(m)->irqs[GSI_SCI].resample_fd, &count, sizeof(count)) == sizeof(count))
		acpi_pm_resample(x86(m)->pm);
}

static struct device *make_pm(struct machine *m, unsigned int n)
{
	const struct irq *sci = wire(m, GSI_SCI, true);

	if (!sci)
		return NULL;
	x86(m)->pm = acpi_pm_new(sci, m->cfg->outcome);
	x86(m)->sci_watch = loop_add(m->loop, sci->resample_fd, EPOLLIN, sci_acknowledged, m);
	if (!x86(m)->sci_watch)
		error(-errno, "the SCI's acknowledgement");
	if (!x86(m)->sci_watch && x86(m)->pm) {
		device_destroy(x86(m)->pm);
		x86(m)->pm = NULL;
	}
	return x86(m)->pm;
}

static struct device *make_pci_host(struct machine *m, unsigned int n)
{
	return x86(m)->pci_host = pci_host_new(m->cfg->outcome);
}

static struct device *make_reset_port(struct machine *m, unsigned int n)
{
	return reset_port_new(m->cfg->outcome);
}

static struct device *make_pvpanic(struct machine *m, unsigned int n)
{
	return pvpanic_new(m->cfg->outcome);
}

static struct device *make_debug_exit(struct machine *m, unsigned int n)
{
	return debug_exit_new(m->cfg->outcome);
}

static struct device *make_debug_port(struct machine *m, unsigned int n)
{
	return debug_port_new(n, m->cfg->debug);
}

_Static_assert(TEST_DEVICE_LINES == GSI_COUNT, "a port for each pin of the I/O APIC");

static void set_line(void *arg, unsigned int line, bool level)
{
	struct machine *m = arg;

	if (m->vm)
		kvm_vm_set_line(m->vm, line, level);
}

static struct device *make_test_device(struct machine *m, unsigned int n)
{
	return test_device_new(set_line, m);
}

static bool wants_test_device(const struct machine_config *cfg)
{
	return cfg->test_device;
}

static bool wants_debug_exit(const struct machine_config *cfg)
{
	return cfg->debug_exit;
}

/* --- virtio devices ----------------------------------------------------------- */

/* Slots first, so that each has its own while there are few; then their further functions. */
static unsigned int pci_place(unsigned int n)
{
	return PCI_DEVFN(1 + n % PCI_SLOTS, n / PCI_SLOTS);
}

static unsigned int instance_of(const struct machine_config *cfg, unsigned int n)
{
	unsigned int instance = 0;

	for (unsigned int i = 0; i < n; i++)
		instance += cfg->virtio[i].type == cfg->virtio[n].type;
	return instance;
}

static int add_virtio(struct machine *m, unsigned int n, u64 *window)
{
	const struct virtio_spec *spec = &m->cfg->virtio[n];
	unsigned int devfn = pci_place(n), pin = PCI_SLOT(devfn) % GSI_PCI_PINS;
	struct virtio_place place = {
		.instance = instance_of(m->cfg, n),
		.mem = m->mem,
		.loop = machine_io_loop(m),
		.cpus = m->cfg->cpus.cpus,
	};
	struct virtio_pci_config pci = {
		.host = x86(m)->pci_host,
		.devfn = devfn,
		.mmio = m->mmio,
		.router = m->irqs ? kvm_irqs_router(m->irqs) : NULL,
		.doorbells = m->irqs ? kvm_irqs_doorbells(m->irqs) : NULL,
		.gsi = GSI_PCI(pin),
		.line = GSI_PCI(pin),
		.window = window,
		.window_end = LAYOUT_PCI_MEM + LAYOUT_PCI_MEM_SIZE,
	};
	struct virtio_device *dev;

	if (PCI_FUNC(devfn) != n / PCI_SLOTS)
		return usage_error("more than the %u virtio devices that a PCI bus has room for", PCI_SLOTS * 8);
	dev = place.loop ? spec->type->create(&place, spec->arg) : NULL;
	if (!dev)
		return -ENOMEM;		/* said where it happened */
	machine_add(m, &dev->dev);
	return virtio_pci_attach(dev, &pci);
}

static int x86_virtio(struct machine *m)
{
	u64 window = LAYOUT_PCI_MEM;
	int err = 0;

	for (unsigned int n = 0; n < m->cfg->virtio_count && !err; n++)
		err = add_virtio(m, n, &window);
	return err;
}

/* --- the table of chips -------------------------------------------------------- */

struct chip_range {
	bool mmio;
	u64 base;
	u64 size;
	const struct bus_ops *ops;
	unsigned int coalesced;	/* how many ports, from the first on, only prepare or put out */
};

#define PORTS(b, s, o, c)	{ .base = (b), .size = (s), .ops = &(o), .coalesced = (c) }
#define MEMORY(b, s, o)		{ .mmio = true, .base = (b), .size = (s), .ops = &(o) }

/*
 * The chips, in the order in which they are created. A row: who creates it, which one of its
 * kind, where it answers and how many of those ports KVM may collect the writes to
 * (core/kvm-coalesce.c), and for one that is there by option whether it is. A zone does not
 * know widths, so the reset port 0xcf9 lies in PCI's: a reset by it may come some
 * milliseconds late.
 */
static const struct chip {
	struct device *(*make)(struct machine *m, unsigned int n);
	unsigned int n;
	struct chip_range ranges[3];
	bool (*wanted)(const struct machine_config *cfg);
} chips[] = {
	{ make_pci_host, 0, { PORTS(PORT_PCI_ADDRESS, PCI_HOST_PORTS, pci_host_port_bus_ops, 4),
			      MEMORY(LAYOUT_PCI_ECAM, LAYOUT_PCI_ECAM_SIZE, pci_host_ecam_bus_ops) } },
	{ make_pm, 0, { PORTS(PORT_ACPI_PM, ACPI_PM_LEN, acpi_pm_bus_ops, 0) } },
	{ make_rtc, 0, { PORTS(PORT_RTC, RTC_PORTS, rtc_bus_ops, 1) } },
	{ make_i8042, 0, { PORTS(PORT_I8042_DATA, 1, i8042_data_bus_ops, 0),
			   PORTS(PORT_I8042_COMMAND, 1, i8042_command_bus_ops, 0) } },
	{ make_reset_port, 0, { PORTS(PORT_SYSTEM_CONTROL_A, RESET_PORT_PORTS, reset_port_bus_ops, 0) } },
	{ make_uart, 0, { PORTS(PORT_COM1, SERIAL_PORTS, serial_bus_ops, 1) } },
	{ make_uart, 1, { PORTS(PORT_COM2, SERIAL_PORTS, serial_bus_ops, 1) } },
	{ make_uart, 2, { PORTS(PORT_COM3, SERIAL_PORTS, serial_bus_ops, 1) } },
	{ make_uart, 3, { PORTS(PORT_COM4, SERIAL_PORTS, serial_bus_ops, 1) } },
	{ make_pvpanic, 0, { PORTS(PORT_PVPANIC, PVPANIC_PORTS, pvpanic_bus_ops, 0) } },
	{ make_debug_port, 0, { PORTS(PORT_DEBUG_402, DEBUG_PORT_PORTS, debug_port_bus_ops, 1) } },
	{ make_debug_port, 1, { PORTS(PORT_DEBUG_E9, DEBUG_PORT_PORTS, debug_port_bus_ops, 1) } },
	{ make_debug_exit, 0, { PORTS(PORT_DEBUG_EXIT, DEBUG_EXIT_PORTS, debug_exit_bus_ops, 0) },
	  wants_debug_exit },
	{ make_test_device, 0, { PORTS(PORT_TEST_LATCH, TEST_DEVICE_LATCH_PORTS, test_device_latch_bus_ops, 0),
				 PORTS(PORT_TEST_LINES, TEST_DEVICE_LINES, test_device_line_bus_ops, 0),
				 MEMORY(LAYOUT_TEST_MEM, TEST_DEVICE_MEM_SIZE, test_device_mem_bus_ops) },
	  wants_test_device },
};

static int add_range(struct machine *m, struct device *dev, const struct chip_range *range)
{
	struct bus_range r = { range->base, range->size, range->ops, dev };
	int err = bus_add(range->mmio ? m->mmio : m->pio, &r);

	if (err)
		return error(err, "%s at 0x%llx", dev->ops->name, (unsigned long long)r.base);
	if (range->coalesced && m->coalesce)
		coalesce_port(m->coalesce, range->base, range->coalesced);
	return 0;
}

static int x86_chips(struct machine *m)
{
	for (const struct chip *c = chips; c < chips + ARRAY_SIZE(chips); c++) {
		struct device *dev;

		if (c->wanted && !c->wanted(m->cfg))
			continue;
		dev = c->make(m, c->n);
		if (!dev)
			return -ENOMEM;		/* said where it happened */
		machine_add(m, dev);
		for (unsigned int i = 0; i < ARRAY_SIZE(c->ranges) && c->ranges[i].size; i++) {
			int err = add_range(m, dev, &c->ranges[i]);

			if (err)
				return err;
		}
	}
	return x86_virtio(m);
}

/* --- memory ---------------------------------------------------------------- */

/* Physical address bits of the host's CPU: the guest gets as many. */
static unsigned int physical_bits(void)
{
	unsigned int a = 0, b, c, d;

	return __get_cpuid(0x80000008, &a, &b, &c, &d) ? a & 0xff : 36;
}

/* Where the 64-bit PCI window begins: above all memory, on a boundary of its size. */
static void pci_mem64(const struct machine *m, u64 *base, u64 *size)
{
	u64 low, high;

	below_and_above(m, &low, &high);
	*size = 64 * GiB;
	*base = ALIGN_UP(LAYOUT_HIGH_RAM + high, *size);
	if (*base + *size > 1ULL << physical_bits())
		*base = *size = 0;
}

static int x86_memory(struct machine *m)
{
	struct x86 *x = calloc(1, sizeof(*x));
	u64 rom = boot_rom_size(m->cfg->image);
	u64 low, high;
	int err;

	if (!x)
		return error(-ENOMEM, "machine");
	for (unsigned int i = 0; i < BOARD_IRQS; i++)
		x->irqs[i] = (struct irq){ .fd = -1, .resample_fd = -1 };
	m->data = x;

	below_and_above(m, &low, &high);
	if (LAYOUT_HIGH_RAM + high > 1ULL << physical_bits())
		return usage_error("-m %lluM: this CPU addresses %u bits, at most %lluM fit",
				   (unsigned long long)(m->cfg->mem_size / MiB), physical_bits(),
				   (unsigned long long)(((1ULL << physical_bits()) - LAYOUT_HIGH_RAM +
							 LAYOUT_LOW_RAM_END) / MiB));
	err = mem_add(m->mem, 0, low, MEM_RAM, m->cfg->hugetlbfs);
	if (!err && rom)
		err = mem_add(m->mem, LAYOUT_ROM_END - rom, rom, MEM_ROM, NULL);
	if (!err && high)
		err = mem_add(m->mem, LAYOUT_HIGH_RAM, high, MEM_RAM, m->cfg->hugetlbfs);
	return err;
}

/* --- vCPUs --------------------------------------------------------------- */

static int x86_irqchip(struct machine *m)
{
	struct device *dev;
	int err;

	m->irqs = kvm_irqs_new(m->vm, GSI_COUNT);
	err = m->irqs ? irqchip_new(m->vm, m->irqs, &dev) : error(-ENOMEM, "interrupt controllers");
	if (!err)
		machine_add(m, dev);
	return err;
}

static int check_cpus(struct machine *m)
{
	const struct topology *t = &m->cfg->cpus;
	int cpus_max = kvm_vm_check(m->vm, KVM_CAP_MAX_VCPUS);
	int ids_max = kvm_vm_check(m->vm, KVM_CAP_MAX_VCPU_ID);

	if (t->cpus > (unsigned int)cpus_max)
		return usage_error("-c %u: KVM allows at most %d vCPUs here", t->cpus, cpus_max);
	if (ids_max > 0 && topology_apic_id(t, t->cpus - 1) >= (unsigned int)ids_max)
		return usage_error("-c %u,sockets=%u,cores=%u,threads=%u: needs APIC ids up to %u, KVM allows %d",
				   t->cpus, t->sockets, t->cores, t->threads,
				   topology_apic_id(t, t->cpus - 1), ids_max - 1);
	return 0;
}

static int x86_cpus(struct machine *m)
{
	const struct topology *t = &m->cfg->cpus;
	struct cpu_model *model;
	int err = check_cpus(m);

	if (err)
		return err;
	err = cpu_model_new(m->vm, m->cfg->cpu_model, t, &model);
	if (err)
		return err;
	for (unsigned int i = 0; i < t->cpus && !err; i++) {
		struct vcpu_config cfg = {
			.vm = m->vm,
			.index = i,
			.id = topology_apic_id(t, i),
			.ops = &cpu_ops,
			.pio = m->pio,
			.mmio = m->mmio,
			.coalesce = m->coalesce,
			.outcome = m->cfg->outcome,
			.count_ports = m->cfg->count_ports,
		};
		struct vcpu *vcpu;

		err = vcpu_new(&cfg, &vcpu);
		if (!err)
			err = machine_add_cpu(m, vcpu);
		if (!err)
			err = cpu_setup(vcpu, model);
	}
	cpu_model_free(model);
	return err;
}

/* --- tables and kernel ---------------------------------------------------- */

static int x86_tables(struct machine *m, u64 *rsdp)
{
	const struct machine_config *cfg = m->cfg;
	struct acpi_config acpi = {
		.cpus = cfg->cpus.cpus,
		.uarts = (1U << MACHINE_UARTS) - 1,
		.i8042 = true,
		.pvpanic = true,
		.srat = cfg->numa,
	};
	struct mptable_config mptable = { .cpus = cfg->cpus.cpus };
	struct smbios_config smbios = {
		.product = "lkvm",
		.version = LKVM_VERSION,
		.serial = cfg->name,
		.oem_strings = cfg->smbios_strings,
		.oem_count = cfg->smbios_count,
	};
	u32 *ids = calloc(cfg->cpus.cpus, sizeof(*ids));
	unsigned int b, c;
	int err;

	if (!ids)
		return error(-ENOMEM, "firmware tables");
	for (unsigned int i = 0; i < cfg->cpus.cpus; i++)
		ids[i] = topology_apic_id(&cfg->cpus, i);
	acpi.apic_ids = mptable.apic_ids = x86(m)->apic_ids = ids;
	for (unsigned int n = 0; n < cfg->virtio_count; n++)
		acpi.pci_intx_slots |= 1U << PCI_SLOT(pci_place(n));
	mptable.pci_intx_slots = acpi.pci_intx_slots;
	pci_mem64(m, &acpi.pci_mem64_base, &acpi.pci_mem64_size);
	__get_cpuid(1, &mptable.signature, &b, &c, &mptable.features);
	err = acpi_build(m->mem, &acpi, rsdp);
	if (!err)
		err = mptable_build(m->mem, &mptable);
	if (!err)
		err = smbios_build(m->mem, &smbios);
	return err;
}

static int x86_boot(struct machine *m)
{
	struct boot_config boot = {
		.cmdline = m->cfg->cmdline,
		.initrds = m->cfg->initrds,
		.initrd_count = m->cfg->initrd_count,
	};
	struct boot_entry entry;
	int err;

	/* Firmware makes its own. */
	err = boot_kind(m->cfg->image) == BOOT_FIRMWARE ? 0 : x86_tables(m, &boot.rsdp);
	if (!err)
		err = boot_load(m->cfg->image, m->mem, &boot, &entry);
	if (!err && m->cpu_count)
		err = cpu_enter(m->cpus[0], m->mem, &entry);
	return err;
}

/* --- what runs later ------------------------------------------------------- */

static void x86_destroy(struct machine *m)
{
	struct x86 *x = x86(m);

	loop_remove(x->sci_watch);
	for (unsigned int i = 0; i < BOARD_IRQS; i++)
		irq_fini(&x->irqs[i]);
	report_free(x->report);
	free(x->apic_ids);
	free(x);
}

static bool x86_halted(struct machine *m)
{
	for (unsigned int i = 0; i < m->cpu_count; i++)
		if (!cpu_halted_for_good(m->cpus[i], m->mem))
			return false;
	return true;
}

static void x86_report(struct machine *m, FILE *f)
{
	struct report_config cfg = { .mem = m->mem, .symbols = m->cfg->symbols, .kernel = m->cfg->kernel };
	struct cpu_look *looks = calloc(m->cpu_count, sizeof(*looks));

	if (!x86(m)->report)
		x86(m)->report = report_new(&cfg);
	if (looks && x86(m)->report) {
		for (unsigned int i = 0; i < m->cpu_count; i++)
			cpu_look(m->cpus[i], &looks[i]);
		report_print(x86(m)->report, looks, m->cpu_count, f);
	}
	free(looks);
}

static bool x86_power_button(struct machine *m)
{
	return acpi_pm_power_button(x86(m)->pm);
}

/* Its watchdogs are not to bark at what it did not see: a guest without kvmclock can't be told. */
static void x86_hold(struct machine *m)
{
	for (unsigned int i = 0; i < m->cpu_count; i++)
		vcpu_ioctl(m->cpus[i], KVM_KVMCLOCK_CTRL, NULL);
}

static int x86_nmi(struct machine *m, struct vcpu *vcpu)
{
	struct kvm_mp_state mp;
	int err = vcpu_ioctl(vcpu, KVM_GET_MP_STATE, &mp);

	if (err)
		return err;
	/* It would be kept until the CPU is started, and hit its first instructions. */
	if (mp.mp_state == KVM_MP_STATE_UNINITIALIZED || mp.mp_state == KVM_MP_STATE_INIT_RECEIVED)
		return -ESRCH;
	return vcpu_ioctl(vcpu, KVM_NMI, NULL);
}

static const char *x86_sysrq(struct machine *m, char key)
{
	if (serial_sysrq(x86(m)->uarts[0], key))
		return "ttyS0";
	if (i8042_sysrq(x86(m)->i8042, key))
		return "keyboard";
	return NULL;
}

static u64 x86_spoke(struct machine *m)
{
	return serial_user_time(x86(m)->uarts[0]);
}

const struct board x86_board = {
	.name = "x86",
	.memory = x86_memory,
	.irqchip = x86_irqchip,
	.chips = x86_chips,
	.cpus = x86_cpus,
	.boot = x86_boot,
	.destroy = x86_destroy,
	.halted = x86_halted,
	.report = x86_report,
	.power_button = x86_power_button,
	.hold = x86_hold,
	.nmi = x86_nmi,
	.sysrq = x86_sysrq,
	.spoke = x86_spoke,
};
