// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID as the guest sees it: what KVM supports on this host, with the features that
 * --cpu adds or takes away, and with the topology of the machine in every leaf that
 * tells it (Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E).
 *
 * Model "host" has what both KVM and the host's CPU have; "max" adds what KVM only
 * emulates.
 */
#include <cpuid.h>
#include <errno.h>

#include <linux/kvm.h>

#include "cpu.h"
#include "cpuid-features.h"
#include "kvm.h"
#include "log.h"
#include "msr.h"
#include "topology.h"
#include "util.h"
#include "vcpu.h"

#define CPUID_MAX_ENTRIES 256U

#define SIGNATURE_HYGON_EBX 0x6f677948	/* "Hygo" of HygonGenuine */

struct cpu_model {
	const struct topology *topology;
	bool amd;
	unsigned int count;
	struct kvm_cpuid_entry2 entries[CPUID_MAX_ENTRIES];
};

/* struct kvm_cpuid2 ends in its entries; this one has them. */
struct cpuid_buffer {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[CPUID_MAX_ENTRIES];
};

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid_entry2 *entries, unsigned int count, u32 function, u32 index)
{
	for (unsigned int i = 0; i < count; i++)
		if (entries[i].function == function && entries[i].index == index)
			return &entries[i];
	return NULL;
}

/* The entry, made if it is not there; NULL when the table is full. */
static struct kvm_cpuid_entry2 *get(struct cpu_model *m, u32 function, u32 index)
{
	struct kvm_cpuid_entry2 *e = find(m->entries, m->count, function, index);

	if (!e && m->count < CPUID_MAX_ENTRIES) {
		e = &m->entries[m->count++];
		*e = (struct kvm_cpuid_entry2){ .function = function, .index = index };
	}
	return e;
}

static u32 *reg(struct kvm_cpuid_entry2 *e, enum cpuid_reg r)
{
	switch (r) {
	case CPUID_EAX:
		return &e->eax;
	case CPUID_EBX:
		return &e->ebx;
	case CPUID_ECX:
		return &e->ecx;
	default:
		return &e->edx;
	}
}

/* Read a table of KVM's own into the model, or add its feature bits to it. */
static int read_table(struct kvm_vm *vm, unsigned long request, struct cpuid_buffer *buf)
{
	int err;

	memset(buf, 0, sizeof(*buf));
	buf->head.nent = CPUID_MAX_ENTRIES;
	err = kvm_system_ioctl(vm, request, buf);
	return err < 0 ? err : 0;
}

static void add_emulated(struct cpu_model *m, struct kvm_vm *vm, struct cpuid_buffer *buf)
{
	if (read_table(vm, KVM_GET_EMULATED_CPUID, buf))
		return;
	for (unsigned int i = 0; i < buf->head.nent && i < CPUID_MAX_ENTRIES; i++) {
		const struct kvm_cpuid_entry2 *from = &buf->entries[i];
		struct kvm_cpuid_entry2 *to = find(m->entries, m->count, from->function, from->index);

		if (!to || !cpuid_is_feature_leaf(from->function, from->index))
			continue;
		to->ebx |= from->function == 7 ? from->ebx : 0;
		to->ecx |= from->ecx;
		to->edx |= from->function == 7 ? from->edx : 0;
	}
}

/* Features that KVM provides whatever the host's CPU has. */
static bool provided_by_kvm(const struct cpuid_feature *f)
{
	return !strcmp(f->name, "x2apic") || !strcmp(f->name, "tsc_deadline_timer") ||
	       !strcmp(f->name, "hypervisor") || !strcmp(f->name, "tsc_adjust") ||
	       f->function == KVM_CPUID_FEATURES;
}

/* Take away what the host's CPU itself lacks. */
static void mask_to_host(struct cpu_model *m)
{
	struct cpuid_feature f = {};
	struct kvm_cpuid_entry2 host = { .function = ~0U };

	while (cpuid_feature_next(&f)) {
		struct kvm_cpuid_entry2 *e = find(m->entries, m->count, f.function, f.index);

		if (!e || provided_by_kvm(&f))
			continue;
		/* CPUID traps where the host is a guest itself: once for each leaf. */
		if (host.function != f.function || host.index != f.index) {
			host = (struct kvm_cpuid_entry2){ .function = f.function, .index = f.index };
			__get_cpuid_count(f.function, f.index, &host.eax, &host.ebx, &host.ecx, &host.edx);
		}
		if (!(*reg(&host, f.reg) & 1U << f.bit))
			*reg(e, f.reg) &= ~(1U << f.bit);
	}
}

