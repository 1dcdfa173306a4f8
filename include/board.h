/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boards that there are.
 */
#ifndef LKVM_BOARD_H
#define LKVM_BOARD_H

struct board;

extern const struct board x86_board;

#endif /* LKVM_BOARD_H */
