/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A UART on a pseudo-terminal of the host.
 */
#ifndef LKVM_PTY_H
#define LKVM_PTY_H

#include "types.h"

struct chr;
struct loop;
struct pty;

int pty_new(struct loop *loop, void (*output_seen)(void *arg, const u8 *data, size_t len), void *arg,
	    struct pty **out);
void pty_free(struct pty *pty);
struct chr *pty_chr(struct pty *pty);
const char *pty_name(const struct pty *pty);

#endif /* LKVM_PTY_H */
