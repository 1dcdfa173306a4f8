/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model-specific registers and their bits that lkvm sets (Intel SDM volume 4, AMD
 * APM volume 2 appendix A).
 */
#ifndef LKVM_X86_MSR_H
#define LKVM_X86_MSR_H

#define MSR_IA32_TSC			0x010
#define MSR_IA32_MISC_ENABLE		0x1a0
#define MSR_IA32_MISC_ENABLE_FAST_STRING (1ULL << 0)
#define MSR_MTRR_DEF_TYPE		0x2ff
#define MSR_MTRR_DEF_TYPE_WB		0x006
#define MSR_MTRR_DEF_TYPE_ENABLE	(1ULL << 11)

#define EFER_LME			(1ULL << 8)
#define EFER_LMA			(1ULL << 10)

#endif /* LKVM_X86_MSR_H */
