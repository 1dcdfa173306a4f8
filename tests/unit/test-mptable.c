// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MP table, found and read as a kernel does (MultiProcessor Specification 1.4).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../x86/layout.h"
#include "log.h"
#include "mem.h"
#include "mptable.h"
#include "util.h"

#define CPUS 1024

static struct mem *mem;
static u32 ids[CPUS];
static struct mptable_config cfg;

static void hook(const char *line, size_t len)
{
}

static int setup(void **state)
{
	mem = mem_new();
	assert_non_null(mem);
	assert_int_equal(mem_add(mem, 0, 2 * MiB, MEM_RAM, NULL), 0);
	for (unsigned int i = 0; i < CPUS; i++)
		ids[i] = i;
	cfg = (struct mptable_config){
		.cpus = 1,
		.apic_ids = ids,
		.signature = 0x806f8,
		.features = 0xfabfbff,
	};
	log_set_hook(hook);
	return 0;
}

static int teardown(void **state)
{
	log_set_hook(NULL);
	mem_free(mem);
	return 0;
}

static u8 sum(const u8 *p, size_t len)
{
	u8 s = 0;

	while (len--)
		s += *p++;
	return s;
}

static u16 get16(const u8 *p)
{
	return p[0] | p[1] << 8;
}

static u32 get32(const u8 *p)
{
	return get16(p) | (u32)get16(p + 2) << 16;
}

/* Scan the BIOS area for the floating pointer, and follow it. */
static const u8 *find(void)
{
	for (u32 at = 0xf0000; at < 0x100000; at += 16) {
		const u8 *p = mem_ptr(mem, at, 16);
		const u8 *t;

		if (memcmp(p, "_MP_", 4))
			continue;
		assert_int_equal(sum(p, 16), 0);
		assert_int_equal(p[8], 1);
		assert_int_equal(p[9], 4);
		/* No default configuration, no IMCR. */
		assert_memory_equal(p + 11, "\0\0\0\0", 5);
		t = mem_ptr(mem, get32(p + 4), 44);
		assert_non_null(t);
		assert_true(get32(p + 4) + get16(t + 4) <= LAYOUT_MPTABLE + LAYOUT_MPTABLE_SIZE);
		assert_memory_equal(t, "PCMP", 4);
		assert_int_equal(sum(t, get16(t + 4)), 0);
		assert_int_equal(t[6], 4);
		assert_int_equal(get32(t + 28), 0);
		assert_int_equal(get32(t + 36), 0xfee00000);
		assert_int_equal(get16(t + 40), 0);
		return t;
	}
	return NULL;
}

struct seen {
	unsigned int cpus, buses, ioapics, isa, pci, local;
};

static void read_isa(const u8 *p)
{
	assert_int_equal(p[1], 0);
	assert_int_equal(get16(p + 2), p[5] == 9 ? 0xd : 0);
	assert_int_not_equal(p[5], 2);
	assert_false(cfg.pci_intx_slots && (p[5] == 10 || p[5] == 11));
	assert_int_equal(p[7], p[5] == 0 ? 2 : p[5]);
}

static void read_pci(const u8 *p)
{
	unsigned int slot = p[5] >> 2, pin = p[5] & 3;

	assert_int_equal(p[1], 0);
	assert_int_equal(get16(p + 2), 0xf);
	assert_true(cfg.pci_intx_slots & 1u << slot);
	assert_int_equal(p[7], 10 + (slot + pin) % 2);
}

static void read_local(const u8 *p, unsigned int n)
{
	/* ExtINT at LINT0 of the boot processor, NMI at LINT1 of all. */
	assert_memory_equal(p, n ? "\4\1\0\0\1\0\xff\1" : "\4\3\0\0\1\0\0\0", 8);
}

static void read_table(struct seen *s)
{
	const u8 *t = find();
	const u8 *p, *end;
	unsigned int count = 0;
	u8 last = 0;

	memset(s, 0, sizeof(*s));
	assert_non_null(t);
	end = t + get16(t + 4);
	for (p = t + 44; p < end; p += p[0] ? 8 : 20, count++) {
		assert_true(p[0] >= last);	/* in the order of types */
		last = p[0];
		switch (p[0]) {
		case 0:
			assert_int_equal(p[1], ids[s->cpus]);
			assert_int_equal(p[2], 0x14);
			assert_int_equal(p[3], s->cpus ? 1 : 3);
			assert_int_equal(get32(p + 4), 0x806f8);
			assert_int_equal(get32(p + 8), 0xfabfbff);
			s->cpus++;
			break;
		case 1:
			assert_int_equal(p[1], s->buses);
			assert_memory_equal(p + 2, s->buses ? "ISA   " : "PCI   ", 6);
			s->buses++;
			break;
		case 2:
			assert_int_equal(p[1], 0);
			assert_int_equal(p[3], 1);
			assert_int_equal(get32(p + 4), 0xfec00000);
			s->ioapics++;
			break;
		case 3:
			assert_int_equal(p[6], 0);
			if (p[4] == 1) {
				read_isa(p);
				s->isa++;
			} else {
				assert_int_equal(p[4], 0);
				read_pci(p);
				s->pci++;
			}
			break;
		case 4:
			read_local(p, s->local++);
			break;
		default:
			fail_msg("entry of type %u", p[0]);
		}
	}
	assert_ptr_equal(p, end);
	assert_int_equal(count, get16(t + 34));
	assert_int_equal(s->buses, 2);
	assert_int_equal(s->ioapics, 1);
	assert_int_equal(s->isa, cfg.pci_intx_slots ? 13 : 15);
	assert_int_equal(s->local, 2);
}

static void test_table(void **state)
{
	static const unsigned int cpus[] = { 1, 2, 4, 255, 256, 1024 };
	struct seen s;

	for (unsigned int i = 0; i < ARRAY_SIZE(cpus); i++) {
		cfg.cpus = cpus[i];
		assert_int_equal(mptable_build(mem, &cfg), 0);
		read_table(&s);
		/* Ids from 255 on can't be told. */
		assert_int_equal(s.cpus, min(cpus[i], 255u));
		assert_int_equal(s.pci, 0);
	}
}

static void test_pci(void **state)
{
	struct seen s;

	cfg.pci_intx_slots = 1u << 3 | 1u << 31;
	assert_int_equal(mptable_build(mem, &cfg), 0);
	read_table(&s);
	assert_int_equal(s.pci, 8);

	cfg.cpus = 1024;
	cfg.pci_intx_slots = 0xffffffff;
	assert_int_equal(mptable_build(mem, &cfg), 0);
	read_table(&s);
	assert_int_equal(s.cpus, 255);
	assert_int_equal(s.pci, 128);
}

/* With a topology the ids have gaps. */
static void test_gaps(void **state)
{
	struct seen s;

	for (unsigned int i = 0; i < CPUS; i++)
		ids[i] = i / 3 * 4 + i % 3;
	cfg.cpus = 300;
	assert_int_equal(mptable_build(mem, &cfg), 0);
	read_table(&s);
	assert_int_equal(s.cpus, 192);
}

static void test_refused(void **state)
{
	struct mem *none = mem_new();

	assert_int_equal(mptable_build(none, &cfg), -EFAULT);
	mem_free(none);
	ids[0] = 255;
	assert_int_equal(mptable_build(mem, &cfg), -EINVAL);
	cfg.cpus = 0;
	assert_int_equal(mptable_build(mem, &cfg), -EINVAL);
	assert_null(find());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pci, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("mptable", tests, NULL, NULL);
}
