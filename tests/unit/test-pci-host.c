// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI host: both ways into configuration space, what a guest may write there, and
 * base address registers; with a function of the test's own on the bus.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device-check.h"
#include "outcome.h"
#include "pci-host.h"
#include "util.h"

#define ADDRESS	0
#define RESET	1
#define DATA	4

#define SLOT	PCI_DEVFN(3, 0)

static struct outcome *outcome;
static struct device *host;

/* --- a function: BAR 0 is 4 KiB of memory, 1 has 32 ports, 2 and 3 are 8 GiB of memory --- */

struct fake {
	struct pci_function fn;
	unsigned int reads, writes, changes;
	unsigned int bar;
	struct pci_bar old;
	int cap;
};

static void fake_config_read(struct pci_function *fn, unsigned int offset, unsigned int size)
{
	struct fake *f = container_of(fn, struct fake, fn);

	f->reads++;
	/* A register that changes by itself. */
	if (offset == (unsigned int)f->cap + 8)
		fn->config[offset]++;
}

static void fake_config_write(struct pci_function *fn, unsigned int offset, unsigned int size)
{
	container_of(fn, struct fake, fn)->writes++;
}

static void fake_bar_changed(struct pci_function *fn, unsigned int bar, const struct pci_bar *old)
{
	struct fake *f = container_of(fn, struct fake, fn);

	f->changes++;
	f->bar = bar;
	f->old = *old;
}

static const struct pci_function_ops fake_ops = {
	.config_read = fake_config_read,
	.config_write = fake_config_write,
	.bar_changed = fake_bar_changed,
};

static const struct pci_id fake_id = {
	.vendor = 0x1af4,
	.device = 0x1042,
	.subsystem_vendor = 0x1234,
	.subsystem = 0x5678,
	.class_code = 0x018000,
	.revision = 1,
};

static struct fake fake;

static int fake_init(struct fake *f, unsigned int size)
{
	if (pci_function_init(&f->fn, &fake_ops, size, &fake_id))
		return -1;
	assert_int_equal(pci_function_bar(&f->fn, 0, PCI_BAR_MEM32, 4096), 0);
	assert_int_equal(pci_function_bar(&f->fn, 1, PCI_BAR_IO, 32), 0);
	assert_int_equal(pci_function_bar(&f->fn, 2, PCI_BAR_MEM64_PREFETCH, 8 * GiB), 0);
	f->cap = pci_function_capability(&f->fn, PCI_CAP_ID_VNDR, 13);
	assert_int_equal(f->cap, 0x40);
	pci_function_set(&f->fn, f->cap + 2, 2, 0x1234, 0x00f0);
	return 0;
}

/* --- the ports, and ECAM --- */

static u32 in(unsigned int port, unsigned int size)
{
	return device_read(host, &pci_host_port_bus_ops, port, size);
}

static void out(unsigned int port, u32 value, unsigned int size)
{
	device_write(host, &pci_host_port_bus_ops, port, value, size);
}

static u32 cf8_read(unsigned int bus, unsigned int devfn, unsigned int offset, unsigned int size)
{
	out(ADDRESS, 0x80000000 | bus << 16 | devfn << 8 | (offset & 0xfc), 4);
	return in(DATA + (offset & 3), size);
}

static void cf8_write(unsigned int devfn, unsigned int offset, u32 value, unsigned int size)
{
	out(ADDRESS, 0x80000000 | devfn << 8 | (offset & 0xfc), 4);
	out(DATA + (offset & 3), value, size);
}

static u32 ecam_read(unsigned int bus, unsigned int devfn, unsigned int offset, unsigned int size)
{
	return device_read(host, &pci_host_ecam_bus_ops, (u64)bus << 20 | devfn << 12 | offset, size);
}

static void ecam_write(unsigned int devfn, unsigned int offset, u32 value, unsigned int size)
{
	device_write(host, &pci_host_ecam_bus_ops, devfn << 12 | offset, value, size);
}

