// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio over PCI, as a driver finds and uses it: capabilities, BARs that are sized and moved,
 * the common configuration, MSI-X with its masks and pending bits, the line, doorbells, and
 * the window in configuration space. The device behind it is the entropy device.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <sys/epoll.h>

#include <linux/virtio_pci.h>

#include "bus.h"
#include "device-check.h"
#include "doorbell.h"
#include "images.h"
#include "irq-router.h"
#include "irq.h"
#include "loop.h"
#include "mem.h"
#include "mock-driver.h"
#include "outcome.h"
#include "pci-host.h"
#include "pci-msix.h"
#include "util.h"
#include "virtio-devices.h"
#include "virtio-pci.h"
#include "virtio.h"

#define DEVFN		PCI_DEVFN(3, 0)
#define WINDOW		0xc0000000
#define RINGS		(1 * MiB)
#define COMMON		0
#define ISR		0x1000
#define NOTIFY		0x3000
#define NO_VECTOR	0xffff

/* --- who stands in for KVM --- */

struct mock_router {
	struct irq_router r;
	unsigned int messages, lines;
	u64 address;
	u32 data;
	struct irq *irq;	/* of the last message */
	bool fail;
};

static int message(struct irq_router *r, struct irq *irq, u64 address, u32 data)
{
	struct mock_router *m = container_of(r, struct mock_router, r);

	if (m->fail)
		return -28;
	m->messages++;
	m->address = address;
	m->data = data;
	m->irq = irq;
	return 0;
}

static int line(struct irq_router *r, struct irq *irq)
{
	struct mock_router *m = container_of(r, struct mock_router, r);

	m->lines++;
	m->irq = irq;
	assert_int_equal(irq->gsi, 17);
	return 0;
}

static struct mock_router router;

struct bells {
	struct doorbells d;
	u64 at[4];
	bool old_kernel;	/* that needs a size */
};

static int set_bell(struct doorbells *d, const struct doorbell *bell, bool on)
{
	struct bells *b = container_of(d, struct bells, d);

	if (b->old_kernel && !bell->size)
		return -95;
	for (unsigned int i = 0; i < ARRAY_SIZE(b->at); i++) {
		if (b->at[i] == (on ? 0 : bell->addr)) {
			b->at[i] = on ? bell->addr : 0;
			return 0;
		}
	}
	fail_msg("a doorbell at 0x%llx", (unsigned long long)bell->addr);
	return -1;
}

static struct bells bells;

/* --- the machine --- */

static struct mem *mem;
static struct loop *loop;
static struct bus *bus;
static struct bus_reader *reader;
static struct outcome *outcome;
static struct device *host;
static struct virtio_device *v;
static struct mock_driver driver;
static u64 window;
static struct irq settle_event;
static struct loop_fd *settle_watch;
static sem_t settle_done;

static void settled(void *arg, u32 events)
{
	irq_take(&settle_event);
	sem_post(&settle_done);
}

static void settle(void)
{
	for (int i = 0; i < 3; i++) {
		irq_raise(&settle_event);
		while (sem_wait(&settle_done) < 0)
			;
	}
}

static int setup(void **state)
{
	struct virtio_pci_config cfg = {
		.devfn = DEVFN,
		.router = &router.r,
		.doorbells = &bells.d,
		.gsi = 17,
		.line = 11,
		.window = &window,
		.window_end = WINDOW + 1 * MiB,
	};

	said_start();
	window = WINDOW;
	router = (struct mock_router){ .r = { message, line } };
	bells = (struct bells){ .d = { set_bell } };
	sem_init(&settle_done, 0, 0);
	mem = mem_new();
	loop = loop_new("test");
	cfg.mmio = bus = bus_new("memory", 1ULL << 40);
	reader = bus_reader_new(bus);
	outcome = outcome_new(NULL, NULL);
	cfg.host = host = pci_host_new(outcome);
	if (irq_init(&settle_event, 0, false) || mem_add(mem, 0, 16 * MiB, MEM_RAM, NULL))
		return -1;
	settle_watch = loop_add(loop, settle_event.fd, EPOLLIN, settled, NULL);
	v = virtio_rng.create(&(struct virtio_place){ 0, mem, loop, 1 }, NULL);
	return !v || virtio_pci_attach(v, &cfg) || loop_start(loop);
}

