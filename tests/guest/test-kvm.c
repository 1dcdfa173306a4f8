// SPDX-License-Identifier: GPL-2.0-only
/*
 * What needs /dev/kvm and no kernel: vCPUs and interrupt controllers saved and loaded, and vCPUs
 * paused and resumed as fast as can be.
 *
 * usage: test-kvm GUESTS [TEST]    the folder of the flat guests, and a pattern of names of tests
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <libfdt.h>
#include <linux/kvm.h>

#include "board.h"
#include "boot.h"
#include "bus.h"
#include "machine.h"
#include "mem.h"
#include "outcome.h"
#include "state.h"
#include "util.h"

#define MSR_TSC 0x10

static const char *guests;

struct fixture {
	struct machine_config cfg;
	struct machine *m;
};

static int setup_guest(void **state, const char *guest)
{
	static struct fixture f;
	char path[4096];

	f = (struct fixture){ .cfg = {
		.name = "test",
		.kvm_path = "/dev/kvm",
		.cpus = { .cpus = 2, .sockets = 1, .cores = 2, .threads = 1 },
		.mem_size = 16 * MiB,
		.cmdline = "",
		.outcome = outcome_new(NULL, NULL),
	} };
	snprintf(path, sizeof(path), "%s/%s", guests, guest);
	if (!f.cfg.outcome || boot_open(path, false, false, &f.cfg.image) ||
	    machine_new(&f.cfg, &x86_board, &f.m))
		return -1;
	*state = &f;
	return 0;
}

static int setup(void **state)
{
	return setup_guest(state, "spin");
}

static int setup_access(void **state)
{
	return setup_guest(state, "access");
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	machine_free(f->m);
	boot_close(f->cfg.image);
	outcome_free(f->cfg.outcome);
	return 0;
}

/* The interrupt controllers and all vCPUs; chips have tests of their own. */
static void transfer(struct machine *m, struct state *st, int (*fn)(struct device *, struct state *))
{
	struct device *dev;

	TAILQ_FOREACH(dev, &m->devices, node)
		if (!strcmp(dev->ops->name, "irqchip"))
			assert_int_equal(fn(dev, st), 0);
	for (unsigned int i = 0; i < m->cpu_count; i++)
		assert_int_equal(fn(vcpu_device(m->cpus[i]), st), 0);
}

static void *save(struct machine *m, size_t *size)
{
	struct state *st = state_new_save();
	const void *blob;
	void *copy;

	assert_non_null(st);
	transfer(m, st, device_save);
	blob = state_finish(st, size);
	assert_non_null(blob);
	copy = malloc(*size);
	memcpy(copy, blob, *size);
	state_free(st);
	return copy;
}

/* Time goes on between two saves: what holds it may differ. */
static void assert_same_property(const char *name, const void *a, const void *b, int len)
{
	const struct kvm_msr_entry *x = a, *y = b;

	if (!strcmp(name, "clock") || !strcmp(name, "pit"))
		return;
	if (strcmp(name, "msrs")) {
		assert_memory_equal(a, b, len);
		return;
	}
	for (size_t i = 0; i < len / sizeof(*x); i++) {
		assert_int_equal(x[i].index, y[i].index);
		if (x[i].index != MSR_TSC)
			assert_int_equal(x[i].data, y[i].data);
	}
}

static void assert_same(const void *a, const void *b)
{
	int node, prop, properties = 0;

	fdt_for_each_subnode(node, a, 0) {
		int other = fdt_subnode_offset(b, 0, fdt_get_name(a, node, NULL));

		assert_true(other >= 0);
		fdt_for_each_property_offset(prop, a, node) {
			const char *name;
			int len, other_len;
			const void *x = fdt_getprop_by_offset(a, prop, &name, &len);
			const void *y = fdt_getprop(b, other, name, &other_len);

			assert_int_equal(len, other_len);
			assert_same_property(name, x, y, len);
			properties++;
		}
	}
	/* three interrupt controllers, the timer, the clock; ten or so for each vCPU */
	assert_true(properties > 20);
}

static void run_a_while(struct machine *m)
{
	assert_int_equal(machine_start(m), 0);
	usleep(50000);
	machine_pause(m);
}

static void test_state(void **state)
{
	struct fixture *f = *state;
	struct machine *other;
	void *first, *second;
	struct state *st;
	size_t size;

	run_a_while(f->m);
	first = save(f->m, &size);
	machine_stop(f->m);

	assert_int_equal(machine_new(&f->cfg, &x86_board, &other), 0);
	st = state_new_load(first, size);
	assert_non_null(st);
	transfer(other, st, device_load);
	state_free(st);
	second = save(other, &size);
	assert_same(first, second);
	machine_free(other);
	free(first);
	free(second);
}

