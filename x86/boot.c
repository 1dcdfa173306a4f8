// SPDX-License-Identifier: GPL-2.0-only
/*
 * Booting: opening a kernel, telling what it is, and loading it.
 *
 * A kernel is opened before the machine is built: its headers are checked and a
 * packed one is unpacked, so that what is wrong with it is said early. boot_load()
 * then fills guest memory, which must read as zeros, and says how the boot CPU
 * starts; it may be called again for a machine that is built anew.
 *
 * What wins where a file could be several things: bzImage; a vmlinux that has Linux's
 * note; a 64-bit one with Linux's banner; Multiboot; a 32-bit one with the banner; PVH. A
 * file that is packed as a whole is unpacked first.
 *
 * What the user calls flat or firmware is not looked at.
 *
 * To add a protocol: its kind in include/boot.h, its probe in probe() and its
 * loader in load(), below.
 *
 * All of it runs in the thread that builds the machine. Leaves out: the real-mode entry
 * of bzImages, EFI, Multiboot 2.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot-image.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "util.h"

#define BDA_EBDA_SEGMENT	0x40e
#define BDA_BASE_MEMORY		0x413

/* --- opening -------------------------------------------------------------- */

static int open_file(struct boot_image *img, const char *path)
{
	struct stat st;
	int err;

	img->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (img->fd < 0 || fstat(img->fd, &st) < 0)
		return error(-errno, "%s %s", img->what, path);
	if (S_ISDIR(st.st_mode))
		return usage_error("%s %s is a directory, not an image", img->what, path);
	if (S_ISREG(st.st_mode)) {
		img->file = (struct boot_source){ .fd = img->fd, .size = st.st_size };
		return 0;
	}
	/* A pipe, or what else has no size. */
	img->use_cache = false;
	img->file.fd = -1;
	err = boot_read_all(img->fd, BOOT_FILE_MAX, &img->owned, &img->file.size);
	if (err == -EFBIG)
		return usage_error("%s %s is larger than %llu MiB", img->what, path, BOOT_FILE_MAX / MiB);
	if (err)
		return error(err, "%s %s", img->what, path);
	img->file.data = img->owned;
	return 0;
}

/* Replace a file that is packed as a whole, such as xen.gz, by what is in it. */
static int unpack_file(struct boot_image *img, enum unpack_format format)
{
	const u8 *data;
	char what[256];
	u8 *owned;
	int err;

	if (img->file.size > BOOT_FILE_MAX)
		return usage_error("kernel %s is larger than %llu MiB", img->name, BOOT_FILE_MAX / MiB);
	err = boot_source_bytes(&img->file, &data, &owned);
	if (err)
		return error(err, "kernel %s", img->name);
	snprintf(what, sizeof(what), "kernel %s", img->name);
	err = unpack(what, format, data, img->file.size, 0, UNPACK_MAX, &img->unpacked);
	free(owned);
	if (err)
		return err;
	img->file = (struct boot_source){ .fd = -1, .data = img->unpacked.data, .size = img->unpacked.size };
	return 0;
}

/* An ELF file: Linux, else Multiboot if it is for 32 bits, else PVH, else Multiboot. */
static int probe_elf(struct boot_image *img, const u8 *head, size_t size)
{
	int err = boot_elf_open(img);

	if (err == 1 && (!img->elf.is64 || !img->elf.has_pvh))
		err = boot_multiboot_probe(img, head, size);
	if (err == 1 && !img->elf.is64)
		err = boot_elf_open_old(img);
	if (err == 1 && img->elf.has_pvh) {
		img->kind = BOOT_PVH;
		return 0;
	}
	if (err == 1)
		return usage_error("kernel %s: an ELF file, but neither Linux nor with a PVH note nor Multiboot",
				   img->name);
	return err;
}