/* One word "+feature" or "-feature" of --cpu. */
static int apply_feature(struct cpu_model *m, const struct cpu_model *supported, const char *spec,
			 const char *word, size_t len)
{
	struct kvm_cpuid_entry2 *e, *s;
	struct cpuid_feature f;

	if (!cpuid_feature_by_name(word + 1, len - 1, &f))
		return usage_error("--cpu %s: no feature %.*s; names are those of /proc/cpuinfo",
				   spec, (int)len - 1, word + 1);
	if (!m)
		return 0;
	e = find(m->entries, m->count, f.function, f.index);
	if (*word == '-') {
		if (e)
			*reg(e, f.reg) &= ~(1U << f.bit);
		return 0;
	}
	s = find((struct kvm_cpuid_entry2 *)supported->entries, supported->count, f.function, f.index);
	if (!e || !s || !(*reg(s, f.reg) & 1U << f.bit))
		return usage_error("--cpu %s: KVM does not offer %s on this host", spec, f.name);
	*reg(e, f.reg) |= 1U << f.bit;
	return 0;
}

/*
 * Walk the words of --cpu. With @m NULL they are only checked for their names.
 */
static int apply_spec(struct cpu_model *m, const struct cpu_model *supported, const char *spec, bool *is_max)
{
	const char *word = spec;

	*is_max = false;
	while (word && *word) {
		size_t len = strcspn(word, ",");

		if (len == 4 && !memcmp(word, "host", 4)) {
			;
		} else if (len == 3 && !memcmp(word, "max", 3)) {
			*is_max = true;
		} else if (len > 1 && (*word == '+' || *word == '-')) {
			int err = apply_feature(m, supported, spec, word, len);

			if (err)
				return err;
		} else {
			return usage_error("--cpu %s: %.*s is neither host, max, +FEATURE nor -FEATURE",
					   spec, (int)len, word);
		}
		word += len;
		if (*word == ',')
			word++;
	}
	return 0;
}

/**
 * cpu_model_check() - check the words of --cpu, without KVM
 * @spec:	"host", "max", "+feature", "-feature", separated by commas; may be NULL
 *
 * Return: 0 or -EINVAL, said.
 */
int cpu_model_check(const char *spec)
{
	bool is_max;

	return apply_spec(NULL, NULL, spec, &is_max);
}

/**
 * cpu_model_new() - find out what CPUs the guest gets
 * @vm:		the VM
 * @spec:	see cpu_model_check()
 * @t:		the topology; must outlive the model
 * @out:	set to the model
 *
 * Return: 0 or -errno, said.
 */
int cpu_model_new(struct kvm_vm *vm, const char *spec, const struct topology *t, struct cpu_model **out)
{
	struct cpuid_buffer *buf = malloc(sizeof(*buf));
	struct cpu_model *m = calloc(1, sizeof(*m));
	struct cpu_model *all = calloc(1, sizeof(*all));
	struct kvm_cpuid_entry2 *e;
	bool is_max;
	int err = -ENOMEM;

	if (!buf || !m || !all) {
		error(err, "CPU model");
		goto out;
	}
	err = read_table(vm, KVM_GET_SUPPORTED_CPUID, buf);
	if (err) {
		error(err, "KVM's CPUID");
		goto out;
	}
	m->topology = t;
	m->count = min(buf->head.nent, CPUID_MAX_ENTRIES);
	memcpy(m->entries, buf->entries, m->count * sizeof(*e));
	e = find(m->entries, m->count, 1, 0);
	if (e) {
		e->ecx |= 1U << 31;		/* hypervisor */
		if (kvm_vm_check(vm, KVM_CAP_TSC_DEADLINE_TIMER))
			e->ecx |= 1U << 24;
	}
	*all = *m;
	add_emulated(all, vm, buf);
	err = apply_spec(NULL, NULL, spec, &is_max);
	if (err)
		goto out;
	if (is_max)
		*m = *all;
	else
		mask_to_host(m);
	err = apply_spec(m, all, spec, &is_max);
	if (err)
		goto out;
	e = find(m->entries, m->count, 0, 0);
	m->amd = e && (e->ebx == signature_AMD_ebx || e->ebx == SIGNATURE_HYGON_EBX);
	*out = m;
	m = NULL;
out:
	free(buf);
	free(all);
	free(m);
	return err;
}

/**
 * cpu_model_free() - free a model; vCPUs that were set up keep what they have
 */
void cpu_model_free(struct cpu_model *model)
{
	free(model);
}

