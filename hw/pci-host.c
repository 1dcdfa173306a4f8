// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI host bridge and the configuration space of all functions behind it (PCI Local
 * Bus 3.0, sections 3.2.2.3.2 and 6; PCI Express Base 4.0, section 7.2.2, for ECAM).
 *
 * Accesses run in vCPU threads. Ports and memory are two ranges of one device, so that
 * its lock covers the configuration space of every function, BARs included.
 *
 * Configuration space is an array of bytes with a mask of the bits that a guest may
 * write; nothing else of it can change under the guest's hands. Where there is no
 * function, or no such register, reads are all ones. There is one bus.
 *
 * The address register takes only whole 32-bit accesses, so the bytes below it are
 * ordinary ports; the one at 0xcf9 is the reset control register of a PC's chipset.
 *
 * Left out: bridges and further buses, expansion ROMs, status bits that the guest
 * clears by writing (none is ever set), interrupt routing, which is the board's.
 */
#include <errno.h>

#include "bus.h"
#include "device.h"
#include "log.h"
#include "outcome.h"
#include "pci-host.h"
#include "state.h"
#include "util.h"

#define PORT_ADDRESS		0	/* offsets in the port range */
#define PORT_RESET_CONTROL	1
#define PORT_DATA		4

#define ADDRESS_ENABLE		0x80000000u
#define ADDRESS_BITS		0x80fffffcu
#define ALL_ONES		0xffffffffu

#define RESET_CONTROL_BITS	0x0a	/* kind of reset: kept, and of no effect */
#define RESET_CONTROL_CPU	0x04

#define COMMAND_BITS	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | \
			 PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)
#define HEADER_MULTI_FUNCTION	0x80

struct pci_host {
	struct device dev;
	struct outcome *outcome;
	u32 address;
	u8 reset_control;
	struct pci_function *functions[PCI_HOST_FUNCTIONS];
	struct pci_function bridge;
};

/* --- the functions --- */

/**
 * pci_function_get() - a field of configuration space
 * @fn:		the function
 * @offset:	of the field, in bytes
 * @size:	1, 2 or 4 bytes, within the configuration space
 */
u32 pci_function_get(const struct pci_function *fn, unsigned int offset, unsigned int size)
{
	u32 value = 0;

	BUG_ON(size > 4 || offset + size > fn->size);
	memcpy(&value, fn->config + offset, size);
	return value;
}

/**
 * pci_function_set() - give a field of configuration space its value
 * @fn:		the function
 * @offset:	of the field, in bytes
 * @size:	1, 2 or 4 bytes, within the configuration space
 * @value:	its value
 * @writable:	the bits of it that the guest may write; a reset clears them
 */
void pci_function_set(struct pci_function *fn, unsigned int offset, unsigned int size,
		      u32 value, u32 writable)
{
	BUG_ON(size > 4 || offset + size > fn->size);
	memcpy(fn->config + offset, &value, size);
	memcpy(fn->mask + offset, &writable, size);
}

/**
 * pci_function_init() - begin the configuration space of a function
 * @fn:		embedded in its owner
 * @ops:	what the owner is told
 * @size:	PCI_CFG_SPACE_SIZE or PCI_CFG_SPACE_EXP_SIZE bytes
 * @id:		who it says it is
 *
 * Return: 0 or -ENOMEM, said.
 */
