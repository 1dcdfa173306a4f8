/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A character backend: the host's end of a UART or of a console port.
 */
#ifndef LKVM_CHR_H
#define LKVM_CHR_H

#include "types.h"

struct chr;

/**
 * struct chr_ops - what a front end may ask of its backend, from any thread
 * @write:	takes up to @len bytes, returns how many it took; when that is
 *		fewer, front->writable() is called once there is room again
 * @resume:	the front end has room for input again after it took less than
 *		it was offered
 */
struct chr_ops {
	size_t (*write)(struct chr *chr, const u8 *data, size_t len);
	void (*resume)(struct chr *chr);
};

/**
 * struct chr_front - what a backend calls, holding no lock of its own
 * @input:	bytes for the guest; returns how many were taken
 * @writable:	there is room for output again
 * @line_break:	a serial break
 */
struct chr_front {
	size_t (*input)(void *opaque, const u8 *data, size_t len);
	void (*writable)(void *opaque);
	void (*line_break)(void *opaque);
};

/**
 * struct chr - embed it in a backend
 * @ops:	the backend's functions
 * @front:	the front end's, or NULL before it has attached
 * @opaque:	handed to them
 */
struct chr {
	const struct chr_ops *ops;
	const struct chr_front *front;
	void *opaque;
};

#endif /* LKVM_CHR_H */