static int setup_size(unsigned int size)
{
	fake = (struct fake){ .changes = 0 };
	outcome = outcome_new(NULL, NULL);
	host = outcome ? pci_host_new(outcome) : NULL;
	if (!host || fake_init(&fake, size))
		return -1;
	return pci_host_add(host, SLOT, &fake.fn);
}

static int setup(void **state)
{
	return setup_size(PCI_CFG_SPACE_SIZE);
}

static int setup_extended(void **state)
{
	return setup_size(PCI_CFG_SPACE_EXP_SIZE);
}

static int teardown(void **state)
{
	pci_host_remove(host, SLOT);
	pci_function_fini(&fake.fn);
	device_destroy(host);
	outcome_free(outcome);
	return 0;
}

/* --- mechanism #1 --- */

/* The test by which a kernel finds mechanism #1, and not #2. */
static void mechanism_1(void **state)
{
	u32 saved;

	out(3, 0x01, 1);
	saved = in(ADDRESS, 4);
	assert_int_equal(saved, 0);
	out(ADDRESS, 0x80000000, 4);
	assert_int_equal(in(ADDRESS, 4), 0x80000000);
	assert_int_equal(in(DATA + 2, 2), 0x0008);
	out(3, 0, 1);
	out(0, 0, 1);
	out(2, 0, 1);
	assert_int_equal(in(ADDRESS, 4), 0x80000000);
	assert_int_equal(in(0, 1), 0xff);
	assert_int_equal(in(2, 1), 0xff);
	assert_int_equal(in(0, 2), 0xffff);
	out(0, 0x1234, 2);
	assert_int_equal(in(ADDRESS, 4), 0x80000000);
	/* Bits that are reserved, and the two that the data port's offset gives. */
	out(ADDRESS, 0xffffffff, 4);
	assert_int_equal(in(ADDRESS, 4), 0x80fffffc);
}

static void enable_bit(void **state)
{
	out(ADDRESS, SLOT << 8 | PCI_INTERRUPT_LINE, 4);
	assert_int_equal(in(DATA, 4), 0xffffffff);
	out(DATA, 0x55, 1);
	assert_int_equal(cf8_read(0, SLOT, PCI_INTERRUPT_LINE, 1), 0);
}

static void reset_control(void **state)
{
	out(ADDRESS, 0x80001234, 4);
	assert_int_equal(in(RESET, 1), 0);
	out(RESET, 0xf2, 1);
	assert_int_equal(in(RESET, 1), 0x02);
	assert_false(outcome_ended(outcome));
	/* The address register lies over it, and is another. */
	out(ADDRESS, 0x80000600, 4);
	assert_false(outcome_ended(outcome));
	assert_int_equal(in(RESET, 1), 0x02);
	out(RESET, 0x06, 1);
	assert_int_equal(outcome_reason(outcome), OUTCOME_RESET);
	assert_string_equal(outcome_evidence(outcome), "port-cf9");
	assert_int_equal(in(ADDRESS, 4), 0x80000600);
}

/* --- who is there --- */

static void host_bridge(void **state)
{
	assert_int_equal(cf8_read(0, 0, PCI_VENDOR_ID, 4), 0x00081b36);
	assert_int_equal(cf8_read(0, 0, PCI_CLASS_DEVICE, 2), 0x0600);
	assert_int_equal(cf8_read(0, 0, PCI_HEADER_TYPE, 1), 0);
	for (unsigned int i = PCI_BASE_ADDRESS_0; i <= PCI_BASE_ADDRESS_5; i += 4) {
		cf8_write(0, i, 0xffffffff, 4);
		assert_int_equal(cf8_read(0, 0, i, 4), 0);
	}
	assert_int_equal(cf8_read(0, 0, PCI_CAPABILITY_LIST, 1), 0);
}

