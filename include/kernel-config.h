/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration that a Linux kernel was built with: the lines of a .config.
 */
#ifndef LKVM_KERNEL_CONFIG_H
#define LKVM_KERNEL_CONFIG_H

#include "types.h"

/* The largest that a distribution ships has 0.3 MiB. */
#define KERNEL_CONFIG_MAX (4U << 20)

struct kernel_config;

int kernel_config_parse(const void *text, size_t size, struct kernel_config **out);
int kernel_config_read(const char *path, struct kernel_config **out);
void kernel_config_free(struct kernel_config *cfg);

const char *kernel_config_get(const struct kernel_config *cfg, const char *name);
unsigned int kernel_config_count(const struct kernel_config *cfg);
const char *kernel_config_release(const struct kernel_config *cfg);

#endif /* LKVM_KERNEL_CONFIG_H */
