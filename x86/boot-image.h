/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the boot code share; nobody else includes it.
 */
#ifndef LKVM_X86_BOOT_IMAGE_H
#define LKVM_X86_BOOT_IMAGE_H

#include <asm/bootparam.h>

#include "boot.h"
#include "image-cache.h"
#include "types.h"
#include "unpack.h"

#define BOOT_HEAD		8192	/* Multiboot 0.6.96, 3.1: its header is in the first 8192 bytes */
#define BOOT_MAX_SEGMENTS	32
#define BOOT_MAX_MODULES	64
#define BOOT_MAX_RANGES		(BOOT_MAX_SEGMENTS + BOOT_MAX_MODULES + 8)
#define VMLINUX_CMDLINE_MAX	2047	/* Linux's COMMAND_LINE_SIZE on x86, without the NUL */
#define BZIMAGE_ENTRY_64	0x200	/* of a bzImage's 64-bit entry, behind its load address */
#define BOOT_FILE_MAX		UNPACK_MAX	/* of what cannot be mapped or read at will: a pipe */

typedef unsigned long long ull;		/* what %llu and %llx print */

/**
 * struct boot_source - bytes to load from: a file, or memory
 * @fd:		the file; -1 for memory
 * @data:	the memory; not owned
 * @base:	where in the file or memory the first byte is
 * @size:	how many bytes
 */
struct boot_source {
	int fd;
	const u8 *data;
	u64 base;
	u64 size;
};

struct boot_segment {
	u64 offset;		/* in the source */
	u64 file_size;
	u64 gpa;
	u64 vaddr;
	u64 mem_size;
};

/**
 * struct boot_elf - the headers of an ELF file, checked against the file's size
 * @is64:	ELFCLASS64, EM_X86_64; else ELFCLASS32, EM_386
 * @has_entry:	its entry point lies in a segment
 * @entry:	that, as a guest-physical address
 * @linux_note:	it has a note by the name of Linux
 * @has_pvh:	it has a PVH entry, at @pvh_entry
 */
struct boot_elf {
	bool is64;
	bool has_entry;
	u64 entry;
	bool linux_note;
	bool has_pvh;
	u32 pvh_entry;
	unsigned int count;
	struct boot_segment segments[BOOT_MAX_SEGMENTS];
};

/* A bzImage's setup header; fields that its protocol version lacks are 0. */
struct boot_bzimage {
	u8 raw[0x290 - 0x1f1];
	unsigned int raw_size;
	struct setup_header hdr;
	u64 code_offset;	/* of the protected-mode code, in the file */
	u64 code_size;
	bool own_entry;		/* it is entered as it is; else the unpacked vmlinux is */
	bool entry64;		/* at its 64-bit entry then, else at its 32-bit one */
	struct boot_source packed;	/* the vmlinux in it */
	enum unpack_format format;
	u32 declared;		/* bytes that it says it unpacks to */
};

struct boot_multiboot {
	bool addresses;		/* its header says what to load where; else ELF does */
	u32 entry;
	struct boot_segment segment;
};

struct boot_image {
	enum boot_kind kind;
	const char *what;		/* "kernel", or the option that names the file; for messages */
	char *name;			/* for messages */
	char *describe;
	char *release;
	bool use_cache;
	bool kaslr;

	struct boot_source file;	/* what the user named; or what it unpacks to, if that is it */
	struct boot_source vmlinux;	/* what @elf describes */
	int fd;				/* of what the user named, or -1 */
	u8 *owned;			/* what came out of a pipe */
	struct unpacked unpacked;
	struct image_cache_entry cached;

	struct boot_elf elf;
	struct boot_bzimage bz;
	struct boot_multiboot mb;
	u64 flat_addr;			/* of a flat image: where the user wants it */
};

struct boot_range {
	u64 start, end;
	const char *what;
};

/**
 * struct boot_loading - one call of boot_load()
 * @low_end:	where memory that starts at 1 MiB ends, below the PCI hole
 * @ranges:	memory that is taken
 * @data_next:	free part of LAYOUT_BOOT_DATA
 */
struct boot_loading {
	struct boot_image *img;
	struct mem *mem;
	const struct boot_config *config;
	u64 low_end;
	unsigned int count;
	struct boot_range ranges[BOOT_MAX_RANGES];
	u64 data_next;
};

/* boot-source.c */
int boot_source_read(const struct boot_source *s, u64 offset, void *buf, size_t len);
int boot_source_load(const struct boot_source *s, u64 offset, u64 len, struct mem *mem, u64 gpa);
int boot_source_bytes(const struct boot_source *s, const u8 **data, u8 **owned);
int boot_read_all(int fd, u64 limit, u8 **data, u64 *size);

/* boot.c */
int boot_claim(struct boot_loading *l, u64 start, u64 size, const char *what);
const struct boot_range *boot_taken(const struct boot_loading *l, u64 start, u64 size);
int boot_put_cmdline(struct boot_loading *l, const char *prefix);
int boot_data_put(struct boot_loading *l, const void *data, u64 size, u64 *gpa);

/* boot-elf.c */
const char *boot_elf_parse(const struct boot_source *src, struct boot_elf *elf);
int boot_elf_open(struct boot_image *img);
int boot_elf_open_old(struct boot_image *img);
int boot_segments_load(struct boot_loading *l, const struct boot_source *src,
		       const struct boot_segment *segments, unsigned int count);
bool boot_elf_find_release(struct boot_image *img);

/* boot-bzimage.c */
bool boot_bzimage_probe(const u8 *head, size_t size);
int boot_bzimage_open(struct boot_image *img);
int boot_bzimage_unpack(struct boot_image *img, bool use_cache);
int boot_bzimage_load(struct boot_loading *l, struct boot_entry *entry);

/* boot-linux.c */
int boot_linux_load(struct boot_loading *l, const struct boot_bzimage *bz, struct boot_entry *entry);

/* boot-pvh.c */
int boot_pvh_load(struct boot_loading *l, struct boot_entry *entry);

/* boot-multiboot.c */
int boot_multiboot_probe(struct boot_image *img, const u8 *head, size_t size);
int boot_multiboot_load(struct boot_loading *l, struct boot_entry *entry);

/* boot-flat.c */
const char *boot_flat_describe(const struct boot_image *img);
int boot_flat_open(struct boot_image *img);
int boot_flat_load(struct boot_loading *l, struct boot_entry *entry);

/* boot-firmware.c */
int boot_firmware_open(struct boot_image *img);
int boot_firmware_load(struct boot_loading *l, struct boot_entry *entry);

/* boot-initrd.c */
int boot_modules_load(struct boot_loading *l, bool join, u64 limit,
		      struct boot_range *modules, unsigned int *count);

#endif /* LKVM_X86_BOOT_IMAGE_H */