static void absent_functions(void **state)
{
	unsigned int found = 0;

	for (unsigned int devfn = 0; devfn < 256; devfn++) {
		u32 id = cf8_read(0, devfn, PCI_VENDOR_ID, 4);

		assert_int_equal(ecam_read(0, devfn, PCI_VENDOR_ID, 4), id);
		found += id != 0xffffffff;
		assert_int_equal(cf8_read(1, devfn, PCI_VENDOR_ID, 4), 0xffffffff);
		assert_int_equal(ecam_read(1, devfn, PCI_VENDOR_ID, 4), 0xffffffff);
		assert_int_equal(ecam_read(255, devfn, PCI_VENDOR_ID, 1), 0xff);
	}
	assert_int_equal(found, 2);
	/* Writes to nobody. */
	ecam_write(PCI_DEVFN(31, 7), PCI_COMMAND, 0xffff, 2);
	cf8_write(PCI_DEVFN(31, 7), PCI_COMMAND, 0xffff, 2);
}

static void places(void **state)
{
	static struct fake more;
	struct fake *f = &more;

	assert_int_equal(fake_init(f, PCI_CFG_SPACE_SIZE), 0);
	assert_int_equal(pci_host_add(host, 0, &f->fn), -EBUSY);
	assert_int_equal(pci_host_add(host, SLOT, &f->fn), -EBUSY);
	assert_int_equal(pci_host_add(host, 256, &f->fn), -EINVAL);
	assert_int_equal(cf8_read(0, SLOT, PCI_HEADER_TYPE, 1), 0);
	assert_int_equal(pci_host_add(host, SLOT + 5, &f->fn), 0);
	assert_int_equal(cf8_read(0, SLOT, PCI_HEADER_TYPE, 1), 0x80);
	assert_int_equal(cf8_read(0, 0, PCI_HEADER_TYPE, 1), 0);
	assert_int_equal(cf8_read(0, SLOT + 5, PCI_DEVICE_ID, 2), 0x1042);
	pci_host_remove(host, SLOT + 5);
	assert_int_equal(cf8_read(0, SLOT + 5, PCI_DEVICE_ID, 2), 0xffff);
	pci_function_fini(&f->fn);
}

/* --- configuration space --- */

static void both_ways_every_width(void **state)
{
	static const u8 id[] = { 0xf4, 0x1a, 0x42, 0x10 };

	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(cf8_read(0, SLOT, i, 1), id[i]);
		assert_int_equal(ecam_read(0, SLOT, i, 1), id[i]);
	}
	assert_int_equal(cf8_read(0, SLOT, PCI_DEVICE_ID, 2), 0x1042);
	assert_int_equal(ecam_read(0, SLOT, PCI_CLASS_REVISION, 4), 0x01800001);
	assert_int_equal(ecam_read(0, SLOT, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x56781234);
	cf8_write(SLOT, PCI_INTERRUPT_LINE, 11, 1);
	assert_int_equal(ecam_read(0, SLOT, PCI_INTERRUPT_LINE, 1), 11);
	ecam_write(SLOT, PCI_COMMAND, 0x0006, 2);
	assert_int_equal(cf8_read(0, SLOT, PCI_COMMAND, 4), 0x00100006);
	ecam_write(SLOT, PCI_COMMAND + 1, 0x04, 1);
	assert_int_equal(cf8_read(0, SLOT, PCI_COMMAND, 2), 0x0406);
	assert_int_equal(fake.writes, 3);
	assert_in_range(fake.reads, 1, 20);
}