int pci_function_init(struct pci_function *fn, const struct pci_function_ops *ops, unsigned int size,
		      const struct pci_id *id)
{
	BUG_ON(size != PCI_CFG_SPACE_SIZE && size != PCI_CFG_SPACE_EXP_SIZE);
	*fn = (struct pci_function){ .ops = ops, .size = size, .cap_end = PCI_STD_HEADER_SIZEOF };
	fn->config = calloc(2, size);
	if (!fn->config)
		return error(-ENOMEM, "PCI function %04x:%04x", id->vendor, id->device);
	fn->mask = fn->config + size;
	pci_function_set(fn, PCI_VENDOR_ID, 2, id->vendor, 0);
	pci_function_set(fn, PCI_DEVICE_ID, 2, id->device, 0);
	pci_function_set(fn, PCI_COMMAND, 2, 0, COMMAND_BITS);
	pci_function_set(fn, PCI_CLASS_REVISION, 4, id->class_code << 8 | id->revision, 0);
	pci_function_set(fn, PCI_CACHE_LINE_SIZE, 1, 0, 0xff);
	pci_function_set(fn, PCI_SUBSYSTEM_VENDOR_ID, 2, id->subsystem_vendor, 0);
	pci_function_set(fn, PCI_SUBSYSTEM_ID, 2, id->subsystem, 0);
	pci_function_set(fn, PCI_INTERRUPT_LINE, 1, 0, 0xff);
	return 0;
}

/**
 * pci_function_fini() - release what pci_function_init() has allocated
 */
void pci_function_fini(struct pci_function *fn)
{
	free(fn->config);
	fn->config = fn->mask = NULL;
}

/**
 * pci_function_bar() - give a function a base address register
 * @fn:		the function
 * @bar:	which one, from 0; a 64-bit one takes @bar + 1 too
 * @kind:	what it decodes
 * @size:	bytes, a power of two: from 4 for ports, from 16 for memory
 *
 * Return: 0, or -EINVAL when it does not fit the rules, -EBUSY when it is taken.
 */
int pci_function_bar(struct pci_function *fn, unsigned int bar, enum pci_bar_kind kind, u64 size)
{
	bool wide = kind & PCI_BASE_ADDRESS_MEM_TYPE_64;
	unsigned int offset = PCI_BASE_ADDRESS_0 + bar * 4;
	u64 limit = kind == PCI_BAR_IO ? 256 : wide ? 1ULL << 63 : 1ULL << 31;
	u64 mask = ~(size - 1);

	if (bar + wide >= PCI_STD_NUM_BARS || size < (kind == PCI_BAR_IO ? 4 : 16) || size > limit ||
	    (size & (size - 1)))
		return -EINVAL;
	if (fn->bars[bar].size || (wide && fn->bars[bar + 1].size) ||
	    (bar && (fn->bars[bar - 1].kind & PCI_BASE_ADDRESS_MEM_TYPE_64)))
		return -EBUSY;
	fn->bars[bar].size = size;
	fn->bars[bar].kind = kind;
	pci_function_set(fn, offset, 4, kind, mask);
	if (wide)
		pci_function_set(fn, offset + 4, 4, 0, mask >> 32);
	return 0;
}

/**
 * pci_function_capability() - append to a function's list of capabilities
 * @fn:		the function
 * @id:		PCI_CAP_ID_*
 * @len:	bytes, its two bytes of header included
 *
 * All of it is read-only and zero but for the header; pci_function_set() does the rest.
 *
 * Return: its offset, or -ENOSPC.
 */
int pci_function_capability(struct pci_function *fn, u8 id, unsigned int len)
{
	unsigned int offset = fn->cap_end;

	if (len < PCI_CAP_SIZEOF / 2 || len > PCI_CFG_SPACE_SIZE - offset)
		return -ENOSPC;
	pci_function_set(fn, offset + PCI_CAP_LIST_ID, 1, id, 0);
	if (fn->cap_last) {
		fn->config[fn->cap_last + PCI_CAP_LIST_NEXT] = offset;
	} else {
		fn->config[PCI_CAPABILITY_LIST] = offset;
		fn->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	}
	fn->cap_last = offset;
	fn->cap_end = ALIGN_UP(offset + len, 4);
	return offset;
}

