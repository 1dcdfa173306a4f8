/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doorbells: addresses whose writes become events without an exit to user space.
 */
#ifndef LKVM_DOORBELL_H
#define LKVM_DOORBELL_H

#include "types.h"

/**
 * struct doorbell - one of them
 * @addr:	guest-physical address
 * @size:	bytes of a write that counts; 0 for any
 * @match:	only the value @value counts
 * @value:	that value
 * @fd:		eventfd that is written
 */
struct doorbell {
	u64 addr;
	unsigned int size;
	bool match;
	u32 value;
	int fd;
};

/**
 * struct doorbells - who can watch them; embed it
 * @set:	begin to watch, or stop to; returns 0 or -errno, not said. Writes reach the bus
 *		where nobody watches, so a device works without
 */
struct doorbells {
	int (*set)(struct doorbells *d, const struct doorbell *bell, bool on);
};

#endif /* LKVM_DOORBELL_H */
