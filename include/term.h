/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The user's terminal in raw mode, and back again on every way out.
 */
#ifndef LKVM_TERM_H
#define LKVM_TERM_H

#include <stdbool.h>

void term_open_std(void);
bool term_is_foreground(int fd);
int term_raw(int fd);
void term_restore(void);

#endif /* LKVM_TERM_H */
