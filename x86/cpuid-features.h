/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The feature bits of CPUID by their names in /proc/cpuinfo.
 */
#ifndef LKVM_X86_CPUID_FEATURES_H
#define LKVM_X86_CPUID_FEATURES_H

#include "types.h"

#define KVM_CPUID_FEATURES 0x40000001U

enum cpuid_reg { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

/**
 * struct cpuid_feature - one bit
 * @name:	as in /proc/cpuinfo
 * @function:	the leaf
 * @index:	its subleaf
 * @reg:	the register
 * @bit:	in the register
 * @next:	owned by cpuid_feature_next()
 */
struct cpuid_feature {
	const char *name;
	u32 function;
	u32 index;
	enum cpuid_reg reg;
	unsigned int bit;
	unsigned int next;
};

bool cpuid_feature_next(struct cpuid_feature *f);
bool cpuid_feature_by_name(const char *name, size_t len, struct cpuid_feature *f);
bool cpuid_is_feature_leaf(u32 function, u32 index);

#endif /* LKVM_X86_CPUID_FEATURES_H */
