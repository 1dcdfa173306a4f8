// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multiboot 1 kernels (Multiboot Specification 0.6.96): ELF files, and flat images whose
 * header says what to load where.
 *
 * The first word of the command line is the kernel's name: the specification leaves it
 * open, but what there is of such kernels expects it.
 *
 * Runs in the thread that opens and loads the kernel. Leaves out video modes, drives, the
 * APM table and ELF symbols, which a kernel can do without.
 */
#include <errno.h>

#include "boot-image.h"
#include "e820.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "util.h"

#define HEADER_MAGIC	0x1badb002
#define LOADER_MAGIC	0x2badb002

/* Flags of the header (3.1.2). Of the lower 16 bits, all that are not known must be refused. */
#define WANT_PAGES	(1 << 0)
#define WANT_MEMORY	(1 << 1)
#define WANT_VIDEO	(1 << 2)	/* a wish: the info says that there is none */
#define HAS_ADDRESSES	(1 << 16)

/* Flags of the info (3.3) */
#define INFO_MEMORY	(1 << 0)
#define INFO_CMDLINE	(1 << 2)
#define INFO_MODULES	(1 << 3)
#define INFO_MEMMAP	(1 << 6)
#define INFO_LOADER	(1 << 9)

struct header {
	u32 magic;
	u32 flags;
	u32 checksum;
	u32 header_addr;	/* from here on: only with HAS_ADDRESSES */
	u32 load_addr;
	u32 load_end_addr;
	u32 bss_end_addr;
	u32 entry_addr;
};

struct info {
	u32 flags;
	u32 mem_lower, mem_upper;	/* KiB */
	u32 boot_device;
	u32 cmdline;
	u32 mods_count, mods_addr;
	u32 syms[4];
	u32 mmap_length, mmap_addr;
	u32 drives_length, drives_addr;
	u32 config_table;
	u32 boot_loader_name;
	u32 apm_table;
	u32 vbe[4];
};

struct module_entry {
	u32 start, end;
	u32 string;
	u32 reserved;
};

struct memmap_entry {
	u32 size;		/* of what follows */
	u64 addr;
	u64 len;
	u32 type;		/* as in E820 */
} __packed;

/* The header's place in the file, and the header; with zeros where the file ends. */
static bool find_header(const u8 *head, size_t size, u64 *at, struct header *h)
{
	for (*at = 0; *at + 12 <= size; *at += 4) {
		memset(h, 0, sizeof(*h));
		memcpy(h, head + *at, min(sizeof(*h), size - *at));
		if (h->magic == HEADER_MAGIC && h->magic + h->flags + h->checksum == 0)
			return true;
	}
	return false;
}

/* 3.1.3: what to load, by the header's addresses. */
static const char *take_addresses(struct boot_image *img, const struct header *h, u64 at, size_t size)
{
	struct boot_segment *s = &img->mb.segment;
	u32 before = h->header_addr - h->load_addr;

	if (size - at < sizeof(*h))
		return "is cut short";
	if (h->load_addr > h->header_addr || before > at)
		return "says that it begins before its file";
	s->offset = at - before;
	s->gpa = h->load_addr;
	s->file_size = img->file.size - s->offset;
	if (h->load_end_addr) {
		if (h->load_end_addr <= h->load_addr)
			return "says that it ends before it begins";
		if (h->load_end_addr - h->load_addr > s->file_size)
			return "is longer than its file: is that cut short?";
		s->file_size = h->load_end_addr - h->load_addr;
	}
	s->mem_size = s->file_size;
	if (h->bss_end_addr) {
		if (h->bss_end_addr < h->load_addr || h->bss_end_addr - h->load_addr < s->file_size)
			return "says that its bss ends before it begins";
		s->mem_size = h->bss_end_addr - h->load_addr;
	}
	if (h->entry_addr < s->gpa || h->entry_addr - s->gpa >= s->mem_size)
		return "has its entry point outside of what it loads";
	img->mb.entry = h->entry_addr;
	img->mb.addresses = true;
	return NULL;
}

/**
 * boot_multiboot_probe() - open a kernel by Multiboot, if it has such a header
 * @img:	the kernel; for an ELF file img->elf is set
 * @head:	its first bytes
 * @size:	how many, BOOT_HEAD at most
 *
 * Return: 0, 1 when it has no Multiboot header, or -EINVAL, said.
 */
