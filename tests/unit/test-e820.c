// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of x86/e820.c.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>

#include "../../x86/layout.h"
#include "e820.h"
#include "mem.h"
#include "util.h"

static struct e820_entry table[E820_MAX];

static const struct e820_entry *find(int count, u64 addr)
{
	for (int i = 0; i < count; i++)
		if (addr >= table[i].addr && addr - table[i].addr < table[i].size)
			return &table[i];
	return NULL;
}

static void check_order(int count)
{
	for (int i = 0; i < count; i++) {
		assert_true(table[i].size > 0);
		if (i)
			assert_true(table[i - 1].addr + table[i - 1].size <= table[i].addr);
	}
}

static void test_layout(void **state)
{
	struct mem *mem = mem_new();
	const struct e820_entry *e;
	int count;

	assert_int_equal(sizeof(struct e820_entry), 20);
	assert_int_equal(mem_add(mem, 0, LAYOUT_LOW_RAM_END, MEM_RAM, NULL), 0);
	assert_int_equal(mem_add(mem, LAYOUT_HIGH_RAM, 5 * GiB, MEM_RAM, NULL), 0);
	assert_int_equal(mem_add(mem, 0xffff0000, 0x10000, MEM_ROM, NULL), 0);
	count = e820_build(mem, table, E820_MAX);
	assert_true(count > 0);
	check_order(count);

	assert_int_equal(table[0].addr, 0);
	assert_int_equal(table[0].size, LAYOUT_EBDA);
	assert_int_equal(table[0].type, E820_RAM);
	assert_int_equal(find(count, LAYOUT_EBDA)->type, E820_RESERVED);
	assert_int_equal(find(count, LAYOUT_VGA)->type, E820_RESERVED);
	e = find(count, LAYOUT_ACPI);
	assert_int_equal(e->type, E820_ACPI);
	assert_int_equal(e->addr, LAYOUT_ACPI);
	assert_int_equal(e->size, LAYOUT_ACPI_SIZE);
	assert_int_equal(find(count, LAYOUT_RSDP)->type, E820_RESERVED);
	assert_int_equal(find(count, LAYOUT_HIGH - 1)->type, E820_RESERVED);
	e = find(count, LAYOUT_HIGH);
	assert_int_equal(e->type, E820_RAM);
	assert_int_equal(e->addr + e->size, LAYOUT_LOW_RAM_END);
	assert_null(find(count, LAYOUT_PCI_MEM));
	e = find(count, LAYOUT_PCI_ECAM);
	assert_int_equal(e->type, E820_RESERVED);
	assert_int_equal(e->size, LAYOUT_PCI_ECAM_SIZE);
	assert_null(find(count, LAYOUT_IOAPIC));
	assert_int_equal(find(count, LAYOUT_KVM_TSS + 0x2fff)->type, E820_RESERVED);
	assert_null(find(count, 0xffff0000));
	e = find(count, LAYOUT_HIGH_RAM);
	assert_int_equal(e->type, E820_RAM);
	assert_int_equal(e->size, 5 * GiB);
	mem_free(mem);
}

static void test_regions_that_touch_are_one(void **state)
{
	struct mem *mem = mem_new();
	int count;

	assert_int_equal(mem_add(mem, 0, 0xa0000, MEM_RAM, NULL), 0);
	assert_int_equal(mem_add(mem, 0x100000, 15 * MiB, MEM_RAM, NULL), 0);
	assert_int_equal(mem_add(mem, 16 * MiB, 16 * MiB, MEM_RAM, NULL), 0);
	count = e820_build(mem, table, E820_MAX);
	check_order(count);
	assert_int_equal(find(count, LAYOUT_HIGH)->size, 31 * MiB);
	mem_free(mem);
}

static void test_small_memory(void **state)
{
	struct mem *mem = mem_new();
	int count;

	assert_int_equal(mem_add(mem, 0, 0x1000, MEM_RAM, NULL), 0);
	count = e820_build(mem, table, E820_MAX);
	check_order(count);
	assert_int_equal(table[0].size, 0x1000);
	assert_null(find(count, LAYOUT_HIGH));
	mem_free(mem);
}

static void test_full_table(void **state)
{
	struct mem *mem = mem_new();

	assert_int_equal(mem_add(mem, 0, 2 * MiB, MEM_RAM, NULL), 0);
	assert_int_equal(e820_build(mem, table, 7), 7);
	table[6].type = 77;
	assert_int_equal(e820_build(mem, table, 6), -ENOSPC);
	assert_int_equal(table[6].type, 77);
	assert_int_equal(e820_build(mem, table, 0), -ENOSPC);
	mem_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_regions_that_touch_are_one),
		cmocka_unit_test(test_small_memory),
		cmocka_unit_test(test_full_table),
	};

	return cmocka_run_group_tests_name("e820", tests, NULL, NULL);
}
