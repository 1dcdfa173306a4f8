// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ACPI tables, read as a kernel reads them: by offsets of ACPI 6.4, with nothing
 * shared with the code that writes them. Where iasl is installed, it reads them too,
 * and compiles what it has read to the same bytes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../x86/layout.h"
#include "acpi.h"
#include "acpi-pm.h"
#include "log.h"
#include "mem.h"
#include "util.h"

#define CPUS 4096

extern char **environ;

static struct mem *mem;
static u32 ids[CPUS];
static struct acpi_config cfg;
static unsigned int said;

static void hook(const char *line, size_t len)
{
	said++;
}

static int setup(void **state)
{
	mem = mem_new();
	assert_non_null(mem);
	assert_int_equal(mem_add(mem, 0, 2 * MiB, MEM_RAM, NULL), 0);
	assert_int_equal(mem_add(mem, LAYOUT_HIGH_RAM, 4 * MiB, MEM_RAM, NULL), 0);
	for (unsigned int i = 0; i < CPUS; i++)
		ids[i] = i;
	cfg = (struct acpi_config){ .cpus = 1, .apic_ids = ids };
	said = 0;
	log_set_hook(hook);
	return 0;
}

static int teardown(void **state)
{
	log_set_hook(NULL);
	mem_free(mem);
	return 0;
}

