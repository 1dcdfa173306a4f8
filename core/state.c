// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saved state in a flattened device tree, see include/state.h.
 *
 * Each device is a node "name@instance" below the root; numbers of up to 32 bits
 * are one cell, of 64 bits two, both big endian as in any device tree. What is
 * loaded is untrusted: the tree is checked as a whole by libfdt first, and each
 * value for its length and bound.
 */
#include <errno.h>
#include <libfdt.h>

#include "log.h"
#include "state.h"
#include "util.h"

#define STATE_FIRST_SIZE (16 * KiB)
#define STATE_LIMIT	 (256 * MiB)
#define STATE_DEPTH	 8

struct state {
	bool loading;
	int err;
	void *fdt;
	size_t size;		/* of the buffer, when saving */
	const void *blob;	/* what is read, when loading */
	unsigned int depth;	/* sections that are open */
	int nodes[STATE_DEPTH + 1]; /* when loading: the root and the open sections */
};

/**
 * state_new_save() - begin to save
 *
 * Return: an empty state, or NULL without memory.
 */
struct state *state_new_save(void)
{
	struct state *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->size = STATE_FIRST_SIZE;
	st->fdt = malloc(st->size);
	if (!st->fdt || fdt_create(st->fdt, st->size) || fdt_finish_reservemap(st->fdt) ||
	    fdt_begin_node(st->fdt, "")) {
		state_free(st);
		return NULL;
	}
	return st;
}

/**
 * state_new_load() - begin to load
 * @blob:	what state_finish() gave; stays the caller's and must outlive the state
 * @size:	its size in bytes
 *
 * Return: the state, or NULL when the blob is damaged or there is no memory.
 */
struct state *state_new_load(const void *blob, size_t size)
{
	struct state *st;

	if (fdt_check_full(blob, size))
		return NULL;
	st = calloc(1, sizeof(*st));
	if (!st)
		return NULL;
	st->loading = true;
	st->blob = blob;
	return st;
}

/**
 * state_free() - end saving or loading
 */
void state_free(struct state *st)
{
	if (!st)
		return;
	free(st->fdt);
	free(st);
}

static bool reserve(struct state *st, size_t payload);

/**
 * state_finish() - close what was saved
 * @st:		a state that saves
 * @size:	set to the size of the result in bytes
 *
 * Return: the tree, which belongs to @st, or NULL when something failed.
 */
const void *state_finish(struct state *st, size_t *size)
{
	BUG_ON(st->loading);
	if (st->err)
		return NULL;
	if (!reserve(st, 0) || fdt_end_node(st->fdt) || fdt_finish(st->fdt))
		return NULL;
	*size = fdt_totalsize(st->fdt);
	return st->fdt;
}

/**
 * state_loading() - whether the accessors fill values in
 */
bool state_loading(const struct state *st)
{
	return st->loading;
}

/**
 * state_error() - 0, or the first thing that went wrong as -errno
 */
int state_error(const struct state *st)
{
	return st->err;
}

/**
 * state_fail() - a device refuses a value that it has loaded
 * @st:		the state
 * @name:	of the value, for the message
 */
void state_fail(struct state *st, const char *name)
{
	if (!st->err)
		st->err = error(-EBADMSG, "saved state: %s", name);
}

/* Double the buffer; the sequential writer keeps its place. */
static int grow(struct state *st)
{
	size_t size = st->size * 2;
	void *buf;

	if (size > STATE_LIMIT)
		return -EFBIG;
	buf = malloc(size);
	if (!buf)
		return -ENOMEM;
	if (fdt_resize(st->fdt, buf, size)) {
		free(buf);
		return -EINVAL;
	}
	free(st->fdt);
	st->fdt = buf;
	st->size = size;
	return 0;
}

/* Make sure that one more property or node fits, its end tags included. */
static bool reserve(struct state *st, size_t payload)
{
	if (st->err)
		return false;
	/* While it is written, the tree's own size says how far it has come. */
	while (!st->err && fdt_off_dt_struct(st->fdt) + fdt_size_dt_struct(st->fdt) +
			   fdt_size_dt_strings(st->fdt) + payload + 256 > st->size)
		st->err = grow(st);
	return !st->err;
}

