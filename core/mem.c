// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory.
 *
 * A list of regions, sorted by guest address, and listeners that learn of each (KVM's
 * memory slots; later whoever shares memory with another process). Memory is
 * private and anonymous, which faults fastest, is not reserved, and has huge pages
 * where the guest address and ours agree modulo 2 MiB; by option it comes from a
 * hugetlbfs mount.
 *
 * Regions are added while the machine is built, before other threads look; the
 * look-ups take no lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "log.h"
#include "mem.h"
#include "util.h"

#define MEM_MAX_REGIONS 32
#define PAGE		(4 * KiB)
#define HUGE_PAGE	(2 * MiB)

struct mem {
	unsigned int count;
	struct mem_region regions[MEM_MAX_REGIONS];
	unsigned int slots[MEM_MAX_REGIONS];	/* of each region, for listeners */
	_Atomic u64 *dirty[MEM_MAX_REGIONS];	/* a bit for each page that we have written, or NULL */
	_Atomic bool tracking;
	unsigned int next_slot;
	struct mem_listener *listeners;
};

/**
 * mem_new() - guest memory without a region
 *
 * Return: the memory, or NULL without memory of our own.
 */
struct mem *mem_new(void)
{
	return calloc(1, sizeof(struct mem));
}

/* Remove a region, and tell the listeners before @end in the list. */
static void take_out(struct mem *mem, unsigned int at, const struct mem_listener *end)
{
	struct mem_region r = mem->regions[at];
	unsigned int after = mem->count - at - 1;

	for (struct mem_listener *l = mem->listeners; l != end; l = l->next)
		if (l->del)
			l->del(l, mem->slots[at], &r);
	memmove(&mem->regions[at], &mem->regions[at + 1], after * sizeof(r));
	memmove(&mem->slots[at], &mem->slots[at + 1], after * sizeof(mem->slots[0]));
	free(mem->dirty[at]);
	memmove(&mem->dirty[at], &mem->dirty[at + 1], after * sizeof(mem->dirty[0]));
	mem->count--;
	mem->dirty[mem->count] = NULL;
	munmap(r.host, r.size);
	if (r.fd >= 0)
		close(r.fd);
}

/**
 * mem_free() - unmap all regions; nobody may hold a pointer into them
 */
void mem_free(struct mem *mem)
{
	if (!mem)
		return;
	while (mem->count)
		take_out(mem, mem->count - 1, NULL);
	free(mem);
}

/* Anonymous memory whose address agrees with @gpa modulo a huge page. */
static int map_anonymous(struct mem_region *r)
{
	u64 slack = r->size >= HUGE_PAGE ? HUGE_PAGE : 0;
	u8 *p, *start;

	if (r->size + slack < r->size)
		return -ENOMEM;
	p = mmap(NULL, r->size + slack, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	start = p;
	if (slack) {
		start = p + ((r->gpa - (uintptr_t)p) & (HUGE_PAGE - 1));
		if (start > p)
			munmap(p, start - p);
		if (start + r->size < p + r->size + slack)
			munmap(start + r->size, p + slack - start);
		/* Advice: where the host has no huge pages, small ones do. */
		madvise(start, r->size, MADV_HUGEPAGE);
	}
	madvise(start, r->size, MADV_DONTDUMP);
	r->host = start;
	return 0;
}

/* Memory from a hugetlbfs mount, all of it reserved now rather than missing later. */
static int map_hugetlbfs(struct mem_region *r, const char *path)
{
	char name[4096];
	struct statfs fs;
	int fd;

	if (statfs(path, &fs) < 0)
		return error(-errno, "--hugetlbfs %s", path);
	if (fs.f_type != HUGETLBFS_MAGIC)
		return usage_error("--hugetlbfs %s: not a mounted hugetlbfs", path);
	if (r->size % fs.f_bsize)
		return usage_error("--hugetlbfs %s: memory must be a multiple of its pages of %lu KiB",
				   path, (unsigned long)fs.f_bsize / 1024);
	if ((size_t)snprintf(name, sizeof(name), "%s/lkvm-XXXXXX", path) >= sizeof(name))
		return usage_error("--hugetlbfs %s: the path is too long", path);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return error(-errno, "--hugetlbfs %s", path);
	unlink(name);
	if (ftruncate(fd, r->size) < 0)
		goto fail;
	r->host = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r->host == MAP_FAILED)
		goto fail;
	madvise(r->host, r->size, MADV_DONTDUMP);
	r->fd = fd;
	return 0;
fail:
	{
		int err = -errno;

		close(fd);
		return usage_error("--hugetlbfs %s: no %llu MiB of free huge pages (%s); see /proc/sys/vm/nr_hugepages",
				   path, (unsigned long long)(r->size / MiB), strerror(-err));
	}
}

