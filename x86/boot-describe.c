// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an opened kernel is, for a human and for those who build a machine for it.
 *
 * Runs in the thread that opened the kernel.
 */
#include "boot-image.h"
#include "layout.h"
#include "util.h"

/**
 * boot_kind() - which protocol a kernel is booted by
 */
enum boot_kind boot_kind(const struct boot_image *img)
{
	return img->kind;
}

/**
 * boot_release() - the version of a Linux kernel, such as "6.12.1-amd64"
 *
 * The first call may read through a vmlinux.
 *
 * Return: the version, which lives as long as @img; NULL where none was found.
 */
const char *boot_release(struct boot_image *img)
{
	if (!img->release && img->kind == BOOT_ELF_LINUX)
		boot_elf_find_release(img);
	return img->release;
}

static const char *entry_name(const struct boot_image *img)
{
	switch (img->kind) {
	case BOOT_BZIMAGE:
		return !img->bz.own_entry || img->bz.entry64 ? "64-bit entry" : "32-bit entry";
	case BOOT_ELF_LINUX:
		return img->elf.is64 ? "64-bit entry" : "32-bit entry";
	case BOOT_PVH:
		return "PVH entry";
	case BOOT_MULTIBOOT:
		return "Multiboot";
	case BOOT_FLAT:
		return boot_flat_describe(img);
	case BOOT_FIRMWARE:
		return "reset vector";
	}
	return "";
}

/**
 * boot_describe() - a kernel in a few words, for a human
 *
 * Return: the words, which live as long as @img.
 */
const char *boot_describe(struct boot_image *img)
{
	const char *release = boot_release(img);
	const char *kind = img->elf.is64 ? "ELF64" : img->elf.count ? "ELF32" :
			   img->kind == BOOT_FIRMWARE ? "firmware" : "flat image";
	char packed[32] = "";

	if (img->describe)
		return img->describe;
	if (img->kind == BOOT_BZIMAGE) {
		kind = "bzImage";
		/* From 2.08 on one that is not packed at all says so by having no payload. */
		if (!img->bz.own_entry)
			snprintf(packed, sizeof(packed), " (%s)", unpack_name(img->bz.format));
		else if (img->bz.hdr.version < 0x208 || img->bz.hdr.payload_length)
			snprintf(packed, sizeof(packed), " (unpacks itself)");
	} else if (img->kind == BOOT_FLAT) {
		snprintf(packed, sizeof(packed), " at 0x%llx", (ull)img->flat_addr);
	}
	if (asprintf(&img->describe, "%s%s%s%s, %s", kind, release ? " " : "", release ? release : "",
		     packed, entry_name(img)) < 0)
		img->describe = NULL;
	return img->describe ? img->describe : kind;
}

/**
 * boot_rom_size() - how much memory a kernel needs as a ROM that ends at 4 GiB
 *
 * Return: bytes; 0 for what is no firmware.
 */
u64 boot_rom_size(const struct boot_image *img)
{
	return img->kind == BOOT_FIRMWARE ? img->file.size : 0;
}

/**
 * boot_cmdline_max() - how long the command line of a kernel may be
 *
 * Return: bytes, without the NUL at the end.
 */
u32 boot_cmdline_max(const struct boot_image *img)
{
	u32 size = LAYOUT_CMDLINE_SIZE - 1;

	switch (img->kind) {
	case BOOT_BZIMAGE:
		/* boot.rst: 255 before protocol 2.06, which had no field for it */
		return img->bz.hdr.cmdline_size ? min(img->bz.hdr.cmdline_size, size) : 255;
	case BOOT_ELF_LINUX:
		return VMLINUX_CMDLINE_MAX;
	default:
		return size;
	}
}