static int teardown(void **state)
{
	loop_halt(loop);
	device_destroy(&v->dev);
	device_destroy(host);
	loop_remove(settle_watch);
	irq_fini(&settle_event);
	loop_free(loop);
	bus_reader_free(reader);
	bus_free(bus);
	outcome_free(outcome);
	mem_free(mem);
	return 0;
}

static u32 config_get(unsigned int offset, unsigned int size)
{
	return device_read(host, &pci_host_ecam_bus_ops, DEVFN << 12 | offset, size);
}

static void config_set(unsigned int offset, u32 value, unsigned int size)
{
	device_write(host, &pci_host_ecam_bus_ops, DEVFN << 12 | offset, value, size);
}

static u32 get(u64 addr, unsigned int size)
{
	u32 value = 0;

	bus_read(reader, addr, &value, size);
	return value;
}

static void set(u64 addr, u32 value, unsigned int size)
{
	bus_write(reader, addr, &value, size);
}

static u64 bar(unsigned int i)
{
	return config_get(PCI_BASE_ADDRESS_0 + i * 4, 4) & ~0xfU;
}

static unsigned int capability(u8 id, u8 type)
{
	unsigned int at = config_get(PCI_CAPABILITY_LIST, 1), limit = 48;

	for (; at && limit; at = config_get(at + 1, 1), limit--)
		if (config_get(at, 1) == id && (id != PCI_CAP_ID_VNDR || config_get(at + 3, 1) == type))
			return at;
	return 0;
}

/* --- as a driver does it --- */

static void enable_decoding(void)
{
	config_set(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}

#define common(field) (bar(0) + COMMON + VIRTIO_PCI_COMMON_##field)

static void begin(void)
{
	u64 features = VIRTIO_BIT(VIRTIO_F_VERSION_1);

	set(common(STATUS), 0, 1);
	settle();
	assert_int_equal(get(common(STATUS), 1), 0);
	set(common(STATUS), 1, 1);
	set(common(STATUS), 3, 1);
	for (unsigned int i = 0; i < 2; i++) {
		set(common(GFSELECT), i, 4);
		set(common(GF), features >> 32 * i, 4);
	}
	set(common(STATUS), 11, 1);
	assert_int_equal(get(common(STATUS), 1), 11);
	mock_init(&driver, mem, RINGS, 16, features);
	set(common(Q_SELECT), 0, 2);
	assert_int_equal(get(common(Q_SIZE), 2), 64);
	set(common(Q_SIZE), 16, 2);
	set(common(Q_DESCLO), driver.rings.desc, 4);
	set(common(Q_DESCHI), 0, 4);
	set(common(Q_AVAILLO), driver.rings.driver, 4);
	set(common(Q_USEDLO), driver.rings.device, 4);
	set(common(Q_ENABLE), 1, 2);
	assert_int_equal(get(common(Q_ENABLE), 2), 1);
}

static void driver_ok(void)
{
	set(common(STATUS), 15, 1);
	settle();
	assert_int_equal(get(common(STATUS), 1), 15);
}

static void ask(void)
{
	struct mock_buffer b = { 8 * MiB, 32, true };
	u16 id;
	u32 len;

	mock_want_interrupts(&driver, true);
	assert_true(mock_add(&driver, &b, 1) >= 0);
	set(bar(0) + NOTIFY, 0, 2);
	settle();
	assert_true(mock_take(&driver, &id, &len));
	assert_int_equal(len, 32);
}

static void use_msix(unsigned int vector, u64 address, u32 data)
{
	u64 entry = bar(1) + vector * 16;

	set(entry, address, 4);
	set(entry + 4, address >> 32, 4);
	set(entry + 8, data, 4);
	set(entry + 12, 0, 4);
}

static unsigned int msix_capability(void)
{
	return capability(PCI_CAP_ID_MSIX, 0);
}

static void msix_control(u16 flags)
{
	config_set(msix_capability() + 2, flags, 2);
}

/* --- tests --- */

static void identity(void **state)
{
	unsigned int notify = capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_NOTIFY_CFG);

	assert_int_equal(config_get(PCI_VENDOR_ID, 4), 0x1af4 | (0x1040 + VIRTIO_ID_RNG) << 16);
	assert_int_equal(config_get(PCI_REVISION_ID, 1), 1);
	assert_int_equal(config_get(PCI_INTERRUPT_PIN, 1), 1);
	assert_int_equal(config_get(PCI_INTERRUPT_LINE, 1), 11);
	assert_true(capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_COMMON_CFG));
	assert_true(capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_ISR_CFG));
	assert_true(capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_PCI_CFG));
	/* This device has no configuration. */
	assert_false(capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_DEVICE_CFG));
	assert_true(notify);
	assert_int_equal(config_get(notify + 4, 1), 0);
	assert_int_equal(config_get(notify + 8, 4), NOTIFY);
	assert_int_equal(config_get(notify + 16, 4), 4);
	assert_int_equal(config_get(msix_capability() + 2, 2), 1);	/* two vectors */
	assert_int_equal(config_get(msix_capability() + 4, 4), 1);	/* in BAR 1 */
}