/**
 * mem_add() - add a region and tell the listeners
 * @mem:	the guest's memory
 * @gpa:	first guest-physical address, a multiple of 4 KiB
 * @size:	bytes, a multiple of 4 KiB
 * @kind:	what the guest may do with it
 * @hugetlbfs:	path of a hugetlbfs mount to take it from, or NULL
 *
 * Return: 0, -EINVAL for a bad or overlapping range, -ENOSPC for too many
 * regions, or -errno, said; the error with which a listener refused the region. There
 * is no region then.
 */
int mem_add(struct mem *mem, u64 gpa, u64 size, enum mem_kind kind, const char *hugetlbfs)
{
	struct mem_region r = { .gpa = gpa, .size = size, .fd = -1, .kind = kind };
	unsigned int at = 0;
	int err;

	if (!size || (gpa | size) & 0xfff || gpa + size < gpa)
		return error(-EINVAL, "guest memory at 0x%llx", (unsigned long long)gpa);
	if (mem->count == MEM_MAX_REGIONS)
		return error(-ENOSPC, "more than %u regions of guest memory", MEM_MAX_REGIONS);
	while (at < mem->count && mem->regions[at].gpa < gpa)
		at++;
	if ((at > 0 && mem->regions[at - 1].gpa + mem->regions[at - 1].size > gpa) ||
	    (at < mem->count && gpa + size > mem->regions[at].gpa))
		return error(-EINVAL, "guest memory at 0x%llx overlaps", (unsigned long long)gpa);

	if (hugetlbfs) {
		err = map_hugetlbfs(&r, hugetlbfs);
	} else {
		err = map_anonymous(&r);
		if (err)
			error(err, "cannot map %llu MiB of guest memory (-m)",
			      (unsigned long long)(size / MiB));
	}
	if (err)
		return err;

	memmove(&mem->regions[at + 1], &mem->regions[at], (mem->count - at) * sizeof(r));
	memmove(&mem->slots[at + 1], &mem->slots[at], (mem->count - at) * sizeof(mem->slots[0]));
	memmove(&mem->dirty[at + 1], &mem->dirty[at], (mem->count - at) * sizeof(mem->dirty[0]));
	mem->dirty[at] = NULL;
	mem->regions[at] = r;
	mem->slots[at] = mem->next_slot++;
	mem->count++;
	for (struct mem_listener *l = mem->listeners; l; l = l->next) {
		err = l->add(l, mem->slots[at], &r);
		if (err) {
			take_out(mem, at, l);
			return err;
		}
	}
	return 0;
}

/**
 * mem_listen() - learn of all regions, present and future
 * @l:	must live until mem_free() has returned
 *
 * Return: 0, or the error with which @l refused a region, and then it listens no more.
 */
int mem_listen(struct mem *mem, struct mem_listener *l)
{
	l->next = mem->listeners;
	mem->listeners = l;
	for (unsigned int i = 0; i < mem->count; i++) {
		int err = l->add(l, mem->slots[i], &mem->regions[i]);

		if (!err)
			continue;
		while (i-- && l->del)
			l->del(l, mem->slots[i], &mem->regions[i]);
		mem->listeners = l->next;
		return err;
	}
	return 0;
}

/**
 * mem_unlisten() - hear no more of regions, not even that they go
 * @l:	as given to mem_listen()
 */
void mem_unlisten(struct mem *mem, struct mem_listener *l)
{
	for (struct mem_listener **p = &mem->listeners; *p; p = &(*p)->next) {
		if (*p == l) {
			*p = l->next;
			return;
		}
	}
}

/**
 * mem_count() - number of regions
 */
unsigned int mem_count(const struct mem *mem)
{
	return mem->count;
}

/**
 * mem_region() - one region, in the order of guest addresses
 *
 * Return: the region, or NULL beyond the last.
 */
const struct mem_region *mem_region(const struct mem *mem, unsigned int index)
{
	return index < mem->count ? &mem->regions[index] : NULL;
}

/**
 * mem_ram_size() - bytes of all RAM regions
 */
u64 mem_ram_size(const struct mem *mem)
{
	u64 size = 0;

	for (unsigned int i = 0; i < mem->count; i++)
		if (mem->regions[i].kind == MEM_RAM)
			size += mem->regions[i].size;
	return size;
}

/**
 * mem_ptr_part() - a pointer to as much of a range as lies in one region
 * @mem:	the guest's memory
 * @gpa:	guest-physical address, any
 * @len:	bytes wanted; set to the bytes that the pointer is good for
 *
 * Return: the pointer, or NULL when @gpa is in no region or @len is 0.
 */