static int probe(struct boot_image *img, bool inner)
{
	u8 *head = calloc(1, BOOT_HEAD);
	size_t size = min(img->file.size, (u64)BOOT_HEAD);
	enum unpack_format format;
	int err;

	if (!head)
		return error(-ENOMEM, "kernel %s", img->name);
	err = boot_source_read(&img->file, 0, head, size);
	if (err) {
		err = error(err, "kernel %s", img->name);
		goto out;
	}
	format = unpack_probe(head, size);
	if (!size) {
		err = usage_error("kernel %s is empty", img->name);
	} else if (boot_bzimage_probe(head, size)) {
		err = boot_bzimage_open(img);
	} else if (format != UNPACK_NONE && !inner) {
		err = unpack_file(img, format);
		if (!err)
			err = probe(img, true);
	} else if (size >= 4 && !memcmp(head, "\177ELF", 4)) {
		err = probe_elf(img, head, size);
	} else {
		err = boot_multiboot_probe(img, head, size);
		if (err == 1)
			err = usage_error("kernel %s: neither a bzImage nor an ELF file nor a Multiboot image",
					  img->name);
	}
out:
	free(head);
	return err;
}

static struct boot_image *new_image(const char *what, const char *name)
{
	struct boot_image *img = calloc(1, sizeof(*img));

	if (img) {
		img->what = what;
		img->fd = -1;
		img->cached.fd = -1;
		img->name = strdup(name);
	}
	if (!img || !img->name) {
		error(-ENOMEM, "%s %s", what, name);
		free(img);
		return NULL;
	}
	return img;
}

/* Hand an image over, or give it back where it is not good. */
static int finish(struct boot_image *img, int err, struct boot_image **out)
{
	if (err)
		boot_close(img);
	*out = err ? NULL : img;
	return err;
}

/**
 * boot_open() - open a kernel and tell what it is
 * @path:	its file; a pipe will do
 * @use_cache:	keep what a bzImage unpacks to, and use what is kept
 * @kaslr:	let a bzImage unpack itself, at a random address
 * @out:	set to the kernel, to be given back with boot_close(); NULL on errors
 *
 * Return: 0, -EINVAL for a file that is no kernel, or -errno; said.
 */
int boot_open(const char *path, bool use_cache, bool kaslr, struct boot_image **out)
{
	struct boot_image *img = new_image("kernel", path);
	int err;

	if (!img)
		return finish(img, -ENOMEM, out);
	img->use_cache = use_cache;
	img->kaslr = kaslr;
	err = open_file(img, path);
	if (!err)
		err = probe(img, false);
	return finish(img, err, out);
}

/**
 * boot_open_flat() - open a flat image: whatever is in the file is loaded as it is
 * @path:	its file; a pipe will do
 * @addr:	guest-physical address to load it to and enter it at
 * @out:	as for boot_open()
 *
 * Return: 0 or -errno, said.
 */
int boot_open_flat(const char *path, u64 addr, struct boot_image **out)
{
	struct boot_image *img = new_image("kernel", path);
	int err;

	if (!img)
		return finish(img, -ENOMEM, out);
	img->flat_addr = addr;
	err = open_file(img, path);
	if (!err)
		err = boot_flat_open(img);
	return finish(img, err, out);
}

/**
 * boot_open_firmware() - open a firmware image, to be run instead of a kernel
 * @path:	its file
 * @out:	as for boot_open()
 *
 * Return: 0 or -errno, said.
 */
int boot_open_firmware(const char *path, struct boot_image **out)
{
	struct boot_image *img = new_image("--firmware", path);
	int err;

	if (!img)
		return finish(img, -ENOMEM, out);
	err = open_file(img, path);
	if (!err)
		err = boot_firmware_open(img);
	return finish(img, err, out);
}

/**
 * boot_open_memory() - boot_open() for a kernel in memory
 * @data:	the kernel's file; must stay until boot_close()
 * @size:	its bytes
 * @name:	its name in messages
 * @kaslr:	as for boot_open()
 * @out:	as for boot_open()
 *
 * Return: as boot_open().
 */
int boot_open_memory(const void *data, size_t size, const char *name, bool kaslr, struct boot_image **out)
{
	struct boot_image *img = new_image("kernel", name);

	if (!img)
		return finish(img, -ENOMEM, out);
	img->kaslr = kaslr;
	img->file = (struct boot_source){ .fd = -1, .data = data, .size = size };
	return finish(img, probe(img, false), out);
}

/**
 * boot_close() - give a kernel back
 * @img:	may be NULL
 */
void boot_close(struct boot_image *img)
{
	if (!img)
		return;
	if (img->fd >= 0)
		close(img->fd);
	if (img->cached.fd >= 0)
		close(img->cached.fd);
	unpack_free(&img->unpacked);
	free(img->owned);
	free(img->describe);
	free(img->release);
	free(img->name);
	free(img);
}

