/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How fast guest code runs on a KVM.
 */
#ifndef LKVM_SPEED_H
#define LKVM_SPEED_H

struct guest_speed;

int speed_measure(const char *kvm_path, struct guest_speed *speed);

#endif /* LKVM_SPEED_H */