/* The machine with all that it can have. */
static void everything(unsigned int cpus)
{
	cfg = (struct acpi_config){
		.cpus = cpus,
		.apic_ids = ids,
		.pci_mem64_base = 0x800000000,
		.pci_mem64_size = 0x400000000,
		.pci_intx_slots = 0xffffffff,
		.uarts = 0xf,
		.i8042 = true,
		.mouse = true,
		.pvpanic = true,
		.srat = true,
	};
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

static u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

/* The table at @gpa: inside the area, with its signature, length and checksum. */
static const u8 *table(u64 gpa, const char *signature, u8 revision)
{
	const u8 *t;
	u32 len;

	assert_true(gpa >= LAYOUT_ACPI && gpa <= LAYOUT_ACPI + LAYOUT_ACPI_SIZE - 36);
	t = mem_ptr(mem, gpa, 36);
	assert_non_null(t);
	assert_memory_equal(t, signature, 4);
	len = get32(t + 4);
	assert_in_range(len, 36, LAYOUT_ACPI + LAYOUT_ACPI_SIZE - gpa);
	assert_int_equal(sum(t, len), 0);
	assert_int_equal(t[8], revision);
	return t;
}

/* From the RSDP to the entry of the XSDT that has @signature, or NULL. */
static const u8 *find(const char *signature, u8 revision)
{
	const u8 *rsdp = mem_ptr(mem, LAYOUT_RSDP, 36);
	const u8 *xsdt = table(get64(rsdp + 24), "XSDT", 1);

	for (unsigned int at = 36; at < get32(xsdt + 4); at += 8) {
		const u8 *t = mem_ptr(mem, get64(xsdt + at), 36);

		assert_non_null(t);
		if (!memcmp(t, signature, 4))
			return table(get64(xsdt + at), signature, revision);
	}
	return NULL;
}

static void build(void)
{
	u64 rsdp = 0;

	assert_int_equal(acpi_build(mem, &cfg, &rsdp), 0);
	assert_int_equal(rsdp, LAYOUT_RSDP);
	assert_int_equal(said, 0);
}

static void test_roots(void **state)
{
	const u8 *rsdp, *rsdt, *xsdt;

	everything(4);
	build();
	rsdp = mem_ptr(mem, LAYOUT_RSDP, 36);
	assert_memory_equal(rsdp, "RSD PTR ", 8);
	assert_int_equal(LAYOUT_RSDP % 16, 0);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
	assert_int_equal(rsdp[15], 2);
	assert_int_equal(get32(rsdp + 20), 36);
	rsdt = table(get32(rsdp + 16), "RSDT", 1);
	xsdt = table(get64(rsdp + 24), "XSDT", 1);
	/* Both list the same tables, the FADT first. */
	assert_int_equal((get32(rsdt + 4) - 36) * 2, get32(xsdt + 4) - 36);
	assert_int_equal(get32(xsdt + 4), 36 + 4 * 8);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(get32(rsdt + 36 + 4 * i), get64(xsdt + 36 + 8 * i));
	assert_memory_equal(mem_ptr(mem, get64(xsdt + 36), 4), "FACP", 4);
}

static void check_port(const u8 *gas, u8 bits, u8 access_size, u16 port)
{
	assert_int_equal(gas[0], 1);
	assert_int_equal(gas[1], bits);
	assert_int_equal(gas[2], 0);
	assert_int_equal(gas[3], access_size);
	assert_int_equal(get64(gas + 4), port);
}

static void check_no_register(const u8 *gas)
{
	for (unsigned int i = 0; i < 12; i++)
		assert_int_equal(gas[i], 0);
}

static void test_fadt(void **state)
{
	static const u8 absent[] = { 160, 184, 196, 232, 244 };
	const u8 *t, *facs;

	cfg.i8042 = true;
	build();
	t = find("FACP", 6);
	assert_non_null(t);
	assert_int_equal(get32(t + 4), 276);
	assert_int_equal(t[131], 4);

	/* One FACS pointer; two equal ones to the DSDT. */
	facs = mem_ptr(mem, get32(t + 36), 64);
	assert_non_null(facs);
	assert_int_equal(get32(t + 36) % 64, 0);
	assert_memory_equal(facs, "FACS", 4);
	assert_int_equal(get32(facs + 4), 64);
	assert_int_equal(facs[32], 2);
	assert_int_equal(get64(t + 132), 0);
	assert_int_equal(get32(t + 40), get64(t + 140));
	table(get64(t + 140), "DSDT", 2);

	/* Always in ACPI mode. */
	assert_int_equal(get16(t + 46), 9);
	assert_int_equal(get32(t + 48), 0);
	assert_int_equal(get32(t + 52), 0);

	/* The 32-bit fields and lengths agree with the X_ fields. */
	check_port(t + 148, 32, 2, PORT_ACPI_PM + ACPI_PM1_EVT);
	check_port(t + 172, 16, 2, PORT_ACPI_PM + ACPI_PM1_CNT);
	check_port(t + 208, 32, 3, PORT_ACPI_PM + ACPI_PM_TMR);
	check_port(t + 220, 32, 1, PORT_ACPI_PM + ACPI_GPE0);
	assert_int_equal(get32(t + 56), get64(t + 152));
	assert_int_equal(get32(t + 64), get64(t + 176));
	assert_int_equal(get32(t + 76), get64(t + 212));
	assert_int_equal(get32(t + 80), get64(t + 224));
	assert_int_equal(t[88] * 8, t[149]);
	assert_int_equal(t[89] * 8, t[173]);
	assert_int_equal(t[91] * 8, t[209]);
	assert_int_equal(t[92] * 8, t[221]);
	assert_int_equal(t[90], 0);
	assert_int_equal(t[93], 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(absent); i++)
		check_no_register(t + absent[i]);

	assert_true(get16(t + 96) > 100);
	assert_true(get16(t + 98) > 1000);
	assert_int_equal(t[108], 0x32);
	check_port(t + 116, 8, 1, 0xcf9);
	assert_int_equal(t[128], 6);

	/* Fixed power button, no sleep button, reset register, not hardware-reduced. */
	assert_int_equal(get32(t + 112), 1u << 0 | 1u << 2 | 1u << 5 | 1u << 6 | 1u << 8 | 1u << 10);
	assert_int_equal(get16(t + 109), 7);

	cfg.i8042 = false;
	build();
	assert_int_equal(get16(find("FACP", 6) + 109), 5);
}

struct madt {
	unsigned int lapics, x2apics, ioapics, overrides, nmis, x2nmis;
};

/* Source, number and flags of each, in their order; PCI's are low. */
static const char *const overrides[] = {
	"\x00\x02\0\0\0\x00\0", "\x09\x09\0\0\0\x0d\0", "\x0a\x0a\0\0\0\x0f\0", "\x0b\x0b\0\0\0\x0f\0",
};

static void read_madt(struct madt *m)
{
	const u8 *t = find("APIC", 5);
	const u8 *p, *end;

	memset(m, 0, sizeof(*m));
	assert_non_null(t);
	end = t + get32(t + 4);
	assert_int_equal(get32(t + 36), 0xfee00000);
	assert_int_equal(get32(t + 40), 1);
	for (p = t + 44; p < end; p += p[1]) {
		unsigned int cpu = m->lapics + m->x2apics;

		assert_true(p[1] >= 2 && p + p[1] <= end);
		switch (p[0]) {
		case 0:
			assert_int_equal(p[1], 8);
			assert_int_equal(p[2], cpu);
			assert_int_equal(p[3], ids[cpu]);
			assert_true(p[3] < 255);
			assert_int_equal(get32(p + 4), 1);
			m->lapics++;
			break;
		case 1:
			assert_int_equal(p[1], 12);
			assert_int_equal(get32(p + 4), 0xfec00000);
			assert_int_equal(get32(p + 8), 0);
			m->ioapics++;
			break;
		case 2:
			assert_int_equal(p[1], 10);
			assert_int_equal(p[2], 0);
			assert_in_range(m->overrides, 0, 3);
			assert_memory_equal(p + 3, overrides[m->overrides], 7);
			m->overrides++;
			break;
		case 4:
			assert_int_equal(p[1], 6);
			assert_memory_equal(p + 2, "\xff\0\0\1", 4);
			m->nmis++;
			break;
		case 9:
			assert_int_equal(p[1], 16);
			assert_int_equal(get32(p + 4), ids[cpu]);
			assert_true(ids[cpu] >= 255);
			assert_int_equal(get32(p + 8), 1);
			assert_int_equal(get32(p + 12), cpu);
			m->x2apics++;
			break;
		case 10:
			assert_int_equal(p[1], 12);
			assert_int_equal(get16(p + 2), 0);
			assert_int_equal(get32(p + 4), 0xffffffff);
			assert_int_equal(p[8], 1);
			m->x2nmis++;
			break;
		default:
			fail_msg("MADT entry of type %u", p[0]);
		}
	}
	assert_ptr_equal(p, end);
}

static void test_madt(void **state)
{
	static const struct {
		unsigned int cpus, lapics;
	} cases[] = { { 1, 1 }, { 4, 4 }, { 255, 255 }, { 256, 255 }, { 300, 255 }, { 1024, 255 }, { 4096, 255 } };
	struct madt m;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		cfg.cpus = cases[i].cpus;
		build();
		read_madt(&m);
		assert_int_equal(m.lapics, cases[i].lapics);
		assert_int_equal(m.x2apics, cases[i].cpus - cases[i].lapics);
		assert_int_equal(m.ioapics, 1);
		assert_int_equal(m.overrides, 2);
		assert_int_equal(m.nmis, 1);
		assert_int_equal(m.x2nmis, m.x2apics ? 1 : 0);
	}

	/* The interrupts of PCI are levels. */
	cfg.cpus = 1;
	cfg.pci_intx_slots = 2;
	build();
	read_madt(&m);
	assert_int_equal(m.overrides, 4);
	cfg.pci_intx_slots = 0;

	/* With a topology the ids have gaps. */
	for (unsigned int i = 0; i < CPUS; i++)
		ids[i] = i / 3 * 4 + i % 3;
	cfg.cpus = 200;
	build();
	read_madt(&m);
	assert_int_equal(m.lapics, 192);	/* id 254 is vCPU 191's */
	assert_int_equal(m.x2apics, 8);
}