/* --- loading -------------------------------------------------------------- */

static u64 low_end(const struct mem *mem)
{
	u64 end = LAYOUT_HIGH;

	for (unsigned int i = 0; i < mem_count(mem); i++) {
		const struct mem_region *r = mem_region(mem, i);

		if (r->kind == MEM_RAM && r->gpa <= end && r->gpa + r->size > end)
			end = r->gpa + r->size;
	}
	return min(end, (u64)LAYOUT_LOW_RAM_END);
}

/**
 * boot_taken() - what of the memory in a range is taken already
 *
 * Return: the lowest range that overlaps, or NULL when all is free.
 */
const struct boot_range *boot_taken(const struct boot_loading *l, u64 start, u64 size)
{
	const struct boot_range *found = NULL;

	for (unsigned int i = 0; i < l->count; i++)
		if (start < l->ranges[i].end && l->ranges[i].start < start + size &&
		    (!found || l->ranges[i].start < found->start))
			found = &l->ranges[i];
	return found;
}

/**
 * boot_claim() - take a range of low memory for a part of the kernel
 * @l:		the loading
 * @start:	guest-physical address
 * @size:	bytes, not 0
 * @what:	what it is for, a literal
 *
 * Return: 0, or -EINVAL when it is no memory or is taken, said.
 */
int boot_claim(struct boot_loading *l, u64 start, u64 size, const char *what)
{
	const char *name = l->img->name;
	const struct boot_range *other;
	u64 end = start + size;

	if (end < start || end > LAYOUT_LOW_RAM_END)
		return usage_error("kernel %s: its %s at 0x%llx, 0x%llx bytes, is outside of memory",
				   name, what, (ull)start, (ull)size);
	if (end > l->low_end)
		return usage_error("kernel %s needs memory up to %llu MiB, but there are only %llu MiB: use -m",
				   name, (ull)(ALIGN_UP(end, MiB) / MiB), (ull)(l->low_end / MiB));
	other = boot_taken(l, start, size);
	if (other)
		return usage_error("kernel %s: its %s at 0x%llx, 0x%llx bytes, overlaps the %s at 0x%llx",
				   name, what, (ull)start, (ull)size, other->what, (ull)other->start);
	if (l->count == ARRAY_SIZE(l->ranges))
		return usage_error("kernel %s has too many parts", name);
	l->ranges[l->count++] = (struct boot_range){ start, end, what };
	return 0;
}

/**
 * boot_put_cmdline() - write the command line to LAYOUT_CMDLINE
 * @l:		the loading
 * @prefix:	a first word, or NULL
 *
 * Return: 0, or -EINVAL when it is longer than the kernel takes, said.
 */
int boot_put_cmdline(struct boot_loading *l, const char *prefix)
{
	const char *text = l->config->cmdline ? l->config->cmdline : "";
	size_t first = prefix ? strlen(prefix) + 1 : 0;
	size_t len = strlen(text), limit = boot_cmdline_max(l->img);
	int err = 0;

	limit -= min(first, limit);
	if (len > limit)
		return usage_error("the command line (-p) has %zu bytes, kernel %s takes %zu at most",
				   len, l->img->name, limit);
	if (prefix) {
		err = mem_write(l->mem, LAYOUT_CMDLINE, prefix, first - 1);
		if (!err)
			err = mem_write(l->mem, LAYOUT_CMDLINE + first - 1, " ", 1);
	}
	if (!err)
		err = mem_write(l->mem, LAYOUT_CMDLINE + first, text, len + 1);
	return err ? error(err, "kernel %s: the command line", l->img->name) : 0;
}

/**
 * boot_data_put() - write a table or string to the next free place of LAYOUT_BOOT_DATA
 * @l:		the loading
 * @data:	its bytes
 * @size:	how many
 * @gpa:	set to its guest-physical address, a multiple of 8
 *
 * Return: 0, or -ENOSPC when no place is left, said.
 */
