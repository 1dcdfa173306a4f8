// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a machine is made of, read off the machine itself: --dry-run prints it,
 * --dump-dtb writes it as a flattened device tree (Devicetree Specification 0.4).
 */
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <unistd.h>

#include "bus.h"
#include "describe.h"
#include "log.h"
#include "machine.h"
#include "mem.h"
#include "util.h"

#define DTB_SIZE (1 * MiB)

typedef unsigned long long ull;

static void print_bus(const char *title, const struct bus *bus)
{
	struct bus_range r;

	printf("%s:\n", title);
	for (unsigned int i = 0; bus_get(bus, i, &r); i++)
		printf("  %#llx-%#llx %s%u\n", (ull)r.base, (ull)(r.base + r.size - 1),
		       r.dev->ops->name, r.dev->instance);
}

/**
 * describe_print() - print a machine on stdout
 * @m:		may be one that was built dry
 * @kernel:	one line on the kernel
 */
void describe_print(const struct machine *m, const char *kernel)
{
	const struct machine_config *cfg = m->cfg;
	const struct mem_region *r;

	printf("name: %s\n", cfg->name);
	printf("board: %s\n", m->board->name);
	printf("kernel: %s\n", kernel);
	for (unsigned int i = 0; i < cfg->initrd_count; i++)
		printf("initrd: %s\n", cfg->initrds[i]);
	if (*cfg->cmdline)
		printf("command line: %s\n", cfg->cmdline);
	printf("cpus: %u (sockets %u, cores %u, threads %u), model %s\n", cfg->cpus.cpus,
	       cfg->cpus.sockets, cfg->cpus.cores, cfg->cpus.threads, cfg->cpu_model ? cfg->cpu_model : "host");
	printf("memory:\n");
	for (unsigned int i = 0; (r = mem_region(m->mem, i)); i++) {
		printf("  %#llx-%#llx ", (ull)r->gpa, (ull)(r->gpa + r->size - 1));
		if (r->kind == MEM_ROM)
			printf("%llu KiB of ROM\n", (ull)(r->size / KiB));
		else
			printf("%llu MiB%s\n", (ull)(r->size / MiB), r->fd >= 0 ? " from hugetlbfs" : "");
	}
	print_bus("ports", m->pio);
	print_bus("device memory", m->mmio);
}

static int add_memory(void *fdt, const struct mem *mem)
{
	const struct mem_region *r;
	int err = 0;

	for (unsigned int i = 0; (r = mem_region(mem, i)) && !err; i++) {
		fdt64_t reg[] = { cpu_to_fdt64(r->gpa), cpu_to_fdt64(r->size) };
		bool rom = r->kind == MEM_ROM;
		char name[32];

		snprintf(name, sizeof(name), "%s@%llx", rom ? "rom" : "memory", (ull)r->gpa);
		err = fdt_begin_node(fdt, name) ? :
		      fdt_property_string(fdt, rom ? "compatible" : "device_type", rom ? "mtd-rom" : "memory") ? :
		      fdt_property(fdt, "reg", reg, sizeof(reg)) ? : fdt_end_node(fdt);
	}
	return err;
}

static int add_cpus(void *fdt, const struct topology *t)
{
	int err = fdt_begin_node(fdt, "cpus") ? : fdt_property_u32(fdt, "#address-cells", 1) ? :
		  fdt_property_u32(fdt, "#size-cells", 0);

	for (unsigned int i = 0; i < t->cpus && !err; i++) {
		u32 id = topology_apic_id(t, i);
		char name[32];

		snprintf(name, sizeof(name), "cpu@%x", id);
		err = fdt_begin_node(fdt, name) ? : fdt_property_string(fdt, "device_type", "cpu") ? :
		      fdt_property_u32(fdt, "reg", id) ? : fdt_end_node(fdt);
	}
	return err ? : fdt_end_node(fdt);
}

static int add_ranges(void *fdt, const char *name, const struct bus *bus)
{
	struct bus_range r;
	int err = fdt_begin_node(fdt, name) ? : fdt_property_u32(fdt, "#address-cells", 2) ? :
		  fdt_property_u32(fdt, "#size-cells", 2);

	for (unsigned int i = 0; bus_get(bus, i, &r) && !err; i++) {
		fdt64_t reg[] = { cpu_to_fdt64(r.base), cpu_to_fdt64(r.size) };
		char node[64], compatible[64];

		snprintf(node, sizeof(node), "%s@%llx", r.dev->ops->name, (ull)r.base);
		snprintf(compatible, sizeof(compatible), "lkvm,%s", r.dev->ops->name);
		err = fdt_begin_node(fdt, node) ? : fdt_property_string(fdt, "compatible", compatible) ? :
		      fdt_property(fdt, "reg", reg, sizeof(reg)) ? : fdt_end_node(fdt);
	}
	return err ? : fdt_end_node(fdt);
}

static int build_dtb(void *fdt, const struct machine *m)
{
	char compatible[64];

	snprintf(compatible, sizeof(compatible), "lkvm,%s", m->board->name);
	return fdt_create(fdt, DTB_SIZE) ? : fdt_finish_reservemap(fdt) ? : fdt_begin_node(fdt, "") ? :
	       fdt_property_u32(fdt, "#address-cells", 2) ? : fdt_property_u32(fdt, "#size-cells", 2) ? :
	       fdt_property_string(fdt, "compatible", compatible) ? :
	       fdt_property_string(fdt, "model", m->cfg->name) ? :
	       fdt_begin_node(fdt, "chosen") ? :
	       fdt_property_string(fdt, "bootargs", m->cfg->cmdline) ? : fdt_end_node(fdt) ? :
	       add_memory(fdt, m->mem) ? : add_cpus(fdt, &m->cfg->cpus) ? :
	       add_ranges(fdt, "ports", m->pio) ? : add_ranges(fdt, "device-memory", m->mmio) ? :
	       fdt_end_node(fdt) ? : fdt_finish(fdt);
}

/**
 * describe_dtb() - write a machine's device tree
 * @m:		may be one that was built dry
 * @path:	the file
 *
 * Return: 0 or -errno, said.
 */
int describe_dtb(const struct machine *m, const char *path)
{
	void *fdt = malloc(DTB_SIZE);
	int fd, err = 0;

	if (!fdt)
		return error(-ENOMEM, "--dump-dtb %s", path);
	err = build_dtb(fdt, m);
	if (err) {
		free(fdt);
		return usage_error("--dump-dtb %s: %s", path, fdt_strerror(err));
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		err = -errno;
	} else {
		ssize_t n = write(fd, fdt, fdt_totalsize(fdt));

		if (n != (ssize_t)fdt_totalsize(fdt))
			err = n < 0 ? -errno : -ENOSPC;
		if (close(fd) < 0 && !err)
			err = -errno;
	}
	free(fdt);
	return err ? error(err, "--dump-dtb %s", path) : 0;
}