static void test_mcfg(void **state)
{
	const u8 *t;

	build();
	t = find("MCFG", 1);
	assert_non_null(t);
	assert_int_equal(get32(t + 4), 60);
	assert_int_equal(get64(t + 44), 0xe0000000);
	assert_int_equal(get16(t + 52), 0);
	assert_int_equal(t[54], 0);
	assert_int_equal(t[55], LAYOUT_PCI_ECAM_SIZE / MiB - 1);
}

static void test_srat(void **state)
{
	unsigned int cpus = 0, memories = 0;
	const u8 *t, *p;

	build();
	assert_null(find("SRAT", 3));

	cfg.srat = true;
	cfg.cpus = 300;
	build();
	t = find("SRAT", 3);
	assert_non_null(t);
	assert_int_equal(get32(t + 36), 1);
	for (p = t + 48; p < t + get32(t + 4); p += p[1]) {
		switch (p[0]) {
		case 0:
			assert_int_equal(p[1], 16);
			assert_int_equal(p[3], ids[cpus++]);
			assert_int_equal(p[2] | p[9] | p[10] | p[11], 0);
			assert_int_equal(get32(p + 4), 1);
			break;
		case 2:
			assert_int_equal(p[1], 24);
			assert_int_equal(get32(p + 4), 0);
			assert_int_equal(get32(p + 8), ids[cpus++]);
			assert_int_equal(get32(p + 12), 1);
			break;
		case 1:
			assert_int_equal(p[1], 40);
			assert_int_equal(get32(p + 2), 0);
			assert_int_equal(get64(p + 8), memories ? LAYOUT_HIGH_RAM : 0);
			assert_int_equal(get64(p + 16), memories ? 4 * MiB : 2 * MiB);
			assert_int_equal(get32(p + 28), 1);
			memories++;
			break;
		default:
			fail_msg("SRAT entry of type %u", p[0]);
		}
	}
	assert_ptr_equal(p, t + get32(t + 4));
	assert_int_equal(cpus, 300);
	assert_int_equal(memories, 2);
}

