/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manual pages, found and shown by the system's own man(1).
 */
#ifndef LKVM_MANUAL_H
#define LKVM_MANUAL_H

#include <stddef.h>

char *manual_find(const char *program, const char *page);
int manual_show(const char *path);
size_t manual_plain(char *text, size_t len);

#endif /* LKVM_MANUAL_H */