static void test_damaged_state(void **state)
{
	struct fixture *f = *state;
	struct state *st;
	size_t size;
	u8 *blob = save(f->m, &size);
	int node = fdt_subnode_offset(blob, 0, "cpu@0");

	/* more MSRs than there are bytes for */
	assert_int_equal(fdt_setprop_inplace_u32(blob, node, "msr-count", 511), 0);
	st = state_new_load(blob, size);
	assert_non_null(st);
	assert_int_not_equal(device_load(vcpu_device(f->m->cpus[0]), st), 0);
	state_free(st);
	free(blob);
}

/* A pause that follows a resume at once must not take the old parking for its own. */
static void test_pause(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs regs;

	alarm(60);
	run_a_while(f->m);
	for (int i = 0; i < 2000; i++) {
		machine_resume(f->m);
		machine_pause(f->m);
		assert_int_equal(vcpu_ioctl(f->m->cpus[0], KVM_GET_REGS, &regs), 0);
		assert_true(regs.rip >= 0x100000 && regs.rip < 0x200000);
	}
	machine_resume(f->m);
	alarm(0);
}

/* --- registers are true: the guest "access" and a device that counts what it does --- */

#define PORT_ABSENT 0x5000
#define MMIO_ABSENT 0xd0000000ULL

struct counter {
	struct device dev;
	u64 count;		/* accesses so far */
	u64 given;		/* what the last one got, if it was a read */
};

static u64 counter_read(struct device *dev, u64 offset, unsigned int size)
{
	struct counter *c = container_of(dev, struct counter, dev);

	c->given = (++c->count * 0x01234567) & (size == 1 ? 0xff : 0xffffffff);
	return c->given;
}

static void counter_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	container_of(dev, struct counter, dev)->count++;
}

static const struct bus_ops counter_ops = { .read = counter_read, .write = counter_write, .max_size = 4 };
static const struct device_ops counter_device_ops = { .name = "counter" };

/* Every access that the device has seen is counted by the guest, or was its last instruction. */
static void check_registers(struct machine *m, const struct counter *c, unsigned int *behind)
{
	struct kvm_regs regs;
	u8 code[2];

	assert_int_equal(vcpu_ioctl(m->cpus[0], KVM_GET_REGS, &regs), 0);
	assert_int_equal(mem_read(m->mem, regs.rip - 1, code, 2), 0);
	if (code[1] != 0x43) {		/* not at an incl: the last one is counted */
		assert_int_equal(regs.rbx, (u32)c->count);
		return;
	}
	++*behind;
	assert_int_equal((u32)(regs.rbx + 1), (u32)c->count);
	/* And what a read got is in the register, behind in %dx,%al; in %dx,%eax; mov (%edi),%eax */
	if (code[0] == 0xec)
		assert_int_equal(regs.rax & 0xff, c->given);
	else if (code[0] == 0xed)
		assert_int_equal(regs.rax, c->given);
}

static void test_registers(void **state)
{
	struct fixture *f = *state;
	struct counter c = {};
	struct bus_range port = { PORT_ABSENT, 4, &counter_ops, &c.dev };
	struct bus_range memory = { MMIO_ABSENT, 4, &counter_ops, &c.dev };
	unsigned int behind = 0, moved = 0;
	u64 before = 0;

	alarm(120);
	device_init(&c.dev, &counter_device_ops, 0);
	assert_int_equal(bus_add(f->m->pio, &port), 0);
	assert_int_equal(bus_add(f->m->mmio, &memory), 0);
	run_a_while(f->m);
	for (int i = 0; i < 1000; i++) {
		check_registers(f->m, &c, &behind);
		moved += c.count != before;
		before = c.count;
		machine_resume(f->m);
		/* At once, and a little later: within an exit, or within the guest */
		if (i % 3)
			usleep(i % 3 * 50);
		machine_pause(f->m);
	}
	/* It did run, and was stopped between an access and its count. */
	assert_true(moved > 100);
	assert_true(behind > 10);
	/* Pauses nest. */
	machine_pause(f->m);
	machine_resume(f->m);
	before = c.count;
	usleep(20000);
	assert_int_equal(c.count, before);
	check_registers(f->m, &c, &behind);
	machine_stop(f->m);
	assert_int_equal(bus_remove(f->m->pio, PORT_ABSENT, &c.dev), 0);
	assert_int_equal(bus_remove(f->m->mmio, MMIO_ABSENT, &c.dev), 0);
	device_fini(&c.dev);
	alarm(0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
		cmocka_unit_test_setup_teardown(test_registers, setup_access, teardown),
	};

	guests = argc > 1 ? argv[1] : "obj/guest";
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests_name("kvm", tests, NULL, NULL);
}
