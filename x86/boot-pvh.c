// SPDX-License-Identifier: GPL-2.0-only
/*
 * PVH: Xen's way to enter a kernel in 32-bit protected mode without firmware
 * (xen/include/public/arch-x86/hvm/start_info.h, version 1; docs/misc/pvh.pandoc), for
 * kernels that are not Linux.
 *
 * Runs in the thread that loads the kernel.
 */
#include "boot-image.h"
#include "e820.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "util.h"

#define START_INFO_MAGIC 0x336ec578

struct start_info {
	u32 magic;
	u32 version;
	u32 flags;
	u32 module_count;
	u64 modules;
	u64 cmdline;
	u64 rsdp;
	u64 memmap;
	u32 memmap_count;
	u32 reserved;
};

struct module_entry {
	u64 gpa;
	u64 size;
	u64 cmdline;
	u64 reserved;
};

struct memmap_entry {
	u64 addr;
	u64 size;
	u32 type;		/* as in E820 */
	u32 reserved;
};

static int put_memmap(struct boot_loading *l, struct start_info *info)
{
	struct e820_entry e820[E820_MAX];
	struct memmap_entry map[E820_MAX];
	int count = e820_build(l->mem, e820, E820_MAX);

	if (count < 0)
		return error(count, "kernel %s: its memory map", l->img->name);
	for (int i = 0; i < count; i++)
		map[i] = (struct memmap_entry){ e820[i].addr, e820[i].size, e820[i].type, 0 };
	info->memmap_count = count;
	return boot_data_put(l, map, count * sizeof(map[0]), &info->memmap);
}

static int put_modules(struct boot_loading *l, struct start_info *info)
{
	struct boot_range modules[BOOT_MAX_MODULES];
	struct module_entry list[BOOT_MAX_MODULES];
	unsigned int count;
	int err = boot_modules_load(l, false, LAYOUT_LOW_RAM_END, modules, &count);

	if (err || !count)
		return err;
	for (unsigned int i = 0; i < count && !err; i++) {
		list[i] = (struct module_entry){ modules[i].start, modules[i].end - modules[i].start, 0, 0 };
		err = boot_data_put(l, modules[i].what, strlen(modules[i].what) + 1, &list[i].cmdline);
	}
	info->module_count = count;
	return err ? err : boot_data_put(l, list, count * sizeof(list[0]), &info->modules);
}

/**
 * boot_pvh_load() - load an ELF kernel that has a PVH entry
 *
 * Return: 0 or -errno, said.
 */
int boot_pvh_load(struct boot_loading *l, struct boot_entry *entry)
{
	const struct boot_elf *elf = &l->img->elf;
	struct start_info info = {
		.magic = START_INFO_MAGIC,
		.version = 1,
		.cmdline = LAYOUT_CMDLINE,
		.rsdp = l->config->rsdp,
	};
	int err = boot_segments_load(l, &l->img->vmlinux, elf->segments, elf->count);

	if (!err)
		err = boot_put_cmdline(l, NULL);
	if (!err)
		err = put_memmap(l, &info);
	if (!err)
		err = put_modules(l, &info);
	if (err)
		return err;
	err = mem_write(l->mem, LAYOUT_ZERO_PAGE, &info, sizeof(info));
	if (err)
		return error(err, "kernel %s: its start info", l->img->name);
	entry->mode = BOOT_PROT32;
	entry->rip = elf->pvh_entry;
	entry->rbx = LAYOUT_ZERO_PAGE;
	return 0;
}
