// SPDX-License-Identifier: GPL-2.0-only
/*
 * bzImages (Documentation/arch/x86/boot.rst, protocol 2.02 and later).
 *
 * The vmlinux in one of a 64-bit kernel is unpacked here, kept in the image cache and
 * entered directly: no real mode and no unpacking in the guest. All others are loaded as
 * they are and unpack themselves: a 32-bit kernel, one that is to choose a random
 * address, one from before 2.08, which does not say where its payload is, and one that is
 * packed in a way that is not known here. These are entered at their own 64-bit entry
 * where they have one (XLF_KERNEL_64, 2.12), else at the 32-bit entry, which all have.
 *
 * Relocations that follow the vmlinux in the payload are of no use: it runs where it was
 * linked to run.
 *
 * Runs in the thread that opens and loads the kernel. Leaves out the real-mode entry, and
 * with it zImages and protocols before 2.02, whose command line only real-mode code finds.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot-image.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "util.h"

#define HEADER_START	0x1f1
#define HEADER_JUMP	0x201		/* its second byte: the header ends that far behind it */
#define HEADER_MAGIC	0x53726448	/* "HdrS" */
#define HEADER_202	0x22c		/* where a header of protocol 2.02 ends */
#define HEADER_208	0x250		/* the same of 2.08 */
#define INITRD_MAX_202	0x37ffffff	/* boot.rst: what initrd_addr_max is before 2.03 */

/**
 * boot_bzimage_probe() - is this the start of a bzImage, or of an older kernel's image?
 */
bool boot_bzimage_probe(const u8 *head, size_t size)
{
	return size >= 0x206 && head[0x1fe] == 0x55 && head[0x1ff] == 0xaa && !memcmp(head + 0x202, "HdrS", 4);
}

static bool within(u64 offset, u64 len, u64 size)
{
	return offset <= size && len <= size - offset;
}

/* Clear what the protocol version does not define; it may hold code. */
static void drop_later_fields(struct setup_header *h)
{
	if (h->version < 0x203)
		h->initrd_addr_max = INITRD_MAX_202;
	if (h->version < 0x204)
		h->syssize = 0;		/* half of it was something else */
	if (h->version < 0x205) {
		h->kernel_alignment = 0;
		h->relocatable_kernel = 0;
	}
	if (h->version < 0x206)
		h->cmdline_size = 0;
	if (h->version < 0x208) {
		h->payload_offset = 0;
		h->payload_length = 0;
	}
	if (h->version < 0x20a) {
		h->pref_address = 0;
		h->init_size = 0;
		h->min_alignment = 0;
	}
	if (h->version < 0x20c)
		h->xloadflags = 0;
}

static int read_header(struct boot_image *img)
{
	struct boot_bzimage *bz = &img->bz;
	struct setup_header *h = &bz->hdr;
	u64 size = img->file.size;
	u8 jump = 0;
	u64 end, code;

	if (size > HEADER_JUMP)
		boot_source_read(&img->file, HEADER_JUMP, &jump, 1);
	end = min(0x202ULL + jump, (u64)HEADER_START + sizeof(bz->raw));
	if (end > size)
		return usage_error("kernel %s: a bzImage that is cut short at %llu bytes", img->name, (ull)size);
	bz->raw_size = end - HEADER_START;
	if (boot_source_read(&img->file, HEADER_START, bz->raw, bz->raw_size))
		return error(-EIO, "kernel %s", img->name);
	memcpy(h, bz->raw, min(sizeof(*h), (size_t)bz->raw_size));

	if (h->version < 0x202)
		return usage_error("kernel %s: boot protocol %u.%02u, but 2.02 (Linux 2.4) or later is needed",
				   img->name, h->version >> 8, h->version & 0xff);
	if (end < (h->version < 0x208 ? HEADER_202 : HEADER_208) || !(h->loadflags & LOADED_HIGH))
		return usage_error("kernel %s: its setup header is not that of a bzImage", img->name);
	drop_later_fields(h);

	bz->code_offset = ((h->setup_sects ? h->setup_sects : 4) + 1) * 512;
	code = (u64)h->syssize * 16;
	/* build.c has rounded it up in some versions, and left out the padding in others. */
	if (bz->code_offset >= size || size - bz->code_offset + 15 < code)
		return usage_error("kernel %s is cut short: it has %llu of %llu bytes",
				   img->name, (ull)size, (ull)(bz->code_offset + code));
	bz->code_size = size - bz->code_offset;
	return 0;
}