/* Work out what the BARs decode after the guest has written them or the command register. */
static void pci_function_decode(struct pci_function *fn)
{
	u32 command = pci_function_get(fn, PCI_COMMAND, 2);

	for (unsigned int i = 0; i < PCI_STD_NUM_BARS; i++) {
		struct pci_bar *bar = &fn->bars[i], old = *bar;
		unsigned int offset = PCI_BASE_ADDRESS_0 + i * 4;

		if (!bar->size)
			continue;
		bar->addr = pci_function_get(fn, offset, 4);
		if (bar->kind & PCI_BASE_ADDRESS_MEM_TYPE_64)
			bar->addr |= (u64)pci_function_get(fn, offset + 4, 4) << 32;
		bar->addr &= ~(bar->size - 1);
		bar->enabled = command & (bar->kind == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
		if (!old.enabled && !bar->enabled)
			continue;
		if ((old.addr != bar->addr || old.enabled != bar->enabled) && fn->ops && fn->ops->bar_changed)
			fn->ops->bar_changed(fn, i, &old);
	}
}

static void pci_function_write(struct pci_function *fn, unsigned int offset, u32 value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++) {
		u8 mask = fn->mask[offset + i];
		u8 *byte = &fn->config[offset + i];

		*byte = (*byte & ~mask) | (value >> i * 8 & mask);
	}
	if (offset < PCI_BASE_ADDRESS_5 + 4 && offset + size > PCI_COMMAND)
		pci_function_decode(fn);
	if (fn->ops && fn->ops->config_write)
		fn->ops->config_write(fn, offset, size);
}

/* --- access --- */

static struct pci_function *pci_host_find(struct pci_host *host, unsigned int bus, unsigned int devfn,
					  unsigned int offset)
{
	struct pci_function *fn = bus ? NULL : host->functions[devfn];

	return fn && offset < fn->size ? fn : NULL;
}

static u32 pci_host_config_read(struct pci_host *host, unsigned int bus, unsigned int devfn,
				unsigned int offset, unsigned int size)
{
	struct pci_function *fn = pci_host_find(host, bus, devfn, offset);

	if (!fn)
		return ALL_ONES;
	if (fn->ops && fn->ops->config_read)
		fn->ops->config_read(fn, offset, size);
	return pci_function_get(fn, offset, size);
}

static void pci_host_config_write(struct pci_host *host, unsigned int bus, unsigned int devfn,
				  unsigned int offset, u32 value, unsigned int size)
{
	struct pci_function *fn = pci_host_find(host, bus, devfn, offset);

	if (fn)
		pci_function_write(fn, offset, value, size);
}

static u64 pci_host_port_read(struct device *dev, u64 offset, unsigned int size)
{
	struct pci_host *host = container_of(dev, struct pci_host, dev);
	u32 a = host->address;

	if (offset >= PORT_DATA) {
		if (!(a & ADDRESS_ENABLE))
			return ALL_ONES;
		return pci_host_config_read(host, a >> 16 & 0xff, a >> 8 & 0xff,
					    (a & 0xfc) | (offset - PORT_DATA), size);
	}
	if (offset == PORT_ADDRESS && size == 4)
		return a;
	if (offset == PORT_RESET_CONTROL)
		return host->reset_control;
	return ALL_ONES;
}

static void pci_host_port_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct pci_host *host = container_of(dev, struct pci_host, dev);
	u32 a = host->address;

	if (offset >= PORT_DATA) {
		if (a & ADDRESS_ENABLE)
			pci_host_config_write(host, a >> 16 & 0xff, a >> 8 & 0xff,
					      (a & 0xfc) | (offset - PORT_DATA), value, size);
	} else if (offset == PORT_ADDRESS && size == 4) {
		host->address = value & ADDRESS_BITS;
	} else if (offset == PORT_RESET_CONTROL) {
		host->reset_control = value & RESET_CONTROL_BITS;
		if (value & RESET_CONTROL_CPU)
			outcome_report(host->outcome, OUTCOME_RESET, "port-cf9", 0);
	}
}

const struct bus_ops pci_host_port_bus_ops = {
	.read = pci_host_port_read,
	.write = pci_host_port_write,
	.max_size = 4,
};

static u64 pci_host_ecam_read(struct device *dev, u64 offset, unsigned int size)
{
	struct pci_host *host = container_of(dev, struct pci_host, dev);

	return pci_host_config_read(host, offset >> 20, offset >> 12 & 0xff, offset & 0xfff, size);
}

