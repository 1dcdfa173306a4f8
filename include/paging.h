/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the virtual addresses of a vCPU to guest memory, by the guest's page tables.
 */
#ifndef LKVM_PAGING_H
#define LKVM_PAGING_H

#include "guest-view.h"
#include "types.h"

struct mem;

/* Where Linux has its image on x86-64, wherever KASLR has put it, and the end of its modules. */
#define PAGING_IMAGE64		0xffffffff80000000ULL
#define PAGING_IMAGE64_END	0xffffffffc0000000ULL

/**
 * struct paging - how a vCPU translates addresses
 * @mem:	the guest's memory
 * @root:	guest-physical address of the uppermost table
 * @kernel_root: the same for the kernel's addresses: while a Linux with page-table isolation
 *		is in user mode, @root has little of the kernel
 * @levels:	of tables; 0 while paging is off
 * @wide:	entries have 8 bytes, and tables 512 of them
 * @is64:	long mode
 * @pse:	tables of 4-byte entries may map 4 MiB at once
 */
struct paging {
	const struct mem *mem;
	u64 root;
	u64 kernel_root;
	unsigned int levels;
	bool wide;
	bool is64;
	bool pse;
};

/**
 * struct paging_step - what is at a virtual address
 * @mapped:	whether a page is there
 * @gpa:	where the address is in guest memory, if so
 * @left:	bytes from the address to the end of the page, or of what is known not to be
 *		mapped; 0 means to the end of the address space
 * @user:	user mode may access it
 * @exec:	it may be executed
 */
struct paging_step {
	bool mapped;
	u64 gpa;
	u64 left;
	bool user;
	bool exec;
};

/**
 * struct paging_view - a kernel as the readers of inspect/ want it
 */
struct paging_view {
	struct guest_view view;
	struct paging paging;
};

void paging_init(struct paging *p, const struct mem *mem, u64 cr0, u64 cr3, u64 cr4, u64 efer);
void paging_walk(const struct paging *p, u64 va, struct paging_step *step);
int paging_read(const struct paging *p, u64 va, void *data, u64 len);
bool paging_is_code(const struct paging *p, u64 va);
void paging_view_init(struct paging_view *v, const struct paging *p);

#endif /* LKVM_PAGING_H */