/* boot.rst: kernel_version points to a string, less 0x200, inside of the setup code. */
static void read_release(struct boot_image *img)
{
	u64 at = 0x200ULL + img->bz.hdr.kernel_version;
	char text[65] = "";
	size_t len = 0;

	if (!img->bz.hdr.kernel_version || at >= img->bz.code_offset)
		return;
	if (boot_source_read(&img->file, at, text, min(img->bz.code_offset - at, (u64)sizeof(text) - 1)))
		return;
	while (text[len] > ' ' && text[len] < 0x7f)
		len++;
	if (len)
		img->release = strndup(text, len);
}

/* --- the payload ---------------------------------------------------------- */

/* Find it and tell its format. Says nothing about a payload that it cannot unpack. */
static int find_payload(struct boot_image *img)
{
	struct boot_bzimage *bz = &img->bz;
	u8 head[16] = { 0 }, declared[4];
	u64 offset = bz->hdr.payload_offset, len = bz->hdr.payload_length;

	if (!len)
		return 0;
	if (!within(offset, len, bz->code_size))
		return usage_error("kernel %s: its payload lies outside of the file", img->name);
	if (len > BOOT_FILE_MAX)
		return usage_error("kernel %s: its payload is larger than %llu MiB", img->name, BOOT_FILE_MAX / MiB);
	bz->packed = img->file;
	bz->packed.base += bz->code_offset + offset;
	bz->packed.size = len;
	if (boot_source_read(&bz->packed, 0, head, min(len, (u64)sizeof(head))) ||
	    (len >= 4 && boot_source_read(&bz->packed, len - 4, declared, sizeof(declared))))
		return error(-EIO, "kernel %s", img->name);
	bz->format = unpack_probe(head, min(len, (u64)sizeof(head)));
	if (bz->format == UNPACK_NONE)
		return 0;
	/* What was packed is followed by its size; gzip has that at its own end. */
	if (len >= 4)
		memcpy(&bz->declared, declared, sizeof(bz->declared));
	if (bz->format != UNPACK_GZIP && len > 4)
		bz->packed.size -= 4;
	return 0;
}

static bool payload_is_elf(const struct boot_image *img)
{
	char head[4];

	return img->bz.packed.size >= sizeof(head) && img->bz.format == UNPACK_NONE &&
	       !boot_source_read(&img->bz.packed, 0, head, sizeof(head)) && !memcmp(head, "\177ELF", 4);
}

static void use_cached(struct boot_image *img)
{
	img->vmlinux = (struct boot_source){ .fd = img->cached.fd, .size = img->cached.size };
}

static int unpack_here(struct boot_image *img, const u8 *data)
{
	const struct boot_bzimage *bz = &img->bz;
	char what[256];
	int err;

	snprintf(what, sizeof(what), "kernel %s", img->name);
	unpack_free(&img->unpacked);
	err = unpack(what, bz->format, data, bz->packed.size, bz->declared, UNPACK_MAX, &img->unpacked);
	if (err)
		return err;
	if (img->unpacked.size < bz->declared)
		return usage_error("kernel %s: its %s data is cut short: %zu of %u bytes",
				   img->name, unpack_name(bz->format), img->unpacked.size, bz->declared);
	img->vmlinux = (struct boot_source){ .fd = -1, .data = img->unpacked.data, .size = img->unpacked.size };
	return 0;
}

/* The file did not change while it was read: its stat() may name what was read. */
static bool unchanged(const struct boot_image *img, const struct stat *before)
{
	struct stat st;

	return !fstat(img->fd, &st) && st.st_size == before->st_size &&
	       !memcmp(&st.st_mtim, &before->st_mtim, sizeof(st.st_mtim)) &&
	       !memcmp(&st.st_ctim, &before->st_ctim, sizeof(st.st_ctim));
}

/*
 * Choose the bzImage's own entry. One that may be loaded anywhere is loaded by its
 * alignment.
 */
static int own_entry(struct boot_image *img)
{
	const struct setup_header *h = &img->bz.hdr;

	if (h->relocatable_kernel && (!h->kernel_alignment || h->kernel_alignment & (h->kernel_alignment - 1)))
		return usage_error("kernel %s: its alignment, 0x%x, is not a power of two",
				   img->name, h->kernel_alignment);
	img->bz.own_entry = true;
	img->bz.entry64 = h->xloadflags & XLF_KERNEL_64;
	return 0;
}

/*
 * Parse what has been unpacked; an entry of the cache that is no kernel is dropped. Before
 * 2.12 it is only here that a 32-bit kernel is known.
 */
static int parse(struct boot_image *img)
{
	const char *wrong = boot_elf_parse(&img->vmlinux, &img->elf);

	if (!wrong)
		return img->elf.is64 ? 0 : own_entry(img);
	if (img->cached.fd >= 0 && img->vmlinux.fd == img->cached.fd) {
		image_cache_drop(img->cached.name);
		close(img->cached.fd);
		img->cached.fd = -1;
		return -ESTALE;
	}
	return usage_error("kernel %s: the vmlinux in it: %s", img->name, wrong);
}