static void pci_host_ecam_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct pci_host *host = container_of(dev, struct pci_host, dev);

	pci_host_config_write(host, offset >> 20, offset >> 12 & 0xff, offset & 0xfff, value, size);
}

const struct bus_ops pci_host_ecam_bus_ops = {
	.read = pci_host_ecam_read,
	.write = pci_host_ecam_write,
	.max_size = 4,
};

/* --- the machine's side --- */

static void pci_host_reset(struct device *dev)
{
	struct pci_host *host = container_of(dev, struct pci_host, dev);

	host->address = 0;
	host->reset_control = 0;
	for (unsigned int devfn = 0; devfn < PCI_HOST_FUNCTIONS; devfn++) {
		struct pci_function *fn = host->functions[devfn];

		if (!fn)
			continue;
		for (unsigned int i = 0; i < fn->size; i++)
			fn->config[i] &= ~fn->mask[i];
		pci_function_decode(fn);
	}
}

/* The fields that say what a function is: in saved state and here they must agree. */
static bool pci_function_same(const struct pci_function *fn, const u8 *config)
{
	return !memcmp(fn->config + PCI_VENDOR_ID, config + PCI_VENDOR_ID, 4) &&
	       !memcmp(fn->config + PCI_CLASS_REVISION, config + PCI_CLASS_REVISION, 4) &&
	       fn->config[PCI_HEADER_TYPE] == config[PCI_HEADER_TYPE];
}

/* All functions' configuration spaces, one behind the other; NULL without memory. */
static u8 *pci_host_scratch(const struct pci_host *host, u8 present[PCI_HOST_FUNCTIONS / 8])
{
	size_t size = 0;
	u8 *scratch, *p;

	for (unsigned int devfn = 0; devfn < PCI_HOST_FUNCTIONS; devfn++)
		if (host->functions[devfn])
			size += host->functions[devfn]->size;
	scratch = p = malloc(size + 1);
	if (!p)
		return NULL;
	for (unsigned int devfn = 0; devfn < PCI_HOST_FUNCTIONS; devfn++) {
		const struct pci_function *fn = host->functions[devfn];

		if (!fn)
			continue;
		present[devfn / 8] |= 1u << devfn % 8;
		memcpy(p, fn->config, fn->size);
		p += fn->size;
	}
	return scratch;
}

static void pci_host_commit(struct pci_host *host, const u8 *scratch)
{
	for (unsigned int devfn = 0; devfn < PCI_HOST_FUNCTIONS; devfn++) {
		struct pci_function *fn = host->functions[devfn];

		if (!fn)
			continue;
		/* What is read-only comes from the function itself, not from a file. */
		for (unsigned int i = 0; i < fn->size; i++)
			fn->config[i] = (fn->config[i] & ~fn->mask[i]) | (scratch[i] & fn->mask[i]);
		scratch += fn->size;
		pci_function_decode(fn);
	}
}

static void pci_host_state(struct device *dev, struct state *st)
{
	struct pci_host *host = container_of(dev, struct pci_host, dev);
	u8 present[PCI_HOST_FUNCTIONS / 8] = { 0 }, found[sizeof(present)];
	u32 address = host->address;
	u8 reset_control = host->reset_control;
	u8 *scratch = pci_host_scratch(host, present), *p = scratch;

	if (!scratch) {
		state_fail(st, "no memory");
		return;
	}
	memcpy(found, present, sizeof(found));
	state_version(st, 1);
	state_u32(st, "address", &address);
	state_u8(st, "reset-control", &reset_control);
	state_bytes(st, "functions", found, sizeof(found));
	if (state_loading(st) && ((address & ~ADDRESS_BITS) || (reset_control & ~RESET_CONTROL_BITS) ||
				  memcmp(found, present, sizeof(found))))
		state_fail(st, "pci-host functions");
	for (unsigned int devfn = 0; devfn < PCI_HOST_FUNCTIONS; devfn++) {
		const struct pci_function *fn = host->functions[devfn];
		char name[16];

		if (!fn)
			continue;
		snprintf(name, sizeof(name), "config-%02x.%x", PCI_SLOT(devfn), PCI_FUNC(devfn));
		state_bytes(st, name, p, fn->size);
		if (state_loading(st) && !pci_function_same(fn, p))
			state_fail(st, name);
		p += fn->size;
	}
	if (state_commit(st)) {
		host->address = address;
		host->reset_control = reset_control;
		pci_host_commit(host, scratch);
	}
	free(scratch);
}

