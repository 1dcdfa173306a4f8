// SPDX-License-Identifier: GPL-2.0-only
/*
 * A whole machine, built without KVM: what is told of it in words and as a device tree,
 * and its devices together under accesses to every address that has one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../x86/layout.h"
#include "acpi-pm.h"
#include "board.h"
#include "boot.h"
#include "bus.h"
#include "describe.h"
#include "images.h"
#include "machine.h"
#include "mem.h"
#include "outcome.h"
#include "rtc.h"
#include "state.h"
#include "util.h"

#define BASE 0x1000000ULL

static struct machine_config cfg;
static struct machine *m;
static struct image elf;
static char path[64];

static int setup(void **state)
{
	u8 text[4096], notes[64];
	size_t size = image_note(notes, 0, "Linux", 0x100, "x", 1);
	struct image_elf spec = { .entry = BASE, .notes = notes, .notes_size = size };
	int err;

	image_fill(text, sizeof(text), 1);
	spec.segments[0] = (struct image_segment){ BASE, 0xffffffff81000000, sizeof(text), text, sizeof(text) };
	elf = image_elf(&spec);
	cfg = (struct machine_config){
		.name = "under-test",
		.cpus = { 4, 2, 2, 1 },
		.mem_size = 64 * MiB,
		.cmdline = "console=ttyS0 quiet",
		.outcome = outcome_new(NULL, NULL),
		.dry = true,
	};
	err = boot_open_memory(elf.data, elf.size, "test", false, &cfg.image);
	snprintf(path, sizeof(path), "/tmp/lkvm-describe-%d", getpid());
	said_start();
	return err || !cfg.outcome;
}

static int teardown(void **state)
{
	machine_free(m);
	m = NULL;
	boot_close(cfg.image);
	image_free(&elf);
	outcome_free(cfg.outcome);
	unlink(path);
	return 0;
}

static void build(void)
{
	assert_int_equal(machine_new(&cfg, &x86_board, &m), 0);
	assert_int_equal(said_lines(), 0);
}

/* --- in words --- */

static char printed[16384];

static void print(void)
{
	int out = dup(STDOUT_FILENO), fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	assert_true(out >= 0 && fd >= 0);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	describe_print(m, "bzImage, Linux 6.99");
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	n = pread(fd, printed, sizeof(printed) - 1, 0);
	assert_true(n > 0);
	printed[n] = '\0';
	close(fd);
}

static void assert_line(const char *line)
{
	size_t len = strlen(line);

	for (const char *p = printed; (p = strstr(p, line)); p++)
		if ((p == printed || p[-1] == '\n') && p[len] == '\n')
			return;
	fail_msg("no line: %s\nin:\n%s", line, printed);
}

static void in_words(void **state)
{
	static const char *const initrds[] = { "/tmp/absent-but-not-read" };
	struct machine_config printed_cfg;

	build();
	/* The names alone count here. */
	printed_cfg = cfg;
	printed_cfg.initrds = initrds;
	printed_cfg.initrd_count = 1;
	m->cfg = &printed_cfg;
	print();
	assert_line("name: under-test");
	assert_line("board: x86");
	assert_line("kernel: bzImage, Linux 6.99");
	assert_line("initrd: /tmp/absent-but-not-read");
	assert_line("command line: console=ttyS0 quiet");
	assert_line("cpus: 4 (sockets 2, cores 2, threads 1), model host");
	assert_line("  0-0x3ffffff 64 MiB");
	assert_line("  0x3f8-0x3ff serial0");
	assert_line("  0x70-0x71 rtc0");
	assert_line("  0xe0000000-0xe00fffff pci-host0");
	m->cfg = &cfg;
}

static void around_the_hole(void **state)
{
	cfg.mem_size = 5 * GiB;
	cfg.cpu_model = "max,-avx";
	build();
	print();
	assert_line("  0-0xbfffffff 3072 MiB");
	assert_line("  0x100000000-0x17fffffff 2048 MiB");
	assert_non_null(strstr(printed, "model max,-avx\n"));
}

static bool has_debug_exit(void)
{
	struct bus_range r;

	for (unsigned int i = 0; bus_get(m->pio, i, &r); i++)
		if (r.base == PORT_DEBUG_EXIT)
			return true;
	return false;
}

