/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bits of control registers and flags (Intel SDM volume 3, 2.5; AMD APM volume 2, 3.1).
 */
#ifndef LKVM_X86_REGISTERS_H
#define LKVM_X86_REGISTERS_H

#define CR0_PE		(1ULL << 0)
#define CR0_ET		(1ULL << 4)
#define CR0_NE		(1ULL << 5)
#define CR0_WP		(1ULL << 16)
#define CR0_PG		(1ULL << 31)
#define CR4_PSE		(1ULL << 4)
#define CR4_PAE		(1ULL << 5)
#define CR4_LA57	(1ULL << 12)
#define RFLAGS_FIXED	(1ULL << 1)
#define RFLAGS_IF	(1ULL << 9)
#define RFLAGS_VM	(1ULL << 17)

#endif /* LKVM_X86_REGISTERS_H */
