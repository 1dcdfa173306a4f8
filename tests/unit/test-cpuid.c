// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU models: feature names and their bits, the words of --cpu, and the APIC ids of a
 * topology.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "../../x86/cpuid-features.h"
#include "cpu.h"
#include "images.h"
#include "topology.h"
#include "util.h"

/* --- names --- */

/* From the manuals, one of each register and of each end. */
static const struct {
	const char *name;
	u32 function, index;
	enum cpuid_reg reg;
	unsigned int bit;
} known[] = {
	{ "fpu", 1, 0, CPUID_EDX, 0 }, { "apic", 1, 0, CPUID_EDX, 9 }, { "sse2", 1, 0, CPUID_EDX, 26 },
	{ "ht", 1, 0, CPUID_EDX, 28 }, { "pbe", 1, 0, CPUID_EDX, 31 },
	{ "pni", 1, 0, CPUID_ECX, 0 }, { "vmx", 1, 0, CPUID_ECX, 5 }, { "pcid", 1, 0, CPUID_ECX, 17 },
	{ "x2apic", 1, 0, CPUID_ECX, 21 }, { "tsc_deadline_timer", 1, 0, CPUID_ECX, 24 },
	{ "xsave", 1, 0, CPUID_ECX, 26 }, { "avx", 1, 0, CPUID_ECX, 28 }, { "hypervisor", 1, 0, CPUID_ECX, 31 },
	{ "fsgsbase", 7, 0, CPUID_EBX, 0 }, { "tsc_adjust", 7, 0, CPUID_EBX, 1 }, { "avx2", 7, 0, CPUID_EBX, 5 },
	{ "smap", 7, 0, CPUID_EBX, 20 }, { "avx512vl", 7, 0, CPUID_EBX, 31 },
	{ "umip", 7, 0, CPUID_ECX, 2 }, { "la57", 7, 0, CPUID_ECX, 16 }, { "rdpid", 7, 0, CPUID_ECX, 22 },
	{ "pks", 7, 0, CPUID_ECX, 31 },
	{ "fsrm", 7, 0, CPUID_EDX, 4 }, { "amx_int8", 7, 0, CPUID_EDX, 25 }, { "spec_ctrl", 7, 0, CPUID_EDX, 26 },
	{ "spec_ctrl_ssbd", 7, 0, CPUID_EDX, 31 },
	{ "avx_vnni", 7, 1, CPUID_EAX, 4 }, { "lam", 7, 1, CPUID_EAX, 26 },
	{ "xsaveopt", 0xd, 1, CPUID_EAX, 0 }, { "xsaves", 0xd, 1, CPUID_EAX, 3 },
	{ "lahf_lm", 0x80000001, 0, CPUID_ECX, 0 }, { "svm", 0x80000001, 0, CPUID_ECX, 2 },
	{ "topoext", 0x80000001, 0, CPUID_ECX, 22 }, { "mwaitx", 0x80000001, 0, CPUID_ECX, 29 },
	{ "syscall", 0x80000001, 0, CPUID_EDX, 11 }, { "nx", 0x80000001, 0, CPUID_EDX, 20 },
	{ "pdpe1gb", 0x80000001, 0, CPUID_EDX, 26 }, { "lm", 0x80000001, 0, CPUID_EDX, 29 },
	{ "clzero", 0x80000008, 0, CPUID_EBX, 0 }, { "amd_ssbd", 0x80000008, 0, CPUID_EBX, 24 },
	{ "kvmclock", 0x40000001, 0, CPUID_EAX, 0 }, { "kvm_steal_time", 0x40000001, 0, CPUID_EAX, 5 },
	{ "kvm_msi_ext_dest_id", 0x40000001, 0, CPUID_EAX, 15 }, { "kvmclock_stable", 0x40000001, 0, CPUID_EAX, 24 },
};

static void features_by_name(void **state)
{
	struct cpuid_feature f;

	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		/* The name need not end where it ends. */
		char longer[64];

		snprintf(longer, sizeof(longer), "%s,+x", known[i].name);
		assert_true(cpuid_feature_by_name(longer, strlen(known[i].name), &f));
		assert_string_equal(f.name, known[i].name);
		assert_int_equal(f.function, known[i].function);
		assert_int_equal(f.index, known[i].index);
		assert_int_equal(f.reg, known[i].reg);
		assert_int_equal(f.bit, known[i].bit);
		assert_true(cpuid_is_feature_leaf(f.function, f.index));
	}
}

static void no_such_feature(void **state)
{
	static const char *const names[] = { "", "avx", "AVX2", "avx22", "avx512", "nonsense", "avx2 ", "+avx2" };
	struct cpuid_feature f;

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(cpuid_feature_by_name(names[i], strlen(names[i]), &f), i == 1);
	/* Half a name is none, and neither is one with its NUL. */
	assert_false(cpuid_feature_by_name("avx2", 2, &f));
	assert_false(cpuid_feature_by_name("avx2", 5, &f));
	assert_false(cpuid_is_feature_leaf(0, 0));
	assert_false(cpuid_is_feature_leaf(1, 1));
	assert_false(cpuid_is_feature_leaf(7, 2));
	assert_false(cpuid_is_feature_leaf(UINT32_MAX, 0));
}

