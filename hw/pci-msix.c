// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI-X (PCI Local Bus 3.0, section 6.8.2): a table of messages with a mask for each, the
 * pending bits, and the control word in configuration space.
 *
 * A vector that the guest has masked stays connected: masking is a flag here, and what is
 * raised meanwhile sets the pending bit. Attaching and detaching an irqfd for each mask would cost
 * some ten microseconds a time.
 *
 * pci_msix_raise() may come from any thread and takes no lock; the rest runs in vCPU threads.
 */
#include <errno.h>

#include "irq-router.h"
#include "log.h"
#include "pci-host.h"
#include "pci-msix.h"
#include "util.h"

#define VECTOR_MASKED	PCI_MSIX_ENTRY_CTRL_MASKBIT

static u64 pba_offset(unsigned int count)
{
	return ALIGN_UP((u64)count * PCI_MSIX_ENTRY_SIZE, 8);
}

/**
 * pci_msix_size() - bytes that the table and the pending bits take: what the BAR decodes
 * @count:	vectors
 */
u64 pci_msix_size(unsigned int count)
{
	u64 need = pba_offset(count) + (count + 63) / 64 * 8, size = 4 * KiB;

	while (size < need)
		size *= 2;
	return size;
}

/**
 * pci_msix_init() - give a function MSI-X
 * @msix:	set up
 * @fn:		has its other capabilities, or not yet; not on the bus
 * @bar:	in which pci_msix_size() bytes are the table's, from 0 on
 * @count:	vectors, 1 to PCI_MSIX_MAX
 * @router:	carries them
 *
 * Return: 0 or -errno, said.
 */
int pci_msix_init(struct pci_msix *msix, struct pci_function *fn, unsigned int bar, unsigned int count,
		  struct irq_router *router)
{
	int at;

	BUG_ON(!count || count > PCI_MSIX_MAX);
	*msix = (struct pci_msix){ .fn = fn, .router = router, .count = count };
	pthread_mutex_init(&msix->lock, NULL);
	msix->vectors = calloc(count, sizeof(msix->vectors[0]));
	if (!msix->vectors)
		return error(-ENOMEM, "MSI-X");
	for (unsigned int i = 0; i < count; i++) {
		msix->vectors[i].irq = (struct irq){ .fd = -1, .resample_fd = -1 };
		msix->vectors[i].control = VECTOR_MASKED;
	}
	at = pci_function_capability(fn, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF);
	if (at < 0)
		return error(at, "MSI-X");
	msix->capability = at;
	pci_function_set(fn, at + PCI_MSIX_FLAGS, 2, count - 1, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_function_set(fn, at + PCI_MSIX_TABLE, 4, bar, 0);
	pci_function_set(fn, at + PCI_MSIX_PBA, 4, pba_offset(count) | bar, 0);
	return 0;
}

/**
 * pci_msix_fini() - disconnect all vectors, and release what they had
 */
void pci_msix_fini(struct pci_msix *msix)
{
	for (unsigned int i = 0; msix->vectors && i < msix->count; i++)
		irq_fini(&msix->vectors[i].irq);
	free(msix->vectors);
	msix->vectors = NULL;
	pthread_mutex_destroy(&msix->lock);
}

/**
 * pci_msix_enabled() - whether the guest has chosen MSI-X over the line
 */
bool pci_msix_enabled(const struct pci_msix *msix)
{
	return msix->enabled;
}

static bool connect(struct pci_msix *msix, struct pci_msix_vector *v)
{
	if (v->connected && v->connected_address == v->address && v->connected_data == v->data)
		return true;
	if (v->failed)
		return false;
	/* Said once: a guest that tries again and again does not fill the user's terminal. */
	v->failed = v->irq.fd < 0 && irq_init(&v->irq, 0, false);
	if (v->failed)
		return false;
	if (msix->router->message(msix->router, &v->irq, v->address, v->data))
		return false;
	v->connected = true;
	v->connected_address = v->address;
	v->connected_data = v->data;
	return true;
}

/* With the lock: whether a vector may go to the guest has changed, or what it says. */
static void update(struct pci_msix *msix, struct pci_msix_vector *v)
{
	bool deliver = msix->enabled && !msix->all_masked && !(v->control & VECTOR_MASKED);

	v->deliver = deliver && connect(msix, v);
	if (v->deliver && atomic_exchange(&v->pending, false))
		irq_raise(&v->irq);
}

/**
 * pci_msix_config_written() - the guest has written the control word; for config_write()
 */
void pci_msix_config_written(struct pci_msix *msix)
{
	u16 flags = pci_function_get(msix->fn, msix->capability + PCI_MSIX_FLAGS, 2);

	pthread_mutex_lock(&msix->lock);
	msix->enabled = flags & PCI_MSIX_FLAGS_ENABLE;
	msix->all_masked = flags & PCI_MSIX_FLAGS_MASKALL;
	for (unsigned int i = 0; i < msix->count; i++)
		update(msix, &msix->vectors[i]);
	pthread_mutex_unlock(&msix->lock);
}

static u32 *field(struct pci_msix_vector *v, unsigned int offset)
{
	switch (offset) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return (u32 *)&v->address;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		return (u32 *)&v->address + 1;
	case PCI_MSIX_ENTRY_DATA:
		return &v->data;
	default:
		return &v->control;
	}
}

