// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's page tables, walked from outside (Intel SDM volume 3, chapter 4): 4 and 5 levels,
 * PAE, and the two levels of 32-bit paging, with large pages; with paging off, addresses are
 * physical. The guest's tables may be anything: each entry is read once, and a walk takes
 * one entry a level.
 *
 * Page-table isolation: Linux then has two sets of tables, 4 KiB apart, and CR3 bit 12
 * chooses the user's, which map little of the kernel. That bit means nothing without the isolation. So the kernel's
 * half is taken from whichever of the two maps more of the kernel's image.
 *
 * Left out: protection keys and reserved bits, which do not matter to who only looks, and nested paging of
 * guests in the guest. Runs in whatever thread has stopped the vCPUs.
 */
#include <errno.h>

#include "mem.h"
#include "msr.h"
#include "paging.h"
#include "registers.h"
#include "util.h"

#define PAGE_SHIFT	12
#define ENTRY_PRESENT	(1ULL << 0)
#define ENTRY_USER	(1ULL << 2)
#define ENTRY_LARGE	(1ULL << 7)
#define ENTRY_NX	(1ULL << 63)
#define ENTRY_ADDRESS	0x000ffffffffff000ULL	/* bits 51 to 12 */

#define ISOLATION_BIT	(1ULL << 12)
#define MAX_4G		0x100000000ULL
#define STEP_2M		(1ULL << 21)

/* Lowest PAGE_OFFSET that a 32-bit kernel can be configured with (VMSPLIT_1G). */
#define KERNEL32	0x40000000ULL

/* How far next() may go in one call: all 4 KiB pages of 4 GiB. */
#define NEXT_STEPS	(1U << 20)

static bool is_kernel_half(const struct paging *p, u64 va)
{
	return p->is64 && va >> 63;
}

static bool read_entry(const struct paging *p, u64 table, unsigned int index, u64 *entry)
{
	u32 narrow;

	if (p->wide)
		return !mem_read(p->mem, table + index * 8ULL, entry, 8);
	if (mem_read(p->mem, table + index * 4ULL, &narrow, 4))
		return false;
	*entry = narrow;
	return true;
}

/* Whether an entry at this level maps a page, which is larger than 4 KiB above level 0. */
static bool is_leaf(const struct paging *p, unsigned int level, u64 entry)
{
	if (level == 0)
		return true;
	if (!(entry & ENTRY_LARGE))
		return false;
	if (!p->wide)
		return p->pse;
	return level == 1 || (level == 2 && p->is64);
}

static u64 leaf_address(const struct paging *p, u64 entry, unsigned int shift)
{
	/* PSE-36: a 4 MiB page has bits 39 to 32 of its address in bits 20 to 13. */
	if (!p->wide && shift > PAGE_SHIFT)
		return (entry & 0xffc00000) | (entry & 0x1fe000) << 19;
	return (entry & ENTRY_ADDRESS) >> shift << shift;
}

static void walk(const struct paging *p, u64 table, u64 va, struct paging_step *step)
{
	unsigned int bits = p->wide ? 9 : 10;
	bool user = true, exec = true;

	*step = (struct paging_step){ .left = 0 };
	for (unsigned int level = p->levels; level-- > 0;) {
		unsigned int shift = PAGE_SHIFT + bits * level;
		bool pdpt = !p->is64 && level == 2;	/* PAE's top: 4 entries without permissions */
		u64 entry;

		step->left = (1ULL << shift) - (va & ((1ULL << shift) - 1));
		if (!read_entry(p, table, va >> shift & ((1U << bits) - 1), &entry) || !(entry & ENTRY_PRESENT))
			return;
		user &= pdpt || (entry & ENTRY_USER);
		exec &= !p->wide || !(entry & ENTRY_NX);
		if (is_leaf(p, level, entry)) {
			step->mapped = true;
			step->gpa = leaf_address(p, entry, shift) + (va & ((1ULL << shift) - 1));
			step->user = user;
			step->exec = exec;
			return;
		}
		table = entry & ENTRY_ADDRESS;
	}
}

/* How much of Linux's image a set of tables has, in pieces of 2 MiB. */
static unsigned int image_pieces(const struct paging *p, u64 root)
{
	unsigned int pieces = 0;
	struct paging_step step;

	for (u64 va = PAGING_IMAGE64; va < PAGING_IMAGE64_END; va += STEP_2M) {
		walk(p, root, va, &step);
		/* A page table without that one page counts too. */
		pieces += step.mapped || step.left < STEP_2M;
	}
	return pieces;
}

/**
 * paging_init() - take down how a vCPU translates addresses
 * @p:		to be filled in
 * @mem:	the guest's memory
 * @cr0:	the vCPU's control registers
 * @cr3:	likewise
 * @cr4:	likewise
 * @efer:	likewise
 */
