// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF kernels (System V ABI, chapters 4 and 5): headers, notes and segments.
 *
 * Segments go to their physical addresses. An entry point is taken as a physical
 * address where it lies in a segment, as Linux has it, else as a virtual one.
 *
 * Runs in the thread that opens and loads the kernel. Leaves out relocations: a kernel is
 * loaded where it was linked to run.
 */
#include <elf.h>
#include <errno.h>

#include "boot-image.h"
#include "log.h"
#include "mem.h"
#include "util.h"

#define NOTES_MAX	(64 * KiB)	/* bytes of a note segment that are looked at */
#define XEN_PHYS32_ENTRY 18		/* xen/include/public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY */
#define SCAN_PIECE	(1 * MiB)
#define BANNER		"Linux version "
#define RELEASE_MAX	64		/* __NEW_UTS_LEN */

static bool fits(u64 offset, u64 len, u64 size)
{
	return offset <= size && len <= size - offset;
}

static void parse_notes(const struct boot_source *src, u64 offset, u64 len, struct boot_elf *elf)
{
	u8 *buf = NULL;
	u64 at = 0;

	len = min(len, NOTES_MAX);
	if (!fits(offset, len, src->size) || !(buf = malloc(len + 1)) || boot_source_read(src, offset, buf, len))
		len = 0;
	while (fits(at, sizeof(Elf64_Nhdr), len)) {
		Elf64_Nhdr note;		/* the same in ELF32 */
		u64 name = at + sizeof(note), desc;
		u32 value;

		memcpy(&note, buf + at, sizeof(note));
		desc = name + ALIGN_UP((u64)note.n_namesz, 4);
		if (!fits(name, note.n_namesz, len) || !fits(desc, note.n_descsz, len))
			break;
		if (note.n_namesz == sizeof("Linux") && !memcmp(buf + name, "Linux", sizeof("Linux")))
			elf->linux_note = true;
		/* Four bytes, or eight in 64-bit kernels. */
		if (note.n_namesz == sizeof("Xen") && !memcmp(buf + name, "Xen", sizeof("Xen")) &&
		    note.n_type == XEN_PHYS32_ENTRY && (note.n_descsz == 4 || note.n_descsz == 8)) {
			memcpy(&value, buf + desc, sizeof(value));
			elf->has_pvh = true;
			elf->pvh_entry = value;
		}
		at = desc + ALIGN_UP((u64)note.n_descsz, 4);
	}
	free(buf);
}

static const char *add_segment(const struct boot_source *src, const Elf64_Phdr *ph, struct boot_elf *elf)
{
	if (!ph->p_memsz && !ph->p_filesz)
		return NULL;
	if (!fits(ph->p_offset, ph->p_filesz, src->size))
		return "a segment lies outside of the file: is it cut short?";
	if (ph->p_filesz > ph->p_memsz)
		return "a segment has more bytes in the file than in memory";
	if (ph->p_paddr + ph->p_memsz < ph->p_paddr)
		return "a segment lies outside of memory";
	if (elf->count == BOOT_MAX_SEGMENTS)
		return "it has too many segments";
	elf->segments[elf->count++] = (struct boot_segment){
		.offset = ph->p_offset,
		.file_size = ph->p_filesz,
		.gpa = ph->p_paddr,
		.vaddr = ph->p_vaddr,
		.mem_size = ph->p_memsz,
	};
	return NULL;
}

static void widen(const Elf32_Phdr *from, Elf64_Phdr *to)
{
	*to = (Elf64_Phdr){
		.p_type = from->p_type,
		.p_offset = from->p_offset,
		.p_vaddr = from->p_vaddr,
		.p_paddr = from->p_paddr,
		.p_filesz = from->p_filesz,
		.p_memsz = from->p_memsz,
	};
}