static void by_option(void **state)
{
	build();
	assert_false(has_debug_exit());
	machine_free(m);
	cfg.debug_exit = true;
	build();
	assert_true(has_debug_exit());
}

/* --- as a device tree --- */

static u8 *dtb;

static void load_dtb(void)
{
	struct stat st;
	int fd;

	assert_int_equal(describe_dtb(m, path), 0);
	assert_int_equal(said_lines(), 0);
	fd = open(path, O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	dtb = malloc(st.st_size);
	assert_int_equal(read(fd, dtb, st.st_size), st.st_size);
	close(fd);
	assert_int_equal(fdt_check_full(dtb, st.st_size), 0);
	assert_int_equal(fdt_totalsize(dtb), st.st_size);
}

static void assert_reg(const char *node_path, u64 base, u64 size)
{
	int len, node = fdt_path_offset(dtb, node_path);
	const fdt64_t *reg;

	if (node < 0)
		fail_msg("no node %s", node_path);
	reg = fdt_getprop(dtb, node, "reg", &len);
	assert_int_equal(len, 16);
	assert_int_equal(fdt64_ld(reg), base);
	assert_int_equal(fdt64_ld(reg + 1), size);
}

static unsigned int count_children(const char *node_path)
{
	int parent = fdt_path_offset(dtb, node_path), node;
	unsigned int n = 0;

	assert_true(parent >= 0);
	fdt_for_each_subnode(node, dtb, parent)
		n++;
	return n;
}

static void as_device_tree(void **state)
{
	build();
	load_dtb();
	assert_string_equal(fdt_getprop(dtb, 0, "model", NULL), "under-test");
	assert_string_equal(fdt_getprop(dtb, 0, "compatible", NULL), "lkvm,x86");
	assert_string_equal(fdt_getprop(dtb, fdt_path_offset(dtb, "/chosen"), "bootargs", NULL), "console=ttyS0 quiet");
	assert_reg("/memory@0", 0, 64 * MiB);
	assert_reg("/ports/serial@3f8", 0x3f8, 8);
	assert_reg("/ports/rtc@70", 0x70, 2);
	assert_reg("/device-memory/pci-host@e0000000", LAYOUT_PCI_ECAM, LAYOUT_PCI_ECAM_SIZE);
	assert_int_equal(count_children("/ports"), bus_count(m->pio));
	assert_int_equal(count_children("/device-memory"), bus_count(m->mmio));
	assert_int_equal(count_children("/cpus"), 4);
	free(dtb);
}

static void many_cpus(void **state)
{
	int node;

	cfg.cpus = (struct topology){ 300, 4, 25, 3 };
	cfg.mem_size = 4 * GiB;
	build();
	load_dtb();
	assert_int_equal(count_children("/cpus"), 300);
	assert_reg("/memory@100000000", 4 * GiB, GiB);
	/* The last: socket 3, core 24, thread 2 */
	node = fdt_path_offset(dtb, "/cpus/cpu@1e2");
	assert_true(node >= 0);
	assert_int_equal(fdt32_ld(fdt_getprop(dtb, node, "reg", NULL)), 3 << 7 | 24 << 2 | 2);
	free(dtb);
}

/* The device tree compiler has an eye for what is wrong with one. */
static void pleases_dtc(void **state)
{
	char complaints[4096];
	int status, pipe_fds[2];
	ssize_t n;
	pid_t pid;

	build();
	assert_int_equal(describe_dtb(m, path), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(pipe_fds[1], STDERR_FILENO);
		execlp("dtc", "dtc", "-I", "dtb", "-O", "dts", "-o", "/dev/null", path, (char *)NULL);
		_exit(77);
	}
	close(pipe_fds[1]);
	n = read(pipe_fds[0], complaints, sizeof(complaints) - 1);
	close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	complaints[max(n, (ssize_t)0)] = '\0';
	assert_int_equal(status, 0);
	assert_string_equal(complaints, "");
}

static void unwritable(void **state)
{
	static const struct { const char *path; int err; } table[] = {
		{ "/no/such/folder/dtb", -ENOENT }, { "/tmp", -EISDIR }, { "/dev/full", -ENOSPC },
	};

	build();
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		said_start();
		assert_int_equal(describe_dtb(m, table[i].path), table[i].err);
		assert_int_equal(said_lines(), 1);
		assert_non_null(strstr(said(), "--dump-dtb"));
		assert_non_null(strstr(said(), table[i].path));
	}
}