/* Leaf 0xb and 0x1f: threads of a core, threads of a socket, end. */
static void set_extended_topology(struct cpu_model *m, u32 function, u32 apic_id)
{
	const struct topology *t = m->topology;
	const struct { u32 shift, count, type; } levels[] = {
		{ topology_thread_bits(t), t->threads, 1 },
		{ topology_socket_bits(t), t->threads * t->cores, 2 },
		{ 0, 0, 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(levels); i++) {
		struct kvm_cpuid_entry2 *e = get(m, function, i);

		if (!e)
			return;
		e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		e->eax = levels[i].shift;
		e->ebx = levels[i].count;
		e->ecx = levels[i].type << 8 | i;
		e->edx = apic_id;
	}
}

/* Leaf 4 (Intel) and 0x8000001d (AMD): who shares each cache. */
static void set_caches(struct cpu_model *m, u32 function)
{
	const struct topology *t = m->topology;

	for (unsigned int i = 0; i < m->count; i++) {
		struct kvm_cpuid_entry2 *e = &m->entries[i];
		u32 type = e->eax & 0x1f, level = e->eax >> 5 & 7;
		u32 sharing = level >= 3 ? 1U << topology_socket_bits(t) : 1U << topology_thread_bits(t);

		if (e->function != function || !type)
			continue;
		e->eax &= ~(0xfffU << 14);
		e->eax |= ((sharing - 1) & 0xfff) << 14;
		if (function == 4) {
			e->eax &= ~(0x3fU << 26);
			e->eax |= (min(1U << (topology_socket_bits(t) - topology_thread_bits(t)), 64U) - 1) << 26;
		}
	}
}

static void set_amd_topology(struct cpu_model *m, u32 apic_id)
{
	const struct topology *t = m->topology;
	struct kvm_cpuid_entry2 *e;

	e = find(m->entries, m->count, 0x80000001, 0);
	if (e && t->threads * t->cores > 1)
		e->ecx |= 1U << 1;		/* CmpLegacy: more than one thread in the socket */
	e = find(m->entries, m->count, 0x80000008, 0);
	if (e) {
		e->ecx &= ~0xf0ffU;
		e->ecx |= topology_socket_bits(t) << 12 | (min(t->threads * t->cores, 256U) - 1);
	}
	e = find(m->entries, m->count, 0x8000001e, 0);
	if (e) {
		e->eax = apic_id;
		e->ebx = (t->threads - 1) << 8 | (apic_id >> topology_thread_bits(t) & 0xff);
		e->ecx = apic_id >> topology_socket_bits(t) & 0xff;
	}
	set_caches(m, 0x8000001d);
}

/* What differs from CPU to CPU. */
static void set_topology(struct cpu_model *m, u32 apic_id)
{
	const struct topology *t = m->topology;
	struct kvm_cpuid_entry2 *e = find(m->entries, m->count, 1, 0);

	if (e) {
		e->ebx &= 0x0000ffffU;
		e->ebx |= (apic_id & 0xff) << 24 | min(1U << topology_socket_bits(t), 255U) << 16;
		e->edx &= ~(1U << 28);
		if (t->threads * t->cores > 1)
			e->edx |= 1U << 28;
	}
	set_extended_topology(m, 0xb, apic_id);
	if (find(m->entries, m->count, 0x1f, 0))
		set_extended_topology(m, 0x1f, apic_id);
	if (m->amd)
		set_amd_topology(m, apic_id);
	else
		set_caches(m, 4);
	/* Interrupts to APIC ids beyond 8 bits without an IOMMU (KVM's cpuid.rst). */
	e = find(m->entries, m->count, KVM_CPUID_FEATURES, 0);
	if (e && topology_apic_id(t, t->cpus - 1) > 254)
		e->eax |= 1U << 15;
}

static int set_msrs(struct vcpu *vcpu)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[2];
	} msrs = {
		.head.nmsrs = 2,
		.entries = {
			{ .index = MSR_IA32_MISC_ENABLE, .data = MSR_IA32_MISC_ENABLE_FAST_STRING },
			{ .index = MSR_MTRR_DEF_TYPE, .data = MSR_MTRR_DEF_TYPE_ENABLE | MSR_MTRR_DEF_TYPE_WB },
		},
	};
	int set = vcpu_ioctl(vcpu, KVM_SET_MSRS, &msrs);

	/* Firmware's work; a KVM without one of them loses only speed. */
	return set < 0 ? set : 0;
}

/* The virtual wire of a PC: the 8259A at LINT0 of the boot CPU, NMI at LINT1 of all. */
static int set_lapic(struct vcpu *vcpu)
{
	struct kvm_lapic_state lapic;
	u32 lint0 = 7 << 8, lint1 = 4 << 8;	/* ExtINT, NMI */
	int err = vcpu_ioctl(vcpu, KVM_GET_LAPIC, &lapic);

	if (err)
		return err;
	if (vcpu_index(vcpu) == 0)
		memcpy(lapic.regs + 0x350, &lint0, sizeof(lint0));
	memcpy(lapic.regs + 0x360, &lint1, sizeof(lint1));
	return vcpu_ioctl(vcpu, KVM_SET_LAPIC, &lapic);
}

/**
 * cpu_setup() - give a new vCPU its CPUID and the registers that firmware sets
 * @vcpu:	a vCPU that has not run
 * @model:	from cpu_model_new()
 *
 * Return: 0 or -errno, said.
 */
int cpu_setup(struct vcpu *vcpu, const struct cpu_model *model)
{
	struct cpu_model *own = malloc(sizeof(*own));
	struct cpuid_buffer *table = calloc(1, sizeof(*table));
	int err = -ENOMEM;

	if (own && table) {
		*own = *model;
		set_topology(own, vcpu_id(vcpu));
		table->head.nent = own->count;
		memcpy(table->entries, own->entries, sizeof(table->entries));
		err = vcpu_ioctl(vcpu, KVM_SET_CPUID2, table);
		if (!err)
			err = set_msrs(vcpu);
		if (!err)
			err = set_lapic(vcpu);
	}
	free(own);
	free(table);
	return err ? error(err, "set-up of CPU %u", vcpu_index(vcpu)) : 0;
}