void *mem_ptr_part(const struct mem *mem, u64 gpa, u64 *len)
{
	for (unsigned int i = 0; i < mem->count; i++) {
		const struct mem_region *r = &mem->regions[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->size) {
			*len = min(*len, r->size - (gpa - r->gpa));
			return *len ? r->host + (gpa - r->gpa) : NULL;
		}
	}
	return NULL;
}

/**
 * mem_ptr() - a pointer to a range of guest memory
 * @mem:	the guest's memory
 * @gpa:	guest-physical address, any
 * @len:	bytes, any
 *
 * Return: the pointer, or NULL when the range is empty or not wholly inside one region.
 */
void *mem_ptr(const struct mem *mem, u64 gpa, u64 len)
{
	u64 part = len;
	void *p = mem_ptr_part(mem, gpa, &part);

	return p && part == len ? p : NULL;
}

enum copy { COPY_OUT, COPY_IN, COPY_ZERO };

static int copy(const struct mem *mem, u64 gpa, u8 *data, u64 len, enum copy how)
{
	while (len) {
		u64 part = len;
		void *p = mem_ptr_part(mem, gpa, &part);

		if (!p)
			return -EFAULT;
		switch (how) {
		case COPY_OUT:
			memcpy(data, p, part);
			break;
		case COPY_IN:
			memcpy(p, data, part);
			break;
		case COPY_ZERO:
			memset(p, 0, part);
			break;
		}
		if (data)
			data += part;
		gpa += part;
		len -= part;
	}
	return 0;
}

/**
 * mem_read() - copy guest memory out, across regions
 *
 * Return: 0, or -EFAULT when part of the range is no memory; what came before it is copied.
 */
int mem_read(const struct mem *mem, u64 gpa, void *data, u64 len)
{
	return copy(mem, gpa, data, len, COPY_OUT);
}

/**
 * mem_write() - copy into guest memory, across regions
 *
 * Return: 0, or -EFAULT when part of the range is no memory; what came before it is written.
 */
int mem_write(const struct mem *mem, u64 gpa, const void *data, u64 len)
{
	return copy(mem, gpa, (u8 *)data, len, COPY_IN);
}

/**
 * mem_zero() - clear guest memory, across regions
 *
 * Return: 0 or -EFAULT.
 */
int mem_zero(const struct mem *mem, u64 gpa, u64 len)
{
	return copy(mem, gpa, NULL, len, COPY_ZERO);
}

/* --- what we have written --------------------------------------------------- */

static size_t bitmap_words(const struct mem_region *r)
{
	return (r->size / PAGE + 63) / 64;
}

/**
 * mem_track_dirty() - keep a log of the pages that devices write, or stop to
 * @mem:	the guest's memory; all devices are paused
 * @on:		whether to keep it; it begins empty
 *
 * KVM's own log has only what the vCPUs write.
 *
 * Return: 0 or -ENOMEM, said.
 */
int mem_track_dirty(struct mem *mem, bool on)
{
	mem->tracking = false;
	for (unsigned int i = 0; i < mem->count; i++) {
		free(mem->dirty[i]);
		mem->dirty[i] = NULL;
	}
	for (unsigned int i = 0; on && i < mem->count; i++) {
		mem->dirty[i] = calloc(bitmap_words(&mem->regions[i]), sizeof(u64));
		if (!mem->dirty[i]) {
			mem_track_dirty(mem, false);
			return error(-ENOMEM, "log of written memory");
		}
	}
	mem->tracking = on;
	return 0;
}

/**
 * mem_dirty() - a device has written to guest memory; from any thread, after the write
 * @mem:	the guest's memory
 * @host:	where, as mem_ptr() gave it
 * @len:	bytes, all in one region
 */
void mem_dirty(struct mem *mem, const void *host, u64 len)
{
	const u8 *p = host;

	if (!mem->tracking || !len)
		return;
	for (unsigned int i = 0; i < mem->count; i++) {
		const struct mem_region *r = &mem->regions[i];

		if (p < r->host || p >= r->host + r->size || !mem->dirty[i])
			continue;
		for (u64 page = (p - r->host) / PAGE; page <= (p - r->host + len - 1) / PAGE; page++)
			mem->dirty[i][page / 64] |= 1ULL << page % 64;
		return;
	}
}

/**
 * mem_fetch_dirty() - take the log of one region, and begin it anew
 * @mem:	the guest's memory
 * @index:	of the region
 * @bitmap:	gets a bit for each page of 4 KiB, added to what is there
 *
 * Return: whether there is a log.
 */
bool mem_fetch_dirty(struct mem *mem, unsigned int index, u64 *bitmap)
{
	if (index >= mem->count || !mem->dirty[index])
		return false;
	for (size_t i = 0; i < bitmap_words(&mem->regions[index]); i++)
		if (mem->dirty[index][i])
			bitmap[i] |= atomic_exchange(&mem->dirty[index][i], 0);
	return true;
}
