// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio over PCI (virtio 1.2, section 4.1), modern only.
 *
 *	BAR 0	0x0000	common configuration
 *		0x1000	ISR status
 *		0x2000	device configuration
 *		0x3000	doorbells, four bytes a queue
 *	BAR 1	the MSI-X table and its pending bits
 *
 * Registers run in vCPU threads under the device's lock, interrupts come from its loop. The
 * PCI host calls in with its own lock held; that comes before the device's, and this file's
 * lock, for the doorbells, after both.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <linux/virtio_pci.h>

#include "bus.h"
#include "doorbell.h"
#include "irq-router.h"
#include "irq.h"
#include "log.h"
#include "loop.h"
#include "pci-host.h"
#include "pci-msix.h"
#include "util.h"
#include "virtio-pci.h"
#include "virtio.h"

#define VENDOR			0x1af4
#define DEVICE_FIRST		0x1040	/* 4.1.2: plus the virtio device id */
#define SUBSYSTEM_FIRST		0x0040	/* any from here on tells a driver that this is no legacy device */

#define REGISTERS_BAR		0
#define MSIX_BAR		1
#define REGISTERS_SIZE		0x4000
#define AT_ISR			0x1000
#define AT_CONFIG		0x2000
#define AT_NOTIFY		0x3000
#define REGION			0x1000
#define NOTIFY_STEP		4

#define ISR_QUEUE		1
#define ISR_CONFIG		2

struct virtio_pci {
	struct pci_function fn;
	struct virtio_device *dev;
	struct virtio_pci_config cfg;
	bool on_bus;
	struct pci_msix msix;
	struct irq intx;
	bool intx_connected;
	struct loop_fd *intx_watch;
	_Atomic u8 isr;
	u32 device_select, driver_select;
	u16 queue_select;
	_Atomic u16 config_vector;
	_Atomic u16 *vectors;		/* of the queues */
	unsigned int pci_cfg;		/* capability that reaches into BAR 0 */
	pthread_mutex_t bells_lock;
	bool bells_wanted;
	u64 bells_bar;			/* where BAR 0 answers, or 0 */
	u64 bells_at;			/* where it did when they were set, or 0 */
};

static struct virtio_pci *pci(const struct virtio_device *dev)
{
	return dev->transport_data;
}

/* --- interrupts ------------------------------------------------------------------ */

static void interrupt(struct virtio_pci *t, u8 reason, u16 vector)
{
	if (pci_msix_enabled(&t->msix)) {
		pci_msix_raise(&t->msix, vector);
		return;
	}
	atomic_fetch_or(&t->isr, reason);
	irq_raise(&t->intx);
}

static void queue_interrupt(struct virtio_device *dev, unsigned int queue)
{
	interrupt(pci(dev), ISR_QUEUE, pci(dev)->vectors[queue]);
}

static void config_interrupt(struct virtio_device *dev)
{
	interrupt(pci(dev), ISR_CONFIG, pci(dev)->config_vector);
}

/* The guest has acknowledged the line's interrupt: raise it again if there is another reason. */
static void acknowledged(void *arg, u32 events)
{
	struct virtio_pci *t = arg;
	u64 count;

	if (read(t->intx.resample_fd, &count, sizeof(count)) == sizeof(count) && t->isr)
		irq_raise(&t->intx);
}

/* --- doorbells --------------------------------------------------------------------- */

/* With the lock. */
static void set_bells(struct virtio_pci *t, u64 bar, bool on)
{
	for (unsigned int i = 0; t->cfg.doorbells && i < t->dev->queue_count; i++) {
		struct doorbell bell = {
			.addr = bar + AT_NOTIFY + i * NOTIFY_STEP,
			.fd = t->dev->queues[i].kick_fd,
		};

		/* A kernel that wants to know the size: 4.1.5.2 has drivers write 16 bits. */
		if (t->cfg.doorbells->set(t->cfg.doorbells, &bell, on)) {
			bell.size = 2;
			t->cfg.doorbells->set(t->cfg.doorbells, &bell, on);
		}
	}
}

static void update_bells(struct virtio_pci *t)
{
	u64 want = t->bells_wanted ? t->bells_bar : 0;

	if (want == t->bells_at)
		return;
	if (t->bells_at)
		set_bells(t, t->bells_at, false);
	if (want)
		set_bells(t, want, true);
	t->bells_at = want;
}

