/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the configuration of a kernel is that does not carry it.
 */
#ifndef LKVM_FIND_CONFIG_H
#define LKVM_FIND_CONFIG_H

char *find_config(const char *root, const char *kernel, const char *release);

#endif /* LKVM_FIND_CONFIG_H */