static void only_the_mask_is_writable(void **state)
{
	u8 before[PCI_CFG_SPACE_SIZE], mask[PCI_CFG_SPACE_SIZE];

	memcpy(before, fake.fn.config, sizeof(before));
	memcpy(mask, fake.fn.mask, sizeof(mask));
	for (unsigned int i = 0; i < sizeof(before); i += 4) {
		ecam_write(SLOT, i, 0xffffffff, 4);
		ecam_write(SLOT, i + 1, 0x00, 1);
		ecam_write(SLOT, i + 2, 0xffff, 2);
	}
	for (unsigned int i = 0; i < sizeof(before); i++)
		assert_int_equal(fake.fn.config[i] & ~mask[i], before[i] & ~mask[i]);
	/* A capability's id, its link and its fields. */
	assert_int_equal(ecam_read(0, SLOT, fake.cap, 4), 0x12f40009);
	assert_int_equal(ecam_read(0, SLOT, PCI_CAPABILITY_LIST, 1), 0x40);
	assert_int_equal(ecam_read(0, SLOT, PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	/* One that changes by itself does so for each read. */
	assert_int_equal(ecam_read(0, SLOT, fake.cap + 8, 1), 1);
	assert_int_equal(ecam_read(0, SLOT, fake.cap + 8, 1), 2);
}

static void capabilities(void **state)
{
	int second = pci_function_capability(&fake.fn, PCI_CAP_ID_MSIX, 12), third;

	/* The first one has 13 bytes. */
	assert_int_equal(second, 0x50);
	assert_int_equal(ecam_read(0, SLOT, 0x41, 1), 0x50);
	assert_int_equal(ecam_read(0, SLOT, 0x50, 2), PCI_CAP_ID_MSIX);
	assert_int_equal(pci_function_capability(&fake.fn, PCI_CAP_ID_VNDR, 0xa5), -ENOSPC);
	third = pci_function_capability(&fake.fn, PCI_CAP_ID_VNDR, 0xa4);
	assert_int_equal(third, 0x5c);
	assert_int_equal(pci_function_capability(&fake.fn, PCI_CAP_ID_VNDR, 2), -ENOSPC);
	assert_int_equal(ecam_read(0, SLOT, 0x51, 1), 0x5c);
	assert_int_equal(ecam_read(0, SLOT, 0x5d, 1), 0);
}

static void beyond_conventional_space(void **state)
{
	assert_int_equal(ecam_read(0, SLOT, 0xff, 1), 0);
	assert_int_equal(ecam_read(0, SLOT, 0x100, 4), 0xffffffff);
	assert_int_equal(ecam_read(0, SLOT, 0xffc, 4), 0xffffffff);
	assert_int_equal(ecam_read(0, 0, 0x100, 4), 0xffffffff);
	ecam_write(SLOT, 0x100, 0, 4);
	ecam_write(SLOT, 0xfff, 0, 1);
}

static void extended_space(void **state)
{
	assert_int_equal(ecam_read(0, SLOT, 0x100, 4), 0);
	pci_function_set(&fake.fn, 0xffc, 4, 0x11223344, 0xff);
	ecam_write(SLOT, 0xffc, 0, 4);
	assert_int_equal(ecam_read(0, SLOT, 0xffc, 4), 0x11223300);
	assert_int_equal(ecam_read(0, SLOT, 0xfff, 1), 0x11);
}

/* --- base address registers --- */

static void bar_sizing(void **state)
{
	for (unsigned int i = PCI_BASE_ADDRESS_0; i <= PCI_BASE_ADDRESS_5; i += 4)
		cf8_write(SLOT, i, 0xffffffff, 4);
	assert_int_equal(cf8_read(0, SLOT, PCI_BASE_ADDRESS_0, 4), 0xfffff000);
	assert_int_equal(cf8_read(0, SLOT, PCI_BASE_ADDRESS_1, 4), 0xffffffe1);
	assert_int_equal(cf8_read(0, SLOT, PCI_BASE_ADDRESS_2, 4), 0x0000000c);
	assert_int_equal(cf8_read(0, SLOT, PCI_BASE_ADDRESS_3, 4), 0xfffffffe);
	assert_int_equal(cf8_read(0, SLOT, PCI_BASE_ADDRESS_4, 4), 0);
	assert_int_equal(cf8_read(0, SLOT, PCI_BASE_ADDRESS_5, 4), 0);
	/* Decoding is off, so nothing has changed. */
	assert_int_equal(fake.changes, 0);
}

static void bar_decoding(void **state)
{
	struct pci_bar *bars = fake.fn.bars;

	cf8_write(SLOT, PCI_BASE_ADDRESS_0, 0xc0001234, 4);
	cf8_write(SLOT, PCI_BASE_ADDRESS_1, 0xc0ff, 4);
	cf8_write(SLOT, PCI_BASE_ADDRESS_2, 0, 4);
	cf8_write(SLOT, PCI_BASE_ADDRESS_3, 0x12, 4);
	assert_int_equal(fake.changes, 0);

	cf8_write(SLOT, PCI_COMMAND, PCI_COMMAND_IO, 2);
	assert_int_equal(fake.changes, 1);
	assert_int_equal(fake.bar, 1);
	assert_true(bars[1].enabled);
	assert_int_equal(bars[1].addr, 0xc0e0);
	assert_false(fake.old.enabled);

	cf8_write(SLOT, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
	assert_int_equal(fake.changes, 3);
	assert_int_equal(bars[0].addr, 0xc0001000);
	assert_true(bars[0].enabled);
	assert_int_equal(bars[2].addr, 0x1200000000);
	assert_true(bars[2].enabled);
	/* The same again, and a bit that has nothing to do with it. */
	cf8_write(SLOT, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	assert_int_equal(fake.changes, 3);

	/* Moved while it is on, in two halves. */
	cf8_write(SLOT, PCI_BASE_ADDRESS_3, 0x34, 4);
	assert_int_equal(fake.changes, 4);
	assert_int_equal(fake.bar, 2);
	assert_int_equal(fake.old.addr, 0x1200000000);
	assert_true(fake.old.enabled);
	assert_int_equal(bars[2].addr, 0x3400000000);
	ecam_write(SLOT, PCI_BASE_ADDRESS_3 + 3, 0xff, 1);
	assert_int_equal(bars[2].addr, 0xff00003400000000);

	/* A reset switches all off, and says so. */
	device_reset(host);
	assert_int_equal(fake.changes, 8);
	for (int i = 0; i < 3; i++) {
		assert_false(bars[i].enabled);
		assert_int_equal(bars[i].addr, 0);
	}
	assert_int_equal(cf8_read(0, SLOT, PCI_BASE_ADDRESS_0, 4), 0);
	assert_int_equal(cf8_read(0, SLOT, PCI_COMMAND, 2), 0);
	assert_int_equal(cf8_read(0, SLOT, PCI_VENDOR_ID, 4), 0x10421af4);
}

static void bar_rules(void **state)
{
	struct pci_function *fn = &fake.fn;

	assert_int_equal(pci_function_bar(fn, 0, PCI_BAR_MEM32, 4096), -EBUSY);
	/* The upper half of a 64-bit one, and one with no room for its own. */
	assert_int_equal(pci_function_bar(fn, 3, PCI_BAR_MEM32, 4096), -EBUSY);
	assert_int_equal(pci_function_bar(fn, 5, PCI_BAR_MEM64, 4096), -EINVAL);
	assert_int_equal(pci_function_bar(fn, 6, PCI_BAR_MEM32, 4096), -EINVAL);
	assert_int_equal(pci_function_bar(fn, 4, PCI_BAR_MEM32, 4095), -EINVAL);
	assert_int_equal(pci_function_bar(fn, 4, PCI_BAR_MEM32, 8), -EINVAL);
	assert_int_equal(pci_function_bar(fn, 4, PCI_BAR_MEM32, 4 * GiB), -EINVAL);
	assert_int_equal(pci_function_bar(fn, 4, PCI_BAR_MEM32, 0), -EINVAL);
	assert_int_equal(pci_function_bar(fn, 4, PCI_BAR_IO, 2), -EINVAL);
	assert_int_equal(pci_function_bar(fn, 4, PCI_BAR_IO, 512), -EINVAL);
	assert_int_equal(pci_function_bar(fn, 5, PCI_BAR_IO, 4), 0);
	assert_int_equal(pci_function_bar(fn, 4, PCI_BAR_MEM64, 16), -EBUSY);
	assert_int_equal(pci_function_bar(fn, 4, PCI_BAR_MEM32, 16), 0);
}

/* --- saved state --- */

static void saved_bars(void **state)
{
	struct device *other = pci_host_new(outcome), *old = host;
	struct fake second = { .changes = 0 };

	assert_int_equal(fake_init(&second, PCI_CFG_SPACE_SIZE), 0);
	assert_int_equal(pci_host_add(other, SLOT, &second.fn), 0);
	cf8_write(SLOT, PCI_BASE_ADDRESS_0, 0xc0001000, 4);
	cf8_write(SLOT, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	device_transfer(host, other);
	/* The function hears of its windows as if the guest had opened them. */
	assert_int_equal(second.changes, 2);
	assert_true(second.fn.bars[0].enabled);
	assert_int_equal(second.fn.bars[0].addr, 0xc0001000);
	host = other;
	assert_int_equal(ecam_read(0, SLOT, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	host = old;
	device_destroy(other);
	pci_function_fini(&second.fn);
}

/* One function more than the bridge; freed at the end, for the host does not own it. */
static struct fake pool[256];
static unsigned int used;

static struct device *create(void)
{
	struct device *dev = pci_host_new(outcome);
	struct fake *f = &pool[used++];

	assert_in_range(used, 1, ARRAY_SIZE(pool));
	assert_int_equal(fake_init(f, PCI_CFG_SPACE_EXP_SIZE), 0);
	/* What changes by itself is not the host's to save. */
	f->fn.ops = NULL;
	assert_int_equal(pci_host_add(dev, PCI_DEVFN(0, 1), &f->fn), 0);
	return dev;
}

static void poke(struct device *dev, u32 random)
{
	/* Somewhere in the configuration space of the second function. */
	device_write(dev, &pci_host_ecam_bus_ops, 1 << 12 | (random & 0x3c), random, 4);
	device_write(dev, &pci_host_port_bus_ops, ADDRESS, 0x80000100 | (random & 0x7c), 4);
}

static void generic(void **state)
{
	static const struct device_check check = {
		.create = create,
		.poke = poke,
		.ranges = {
			{ &pci_host_port_bus_ops, PCI_HOST_PORTS },
			{ &pci_host_ecam_bus_ops, PCI_HOST_ECAM_BUS },
		},
	};

	device_check(&check);
	while (used)
		pci_function_fini(&pool[--used].fn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mechanism_1, setup, teardown),
		cmocka_unit_test_setup_teardown(enable_bit, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_control, setup, teardown),
		cmocka_unit_test_setup_teardown(host_bridge, setup, teardown),
		cmocka_unit_test_setup_teardown(absent_functions, setup, teardown),
		cmocka_unit_test_setup_teardown(places, setup, teardown),
		cmocka_unit_test_setup_teardown(both_ways_every_width, setup, teardown),
		cmocka_unit_test_setup_teardown(only_the_mask_is_writable, setup, teardown),
		cmocka_unit_test_setup_teardown(capabilities, setup, teardown),
		cmocka_unit_test_setup_teardown(beyond_conventional_space, setup, teardown),
		cmocka_unit_test_setup_teardown(extended_space, setup_extended, teardown),
		cmocka_unit_test_setup_teardown(bar_sizing, setup, teardown),
		cmocka_unit_test_setup_teardown(bar_decoding, setup, teardown),
		cmocka_unit_test_setup_teardown(bar_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(saved_bars, setup, teardown),
		cmocka_unit_test_setup_teardown(generic, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