/* --- machines that cannot be built --- */

static void assert_not_built(const char *named)
{
	said_start();
	assert_true(machine_new(&cfg, &x86_board, &m) < 0);
	m = NULL;
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), named));
}

static void not_built(void **state)
{
	static const char *const absent[] = { "/no/such/initrd" };
	static char long_line[200000];

	cfg.mem_size = 1ULL << 52;
	assert_not_built("-m");
	cfg.mem_size = 64 * MiB;
	cfg.hugetlbfs = "/proc";
	assert_not_built("--hugetlbfs");
	cfg.hugetlbfs = NULL;
	cfg.initrds = absent;
	cfg.initrd_count = 1;
	assert_not_built("/no/such/initrd");
	cfg.initrd_count = 0;
	memset(long_line, 'x', sizeof(long_line) - 1);
	cfg.cmdline = long_line;
	assert_not_built("command line");
	cfg.cmdline = "";
	/* The kernel lies at 16 MiB. */
	cfg.mem_size = 8 * MiB;
	assert_not_built("memory");
	cfg.mem_size = 64 * MiB;
	said_start();
	build();
}

/* --- its devices --- */

/* A clock that stands still, so that nothing changes by itself. */
static u64 no_time(void *arg)
{
	return 1700000000000000000;
}

static struct machine *timeless(void)
{
	struct machine *machine;
	struct device *dev;
	unsigned int clocks = 0;

	assert_int_equal(machine_new(&cfg, &x86_board, &machine), 0);
	TAILQ_FOREACH(dev, &machine->devices, node) {
		if (!strcmp(dev->ops->name, "rtc")) {
			rtc_set_clock(dev, no_time, NULL);
			clocks++;
		} else if (!strcmp(dev->ops->name, "acpi-pm")) {
			acpi_pm_set_clock(dev, no_time, NULL);
			clocks++;
		}
	}
	assert_int_equal(clocks, 2);
	return machine;
}

struct blob {
	u8 *data;
	size_t size;
};

static struct blob save(struct machine *machine)
{
	struct state *st = state_new_save();
	struct device *dev;
	struct blob blob;
	const void *data;

	TAILQ_FOREACH(dev, &machine->devices, node)
		assert_int_equal(device_save(dev, st), 0);
	data = state_finish(st, &blob.size);
	assert_non_null(data);
	blob.data = malloc(blob.size);
	memcpy(blob.data, data, blob.size);
	state_free(st);
	return blob;
}

static int load(struct machine *machine, const struct blob *blob)
{
	struct state *st = state_new_load(blob->data, blob->size);
	struct device *dev;
	int err = 0;

	assert_non_null(st);
	TAILQ_FOREACH(dev, &machine->devices, node)
		if (!err)
			err = device_load(dev, st);
	state_free(st);
	return err;
}

static void free_blob(struct blob *blob)
{
	free(blob->data);
}

static u32 next_random(u32 *seed)
{
	/* xorshift32 */
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Accesses of any size, at and around each range, as a hostile guest makes them. */
static void disturb(const struct bus *bus, struct bus_reader *reader, u32 seed, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct bus_range r;
		u64 addr, data[2] = { next_random(&seed), next_random(&seed) };
		unsigned int len = 1 + next_random(&seed) % 16;

		assert_true(bus_get(bus, next_random(&seed) % bus_count(bus), &r));
		addr = r.base - min(r.base, 2ULL) + next_random(&seed) % (r.size + 4);
		if (next_random(&seed) & 1)
			bus_write(reader, addr, data, len);
		else
			bus_read(reader, addr, data, len);
	}
}

static void hostile_guest(u32 seed)
{
	struct bus_reader *pio = bus_reader_new(m->pio), *mmio = bus_reader_new(m->mmio);

	for (unsigned int i = 0; i < 20; i++) {
		disturb(m->pio, pio, next_random(&seed), 500);
		disturb(m->mmio, mmio, next_random(&seed), 100);
	}
	bus_reader_free(pio);
	bus_reader_free(mmio);
}