static const char *parse_segments(const struct boot_source *src, u64 phoff, unsigned int phnum,
				  unsigned int phentsize, struct boot_elf *elf)
{
	if (phentsize != (elf->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return "its program headers have a wrong size";
	for (unsigned int i = 0; i < phnum; i++) {
		const char *wrong = NULL;
		Elf32_Phdr narrow;
		Elf64_Phdr ph;

		if (phoff + (u64)i * phentsize < phoff ||
		    boot_source_read(src, phoff + (u64)i * phentsize, elf->is64 ? (void *)&ph : &narrow, phentsize))
			return "its program headers lie outside of the file";
		if (!elf->is64)
			widen(&narrow, &ph);
		if (ph.p_type == PT_LOAD)
			wrong = add_segment(src, &ph, elf);
		else if (ph.p_type == PT_NOTE)
			parse_notes(src, ph.p_offset, ph.p_filesz, elf);
		if (wrong)
			return wrong;
	}
	return elf->count ? NULL : "it has nothing to load";
}

static bool in_segments(const struct boot_elf *elf, u64 gpa)
{
	for (unsigned int i = 0; i < elf->count; i++)
		if (gpa >= elf->segments[i].gpa && gpa - elf->segments[i].gpa < elf->segments[i].mem_size)
			return true;
	return false;
}

static bool find_entry(struct boot_elf *elf, u64 entry)
{
	elf->entry = entry;
	if (in_segments(elf, entry))
		return true;
	for (unsigned int i = 0; i < elf->count; i++) {
		const struct boot_segment *s = &elf->segments[i];

		if (entry >= s->vaddr && entry - s->vaddr < s->mem_size) {
			elf->entry = s->gpa + (entry - s->vaddr);
			return true;
		}
	}
	return false;
}

/**
 * boot_elf_parse() - check the headers of an ELF kernel
 * @src:	the file
 * @elf:	set to what they say
 *
 * Return: NULL, or what is wrong, as the end of a sentence. Says nothing.
 */
const char *boot_elf_parse(const struct boot_source *src, struct boot_elf *elf)
{
	const char *wrong;
	Elf64_Ehdr h64;
	Elf32_Ehdr h32;

	*elf = (struct boot_elf){ 0 };
	if (boot_source_read(src, 0, &h32, sizeof(h32)) || memcmp(h32.e_ident, ELFMAG, SELFMAG))
		return "no ELF header";
	if (h32.e_ident[EI_DATA] != ELFDATA2LSB || (h32.e_type != ET_EXEC && h32.e_type != ET_DYN))
		return "its ELF header is not that of a kernel";
	if (h32.e_ident[EI_CLASS] == ELFCLASS64) {
		if (h32.e_machine != EM_X86_64)
			return "it is for another architecture";
		if (boot_source_read(src, 0, &h64, sizeof(h64)))
			return "its ELF header is cut short";
		elf->is64 = true;
		wrong = parse_segments(src, h64.e_phoff, h64.e_phnum, h64.e_phentsize, elf);
		elf->has_entry = find_entry(elf, h64.e_entry);
	} else {
		if (h32.e_ident[EI_CLASS] != ELFCLASS32)
			return "its ELF header is not that of a kernel";
		if (h32.e_machine != EM_386)
			return "it is for another architecture";
		wrong = parse_segments(src, h32.e_phoff, h32.e_phnum, h32.e_phentsize, elf);
		elf->has_entry = find_entry(elf, h32.e_entry);
	}
	if (!wrong && elf->has_pvh && !in_segments(elf, elf->pvh_entry))
		wrong = "its PVH entry point lies outside of its segments";
	return wrong;
}

/* --- the kernel's version ------------------------------------------------- */

/* Copy the version that follows the banner at @at; a banner without one does not count. */
static bool take_release(struct boot_image *img, const u8 *text, size_t size)
{
	size_t len = 0;

	while (len < size && len < RELEASE_MAX && text[len] > ' ' && text[len] < 0x7f)
		len++;
	if (!len || text[0] < '0' || text[0] > '9')
		return false;
	img->release = strndup((const char *)text, len);
	return img->release;
}

static bool scan_segment(struct boot_image *img, const struct boot_segment *s, u8 *buf)
{
	const size_t keep = sizeof(BANNER) + RELEASE_MAX;	/* a banner may cross from piece to piece */

	for (u64 at = 0; at < s->file_size; at += SCAN_PIECE) {
		size_t len = min(s->file_size - at, SCAN_PIECE + keep);
		u8 *p = buf;

		if (boot_source_read(&img->vmlinux, s->offset + at, buf, len))
			return false;
		while ((p = memmem(p, len - (p - buf), BANNER, sizeof(BANNER) - 1))) {
			p += sizeof(BANNER) - 1;
			if (take_release(img, p, len - (p - buf)))
				return true;
		}
	}
	return false;
}

/**
 * boot_elf_find_release() - look for Linux's banner in the segments, and take the version from it
 *
 * Return: whether it was found.
 */
bool boot_elf_find_release(struct boot_image *img)
{
	u8 *buf = malloc(SCAN_PIECE + sizeof(BANNER) + RELEASE_MAX);
	u64 budget = UNPACK_MAX;	/* segments may share one part of the file */
	bool found = false;

	for (unsigned int i = 0; buf && i < img->elf.count && !found; i++) {
		if (img->elf.segments[i].file_size > budget)
			break;
		budget -= img->elf.segments[i].file_size;
		found = scan_segment(img, &img->elf.segments[i], buf);
	}
	free(buf);
	return found;
}

/* --- opening and loading -------------------------------------------------- */

static int open_linux(struct boot_image *img)
{
	if (!img->elf.has_entry)
		return usage_error("kernel %s: its entry point lies outside of its segments", img->name);
	img->kind = BOOT_ELF_LINUX;
	return 0;
}

/**
 * boot_elf_open_old() - open an ELF file as a Linux kernel if it has the banner of one
 * @img:	the kernel, after boot_elf_open()
 *
 * Kernels before 4.19 have no note; reading them through costs some milliseconds.
 *
 * Return: as boot_elf_open().
 */
int boot_elf_open_old(struct boot_image *img)
{
	return boot_elf_find_release(img) ? open_linux(img) : 1;
}

/**
 * boot_elf_open() - open an ELF file, as a Linux kernel if it is certainly one
 *
 * Other 32-bit kernels speak of Linux too; those that have a Multiboot header go first.
 *
 * Return: 0, 1 when it is none, which leaves the rest, or -EINVAL, said.
 */
int boot_elf_open(struct boot_image *img)
{
	const char *wrong = boot_elf_parse(&img->file, &img->elf);

	img->vmlinux = img->file;
	if (wrong)
		return usage_error("kernel %s: %s", img->name, wrong);
	if (img->elf.linux_note)
		return open_linux(img);
	return img->elf.is64 ? boot_elf_open_old(img) : 1;
}

/**
 * boot_segments_load() - load segments to their guest-physical addresses
 * @l:		the loading; the segments' memory is claimed
 * @src:	what they are in
 * @segments:	checked against the size of @src
 * @count:	how many
 *
 * Return: 0, -EINVAL when they do not fit into memory, or -errno, said; -ESTALE, not said,
 * when an entry of the image cache could not be read.
 */
int boot_segments_load(struct boot_loading *l, const struct boot_source *src,
		       const struct boot_segment *segments, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		int err = boot_claim(l, segments[i].gpa, segments[i].mem_size, "segment");

		if (err)
			return err;
	}
	for (unsigned int i = 0; i < count; i++) {
		const struct boot_segment *s = &segments[i];
		int err = boot_source_load(src, s->offset, s->file_size, l->mem, s->gpa);

		if (err && src->fd >= 0 && src->fd == l->img->cached.fd)
			return -ESTALE;
		if (err)
			return error(err, "kernel %s: loading 0x%llx bytes to 0x%llx",
				     l->img->name, (ull)s->file_size, (ull)s->gpa);
	}
	return 0;
}