static u32 pending_bits(const struct pci_msix *msix, u64 first)
{
	u32 bits = 0;

	for (unsigned int i = 0; i < 32 && first + i < msix->count; i++)
		bits |= (u32)msix->vectors[first + i].pending << i;
	return bits;
}

/**
 * pci_msix_read() - the guest reads the table or the pending bits
 * @offset:	a multiple of @size
 * @size:	1, 2 or 4
 */
u32 pci_msix_read(struct pci_msix *msix, u64 offset, unsigned int size)
{
	u64 word = ALIGN_DOWN(offset, 4), pba = pba_offset(msix->count);
	u32 value = 0;

	pthread_mutex_lock(&msix->lock);
	if (word / PCI_MSIX_ENTRY_SIZE < msix->count)
		value = *field(&msix->vectors[word / PCI_MSIX_ENTRY_SIZE], word % PCI_MSIX_ENTRY_SIZE);
	else if (word >= pba)
		value = pending_bits(msix, (word - pba) * 8);
	pthread_mutex_unlock(&msix->lock);
	return value >> (offset & 3) * 8;
}

/**
 * pci_msix_write() - the guest writes the table
 *
 * Only whole words count; 6.8.2 leaves narrower writes undefined, and the pending bits are
 * read-only.
 */
void pci_msix_write(struct pci_msix *msix, u64 offset, u32 value, unsigned int size)
{
	u64 index = offset / PCI_MSIX_ENTRY_SIZE;
	struct pci_msix_vector *v;

	if (size != 4 || index >= msix->count)
		return;
	pthread_mutex_lock(&msix->lock);
	v = &msix->vectors[index];
	if (offset % PCI_MSIX_ENTRY_SIZE == PCI_MSIX_ENTRY_VECTOR_CTRL)
		value &= VECTOR_MASKED;
	*field(v, offset % PCI_MSIX_ENTRY_SIZE) = value;
	/* An address that changes while it is unmasked is half of a message until the data follows. */
	if (offset % PCI_MSIX_ENTRY_SIZE >= PCI_MSIX_ENTRY_DATA)
		update(msix, v);
	pthread_mutex_unlock(&msix->lock);
}

/**
 * pci_msix_raise() - send a message, or note that it is pending; from any thread
 * @vector:	one that there is not is not sent
 */
void pci_msix_raise(struct pci_msix *msix, unsigned int vector)
{
	struct pci_msix_vector *v;

	if (vector >= msix->count || !msix->enabled)
		return;
	v = &msix->vectors[vector];
	if (!v->deliver) {
		v->pending = true;
		/* Whoever unmasks it now has seen that, or we see that it is unmasked. */
		if (!v->deliver || !atomic_exchange(&v->pending, false))
			return;
	}
	irq_raise(&v->irq);
}