static const u8 *dsdt(u32 *len)
{
	const u8 *t = table(get64(find("FACP", 6) + 140), "DSDT", 2);

	*len = get32(t + 4);
	return t;
}

static unsigned int occurrences(const void *bytes, size_t size)
{
	unsigned int n = 0;
	u32 len;
	const u8 *t = dsdt(&len);

	for (size_t i = 36; i + size <= len; i++)
		n += !memcmp(t + i, bytes, size);
	return n;
}

/* Devices are there if and only if the machine has them. */
static void test_devices(void **state)
{
	build();
	assert_int_equal(occurrences("\x41\xd0\x0a\x08", 4), 1);	/* PNP0A08 */
	assert_int_equal(occurrences("\x41\xd0\x0c\x02", 4), 1);	/* PNP0C02 */
	assert_int_equal(occurrences("\x41\xd0\x0b\x00", 4), 1);	/* PNP0B00 */
	assert_int_equal(occurrences("\x41\xd0\x05\x01", 4), 0);	/* PNP0501 */
	assert_int_equal(occurrences("\x41\xd0\x03\x03", 4), 0);	/* PNP0303 */
	assert_int_equal(occurrences("\x41\xd0\x0f\x13", 4), 0);	/* PNP0F13 */
	assert_int_equal(occurrences("QEMU0001", 9), 0);
	assert_int_equal(occurrences("_PRT", 4), 0);
	assert_int_equal(occurrences("ACPI0007", 9), 1);
	assert_int_equal(occurrences("_S5_\x12\x08\x04\x0a\x05\x0a\x05", 11), 1);

	cfg.uarts = 5;
	cfg.i8042 = true;
	cfg.pvpanic = true;
	cfg.pci_intx_slots = 1u << 31;
	cfg.cpus = 17;
	build();
	assert_int_equal(occurrences("\x41\xd0\x05\x01", 4), 2);
	assert_int_equal(occurrences("\x47\x01\xf8\x03\xf8\x03\x01\x08\x22\x10\x00", 11), 1);
	assert_int_equal(occurrences("\x47\x01\xe8\x03\xe8\x03\x01\x08\x22\x10\x00", 11), 1);
	assert_int_equal(occurrences("\x41\xd0\x03\x03", 4), 1);
	assert_int_equal(occurrences("\x41\xd0\x0f\x13", 4), 0);
	assert_int_equal(occurrences("QEMU0001", 9), 1);
	assert_int_equal(occurrences("\x47\x01\x05\x05\x05\x05\x01\x01", 8), 1);
	assert_int_equal(occurrences("ACPI0007", 9), 17);
	/* Slot 31: INTA and INTC at GSI 11, the others at 10. */
	assert_int_equal(occurrences("\x04\x0c\xff\xff\x1f\x00\x00\x00\x0a\x0b", 10), 1);
	assert_int_equal(occurrences("\x04\x0c\xff\xff\x1f\x00\x01\x00\x0a\x0a", 10), 1);
	assert_int_equal(occurrences("\x04\x0c\xff\xff\x1f\x00\x0a\x02\x00\x0a\x0b", 11), 1);
	assert_int_equal(occurrences("\x04\x0c\xff\xff\x1f\x00\x0a\x03\x00\x0a\x0a", 11), 1);
	assert_int_equal(occurrences("\x04\x0c\xff\xff", 4), 4);

	everything(1);
	build();
	assert_int_equal(occurrences("\x04\x0c\xff\xff", 4), 31 * 4);
	assert_int_equal(occurrences("\x04\x0b\xff\xff", 4), 4);	/* slot 0 */
	assert_int_equal(occurrences("\x41\xd0\x05\x01", 4), 4);
	assert_int_equal(occurrences("\x41\xd0\x0f\x13", 4), 1);

	cfg.cpus = ACPI_CPU_DEVICES_MAX + 1;
	build();
	assert_int_equal(occurrences("ACPI0007", 9), 0);
}

