/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port writes that KVM collects instead of leaving the guest for each.
 */
#ifndef LKVM_COALESCE_H
#define LKVM_COALESCE_H

#include "types.h"

struct bus;
struct coalesce;
struct kvm_vm;
struct loop;

struct coalesce *coalesce_new(struct kvm_vm *vm, struct bus *pio, struct loop *loop);
void coalesce_free(struct coalesce *c);
void coalesce_port(struct coalesce *c, u16 port, unsigned int size);
void coalesce_attach(struct coalesce *c, void *run, size_t run_size);
void coalesce_drain(struct coalesce *c);
void coalesce_after_exit(struct coalesce *c);

#endif /* LKVM_COALESCE_H */
