/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: a list of regions, and the only way from a guest address to a
 * pointer.
 */
#ifndef LKVM_MEM_H
#define LKVM_MEM_H

#include "types.h"

struct mem;

enum mem_kind {
	MEM_RAM,	/* what the guest is told is usable memory */
	MEM_ROM,	/* backed, but read-only for the guest */
};

/**
 * struct mem_region - a run of guest-physical memory with one backing
 * @gpa:	first guest-physical address
 * @size:	bytes, a multiple of the page size
 * @host:	where it is mapped in this process
 * @fd:		file behind the mapping, or -1 for private anonymous memory
 * @offset:	where in @fd the region begins, bytes
 * @kind:	what the guest may do with it
 */
struct mem_region {
	u64 gpa;
	u64 size;
	u8 *host;
	int fd;
	u64 offset;
	enum mem_kind kind;
};

/**
 * struct mem_listener - who must learn of regions that come and go
 * @add:	called once for each region, also for those there already;
 *		returns 0 or -errno, which refuses the region
 * @del:	called before the region is unmapped
 * @next:	owned by mem.c
 */
struct mem_listener {
	int (*add)(struct mem_listener *l, unsigned int slot, const struct mem_region *r);
	void (*del)(struct mem_listener *l, unsigned int slot, const struct mem_region *r);
	struct mem_listener *next;
};

struct mem *mem_new(void);
void mem_free(struct mem *mem);

int mem_add(struct mem *mem, u64 gpa, u64 size, enum mem_kind kind, const char *hugetlbfs);
int mem_listen(struct mem *mem, struct mem_listener *l);
void mem_unlisten(struct mem *mem, struct mem_listener *l);

unsigned int mem_count(const struct mem *mem);
const struct mem_region *mem_region(const struct mem *mem, unsigned int index);
u64 mem_ram_size(const struct mem *mem);

void *mem_ptr(const struct mem *mem, u64 gpa, u64 len);
void *mem_ptr_part(const struct mem *mem, u64 gpa, u64 *len);
int mem_read(const struct mem *mem, u64 gpa, void *data, u64 len);
int mem_write(const struct mem *mem, u64 gpa, const void *data, u64 len);
int mem_zero(const struct mem *mem, u64 gpa, u64 len);

int mem_track_dirty(struct mem *mem, bool on);
void mem_dirty(struct mem *mem, const void *host, u64 len);
bool mem_fetch_dirty(struct mem *mem, unsigned int index, u64 *bitmap);

#endif /* LKVM_MEM_H */
