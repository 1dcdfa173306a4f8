/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interrupt: an eventfd. KVM's irqfd, vhost or a test may be at the other end.
 */
#ifndef LKVM_IRQ_H
#define LKVM_IRQ_H

#include "types.h"

/**
 * struct irq - one interrupt line or message
 * @fd:			eventfd; a write raises the interrupt, from any thread
 * @resample_fd:	for a level-triggered line: eventfd that is signalled when
 *			the guest has acknowledged it and the line was lowered, so
 *			that a device that still wants attention raises it again; else -1
 * @gsi:		the global system interrupt that it is routed to
 */
struct irq {
	int fd;
	int resample_fd;
	u32 gsi;
};

int irq_init(struct irq *irq, u32 gsi, bool level);
void irq_fini(struct irq *irq);
void irq_raise(const struct irq *irq);
bool irq_take(const struct irq *irq);

#endif /* LKVM_IRQ_H */
