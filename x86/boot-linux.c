// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Linux's 64-bit and 32-bit entries are given (Documentation/arch/x86/boot.rst and
 * zero-page.rst): the zero page, the command line, the initial ramdisk, and for 64 bits
 * page tables that map the first 4 GiB to themselves.
 *
 * Runs in the thread that loads the kernel.
 */
#include <errno.h>

#include "boot-image.h"
#include "e820.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "util.h"

#define LOADER_UNDEFINED	0xff	/* type_of_loader: none that has a number */
#define VID_MODE_NORMAL		0xffff
#define INITRD_ADDR_MAX		0x7fffffff
#define VMLINUX_VERSION		0x020f	/* the protocol that we speak to a bare vmlinux */

#define PAGE_PRESENT		(1 << 0)
#define PAGE_WRITE		(1 << 1)
#define PAGE_LARGE		(1 << 7)

static int put_page_tables(struct mem *mem)
{
	u64 *tables = mem_ptr(mem, LAYOUT_PAGE_TABLES, 6 * 4096);
	u64 *pdpt, *pd;

	if (!tables)
		return -EFAULT;
	pdpt = tables + 512;
	pd = pdpt + 512;
	tables[0] = (LAYOUT_PAGE_TABLES + 4096) | PAGE_PRESENT | PAGE_WRITE;
	for (u64 i = 0; i < 4; i++)
		pdpt[i] = (LAYOUT_PAGE_TABLES + (2 + i) * 4096) | PAGE_PRESENT | PAGE_WRITE;
	for (u64 i = 0; i < 4 * 512; i++)
		pd[i] = (i * 2 * MiB) | PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE;
	return 0;
}

/* What a bzImage would say about itself, for a vmlinux, which says nothing. */
static void default_header(struct setup_header *h)
{
	h->boot_flag = 0xaa55;
	h->header = 0x53726448;
	h->version = VMLINUX_VERSION;
	h->root_flags = 1;		/* read-only at first, as bzImages have it */
	h->loadflags = LOADED_HIGH;
	h->initrd_addr_max = INITRD_ADDR_MAX;
	h->cmdline_size = VMLINUX_CMDLINE_MAX;
}

static int put_initrd(struct boot_loading *l, u32 last, struct boot_params *params)
{
	struct boot_range initrd;
	unsigned int count = 0;
	int err = boot_modules_load(l, true, (u64)last + 1, &initrd, &count);

	if (err || !count)
		return err;
	/* Below 4 GiB, so the upper halves in ext_ramdisk_* stay 0. */
	params->hdr.ramdisk_image = initrd.start;
	params->hdr.ramdisk_size = initrd.end - initrd.start;
	return 0;
}

static int fill_params(struct boot_loading *l, const struct boot_bzimage *bz,
		       const struct boot_entry *entry, struct boot_params *params)
{
	struct setup_header *h = &params->hdr;
	int count, err;

	/* boot.rst: copy the setup header, as long as it says it is, into zeros. */
	if (bz)
		memcpy((u8 *)params + offsetof(struct boot_params, hdr), bz->raw, bz->raw_size);
	else
		default_header(h);
	h->vid_mode = VID_MODE_NORMAL;
	h->type_of_loader = LOADER_UNDEFINED;
	h->loadflags &= ~KASLR_FLAG;
	if (bz && bz->own_entry)
		h->code32_start = entry->rip - (bz->entry64 ? BZIMAGE_ENTRY_64 : 0);
	h->cmd_line_ptr = LAYOUT_CMDLINE;
	h->ramdisk_image = 0;
	h->ramdisk_size = 0;
	if (!bz || h->version >= 0x209)
		h->setup_data = l->config->setup_data;
	params->acpi_rsdp_addr = l->config->rsdp;

	err = put_initrd(l, bz ? bz->hdr.initrd_addr_max : h->initrd_addr_max, params);
	if (err)
		return err;
	count = e820_build(l->mem, (struct e820_entry *)params->e820_table, E820_MAX_ENTRIES_ZEROPAGE);
	if (count < 0)
		return error(count, "kernel %s: its memory map", l->img->name);
	params->e820_entries = count;
	return 0;
}

/**
 * boot_linux_load() - add to a loaded kernel what Linux's entries need
 * @l:		the loading; the kernel's memory has been claimed
 * @bz:		the bzImage that it came from, NULL for a bare vmlinux
 * @entry:	mode and rip are set; the rest is filled in
 *
 * Return: 0 or -errno, said.
 */
int boot_linux_load(struct boot_loading *l, const struct boot_bzimage *bz, struct boot_entry *entry)
{
	struct boot_params *params = calloc(1, sizeof(*params));
	int err;

	if (!params)
		return error(-ENOMEM, "kernel %s", l->img->name);
	err = boot_put_cmdline(l, NULL);
	if (!err)
		err = fill_params(l, bz, entry, params);
	if (!err) {
		err = mem_write(l->mem, LAYOUT_ZERO_PAGE, params, sizeof(*params));
		if (!err && entry->mode == BOOT_LONG64)
			err = put_page_tables(l->mem);
		if (err)
			error(err, "kernel %s: its zero page", l->img->name);
	}
	free(params);
	entry->rsi = LAYOUT_ZERO_PAGE;
	return err;
}
