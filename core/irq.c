// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts as eventfds, see include/irq.h. The board connects them to KVM by
 * irqfd; a test reads them itself.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "irq.h"
#include "log.h"

/**
 * irq_init() - make an interrupt that is connected to nothing yet
 * @irq:	set up on success
 * @gsi:	the global system interrupt it will be routed to
 * @level:	level-triggered: make the resample descriptor too
 *
 * Return: 0 or -errno, said.
 */
int irq_init(struct irq *irq, u32 gsi, bool level)
{
	irq->gsi = gsi;
	irq->resample_fd = -1;
	irq->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (irq->fd < 0)
		return error(-errno, "eventfd for interrupt %u", gsi);
	if (level) {
		irq->resample_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (irq->resample_fd < 0) {
			int err = -errno;

			close(irq->fd);
			irq->fd = -1;
			return error(err, "eventfd for interrupt %u", gsi);
		}
	}
	return 0;
}

/**
 * irq_fini() - close an interrupt's descriptors
 */
void irq_fini(struct irq *irq)
{
	if (irq->fd >= 0)
		close(irq->fd);
	if (irq->resample_fd >= 0)
		close(irq->resample_fd);
	irq->fd = irq->resample_fd = -1;
}

/**
 * irq_raise() - raise an interrupt, from any thread
 * @irq:	the interrupt; NULL for a device that has none connected
 *
 * An edge-triggered one is a pulse; a level-triggered one stays raised until the
 * guest acknowledges it, which is told on @irq->resample_fd.
 */
void irq_raise(const struct irq *irq)
{
	u64 one = 1;

	/* EAGAIN: 2^64 - 2 pulses that nobody took; one more changes nothing. */
	if (irq && write(irq->fd, &one, sizeof(one)) < 0)
		BUG_ON(errno != EAGAIN);
}

/**
 * irq_take() - take what was raised, for tests and whoever stands in for KVM
 *
 * Return: whether the interrupt was raised since the last call.
 */
bool irq_take(const struct irq *irq)
{
	u64 count;

	return read(irq->fd, &count, sizeof(count)) == sizeof(count);
}