/* All vCPUs fit without an SRAT, 1024 with everything; too many are refused in order. */
static void test_size(void **state)
{
	const u8 *low = mem_ptr(mem, LAYOUT_ACPI - 64, 64);
	u8 *high = mem_ptr(mem, LAYOUT_ACPI + LAYOUT_ACPI_SIZE, 64);	/* the RSDP is here */
	bool fits = true;

	everything(1024);
	build();
	assert_int_equal(occurrences("ACPI0007", 9), 1024);

	/* Near the edge each number either fits as a whole or is refused as a whole. */
	for (unsigned int cpus = 3000; cpus <= 4096; cpus++) {
		u64 rsdp = 1;
		int err;

		memset(high, 0x5a, 64);
		everything(cpus);
		err = acpi_build(mem, &cfg, &rsdp);
		assert_true(err == 0 || err == -ENOSPC);
		assert_true(fits || err);
		fits = !err;
		assert_int_equal(rsdp, fits ? LAYOUT_RSDP : 1);
		for (unsigned int i = 0; i < 64; i++) {
			assert_int_equal(low[i], 0);
			if (!fits || i >= 36)
				assert_int_equal(high[i], 0x5a);
		}
	}
	assert_false(fits);
	said = 0;
	cfg.srat = false;
	build();
}

static void test_refused(void **state)
{
	struct mem *small = mem_new();
	u64 rsdp;

	cfg.cpus = 0;
	assert_int_equal(acpi_build(mem, &cfg, &rsdp), -EINVAL);
	cfg.cpus = ACPI_CPUS_MAX + 1;
	assert_int_equal(acpi_build(mem, &cfg, &rsdp), -EINVAL);
	cfg.cpus = 256;
	ids[255] = 7;
	assert_int_equal(acpi_build(mem, &cfg, &rsdp), -EINVAL);
	cfg.cpus = 1;
	assert_int_equal(acpi_build(small, &cfg, &rsdp), -EFAULT);
	assert_int_equal(said, 4);
	mem_free(small);
}

/* A machine that is built again has the same tables. */
static void test_again(void **state)
{
	u8 *area = mem_ptr(mem, LAYOUT_ACPI, LAYOUT_ACPI_SIZE + 64);
	u8 *copy = malloc(LAYOUT_ACPI_SIZE + 64);

	assert_non_null(copy);
	everything(8);
	build();
	memcpy(copy, area, LAYOUT_ACPI_SIZE + 64);
	build();
	assert_memory_equal(copy, area, LAYOUT_ACPI_SIZE + 64);
	free(copy);
}

/* --- iasl --- */

static char dir[256];

static void make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/lkvm-acpi-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
}

static void remove_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(dir);
}

static void file_path(char *path, size_t size, const char *name, const char *suffix)
{
	assert_true((size_t)snprintf(path, size, "%s/%s%s", dir, name, suffix) < size);
}

