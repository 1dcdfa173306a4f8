/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saved state: typed, bounded, versioned accessors that save or load with the
 * same calls, in a flattened device tree (so `dtc` can read a snapshot).
 *
 * A device's state() works on a scratch copy and commits it last:
 *
 *	struct foo_regs r = foo->regs;
 *	state_u8(st, "control", &r.control);
 *	state_u32_max(st, "head", &r.head, FOO_RING - 1);
 *	if (state_commit(st))
 *		foo->regs = r;
 *
 * When saving, the accessors write the values out; when loading, they fill them in,
 * and the first one that is missing or out of bounds makes all later ones, and
 * state_commit(), refuse.
 */
#ifndef LKVM_STATE_H
#define LKVM_STATE_H

#include "types.h"

struct state;

struct state *state_new_save(void);
struct state *state_new_load(const void *blob, size_t size);
void state_free(struct state *st);
const void *state_finish(struct state *st, size_t *size);

bool state_loading(const struct state *st);
int state_error(const struct state *st);
void state_fail(struct state *st, const char *name);

void state_begin(struct state *st, const char *name, unsigned int instance);
void state_end(struct state *st);

u32 state_version(struct state *st, u32 current);
void state_u8(struct state *st, const char *name, u8 *value);
void state_u16(struct state *st, const char *name, u16 *value);
void state_u32(struct state *st, const char *name, u32 *value);
void state_u64(struct state *st, const char *name, u64 *value);
void state_bool(struct state *st, const char *name, bool *value);
void state_u32_max(struct state *st, const char *name, u32 *value, u32 limit);
void state_bytes(struct state *st, const char *name, void *data, size_t size);
bool state_commit(struct state *st);

#endif /* LKVM_STATE_H */