/**
 * state_begin() - enter a section: a device's, or one within another
 * @st:		the state
 * @name:	the kind of device
 * @instance:	which one
 *
 * A section's values come before the sections within it, as in any device tree.
 */
void state_begin(struct state *st, const char *name, unsigned int instance)
{
	char node[64];

	if (st->err)
		return;
	BUG_ON(st->depth == STATE_DEPTH);
	snprintf(node, sizeof(node), "%s@%x", name, instance);
	st->depth++;
	if (st->loading) {
		st->nodes[st->depth] = fdt_subnode_offset(st->blob, st->nodes[st->depth - 1], node);
		if (st->nodes[st->depth] < 0)
			state_fail(st, node);
		return;
	}
	if (reserve(st, sizeof(node)) && fdt_begin_node(st->fdt, node))
		st->err = -EINVAL;
}

/**
 * state_end() - leave the section that was entered last
 */
void state_end(struct state *st)
{
	if (st->err)
		return;
	BUG_ON(!st->depth);
	st->depth--;
	if (!st->loading && fdt_end_node(st->fdt))
		st->err = -EINVAL;
}

/**
 * state_bytes() - a run of bytes of fixed length
 * @st:		the state
 * @name:	of the value within the section
 * @data:	saved from or loaded to here
 * @size:	bytes; another length is refused when loading
 */
void state_bytes(struct state *st, const char *name, void *data, size_t size)
{
	const void *p;
	int len;

	if (st->err)
		return;
	if (!st->loading) {
		if (reserve(st, size + strlen(name)) && fdt_property(st->fdt, name, data, size))
			st->err = -EINVAL;
		return;
	}
	p = fdt_getprop(st->blob, st->nodes[st->depth], name, &len);
	if (!p || (size_t)len != size)
		state_fail(st, name);
	else
		memcpy(data, p, size);
}

/**
 * state_u32_max() - a number with an upper bound
 * @limit:	the largest value that loading accepts
 */
void state_u32_max(struct state *st, const char *name, u32 *value, u32 limit)
{
	fdt32_t cell = cpu_to_fdt32(*value);

	state_bytes(st, name, &cell, sizeof(cell));
	if (st->err || !st->loading)
		return;
	if (fdt32_to_cpu(cell) > limit)
		state_fail(st, name);
	else
		*value = fdt32_to_cpu(cell);
}

/**
 * state_u32() - a number of 32 bits
 */
void state_u32(struct state *st, const char *name, u32 *value)
{
	state_u32_max(st, name, value, UINT32_MAX);
}

/**
 * state_u64() - a number of 64 bits
 */
void state_u64(struct state *st, const char *name, u64 *value)
{
	fdt64_t cells = cpu_to_fdt64(*value);

	state_bytes(st, name, &cells, sizeof(cells));
	if (!st->err)
		*value = fdt64_to_cpu(cells);
}

/**
 * state_u8() - a number of 8 bits
 */
void state_u8(struct state *st, const char *name, u8 *value)
{
	u32 v = *value;

	state_u32_max(st, name, &v, UINT8_MAX);
	*value = v;
}

/**
 * state_u16() - a number of 16 bits
 */
void state_u16(struct state *st, const char *name, u16 *value)
{
	u32 v = *value;

	state_u32_max(st, name, &v, UINT16_MAX);
	*value = v;
}

/**
 * state_bool() - true or false
 */
void state_bool(struct state *st, const char *name, bool *value)
{
	u32 v = *value;

	state_u32_max(st, name, &v, 1);
	*value = v;
}

/**
 * state_version() - the version of a section
 * @st:		the state
 * @current:	what this code writes, and the newest it can read; from 1
 *
 * Return: @current when saving; when loading the version that was found.
 */
u32 state_version(struct state *st, u32 current)
{
	u32 v = current;

	state_u32_max(st, "version", &v, current);
	if (!st->err && !v)
		state_fail(st, "version");
	return v;
}

/**
 * state_commit() - whether a device may take over its scratch copy
 *
 * Return: true when loading and every value was there and in bounds.
 */
bool state_commit(struct state *st)
{
	return st->loading && !st->err;
}