static void dump(const char *name, const u8 *data, size_t len)
{
	char path[512];
	FILE *f;

	file_path(path, sizeof(path), name, ".dat");
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static u8 *load(const char *name, const char *suffix, size_t *len)
{
	u8 *data = malloc(LAYOUT_ACPI_SIZE);
	char path[512];
	FILE *f;

	file_path(path, sizeof(path), name, suffix);
	f = fopen(path, "rb");
	assert_non_null(f);
	assert_non_null(data);
	*len = fread(data, 1, LAYOUT_ACPI_SIZE - 1, f);
	data[*len] = 0;
	fclose(f);
	return data;
}

/* Run iasl with what it says in NAME.out; return its status, or -1 if there is none. */
static int iasl(const char *name, const char *option, const char *suffix)
{
	char path[512], out[512];
	char *argv[] = { (char *)"iasl", (char *)option, path, NULL };
	posix_spawn_file_actions_t actions;
	int status, err;
	pid_t pid;

	file_path(path, sizeof(path), name, suffix);
	file_path(out, sizeof(out), name, ".out");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	err = posix_spawnp(&pid, "iasl", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static bool contains(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcasestr(text, *words))
			return true;
	return false;
}

/* Taken apart without a complaint, and put together again to the same bytes. */
static void check_with_iasl(const char *name, const u8 *data, size_t len)
{
	static const char *const complaints[] = { "warning", "error", "invalid", "unexpected", "fail", NULL };
	static const char *const marks[] = { "**** ", "Unknown", "Invalid", NULL };
	size_t got;
	u8 *text;
	bool same;

	dump(name, data, len);
	assert_int_equal(iasl(name, "-d", ".dat"), 0);
	text = load(name, ".out", &got);
	if (contains((char *)text, complaints))
		fail_msg("iasl -d %s: %s", name, text);
	free(text);
	text = load(name, ".dsl", &got);
	if (contains((char *)text, marks))
		fail_msg("%s.dsl: %s", name, text);
	free(text);

	if (iasl(name, "-tc", ".dsl")) {
		text = load(name, ".out", &got);
		fail_msg("iasl %s.dsl: %s", name, text);
	}
	text = load(name, ".out", &got);
	if (!strstr((char *)text, "Compilation successful. 0 Errors, 0 Warnings, 0 Remarks"))
		fail_msg("iasl %s.dsl: %s", name, text);
	free(text);

	/* What is different in the header is that the compiler names itself as the creator. */
	text = load(name, ".aml", &got);
	same = got == len && (len <= 36 || !memcmp(text + 36, data + 36, len - 36));
	free(text);
	if (!same)
		fail_msg("%s: %zu bytes became %zu, or others", name, len, got);
}

static void check_all(void)
{
	static const struct {
		const char *name;
		u8 revision;
	} tables[] = { { "FACP", 6 }, { "APIC", 5 }, { "MCFG", 1 }, { "SRAT", 3 } };
	const u8 *rsdp = mem_ptr(mem, LAYOUT_RSDP, 36);
	const u8 *t;
	u32 len;

	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
		t = find(tables[i].name, tables[i].revision);
		if (t)
			check_with_iasl(tables[i].name, t, get32(t + 4));
	}
	t = table(get32(rsdp + 16), "RSDT", 1);
	check_with_iasl("RSDT", t, get32(t + 4));
	t = table(get64(rsdp + 24), "XSDT", 1);
	check_with_iasl("XSDT", t, get32(t + 4));
	t = mem_ptr(mem, get32(find("FACP", 6) + 36), 64);
	check_with_iasl("FACS", t, 64);
	t = dsdt(&len);
	check_with_iasl("DSDT", t, len);
}

static void test_iasl(void **state)
{
	make_dir();
	if (iasl("version", "-v", "") < 0) {
		remove_dir();
		print_message("# SKIP test_iasl: iasl is not installed (acpica-tools)\n");
		skip();
	}
	build();
	check_all();

	cfg.uarts = 1;
	cfg.i8042 = true;
	cfg.pvpanic = true;
	cfg.cpus = 4;
	cfg.pci_intx_slots = 0xfe;
	build();
	check_all();

	everything(300);
	build();
	check_all();
	remove_dir();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_roots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fadt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_madt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mcfg, setup, teardown),
		cmocka_unit_test_setup_teardown(test_srat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_iasl, setup, teardown),
	};

	return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