/* What the driver has told this transport. */
static void forget(struct virtio_pci *t)
{
	t->device_select = t->driver_select = t->queue_select = 0;
	t->isr = 0;
	t->config_vector = PCI_MSIX_NONE;
	for (unsigned int i = 0; i < t->dev->queue_count; i++)
		t->vectors[i] = PCI_MSIX_NONE;
}

static void started(struct virtio_device *dev, bool on)
{
	struct virtio_pci *t = pci(dev);

	if (on && !pci_msix_enabled(&t->msix) && !t->intx_connected)
		t->intx_connected = !t->cfg.router->line(t->cfg.router, &t->intx);
	if (!on)
		forget(t);
	pthread_mutex_lock(&t->bells_lock);
	t->bells_wanted = on;
	update_bells(t);
	pthread_mutex_unlock(&t->bells_lock);
}

/* --- common configuration ------------------------------------------------------------ */

static u32 read_queue(const struct virtio_pci *t, unsigned int word)
{
	struct virtio_queue *q = virtio_queue(t->dev, t->queue_select);

	if (!q)
		return 0;
	switch (word) {
	case VIRTIO_PCI_COMMON_Q_SIZE:		/* and its vector */
		return (q->rings.size & 0xffff) | (u32)t->vectors[q->index] << 16;
	case VIRTIO_PCI_COMMON_Q_ENABLE:	/* and where its doorbell is */
		return q->ready | q->index << 16;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		return q->rings.desc;
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return q->rings.desc >> 32;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		return q->rings.driver;
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return q->rings.driver >> 32;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return q->rings.device;
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return q->rings.device >> 32;
	case VIRTIO_PCI_COMMON_Q_NDATA:		/* and its reset */
		return (u32)q->resetting << 16;
	default:
		return 0;
	}
}

/* A word of it, of which the bus takes the bytes that were asked for. */
static u32 read_common(const struct virtio_pci *t, unsigned int word)
{
	struct virtio_device *dev = t->dev;

	switch (word) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return t->device_select;
	case VIRTIO_PCI_COMMON_DF:
		return virtio_offered(dev, t->device_select);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return t->driver_select;
	case VIRTIO_PCI_COMMON_GF:
		return virtio_accepted(dev, t->driver_select);
	case VIRTIO_PCI_COMMON_MSIX:
		return t->config_vector | dev->queue_count << 16;
	case VIRTIO_PCI_COMMON_STATUS:
		return virtio_status(dev) | dev->generation << 8 | (u32)t->queue_select << 16;
	default:
		return read_queue(t, word);
	}
}

static void set_half(u64 *field, bool high, u32 value)
{
	*field = high ? (*field & 0xffffffff) | (u64)value << 32 : (*field & ~0xffffffffULL) | value;
}

static void write_queue32(struct virtio_queue *q, u64 offset, u32 value)
{
	if (!virtio_queue_writable(q))
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		set_half(&q->rings.desc, offset == VIRTIO_PCI_COMMON_Q_DESCHI, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		set_half(&q->rings.driver, offset == VIRTIO_PCI_COMMON_Q_AVAILHI, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		set_half(&q->rings.device, offset == VIRTIO_PCI_COMMON_Q_USEDHI, value);
		break;
	}
}

static u16 valid_vector(const struct virtio_pci *t, u16 vector)
{
	return vector < t->msix.count ? vector : PCI_MSIX_NONE;
}

static void write_queue16(struct virtio_pci *t, struct virtio_queue *q, u64 offset, u16 value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		if (virtio_queue_writable(q))
			q->rings.size = value;
		break;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		/* 4.1.5.1.2: what cannot be mapped reads back as no vector. */
		t->vectors[q->index] = valid_vector(t, value);
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		if (value == 1)
			virtio_queue_enable(q);
		break;
	case VIRTIO_PCI_COMMON_Q_RESET:
		if (value == 1)
			virtio_queue_reset(q);
		break;
	}
}