/**
 * boot_bzimage_unpack() - get at the vmlinux in a bzImage
 * @img:	the kernel; img->vmlinux and img->elf are set
 * @use_cache:	whether the image cache may be asked, and told
 *
 * Return: 0 or -errno, said.
 */
int boot_bzimage_unpack(struct boot_image *img, bool use_cache)
{
	char name[IMAGE_CACHE_NAME + 1];
	const u8 *data;
	struct stat st;
	u8 *owned;
	int err;

	if (img->cached.fd >= 0) {
		close(img->cached.fd);
		img->cached.fd = -1;
	}
	use_cache = use_cache && img->fd >= 0 && !fstat(img->fd, &st);
	if (use_cache && !image_cache_find(&st, &img->cached)) {
		use_cached(img);
		if (!parse(img))
			return 0;
	}
	err = boot_source_bytes(&img->bz.packed, &data, &owned);
	if (err)
		return error(err, "kernel %s", img->name);
	use_cache = use_cache && !image_cache_name(data, img->bz.packed.size, name);
	if (use_cache && !image_cache_open(name, &img->cached)) {
		use_cached(img);
		if (!parse(img))
			goto linked;
	}
	err = unpack_here(img, data);
	if (!err)
		err = parse(img);
	if (err || !use_cache || image_cache_store(name, img->vmlinux.data, img->vmlinux.size))
		goto out;
linked:
	if (unchanged(img, &st))
		image_cache_link(&st, name);
out:
	free(owned);
	return err;
}

/**
 * boot_bzimage_open() - open a bzImage, and unpack it or choose its own entry
 *
 * Return: 0 or -errno, said.
 */
int boot_bzimage_open(struct boot_image *img)
{
	struct boot_bzimage *bz = &img->bz;
	const char *missing;
	int err;

	img->kind = BOOT_BZIMAGE;
	bz->packed.fd = -1;
	err = read_header(img);
	if (err)
		return err;
	read_release(img);
	err = find_payload(img);
	if (err)
		return err;

	if (img->kaslr || (bz->hdr.version >= 0x20c && !(bz->hdr.xloadflags & XLF_KERNEL_64)))
		return own_entry(img);
	if (payload_is_elf(img)) {
		img->vmlinux = bz->packed;
		return parse(img);
	}
	if (bz->format == UNPACK_NONE || bz->format == UNPACK_LZO)
		return own_entry(img);
	missing = unpack_missing(bz->format);
	if (missing) {
		warning("kernel %s unpacks itself, which takes longer: %s is missing", img->name, missing);
		return own_entry(img);
	}
	return boot_bzimage_unpack(img, img->use_cache);
}

/* --- loading -------------------------------------------------------------- */

/*
 * Where the protected-mode code goes: where it prefers to be. Below would not help
 * where memory is short: boot.rst says of pref_address that the kernel moves itself up to it.
 */
static u64 place(const struct setup_header *h)
{
	if (h->pref_address >= LAYOUT_HIGH)
		return h->pref_address;
	return h->relocatable_kernel ? ALIGN_UP((u64)LAYOUT_HIGH, (u64)h->kernel_alignment) : LAYOUT_HIGH;
}

/*
 * The memory that it needs until it knows its memory map. Before 2.10 it does not say:
 * four times its packed size is more than what those kernels unpack to, with their bss.
 */
static u64 needed(const struct boot_bzimage *bz)
{
	if (bz->hdr.version < 0x20a)
		return 4 * bz->code_size;
	return max((u64)bz->hdr.init_size, bz->code_size);
}

/**
 * boot_bzimage_load() - load a bzImage
 *
 * Return: 0, -errno, said, or -ESTALE as boot_segments_load().
 */
int boot_bzimage_load(struct boot_loading *l, struct boot_entry *entry)
{
	const struct boot_bzimage *bz = &l->img->bz;
	const struct boot_elf *elf = &l->img->elf;
	u64 gpa;
	int err;

	if (bz->own_entry) {
		gpa = place(&bz->hdr);
		err = boot_claim(l, gpa, needed(bz), "code");
		if (err)
			return err;
		err = boot_source_load(&l->img->file, bz->code_offset, bz->code_size, l->mem, gpa);
		if (err)
			return error(err, "kernel %s", l->img->name);
		entry->mode = bz->entry64 ? BOOT_LONG64 : BOOT_PROT32;
		entry->rip = gpa + (bz->entry64 ? BZIMAGE_ENTRY_64 : 0);
	} else {
		err = boot_segments_load(l, &l->img->vmlinux, elf->segments, elf->count);
		if (err)
			return err;
		entry->mode = BOOT_LONG64;
		entry->rip = elf->entry;
	}
	return boot_linux_load(l, bz, entry);
}