static void bars(void **state)
{
	u64 first = bar(0);

	assert_int_equal(first, WINDOW);
	assert_int_equal(bar(1), WINDOW + 0x4000);
	/* Off, until the guest switches decoding on. */
	assert_int_equal(get(first, 4), 0xffffffff);
	config_set(PCI_BASE_ADDRESS_0, 0xffffffff, 4);
	assert_int_equal(config_get(PCI_BASE_ADDRESS_0, 4), 0xffffc000);
	config_set(PCI_BASE_ADDRESS_0, first, 4);
	enable_decoding();
	assert_int_equal(get(first + VIRTIO_PCI_COMMON_NUMQ, 2), 1);
	/* Moved while it is on. */
	config_set(PCI_BASE_ADDRESS_0, 0xd0000000, 4);
	assert_int_equal(get(first, 4), 0xffffffff);
	assert_int_equal(get(0xd0000000 + VIRTIO_PCI_COMMON_NUMQ, 2), 1);
	/* Over the other BAR, and back. */
	config_set(PCI_BASE_ADDRESS_1, 0xd0000000, 4);
	assert_int_equal(get(0xd0000000 + VIRTIO_PCI_COMMON_NUMQ, 2), 1);
	config_set(PCI_BASE_ADDRESS_1, WINDOW + 0x4000, 4);
	assert_int_equal(get(WINDOW + 0x4000 + 12, 4), 1);
	config_set(PCI_COMMAND, 0, 2);
	assert_int_equal(get(0xd0000000, 4), 0xffffffff);
	/* Where no bus reaches. */
	config_set(PCI_BASE_ADDRESS_0, 0, 4);
	enable_decoding();
	assert_int_equal(get(VIRTIO_PCI_COMMON_NUMQ, 2), 1);
}

static void common_configuration(void **state)
{
	enable_decoding();
	set(common(DFSELECT), 1, 4);
	assert_int_equal(get(common(DF), 4) & 1, 1);
	assert_int_equal(get(common(NUMQ), 2), 1);
	assert_int_equal(get(common(MSIX), 2), NO_VECTOR);
	/* Bytes and halves of fields. */
	assert_int_equal(get(common(DFSELECT), 1), 1);
	assert_int_equal(get(common(DFSELECT) + 2, 2), 0);
	/* Vectors that there are, and that there are not. */
	set(common(MSIX), 1, 2);
	assert_int_equal(get(common(MSIX), 2), 1);
	set(common(MSIX), 2, 2);
	assert_int_equal(get(common(MSIX), 2), NO_VECTOR);
	set(common(Q_SELECT), 0, 2);
	set(common(Q_MSIX), 0, 2);
	assert_int_equal(get(common(Q_MSIX), 2), 0);
	/* No such queue. */
	set(common(Q_SELECT), 1, 2);
	assert_int_equal(get(common(Q_SIZE), 2), 0);
	set(common(Q_ENABLE), 1, 2);
	set(common(Q_MSIX), 0, 2);
	assert_int_equal(get(common(Q_ENABLE), 2), 0);
	/* Fields that are only read, and writes of a wrong size. */
	set(common(NUMQ), 5, 2);
	assert_int_equal(get(common(NUMQ), 2), 1);
	set(common(STATUS), 1, 4);
	assert_int_equal(get(common(STATUS), 1), 0);
	set(common(DFSELECT), 0, 1);
	assert_int_equal(get(common(DFSELECT), 4), 1);
	/* Beyond all. */
	assert_int_equal(get(bar(0) + 0x800, 4), 0);
	assert_int_equal(get(bar(0) + 0x3ffc, 4), 0);
	set(bar(0) + 0x3ffc, 1, 4);
}