/* 4.1.3.1: a driver writes each field as a whole; 64-bit ones by halves. */
static void write_common(struct virtio_pci *t, u64 offset, u32 value, unsigned int size)
{
	struct virtio_queue *q = virtio_queue(t->dev, t->queue_select);

	if (size == 4 && offset == VIRTIO_PCI_COMMON_DFSELECT)
		t->device_select = value;
	else if (size == 4 && offset == VIRTIO_PCI_COMMON_GFSELECT)
		t->driver_select = value;
	else if (size == 4 && offset == VIRTIO_PCI_COMMON_GF)
		virtio_accept(t->dev, t->driver_select, value);
	else if (size == 2 && offset == VIRTIO_PCI_COMMON_MSIX)
		t->config_vector = valid_vector(t, value);
	else if (size == 1 && offset == VIRTIO_PCI_COMMON_STATUS)
		virtio_set_status(t->dev, value);
	else if (size == 2 && offset == VIRTIO_PCI_COMMON_Q_SELECT)
		t->queue_select = value;
	else if (size == 2 && q)
		write_queue16(t, q, offset, value);
	else if (size == 4 && q)
		write_queue32(q, offset, value);
}

/* --- BAR 0 ----------------------------------------------------------------------------- */

static u64 registers_read(struct device *d, u64 offset, unsigned int size)
{
	struct virtio_device *dev = container_of(d, struct virtio_device, dev);
	struct virtio_pci *t = pci(dev);

	switch (ALIGN_DOWN(offset, REGION)) {
	case 0:
		return read_common(t, offset & ~3U) >> (offset & 3) * 8;
	case AT_ISR:
		/* 4.1.4.5: reading it lowers the line, which the acknowledgement has done. */
		return offset == AT_ISR ? atomic_exchange(&t->isr, 0) : 0;
	case AT_CONFIG:
		return virtio_config_read(dev, offset - AT_CONFIG, size);
	default:
		return 0;
	}
}

static void registers_write(struct device *d, u64 offset, u64 value, unsigned int size)
{
	struct virtio_device *dev = container_of(d, struct virtio_device, dev);
	struct virtio_queue *q;

	switch (ALIGN_DOWN(offset, REGION)) {
	case 0:
		write_common(pci(dev), offset, value, size);
		break;
	case AT_CONFIG:
		virtio_config_write(dev, offset - AT_CONFIG, value, size);
		break;
	case AT_NOTIFY:
		q = virtio_queue(dev, (offset - AT_NOTIFY) / NOTIFY_STEP);
		if (q)
			virtio_kick(q);
		break;
	}
}

static const struct bus_ops registers_bus_ops = {
	.read = registers_read,
	.write = registers_write,
	.max_size = 4,
};

static u64 msix_read(struct device *d, u64 offset, unsigned int size)
{
	return pci_msix_read(&pci(container_of(d, struct virtio_device, dev))->msix, offset, size);
}

static void msix_write(struct device *d, u64 offset, u64 value, unsigned int size)
{
	pci_msix_write(&pci(container_of(d, struct virtio_device, dev))->msix, offset, value, size);
}

static const struct bus_ops msix_bus_ops = {
	.read = msix_read,
	.write = msix_write,
	.max_size = 4,
};

/* --- configuration space ------------------------------------------------------------------ */

/* What the window of 4.1.4.9 points to, when that is a proper access to BAR 0. */
static bool window(const struct virtio_pci *t, u32 *offset, u32 *size)
{
	u32 bar = pci_function_get(&t->fn, t->pci_cfg + VIRTIO_PCI_CAP_BAR, 1);

	*offset = pci_function_get(&t->fn, t->pci_cfg + VIRTIO_PCI_CAP_OFFSET, 4);
	*size = pci_function_get(&t->fn, t->pci_cfg + VIRTIO_PCI_CAP_LENGTH, 4);
	return bar == REGISTERS_BAR && (*size == 1 || *size == 2 || *size == 4) && !(*offset & (*size - 1)) &&
	       *offset < REGISTERS_SIZE;
}

static bool touches_window(const struct virtio_pci *t, unsigned int offset, unsigned int size)
{
	unsigned int data = t->pci_cfg + sizeof(struct virtio_pci_cap);

	return offset < data + 4 && offset + size > data;
}

static void config_read(struct pci_function *fn, unsigned int offset, unsigned int size)
{
	struct virtio_pci *t = container_of(fn, struct virtio_pci, fn);
	u32 at, len, value = 0;

	if (!touches_window(t, offset, size) || !window(t, &at, &len))
		return;
	pthread_mutex_lock(&t->dev->dev.lock);
	value = registers_read(&t->dev->dev, at, len);
	pthread_mutex_unlock(&t->dev->dev.lock);
	if (len < 4)
		value &= (1U << len * 8) - 1;
	pci_function_set(fn, t->pci_cfg + sizeof(struct virtio_pci_cap), 4, value, 0xffffffff);
}

