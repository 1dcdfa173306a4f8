/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine in words, and as a device tree.
 */
#ifndef LKVM_DESCRIBE_H
#define LKVM_DESCRIBE_H

struct machine;

void describe_print(const struct machine *m, const char *kernel);
int describe_dtb(const struct machine *m, const char *path);

#endif /* LKVM_DESCRIBE_H */
