/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who carries interrupts of PCI functions to the guest's interrupt controllers: messages, which
 * the guest chooses at run time, and lines.
 */
#ifndef LKVM_IRQ_ROUTER_H
#define LKVM_IRQ_ROUTER_H

#include "types.h"

struct irq;

/**
 * struct irq_router - embed it in what does it; any thread may call
 * @message:	from now on @irq->fd delivers this message (MSI); for one that is connected
 *		already, another one than before. Returns 0 or -errno, not said
 * @line:	from now on @irq->fd and @irq->resample_fd are the level-triggered line @irq->gsi.
 *		Returns 0 or -errno, not said
 *
 * Closing @irq->fd disconnects it.
 */
struct irq_router {
	int (*message)(struct irq_router *router, struct irq *irq, u64 address, u32 data);
	int (*line)(struct irq_router *router, struct irq *irq);
};

#endif /* LKVM_IRQ_ROUTER_H */
