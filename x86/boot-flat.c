// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flat images: a file without a header that counts is loaded as it is to an address that
 * the user names, and entered at its first byte.
 *
 * Below 1 MiB in real mode, and where it is then in segments is for us to choose. Below
 * 64 KiB all segment registers are 0 and IP is the address: what a boot sector at 0x7c00
 * is used to. From there on the segments are the address divided by 16, and IP is the rest:
 * 0x10000 is 1000:0000, where boot loaders put such images. SP is 0xfff0, at the top of the
 * same segment. Interrupts are off, and the vectors are zeros: there are no BIOS services.
 *
 * From 1 MiB on as a Multiboot kernel is entered: in 32-bit protected mode with flat
 * segments, paging off, EAX and EBX telling of the Multiboot info with the command
 * line, the memory map and the modules. In real mode nothing tells of those.
 *
 * Runs in the thread that opens and loads the image. Leaves out a stack for 32 bits, which
 * Multiboot leaves to the kernel.
 */
#include <errno.h>

#include "boot-image.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "util.h"

#define SEGMENT_SIZE	0x10000
#define STACK_TOP	0xfff0

static bool real_mode(const struct boot_image *img)
{
	return img->flat_addr < LAYOUT_HIGH;
}

/**
 * boot_flat_describe() - how a flat image is entered, in a few words
 */
const char *boot_flat_describe(const struct boot_image *img)
{
	return real_mode(img) ? "real mode" : "32-bit protected mode";
}

/**
 * boot_flat_open() - check what can be checked of a flat image
 * @img:	the image, its file open and its address set
 *
 * Return: 0 or -EINVAL, said.
 */
int boot_flat_open(struct boot_image *img)
{
	img->kind = BOOT_FLAT;
	if (!img->file.size)
		return usage_error("kernel %s is empty", img->name);
	img->mb.addresses = true;
	img->mb.entry = img->flat_addr;
	img->mb.segment = (struct boot_segment){
		.file_size = img->file.size, .gpa = img->flat_addr, .mem_size = img->file.size,
	};
	return 0;
}

/**
 * boot_flat_load() - load a flat image, and choose its entry
 *
 * Return: 0 or -errno, said.
 */
int boot_flat_load(struct boot_loading *l, struct boot_entry *entry)
{
	const struct boot_image *img = l->img;
	int err;

	if (!real_mode(img))
		return boot_multiboot_load(l, entry);
	err = boot_segments_load(l, &img->file, &img->mb.segment, 1);
	entry->mode = BOOT_REAL16;
	entry->segment = img->flat_addr < SEGMENT_SIZE ? 0 : img->flat_addr >> 4;
	entry->rip = img->flat_addr - ((u64)entry->segment << 4);
	entry->rsp = STACK_TOP;
	return err;
}