static void pci_host_destroy(struct device *dev)
{
	struct pci_host *host = container_of(dev, struct pci_host, dev);

	pci_function_fini(&host->bridge);
	device_fini(dev);
	free(host);
}

static const struct device_ops pci_host_ops = {
	.name = "pci-host",
	.reset = pci_host_reset,
	.state = pci_host_state,
	.destroy = pci_host_destroy,
};

/* A generic PCI Express host bridge without a driver of its own in any system. */
static const struct pci_id pci_host_id = {
	.vendor = 0x1b36,
	.device = 0x0008,
	.class_code = 0x060000,
};

/**
 * pci_host_new() - make the root bus with its host bridge in slot 0
 * @outcome:	told when the guest writes the reset control register; must outlive the
 *		device
 *
 * Return: the device, to be put on the port bus with pci_host_port_bus_ops and
 * PCI_HOST_PORTS and on the memory bus with pci_host_ecam_bus_ops and PCI_HOST_ECAM_BUS
 * bytes or more for each bus; or NULL when there is no memory.
 */
struct device *pci_host_new(struct outcome *outcome)
{
	struct pci_host *host = calloc(1, sizeof(*host));

	if (!host) {
		error(-ENOMEM, "PCI host bridge");
		return NULL;
	}
	if (pci_function_init(&host->bridge, NULL, PCI_CFG_SPACE_SIZE, &pci_host_id)) {
		free(host);
		return NULL;
	}
	host->outcome = outcome;
	host->functions[0] = &host->bridge;
	device_init(&host->dev, &pci_host_ops, 0);
	return &host->dev;
}

/**
 * pci_host_add() - put a function on the bus
 * @dev:	the PCI host
 * @devfn:	where, see PCI_DEVFN()
 * @fn:		complete, and untouched from now on but by its callbacks; stays its
 *		owner's, who takes it off the bus before it goes
 *
 * Return: 0, or -EINVAL when there is no such place, -EBUSY when it is taken.
 */
int pci_host_add(struct device *dev, unsigned int devfn, struct pci_function *fn)
{
	struct pci_host *host = container_of(dev, struct pci_host, dev);
	struct pci_function **slot;
	int err = 0;

	if (devfn >= PCI_HOST_FUNCTIONS)
		return -EINVAL;
	slot = &host->functions[devfn & ~7u];
	pthread_mutex_lock(&dev->lock);
	if (host->functions[devfn]) {
		err = -EBUSY;
		goto out;
	}
	host->functions[devfn] = fn;
	/* Function 0 tells whether it is worth while to look for the others. */
	for (unsigned int i = 1; i < 8 && slot[0]; i++)
		if (slot[i])
			slot[0]->config[PCI_HEADER_TYPE] |= HEADER_MULTI_FUNCTION;
out:
	pthread_mutex_unlock(&dev->lock);
	return err;
}

/**
 * pci_host_remove() - take a function off the bus
 * @dev:	the PCI host
 * @devfn:	where pci_host_add() has put it
 */
void pci_host_remove(struct device *dev, unsigned int devfn)
{
	struct pci_host *host = container_of(dev, struct pci_host, dev);

	BUG_ON(devfn >= PCI_HOST_FUNCTIONS);
	pthread_mutex_lock(&dev->lock);
	host->functions[devfn] = NULL;
	pthread_mutex_unlock(&dev->lock);
}
