/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Booting: from a kernel's file to guest memory and the state that its CPU starts in.
 */
#ifndef LKVM_BOOT_H
#define LKVM_BOOT_H

#include "types.h"

struct mem;
struct boot_image;

enum boot_kind {
	BOOT_BZIMAGE,
	BOOT_ELF_LINUX,
	BOOT_PVH,
	BOOT_MULTIBOOT,
	BOOT_FLAT,
	BOOT_FIRMWARE,
};

enum boot_mode {
	BOOT_LONG64,	/* 64-bit, paging on, an identity map of 4 GiB at LAYOUT_PAGE_TABLES */
	BOOT_PROT32,	/* 32-bit flat, paging off */
	BOOT_REAL16,	/* real mode */
	BOOT_RESET,	/* as a reset leaves it; nothing else of the entry counts */
};

/**
 * struct boot_entry - how the boot CPU starts; registers not named are 0, interrupts are off
 * @mode:	with flat segments, CS 0x10 and the others 0x18, but in real mode as @segment
 * @segment:	real mode: of all segment registers
 * @rip:	guest-physical address of the first instruction; real mode: its offset in @segment
 * @rsp:	real mode: the top of the stack in @segment
 * @rsi:	Linux: the zero page
 * @rax:	Multiboot: its magic number
 * @rbx:	PVH: the start info; Multiboot: its info
 */
struct boot_entry {
	enum boot_mode mode;
	u16 segment;
	u64 rip;
	u64 rsp;
	u64 rsi;
	u64 rax;
	u64 rbx;
};

/**
 * struct boot_config - what goes along with the kernel
 * @cmdline:		the command line, or NULL
 * @initrds:		paths of initial ramdisks, or of modules for PVH and Multiboot
 * @initrd_count:	how many
 * @rsdp:		guest-physical address of ACPI's RSDP, or 0
 * @setup_data:		guest-physical address of a list of struct setup_data (Linux), or 0
 */
struct boot_config {
	const char *cmdline;
	const char *const *initrds;
	unsigned int initrd_count;
	u64 rsdp;
	u64 setup_data;
};

int boot_open(const char *path, bool use_cache, bool kaslr, struct boot_image **out);
int boot_open_flat(const char *path, u64 addr, struct boot_image **out);
int boot_open_firmware(const char *path, struct boot_image **out);
int boot_open_memory(const void *data, size_t size, const char *name, bool kaslr, struct boot_image **out);
void boot_close(struct boot_image *img);

enum boot_kind boot_kind(const struct boot_image *img);
const char *boot_describe(struct boot_image *img);
const char *boot_release(struct boot_image *img);
u64 boot_rom_size(const struct boot_image *img);
u32 boot_cmdline_max(const struct boot_image *img);
int boot_ikconfig(struct boot_image *img, size_t limit, char **text, size_t *size);

int boot_load(struct boot_image *img, struct mem *mem, const struct boot_config *config,
	      struct boot_entry *entry);

#endif /* LKVM_BOOT_H */