static void by_the_line(void **state)
{
	struct irq *irq;

	enable_decoding();
	begin();
	driver_ok();
	assert_int_equal(router.lines, 1);
	irq = router.irq;
	ask();
	assert_true(irq_take(irq));
	/* Acknowledged before the reason was read: raised again. */
	irq_raise(&(struct irq){ .fd = irq->resample_fd });
	settle();
	assert_true(irq_take(irq));
	assert_int_equal(get(bar(0) + ISR, 1), 1);
	assert_int_equal(get(bar(0) + ISR, 1), 0);
	irq_raise(&(struct irq){ .fd = irq->resample_fd });
	settle();
	assert_false(irq_take(irq));
	virtio_config_changed(v);
	assert_int_equal(get(bar(0) + ISR, 1), 2);
	/* A second start does not connect it again. */
	begin();
	driver_ok();
	assert_int_equal(router.lines, 1);
}

static void by_messages(void **state)
{
	struct irq *irq;

	enable_decoding();
	msix_control(PCI_MSIX_FLAGS_ENABLE);
	use_msix(1, 0xfee01000, 0x41);
	assert_int_equal(router.messages, 1);
	assert_int_equal(router.address, 0xfee01000);
	assert_int_equal(router.data, 0x41);
	irq = router.irq;
	begin();
	set(common(Q_MSIX), 1, 2);
	driver_ok();
	assert_int_equal(router.lines, 0);
	ask();
	assert_true(irq_take(irq));
	assert_int_equal(get(bar(0) + ISR, 1), 0);

	/* Masked: pending, and sent when the mask goes, by the entry or by the function. */
	set(bar(1) + 16 + 12, 1, 4);
	ask();
	ask();
	assert_false(irq_take(irq));
	assert_int_equal(get(bar(1) + 32, 4), 2);
	assert_int_equal(get(bar(1) + 32, 1), 2);
	set(bar(1) + 32, 0, 4);
	assert_int_equal(get(bar(1) + 32, 4), 2);
	set(bar(1) + 16 + 12, 0, 4);
	assert_true(irq_take(irq));
	assert_int_equal(get(bar(1) + 32, 4), 0);
	msix_control(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	ask();
	assert_false(irq_take(irq));
	msix_control(PCI_MSIX_FLAGS_ENABLE);
	assert_true(irq_take(irq));
	/* None of that has connected anything anew; another message does. */
	assert_int_equal(router.messages, 1);
	set(bar(1) + 16 + 12, 1, 4);
	set(bar(1) + 16 + 8, 0x42, 4);
	assert_int_equal(router.messages, 1);
	set(bar(1) + 16 + 12, 0, 4);
	assert_int_equal(router.messages, 2);
	assert_int_equal(router.data, 0x42);
	assert_ptr_equal(router.irq, irq);

	/* A queue without a vector interrupts nobody. */
	set(common(Q_MSIX), NO_VECTOR, 2);
	ask();
	assert_false(irq_take(irq));
	/* The other vector, for the configuration, is masked still. */
	set(common(MSIX), 0, 2);
	virtio_config_changed(v);
	assert_int_equal(get(bar(1) + 32, 4), 1);
	use_msix(0, 0xfee00000, 0x30);
	assert_true(irq_take(router.irq));
	/* Off: neither message nor pending bit. */
	msix_control(0);
	virtio_config_changed(v);
	assert_false(irq_take(router.irq));
	assert_int_equal(get(bar(1) + 32, 4), 0);
}

static void odd_accesses_to_msix(void **state)
{
	enable_decoding();
	use_msix(0, 0x1122334455667788, 0xaabbccdd);
	assert_int_equal(get(bar(1), 4), 0x55667788);
	assert_int_equal(get(bar(1) + 1, 1), 0x77);
	assert_int_equal(get(bar(1) + 6, 2), 0x1122);
	assert_int_equal(get(bar(1) + 8, 4), 0xaabbccdd);
	/* Narrow writes do nothing; reserved bits do not stay. */
	set(bar(1), 0, 1);
	set(bar(1) + 8, 0, 2);
	assert_int_equal(get(bar(1), 4), 0x55667788);
	assert_int_equal(get(bar(1) + 8, 4), 0xaabbccdd);
	set(bar(1) + 12, 0xfffffffe, 4);
	assert_int_equal(get(bar(1) + 12, 4), 0);
	/* Behind the table and the pending bits. */
	set(bar(1) + 0xffc, 0xffffffff, 4);
	assert_int_equal(get(bar(1) + 0xffc, 4), 0);
	/* Where no message can be connected, none is sent, and nothing else happens. */
	router.fail = true;
	msix_control(PCI_MSIX_FLAGS_ENABLE);
	begin();
	set(common(Q_MSIX), 0, 2);
	driver_ok();
	ask();
	assert_int_equal(router.messages, 0);
}

static void doorbells_follow(void **state)
{
	for (unsigned int old = 0; old < 2; old++) {
		bells.old_kernel = old;
		enable_decoding();
		assert_int_equal(bells.at[0], 0);
		begin();
		assert_int_equal(bells.at[0], 0);
		driver_ok();
		assert_int_equal(bells.at[0], bar(0) + NOTIFY);
		/* Moved, off and on again. */
		config_set(PCI_BASE_ADDRESS_0, 0xd0000000, 4);
		assert_int_equal(bells.at[0], 0xd0000000 + NOTIFY);
		config_set(PCI_COMMAND, 0, 2);
		assert_int_equal(bells.at[0], 0);
		enable_decoding();
		assert_int_equal(bells.at[0], 0xd0000000 + NOTIFY);
		set(common(STATUS), 0, 1);
		settle();
		assert_int_equal(bells.at[0], 0);
		assert_int_equal(bells.at[1], 0);
		config_set(PCI_BASE_ADDRESS_0, WINDOW, 4);
	}
}

/* 4.1.4.9: everything by configuration space alone. */
static void config_window(void **state)
{
	unsigned int at = capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_PCI_CFG);

	config_set(at + 4, 0, 1);
	config_set(at + 8, VIRTIO_PCI_COMMON_NUMQ, 4);
	config_set(at + 12, 2, 4);
	assert_int_equal(config_get(at + 16, 2), 1);
	config_set(at + 8, VIRTIO_PCI_COMMON_STATUS, 4);
	config_set(at + 12, 1, 4);
	config_set(at + 16, 3, 1);
	assert_int_equal(virtio_status(v), 3);
	assert_int_equal(config_get(at + 16, 1), 3);
	/* What does not point to a register does nothing. */
	for (unsigned int i = 0; i < 6; i++) {
		static const struct { u8 bar; u32 offset, size; } bad[] = {
			{ 1, 0, 4 }, { 0, 0x4000, 4 }, { 0, 0xfffffffc, 4 }, { 0, 1, 4 }, { 0, 0, 8 }, { 0, 0, 0 },
		};

		config_set(at + 4, bad[i].bar, 1);
		config_set(at + 8, bad[i].offset, 4);
		config_set(at + 12, bad[i].size, 4);
		config_set(at + 16, 0, 4);
		config_get(at + 16, 4);
	}
	assert_int_equal(virtio_status(v), 3);
}

static void queue_reset(void **state)
{
	enable_decoding();
	begin();
	driver_ok();
	ask();
	set(common(Q_SELECT), 0, 2);
	set(common(Q_RESET), 1, 2);
	settle();
	assert_int_equal(get(common(Q_RESET), 2), 0);
	assert_int_equal(get(common(Q_ENABLE), 2), 0);
	mock_init(&driver, mem, RINGS, 32, 0);
	set(common(Q_SIZE), 32, 2);
	set(common(Q_DESCLO), driver.rings.desc, 4);
	set(common(Q_AVAILLO), driver.rings.driver, 4);
	set(common(Q_USEDLO), driver.rings.device, 4);
	set(common(Q_ENABLE), 1, 2);
	settle();
	ask();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity),
		TEST(bars),
		TEST(common_configuration),
		TEST(by_the_line),
		TEST(by_messages),
		TEST(odd_accesses_to_msix),
		TEST(doorbells_follow),
		TEST(config_window),
		TEST(queue_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