static void names_are_unique(void **state)
{
	struct cpuid_feature f = {}, found;
	unsigned int n = 0;

	while (cpuid_feature_next(&f)) {
		n++;
		assert_true(f.bit < 32);
		assert_true(strlen(f.name) > 0);
		for (const char *p = f.name; *p; p++)
			assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789_", *p));
		assert_true(cpuid_feature_by_name(f.name, strlen(f.name), &found));
		assert_true(found.function == f.function && found.index == f.index && found.reg == f.reg &&
			    found.bit == f.bit);
	}
	assert_true(n > 200);
	assert_false(cpuid_feature_next(&f));
}

/* --- --cpu --- */

static void good_models(void **state)
{
	static const char *const specs[] = {
		NULL, "", "host", "max", "host,+avx2", "max,-vmx,-svm", "+x2apic",
		"-tsc_deadline_timer,+kvmclock", "host,", "host,max,host",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(specs); i++) {
		said_start();
		assert_int_equal(cpu_model_check(specs[i]), 0);
		assert_int_equal(said_lines(), 0);
	}
}

static void bad_models(void **state)
{
	static const struct { const char *spec, *named; } table[] = {
		{ "nonsense", "nonsense" }, { "hos", "hos" }, { "hostt", "hostt" }, { "MAX", "MAX" },
		{ "+nonsense", "nonsense" }, { "host,-avx22", "avx22" }, { "+", "+" }, { "-", "-" },
		{ "host,,max", "host,,max" },
		{ "avx2", "avx2" }, { "host +avx2", "host +avx2" }, { "+avx2-avx", "avx2-avx" }, { ",", "," },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		said_start();
		assert_int_equal(cpu_model_check(table[i].spec), -EINVAL);
		assert_int_equal(said_lines(), 1);
		assert_non_null(strstr(said(), "--cpu"));
		assert_non_null(strstr(said(), table[i].named));
	}
}

/* --- topology --- */

static void apic_ids(void **state)
{
	static const struct {
		struct topology t;
		unsigned int thread_bits, socket_bits;
		u32 ids[16];
	} table[] = {
		{ { 1, 1, 1, 1 }, 0, 0, { 0 } },
		{ { 4, 1, 4, 1 }, 0, 2, { 0, 1, 2, 3 } },
		{ { 4, 4, 1, 1 }, 0, 0, { 0, 1, 2, 3 } },
		{ { 8, 2, 2, 2 }, 1, 2, { 0, 1, 2, 3, 4, 5, 6, 7 } },
		/* With what is no power of two there are gaps. */
		{ { 6, 2, 3, 1 }, 0, 2, { 0, 1, 2, 4, 5, 6 } },
		{ { 6, 1, 2, 3 }, 2, 3, { 0, 1, 2, 4, 5, 6 } },
		{ { 6, 3, 1, 2 }, 1, 1, { 0, 1, 2, 3, 4, 5 } },
		{ { 12, 2, 3, 2 }, 1, 3, { 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13 } },
		{ { 9, 1, 3, 3 }, 2, 4, { 0, 1, 2, 4, 5, 6, 8, 9, 10 } },
		{ { 5, 1, 5, 1 }, 0, 3, { 0, 1, 2, 3, 4 } },
		{ { 10, 2, 1, 5 }, 3, 3, { 0, 1, 2, 3, 4, 8, 9, 10, 11, 12 } },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		const struct topology *t = &table[i].t;

		assert_int_equal(topology_thread_bits(t), table[i].thread_bits);
		assert_int_equal(topology_socket_bits(t), table[i].socket_bits);
		for (unsigned int cpu = 0; cpu < t->cpus; cpu++)
			assert_int_equal(topology_apic_id(t, cpu), table[i].ids[cpu]);
	}
}

/* Ids rise, so all are different, and each tells its place. */
static void apic_ids_tell_the_place(void **state)
{
	for (unsigned int sockets = 1; sockets <= 7; sockets++) {
		for (unsigned int cores = 1; cores <= 17; cores++) {
			for (unsigned int threads = 1; threads <= 5; threads++) {
				struct topology t = { sockets * cores * threads, sockets, cores, threads };
				unsigned int tb = topology_thread_bits(&t), sb = topology_socket_bits(&t);
				u32 last = 0;

				for (unsigned int cpu = 0; cpu < t.cpus; cpu++) {
					u32 id = topology_apic_id(&t, cpu);

					assert_true(!cpu || id > last);
					assert_int_equal(id & ((1U << tb) - 1), cpu % threads);
					assert_int_equal((id & ((1U << sb) - 1)) >> tb, cpu / threads % cores);
					assert_int_equal(id >> sb, cpu / threads / cores);
					last = id;
				}
			}
		}
	}
}

static void many_cpus(void **state)
{
	static const struct topology t[] = { { 4096, 1, 4096, 1 }, { 4096, 4096, 1, 1 }, { 4095, 3, 273, 5 } };

	assert_int_equal(topology_apic_id(&t[0], 4095), 4095);
	assert_int_equal(topology_socket_bits(&t[0]), 12);
	assert_int_equal(topology_apic_id(&t[1], 4095), 4095);
	assert_int_equal(topology_socket_bits(&t[1]), 0);
	/* 9 bits of cores, 3 of threads */
	assert_int_equal(topology_apic_id(&t[2], 4094), 2 << 12 | 272 << 3 | 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_by_name),
		cmocka_unit_test(no_such_feature),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(good_models),
		cmocka_unit_test(bad_models),
		cmocka_unit_test(apic_ids),
		cmocka_unit_test(apic_ids_tell_the_place),
		cmocka_unit_test(many_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