int boot_data_put(struct boot_loading *l, const void *data, u64 size, u64 *gpa)
{
	u64 end = LAYOUT_BOOT_DATA + LAYOUT_BOOT_DATA_SIZE;
	int err;

	if (size > end - l->data_next)
		return error(-ENOSPC, "kernel %s: too many modules (-i)", l->img->name);
	err = size ? mem_write(l->mem, l->data_next, data, size) : 0;
	if (err)
		return error(err, "kernel %s: its boot data", l->img->name);
	*gpa = l->data_next;
	l->data_next = min(ALIGN_UP(l->data_next + size, 8), end);
	return 0;
}

/*
 * The two words of the BIOS data area that kernels look at to find the end of
 * conventional memory (Xen's trampoline goes below it), and the EBDA's size in KiB.
 */
static int put_bios_data(struct mem *mem)
{
	u16 ebda = LAYOUT_EBDA >> 4, base_kib = LAYOUT_EBDA / KiB;
	u8 ebda_kib = (LAYOUT_VGA - LAYOUT_EBDA) / KiB;

	return mem_write(mem, BDA_EBDA_SEGMENT, &ebda, sizeof(ebda)) ||
	       mem_write(mem, BDA_BASE_MEMORY, &base_kib, sizeof(base_kib)) ||
	       mem_write(mem, LAYOUT_EBDA, &ebda_kib, sizeof(ebda_kib));
}

/* Up to where low memory has something for the kernel: in real mode only the BIOS data area. */
static u64 boot_data_end(const struct boot_image *img)
{
	if (img->kind == BOOT_FLAT && img->flat_addr < LAYOUT_HIGH)
		return LAYOUT_BIOS_DATA_END;
	return LAYOUT_BOOT_DATA + LAYOUT_BOOT_DATA_SIZE;
}

static int load(struct boot_image *img, struct mem *mem, const struct boot_config *config,
		struct boot_entry *entry)
{
	struct boot_loading l = {
		.img = img,
		.mem = mem,
		.config = config,
		.low_end = low_end(mem),
		.data_next = LAYOUT_BOOT_DATA,
		.count = 2,
		.ranges = {
			{ 0, boot_data_end(img), "boot data" },
			{ LAYOUT_EBDA, LAYOUT_HIGH, "firmware's area" },
		},
	};
	int err;

	if (!mem_ptr(mem, 0, LAYOUT_EBDA) || put_bios_data(mem))
		return usage_error("kernel %s needs more than 1 MiB of memory: use -m", img->name);
	*entry = (struct boot_entry){ .mode = BOOT_PROT32 };
	switch (img->kind) {
	case BOOT_BZIMAGE:
		return boot_bzimage_load(&l, entry);
	case BOOT_ELF_LINUX:
		err = boot_segments_load(&l, &img->vmlinux, img->elf.segments, img->elf.count);
		entry->mode = img->elf.is64 ? BOOT_LONG64 : BOOT_PROT32;
		entry->rip = img->elf.entry;
		return err ? err : boot_linux_load(&l, NULL, entry);
	case BOOT_PVH:
		return boot_pvh_load(&l, entry);
	case BOOT_MULTIBOOT:
		return boot_multiboot_load(&l, entry);
	case BOOT_FLAT:
		return boot_flat_load(&l, entry);
	case BOOT_FIRMWARE:
		return boot_firmware_load(&l, entry);
	}
	return -EINVAL;
}

/**
 * boot_load() - load a kernel and all that its protocol puts into memory
 * @img:	the kernel
 * @mem:	the guest's memory, fresh: it must read as zeros
 * @config:	command line, initial ramdisks ...
 * @entry:	set to the state that the boot CPU starts in
 *
 * Writes the kernel, initial ramdisks or modules, of layout.h the zero page, the page
 * tables, the command line and the boot data, and what kernels read of the BIOS data area.
 *
 * For firmware there must be a ROM of boot_rom_size() bytes.
 *
 * Return: 0, -EINVAL when the kernel, its command line or an initial ramdisk do not
 * fit, or -errno; said.
 */
int boot_load(struct boot_image *img, struct mem *mem, const struct boot_config *config,
	      struct boot_entry *entry)
{
	int err = load(img, mem, config, entry);

	if (err != -ESTALE)
		return err;
	/* The cache let us down between boot_open() and now. */
	err = boot_bzimage_unpack(img, false);
	return err ? err : load(img, mem, config, entry);
}
