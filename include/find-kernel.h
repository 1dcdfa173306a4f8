/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which kernel to boot when the user names none.
 */
#ifndef LKVM_FIND_KERNEL_H
#define LKVM_FIND_KERNEL_H

char *find_kernel(void);

#endif /* LKVM_FIND_KERNEL_H */