void paging_init(struct paging *p, const struct mem *mem, u64 cr0, u64 cr3, u64 cr4, u64 efer)
{
	*p = (struct paging){ .mem = mem, .is64 = efer & EFER_LMA };
	if (!(cr0 & CR0_PG)) {
		p->is64 = false;
		return;
	}
	if (p->is64) {
		p->levels = cr4 & CR4_LA57 ? 5 : 4;
		p->wide = true;
		p->root = cr3 & ENTRY_ADDRESS;
	} else if (cr4 & CR4_PAE) {
		p->levels = 3;
		p->wide = true;
		p->root = cr3 & 0xffffffe0;
	} else {
		p->levels = 2;
		p->pse = cr4 & CR4_PSE;
		p->root = cr3 & 0xfffff000;
	}
	p->kernel_root = p->root;
	if (p->is64 && (p->root & ISOLATION_BIT)) {
		u64 other = p->root & ~ISOLATION_BIT;

		if (image_pieces(p, other) > image_pieces(p, p->root))
			p->kernel_root = other;
	}
}

/**
 * paging_walk() - look up one virtual address
 * @p:		how addresses are translated
 * @va:		any
 * @step:	set to what is there
 */
void paging_walk(const struct paging *p, u64 va, struct paging_step *step)
{
	u64 size = p->levels == 5 ? 1ULL << 56 : 1ULL << 47;

	if (!p->levels) {
		*step = (struct paging_step){ .mapped = va < MAX_4G, .gpa = va, .exec = true,
					      .left = va < MAX_4G ? MAX_4G - va : 0 - va };
		return;
	}
	if (p->is64 && va >= size && va < 0 - size) {
		/* not canonical */
		*step = (struct paging_step){ .left = 0 - size - va };
		return;
	}
	if (!p->is64 && va >= MAX_4G) {
		*step = (struct paging_step){ .left = 0 - va };
		return;
	}
	walk(p, is_kernel_half(p, va) ? p->kernel_root : p->root, va, step);
}

/**
 * paging_read() - copy guest memory at a virtual address
 * @p:		how addresses are translated
 * @va:		any
 * @data:	gets the bytes
 * @len:	how many
 *
 * Return: 0, or -EFAULT when some of it is not mapped, or not to memory; what came before
 * that is copied.
 */
int paging_read(const struct paging *p, u64 va, void *data, u64 len)
{
	struct paging_step step;
	u8 *to = data;

	while (len) {
		u64 part;

		paging_walk(p, va, &step);
		part = step.left && step.left < len ? step.left : len;
		if (!step.mapped || mem_read(p->mem, step.gpa, to, part))
			return -EFAULT;
		va += part;
		to += part;
		len -= part;
		/* Nothing is mapped beyond the top. */
		if (len && !va)
			return -EFAULT;
	}
	return 0;
}

/**
 * paging_is_code() - whether the kernel could run what is at a virtual address
 *
 * It is for kernels without symbols. Page tables without NX call all that is mapped code.
 */
bool paging_is_code(const struct paging *p, u64 va)
{
	struct paging_step step;
	u64 len = 1;

	paging_walk(p, va, &step);
	return step.mapped && step.exec && !step.user && mem_ptr_part(p->mem, step.gpa, &len);
}

/* --- the kernel as a whole ------------------------------------------------- */

static const struct paging *paging_of(const struct guest_view *view)
{
	return &container_of(view, struct paging_view, view)->paging;
}

static int view_read(const struct guest_view *view, u64 va, void *data, size_t len)
{
	return paging_read(paging_of(view), va, data, len);
}

/* How many bytes at @va are the kernel's and memory; 0 if none, with the size of that hole. */
static u64 kernel_bytes(const struct paging *p, u64 va, u64 *hole)
{
	struct paging_step step;
	u64 len;

	paging_walk(p, va, &step);
	len = *hole = step.left;
	/* User mode's pages are no kernel's, wherever that begins (32 bits). */
	if (!step.mapped || step.user || !mem_ptr_part(p->mem, step.gpa, &len))
		return 0;
	return len;
}

/*
 * In 64 bits that is the image alone: the rest of the kernel's half has all memory once more.
 */
static bool view_next(const struct guest_view *view, u64 va, u64 *start, u64 *end)
{
	const struct paging *p = paging_of(view);
	u64 first = p->is64 ? PAGING_IMAGE64 : p->levels ? KERNEL32 : 0;
	u64 limit = p->is64 ? PAGING_IMAGE64_END : MAX_4G;
	u64 at = max(va, first), hole = 0, len = 0;
	bool found = false;

	for (unsigned int steps = 0; at < limit && steps < NEXT_STEPS; steps++) {
		len = kernel_bytes(p, at, &hole);
		if (len && !found)
			*start = at;
		if (!len && found)
			break;
		found |= len > 0;
		if (!len)
			len = hole;
		/* A step that goes beyond the top */
		at = len && len < limit - at ? at + len : limit;
	}
	*end = at;
	return found;
}

/**
 * paging_view_init() - make a guest_view of the kernel that a vCPU runs
 *
 * Its pointers have the size that the vCPU's paging has, so that it fits one that is
 * in the kernel or in one of its processes.
 */
void paging_view_init(struct paging_view *v, const struct paging *p)
{
	*v = (struct paging_view){
		.view = { .read = view_read, .next = view_next, .is64 = p->is64 },
		.paging = *p,
	};
}
