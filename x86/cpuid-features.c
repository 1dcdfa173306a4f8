// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of CPUID's feature bits, those of /proc/cpuinfo where Linux has one; the
 * bits are numbered by the Intel SDM (volume 2A), the AMD APM (volume 3, appendix E) and
 * KVM's cpuid.rst.
 */
#include <string.h>

#include "cpuid-features.h"
#include "util.h"

static const struct leaf {
	u32 function;
	u32 index;
	enum cpuid_reg reg;
	const char *names[32];
} leaves[] = {
	{ 0x1, 0, CPUID_ECX, {
		"pni", "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx", "smx", "est", "tm2", "ssse3",
		"cid", "sdbg", "fma", "cx16", "xtpr", "pdcm", NULL, "pcid", "dca", "sse4_1", "sse4_2",
		"x2apic", "movbe", "popcnt", "tsc_deadline_timer", "aes", "xsave", NULL, "avx", "f16c",
		"rdrand", "hypervisor",
	} },
	{ 0x1, 0, CPUID_EDX, {
		"fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep",
		"mtrr", "pge", "mca", "cmov", "pat", "pse36", "pn", "clflush", NULL, "dts", "acpi",
		"mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe",
	} },
	{ 0x7, 0, CPUID_EBX, {
		"fsgsbase", "tsc_adjust", "sgx", "bmi1", "hle", "avx2", NULL, "smep", "bmi2", "erms",
		"invpcid", "rtm", "cqm", NULL, "mpx", "rdt_a", "avx512f", "avx512dq", "rdseed", "adx",
		"smap", "avx512ifma", NULL, "clflushopt", "clwb", "intel_pt", "avx512pf", "avx512er",
		"avx512cd", "sha_ni", "avx512bw", "avx512vl",
	} },
	{ 0x7, 0, CPUID_ECX, {
		NULL, "avx512vbmi", "umip", "pku", "ospke", "waitpkg", "avx512_vbmi2", NULL, "gfni",
		"vaes", "vpclmulqdq", "avx512_vnni", "avx512_bitalg", "tme", "avx512_vpopcntdq", NULL,
		"la57", NULL, NULL, NULL, NULL, NULL, "rdpid", NULL, "bus_lock_detect", "cldemote",
		NULL, "movdiri", "movdir64b", "enqcmd", "sgx_lc", "pks",
	} },
	{ 0x7, 0, CPUID_EDX, {
		NULL, NULL, "avx512_4vnniw", "avx512_4fmaps", "fsrm", NULL, NULL, NULL,
		"avx512_vp2intersect", "srbds_ctrl", "md_clear", "rtm_always_abort", NULL, NULL,
		"serialize", "hybrid_cpu", "tsxldtrk", NULL, "pconfig", "arch_lbr", "ibt", NULL,
		"amx_bf16", "avx512_fp16", "amx_tile", "amx_int8", "spec_ctrl", "intel_stibp",
		"flush_l1d", "arch_capabilities", "core_capabilities", "spec_ctrl_ssbd",
	} },
	{ 0x7, 1, CPUID_EAX, {
		NULL, NULL, NULL, NULL, "avx_vnni", "avx512_bf16", "lass", "cmpccxadd", NULL, NULL,
		"fzrm", "fsrs", "fsrc", NULL, NULL, NULL, NULL, "fred", "lkgs", "wrmsrns", NULL,
		"amx_fp16", NULL, "avx_ifma", NULL, NULL, "lam",
	} },
	{ 0xd, 1, CPUID_EAX, {
		"xsaveopt", "xsavec", "xgetbv1", "xsaves",
	} },
	{ 0x80000001, 0, CPUID_ECX, {
		"lahf_lm", "cmp_legacy", "svm", "extapic", "cr8_legacy", "abm", "sse4a", "misalignsse",
		"3dnowprefetch", "osvw", "ibs", "xop", "skinit", "wdt", NULL, "lwp", "fma4", "tce",
		NULL, "nodeid_msr", NULL, "tbm", "topoext", "perfctr_core", "perfctr_nb", NULL,
		"bpext", "ptsc", "perfctr_llc", "mwaitx",
	} },
	{ 0x80000001, 0, CPUID_EDX, {
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "syscall", NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, "mp", "nx", NULL, "mmxext", NULL, NULL, "fxsr_opt",
		"pdpe1gb", "rdtscp", NULL, "lm", "3dnowext", "3dnow",
	} },
	{ 0x80000008, 0, CPUID_EBX, {
		"clzero", "irperf", "xsaveerptr", NULL, "rdpru", NULL, NULL, NULL, NULL, "wbnoinvd",
		NULL, NULL, "amd_ibpb", NULL, "amd_ibrs", "amd_stibp", NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, "amd_ssbd", "virt_ssbd", "amd_ssb_no",
	} },
	{ 0x40000001, 0, CPUID_EAX, {
		"kvmclock", "kvm_nopiodelay", NULL, "kvmclock2", "kvm_asyncpf", "kvm_steal_time",
		"kvm_pv_eoi", "kvm_pv_unhalt", NULL, "kvm_pv_tlb_flush", "kvm_asyncpf_vmexit",
		"kvm_pv_ipi", "kvm_poll_control", "kvm_pv_sched_yield", "kvm_asyncpf_int",
		"kvm_msi_ext_dest_id", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		"kvmclock_stable",
	} },
};

/**
 * cpuid_feature_next() - walk the features that have a name
 * @f:		all zero for the first, then as the last call left it
 *
 * Return: whether there was one more, and then @f is it.
 */
bool cpuid_feature_next(struct cpuid_feature *f)
{
	for (; f->next < ARRAY_SIZE(leaves) * 32; f->next++) {
		const struct leaf *l = &leaves[f->next / 32];

		if (!l->names[f->next % 32])
			continue;
		f->name = l->names[f->next % 32];
		f->function = l->function;
		f->index = l->index;
		f->reg = l->reg;
		f->bit = f->next % 32;
		f->next++;
		return true;
	}
	return false;
}

/**
 * cpuid_feature_by_name() - look a feature up
 * @name:	need not end in NUL
 * @len:	its length in bytes
 * @f:		set to the feature
 *
 * Return: whether there is one with this name.
 */
bool cpuid_feature_by_name(const char *name, size_t len, struct cpuid_feature *f)
{
	*f = (struct cpuid_feature){};
	while (cpuid_feature_next(f))
		if (strlen(f->name) == len && !memcmp(f->name, name, len))
			return true;
	return false;
}

/**
 * cpuid_is_feature_leaf() - whether the bits of a leaf are features
 */
bool cpuid_is_feature_leaf(u32 function, u32 index)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(leaves); i++)
		if (leaves[i].function == function && leaves[i].index == index)
			return true;
	return false;
}