static void config_write(struct pci_function *fn, unsigned int offset, unsigned int size)
{
	struct virtio_pci *t = container_of(fn, struct virtio_pci, fn);
	u32 at, len, value;

	if (offset < t->msix.capability + PCI_CAP_MSIX_SIZEOF && offset + size > t->msix.capability)
		pci_msix_config_written(&t->msix);
	if (!touches_window(t, offset, size) || !window(t, &at, &len))
		return;
	value = pci_function_get(fn, t->pci_cfg + sizeof(struct virtio_pci_cap), 4);
	if (len < 4)
		value &= (1U << len * 8) - 1;
	pthread_mutex_lock(&t->dev->dev.lock);
	registers_write(&t->dev->dev, at, value, len);
	pthread_mutex_unlock(&t->dev->dev.lock);
}

static void bar_changed(struct pci_function *fn, unsigned int index, const struct pci_bar *old)
{
	struct virtio_pci *t = container_of(fn, struct virtio_pci, fn);
	const struct pci_bar *bar = &fn->bars[index];
	struct bus_range range = {
		.base = bar->addr,
		.size = bar->size,
		.ops = index == MSIX_BAR ? &msix_bus_ops : &registers_bus_ops,
		.dev = &t->dev->dev,
	};

	if (old->enabled)
		bus_remove(t->cfg.mmio, old->addr, &t->dev->dev);
	/* Where the guest puts it over something else, it does not answer. */
	if (bar->enabled && bus_add(t->cfg.mmio, &range))
		range.base = 0;
	if (index != REGISTERS_BAR)
		return;
	pthread_mutex_lock(&t->bells_lock);
	t->bells_bar = bar->enabled ? range.base : 0;
	update_bells(t);
	pthread_mutex_unlock(&t->bells_lock);
}

static const struct pci_function_ops function_ops = {
	.config_read = config_read,
	.config_write = config_write,
	.bar_changed = bar_changed,
};

static int add_capability(struct virtio_pci *t, u8 type, u32 offset, u32 length, unsigned int extra)
{
	unsigned int size = sizeof(struct virtio_pci_cap) + extra;
	int at = pci_function_capability(&t->fn, PCI_CAP_ID_VNDR, size);

	if (at < 0)
		return at;
	pci_function_set(&t->fn, at + VIRTIO_PCI_CAP_LEN, 1, size, 0);
	pci_function_set(&t->fn, at + VIRTIO_PCI_CAP_CFG_TYPE, 1, type, 0);
	pci_function_set(&t->fn, at + VIRTIO_PCI_CAP_BAR, 1, REGISTERS_BAR, 0);
	pci_function_set(&t->fn, at + VIRTIO_PCI_CAP_OFFSET, 4, offset, 0);
	pci_function_set(&t->fn, at + VIRTIO_PCI_CAP_LENGTH, 4, length, 0);
	return at;
}

static int add_capabilities(struct virtio_pci *t)
{
	struct pci_function *fn = &t->fn;
	int err, at;

	err = add_capability(t, VIRTIO_PCI_CAP_COMMON_CFG, 0, VIRTIO_PCI_COMMON_Q_RESET + 2, 0);
	if (err >= 0)
		err = add_capability(t, VIRTIO_PCI_CAP_ISR_CFG, AT_ISR, 1, 0);
	if (err >= 0 && t->dev->type->config_size)
		err = add_capability(t, VIRTIO_PCI_CAP_DEVICE_CFG, AT_CONFIG, t->dev->type->config_size, 0);
	if (err < 0)
		return err;
	at = add_capability(t, VIRTIO_PCI_CAP_NOTIFY_CFG, AT_NOTIFY, t->dev->queue_count * NOTIFY_STEP, 4);
	if (at < 0)
		return at;
	pci_function_set(fn, at + VIRTIO_PCI_NOTIFY_CAP_MULT, 4, NOTIFY_STEP, 0);
	/* The window: the guest says where it looks. */
	at = add_capability(t, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 4);
	if (at < 0)
		return at;
	t->pci_cfg = at;
	pci_function_set(fn, at + VIRTIO_PCI_CAP_BAR, 1, 0, 0xff);
	pci_function_set(fn, at + VIRTIO_PCI_CAP_OFFSET, 4, 0, 0xffffffff);
	pci_function_set(fn, at + VIRTIO_PCI_CAP_LENGTH, 4, 0, 0xffffffff);
	pci_function_set(fn, at + sizeof(struct virtio_pci_cap), 4, 0, 0xffffffff);
	return 0;
}