/* A fresh machine loads what a used one saves, and is the same from then on. */
static void saved_and_loaded(void **state)
{
	for (u32 seed = 1; seed <= 10; seed++) {
		struct machine *other;
		struct blob first, second;

		m = timeless();
		hostile_guest(seed * 2654435761u);
		first = save(m);
		other = timeless();
		assert_int_equal(load(other, &first), 0);
		second = save(other);
		assert_int_equal(first.size, second.size);
		assert_memory_equal(first.data, second.data, first.size);
		/* Loaded into the one that saved it, nothing changes. */
		free_blob(&second);
		assert_int_equal(load(m, &first), 0);
		second = save(m);
		assert_memory_equal(first.data, second.data, first.size);
		free_blob(&second);
		free_blob(&first);
		machine_free(other);
		machine_free(m);
		m = NULL;
	}
}

static void sections(void **state)
{
	struct device *dev;
	struct blob blob;
	unsigned int devices = 0, found = 0;
	int node;

	build();
	blob = save(m);
	/* One for each device, by its name and number, with a version if there is more in it. */
	TAILQ_FOREACH(dev, &m->devices, node) {
		char name[64];

		snprintf(name, sizeof(name), "/%s@%x", dev->ops->name, dev->instance);
		node = fdt_path_offset(blob.data, name);
		assert_true(node > 0);
		assert_int_equal(!fdt_getprop(blob.data, node, "version", NULL), !dev->ops->state);
		devices++;
	}
	fdt_for_each_subnode(node, blob.data, 0)
		found++;
	assert_int_equal(found, devices);
	assert_true(devices >= 12);
	free_blob(&blob);
}

static void assert_same_sections(const struct blob *a, const struct blob *b)
{
	int node, prop, len, other_len;

	fdt_for_each_subnode(node, a->data, 0) {
		const char *name = fdt_get_name(a->data, node, NULL);
		int other = fdt_subnode_offset(b->data, 0, name);

		assert_true(other > 0);
		/* The battery keeps the clock's memory. */
		if (!strcmp(name, "rtc@0"))
			continue;
		fdt_for_each_property_offset(prop, a->data, node) {
			const char *key;
			const void *value = fdt_getprop_by_offset(a->data, prop, &key, &len);
			const void *other_value = fdt_getprop(b->data, other, key, &other_len);

			assert_non_null(other_value);
			assert_int_equal(len, other_len);
			assert_memory_equal(value, other_value, len);
		}
	}
}

static void reset_all(void **state)
{
	struct blob fresh, reset;
	struct device *dev;
	bool differs;

	m = timeless();
	fresh = save(m);
	hostile_guest(12345);
	reset = save(m);
	differs = fresh.size != reset.size || memcmp(fresh.data, reset.data, fresh.size);
	assert_true(differs);
	free_blob(&reset);
	/* Twice: a reset leads to one state. */
	TAILQ_FOREACH(dev, &m->devices, node)
		device_reset(dev);
	free_blob(&fresh);
	fresh = save(m);
	hostile_guest(54321);
	TAILQ_FOREACH(dev, &m->devices, node)
		device_reset(dev);
	reset = save(m);
	assert_same_sections(&fresh, &reset);
	assert_same_sections(&reset, &fresh);
	free_blob(&fresh);
	free_blob(&reset);
}

/* What is not there reads all ones, everywhere but at the devices. */
static void all_else_is_ones(void **state)
{
	struct bus_reader *pio;
	struct bus_range r = {};
	unsigned int next = 0, checked = 0;
	bool more;

	build();
	pio = bus_reader_new(m->pio);
	more = bus_get(m->pio, next, &r);
	for (u64 port = 0; port < 0x10000; port++) {
		u8 value = 0;

		if (more && port >= r.base) {
			port = r.base + r.size - 1;
			more = bus_get(m->pio, ++next, &r);
			continue;
		}
		bus_read(pio, port, &value, 1);
		assert_int_equal(value, 0xff);
		checked++;
	}
	assert_true(checked > 0xff00);
	bus_reader_free(pio);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_words),
		TEST(around_the_hole),
		TEST(by_option),
		TEST(as_device_tree),
		TEST(many_cpus),
		TEST(pleases_dtc),
		TEST(unwritable),
		TEST(not_built),
		TEST(saved_and_loaded),
		TEST(sections),
		TEST(reset_all),
		TEST(all_else_is_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
