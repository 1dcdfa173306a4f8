/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The capabilities of KVM that an x86 machine needs or uses.
 */
#ifndef LKVM_KVM_NEEDS_H
#define LKVM_KVM_NEEDS_H

#include "kvm-probe.h"

extern const struct kvm_need x86_kvm_needs[];

#endif /* LKVM_KVM_NEEDS_H */