int boot_multiboot_probe(struct boot_image *img, const u8 *head, size_t size)
{
	const char *wrong = NULL;
	struct header h;
	u64 at;

	if (!find_header(head, size, &at, &h))
		return 1;
	if (h.flags & 0xffff & ~(WANT_PAGES | WANT_MEMORY | WANT_VIDEO))
		return usage_error("kernel %s: its Multiboot header demands what is not supported: flags 0x%x",
				   img->name, h.flags);
	img->kind = BOOT_MULTIBOOT;
	if (h.flags & HAS_ADDRESSES)
		wrong = take_addresses(img, &h, at, size);
	else if (!img->elf.count)
		wrong = "has no addresses, and it is no ELF file";
	else if (!img->elf.has_entry || img->elf.entry > UINT32_MAX)
		wrong = "is there, but its entry point lies outside of its segments";
	else
		img->mb.entry = img->elf.entry;
	return wrong ? usage_error("kernel %s: its Multiboot header %s", img->name, wrong) : 0;
}

/* --- loading -------------------------------------------------------------- */

static int put_memmap(struct boot_loading *l, struct info *info)
{
	struct memmap_entry map[E820_MAX];
	struct e820_entry e820[E820_MAX];
	int count = e820_build(l->mem, e820, E820_MAX);
	u64 gpa = 0;
	int err;

	if (count < 0)
		return error(count, "kernel %s: its memory map", l->img->name);
	for (int i = 0; i < count; i++)
		map[i] = (struct memmap_entry){ sizeof(map[0]) - 4, e820[i].addr, e820[i].size, e820[i].type };
	err = boot_data_put(l, map, count * sizeof(map[0]), &gpa);
	info->flags |= INFO_MEMORY | INFO_MEMMAP;
	info->mmap_addr = gpa;
	info->mmap_length = count * sizeof(map[0]);
	info->mem_lower = LAYOUT_EBDA / KiB;
	info->mem_upper = (l->low_end - LAYOUT_HIGH) / KiB;
	return err;
}

static int put_modules(struct boot_loading *l, struct info *info)
{
	struct boot_range modules[BOOT_MAX_MODULES];
	struct module_entry list[BOOT_MAX_MODULES];
	unsigned int count;
	u64 gpa = 0;
	int err = boot_modules_load(l, false, LAYOUT_LOW_RAM_END, modules, &count);

	if (err)
		return err;
	for (unsigned int i = 0; i < count; i++) {
		err = boot_data_put(l, modules[i].what, strlen(modules[i].what) + 1, &gpa);
		if (err)
			return err;
		list[i] = (struct module_entry){ modules[i].start, modules[i].end, gpa, 0 };
	}
	err = boot_data_put(l, list, count * sizeof(list[0]), &gpa);
	info->flags |= INFO_MODULES;
	info->mods_count = count;
	info->mods_addr = gpa;
	return err;
}

/* The kernel's name as one word. */
static void first_word(const char *path, char *word, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(word, size, "%s", slash ? slash + 1 : path);
	for (; *word; word++)
		if (*word == ' ')
			*word = '_';
}

static int put_strings(struct boot_loading *l, struct info *info)
{
	static const char loader[] = "lkvm";
	char word[64];
	u64 gpa = 0;
	int err;

	first_word(l->img->name, word, sizeof(word));
	err = boot_put_cmdline(l, word);
	if (!err)
		err = boot_data_put(l, loader, sizeof(loader), &gpa);
	info->flags |= INFO_CMDLINE | INFO_LOADER;
	info->cmdline = LAYOUT_CMDLINE;
	info->boot_loader_name = gpa;
	return err;
}

/**
 * boot_multiboot_load() - load a Multiboot kernel, its modules and its info
 *
 * Return: 0 or -errno, said.
 */
int boot_multiboot_load(struct boot_loading *l, struct boot_entry *entry)
{
	const struct boot_image *img = l->img;
	struct info info = { 0 };
	int err;

	if (img->mb.addresses)
		err = boot_segments_load(l, &img->file, &img->mb.segment, 1);
	else
		err = boot_segments_load(l, &img->file, img->elf.segments, img->elf.count);
	if (!err)
		err = put_strings(l, &info);
	if (!err)
		err = put_memmap(l, &info);
	if (!err)
		err = put_modules(l, &info);
	if (err)
		return err;
	err = mem_write(l->mem, LAYOUT_ZERO_PAGE, &info, sizeof(info));
	if (err)
		return error(err, "kernel %s: its Multiboot info", img->name);
	entry->mode = BOOT_PROT32;
	entry->rip = img->mb.entry;
	entry->rax = LOADER_MAGIC;
	entry->rbx = LAYOUT_ZERO_PAGE;
	return 0;
}