/* What firmware would have done: an address, which the guest may change. */
static int place_bar(struct virtio_pci *t, unsigned int bar, u64 size)
{
	u64 at = ALIGN_UP(*t->cfg.window, size);
	int err = pci_function_bar(&t->fn, bar, PCI_BAR_MEM32, size);

	if (err)
		return err;
	if (at + size > t->cfg.window_end)
		return -ENOSPC;
	pci_function_set(&t->fn, PCI_BASE_ADDRESS_0 + bar * 4, 4, at, ~(size - 1));
	*t->cfg.window = at + size;
	return 0;
}

static void destroy(struct virtio_device *dev)
{
	struct virtio_pci *t = pci(dev);

	if (t->on_bus)
		pci_host_remove(t->cfg.host, t->cfg.devfn);
	if (t->intx_watch)
		loop_remove(t->intx_watch);
	irq_fini(&t->intx);
	pci_msix_fini(&t->msix);
	pci_function_fini(&t->fn);
	pthread_mutex_destroy(&t->bells_lock);
	free(t->vectors);
	free(t);
	dev->transport_data = NULL;
}

static const struct virtio_transport virtio_pci = {
	.name = "pci",
	.queue_interrupt = queue_interrupt,
	.config_interrupt = config_interrupt,
	.started = started,
	.destroy = destroy,
};

static int set_up(struct virtio_pci *t)
{
	struct virtio_device *dev = t->dev;
	const struct pci_id id = {
		.vendor = VENDOR,
		.device = DEVICE_FIRST + dev->type->id,
		.subsystem_vendor = VENDOR,
		.subsystem = SUBSYSTEM_FIRST + dev->type->id,
		.class_code = dev->type->pci_class,
		.revision = 1,
	};
	unsigned int vectors = min(dev->queue_count + 1, (unsigned int)PCI_MSIX_MAX);
	int err = pci_function_init(&t->fn, &function_ops, PCI_CFG_SPACE_SIZE, &id);

	if (err)
		return err;
	t->vectors = calloc(dev->queue_count, sizeof(t->vectors[0]));
	if (!t->vectors)
		return error(-ENOMEM, "virtio %s", dev->type->name);
	forget(t);
	err = place_bar(t, REGISTERS_BAR, REGISTERS_SIZE);
	if (!err)
		err = place_bar(t, MSIX_BAR, pci_msix_size(vectors));
	if (err)
		return error(err, "virtio %s: no place for its registers", dev->type->name);
	err = pci_msix_init(&t->msix, &t->fn, MSIX_BAR, vectors, t->cfg.router);
	if (err)
		return err;
	err = add_capabilities(t);
	if (err)
		return error(err, "virtio %s", dev->type->name);
	pci_function_set(&t->fn, PCI_INTERRUPT_PIN, 1, 1, 0);
	pci_function_set(&t->fn, PCI_INTERRUPT_LINE, 1, t->cfg.line, 0xff);
	err = irq_init(&t->intx, t->cfg.gsi, true);
	if (err)
		return err;
	t->intx_watch = loop_add(dev->loop, t->intx.resample_fd, EPOLLIN, acknowledged, t);
	if (!t->intx_watch)
		return error(-errno, "virtio %s", dev->type->name);
	err = pci_host_add(t->cfg.host, t->cfg.devfn, &t->fn);
	t->on_bus = !err;
	return err ? error(err, "virtio %s: PCI slot %u", dev->type->name, PCI_SLOT(t->cfg.devfn)) : 0;
}

/**
 * virtio_pci_attach() - let the guest reach a device as a PCI function
 * @dev:	has no transport yet
 * @cfg:	where; what it points to outlives the device
 *
 * Return: 0 or -errno, said; the device is destroyed the same way in both cases.
 */
int virtio_pci_attach(struct virtio_device *dev, const struct virtio_pci_config *cfg)
{
	struct virtio_pci *t = calloc(1, sizeof(*t));

	if (!t)
		return error(-ENOMEM, "virtio %s", dev->type->name);
	t->dev = dev;
	t->cfg = *cfg;
	t->intx = (struct irq){ .fd = -1, .resample_fd = -1 };
	pthread_mutex_init(&t->bells_lock, NULL);
	dev->transport = &virtio_pci;
	dev->transport_data = t;
	return set_up(t);
}
