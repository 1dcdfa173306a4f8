// SPDX-License-Identifier: GPL-2.0-only
/*
 * Initial ramdisks and modules: files that go into memory with the kernel.
 *
 * Linux gets all of them as one: its cpio reader takes archives one after the other
 * and skips the zeros between them (initramfs buffer format). Other kernels get each
 * as a module. They lie as high as they may, on pages of their own, and files are read
 * straight into guest memory; what has no size, such as a pipe, is collected first.
 *
 * Runs in the thread that loads the kernel.
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

#define PAGE	4096ULL
#define JOIN	4ULL		/* archives begin at multiples of this */

struct module {
	const char *path;
	int fd;
	u8 *owned;		/* a pipe's bytes */
	u64 size;
	u64 gpa;
};

static int open_module(struct module *m, u64 limit)
{
	struct stat st;
	int err;

	m->fd = open(m->path, O_RDONLY | O_CLOEXEC);
	if (m->fd < 0 || fstat(m->fd, &st) < 0)
		return error(-errno, "initrd %s", m->path);
	if (S_ISDIR(st.st_mode))
		return usage_error("initrd %s is a directory, not an archive", m->path);
	if (S_ISREG(st.st_mode)) {
		m->size = st.st_size;
	} else {
		err = boot_read_all(m->fd, limit, &m->owned, &m->size);
		if (err == -EFBIG)
			return usage_error("initrd %s is larger than the %llu MiB of memory that it may use: use -m",
					   m->path, (ull)(limit / MiB));
		if (err)
			return error(err, "initrd %s", m->path);
	}
	if (!m->size)
		return usage_error("initrd %s is empty", m->path);
	return 0;
}

static void close_modules(struct module *modules, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (modules[i].fd >= 0)
			close(modules[i].fd);
		free(modules[i].owned);
	}
	free(modules);
}

/* The highest page below @end from which @size bytes are free; 0 for none. */
static u64 find_room(const struct boot_loading *l, u64 size, u64 end)
{
	while (end >= LAYOUT_HIGH + size) {
		u64 start = ALIGN_DOWN(end - size, PAGE);
		const struct boot_range *taken;

		if (start < LAYOUT_HIGH)
			return 0;
		taken = boot_taken(l, start, size);
		if (!taken)
			return start;
		end = taken->start;
	}
	return 0;
}

static u64 free_memory(const struct boot_loading *l)
{
	u64 used = 0;

	for (unsigned int i = 0; i < l->count; i++)
		if (l->ranges[i].start >= LAYOUT_HIGH)
			used += l->ranges[i].end - l->ranges[i].start;
	return l->low_end - LAYOUT_HIGH - used;
}

static int too_large(const struct boot_loading *l, const char *path, u64 size)
{
	return usage_error("initrd %s: %llu bytes do not fit beside the kernel "
			   "into %llu MiB of memory, of which %llu are free: use -m",
			   path, (ull)size, (ull)(l->low_end / MiB), (ull)(free_memory(l) / MiB));
}

static int read_module(const struct boot_loading *l, const struct module *m)
{
	struct boot_source src = { .fd = m->owned ? -1 : m->fd, .data = m->owned, .size = m->size };
	int err = boot_source_load(&src, 0, m->size, l->mem, m->gpa);

	return err ? error(err, "initrd %s", m->path) : 0;
}

/* Choose an address for each before anything is read. */
static int place_modules(struct boot_loading *l, bool join, u64 limit, struct module *modules,
			 struct boot_range *out, unsigned int *count)
{
	unsigned int n = l->config->initrd_count;
	u64 end = min(limit, l->low_end);

	if (join) {
		u64 total = 0, at;

		for (unsigned int i = 0; i < n; i++) {
			if (modules[i].size > LAYOUT_LOW_RAM_END)
				return too_large(l, modules[i].path, modules[i].size);
			total += ALIGN_UP(modules[i].size, JOIN);
		}
		total -= ALIGN_UP(modules[n - 1].size, JOIN) - modules[n - 1].size;
		at = find_room(l, total, end);
		if (!at)
			return too_large(l, n == 1 ? modules[0].path : "files together", total);
		*out = (struct boot_range){ at, at + total, "initrd" };
		*count = 1;
		for (unsigned int i = 0; i < n; i++) {
			modules[i].gpa = at;
			at += ALIGN_UP(modules[i].size, JOIN);
		}
		return boot_claim(l, out->start, total, "initrd");
	}
	for (unsigned int i = 0; i < n; i++) {
		struct module *m = &modules[i];
		int err;

		m->gpa = m->size <= LAYOUT_LOW_RAM_END ? find_room(l, m->size, end) : 0;
		if (!m->gpa)
			return too_large(l, m->path, m->size);
		err = boot_claim(l, m->gpa, m->size, "module");
		if (err)
			return err;
		out[i] = (struct boot_range){ m->gpa, m->gpa + m->size, m->path };
	}
	*count = n;
	return 0;
}

/**
 * boot_modules_load() - load the initial ramdisks that the user named
 * @l:		the loading; the kernel has claimed its memory
 * @join:	as one, each padded with zeros to 4 bytes; else each on its own
 * @limit:	guest-physical address that they must lie below
 * @modules:	set to where they are, named by path; room for BOOT_MAX_MODULES, with @join for one
 * @count:	set to how many there are
 *
 * Return: 0, -EINVAL when one is empty or they do not fit into memory, or -errno; said.
 */
int boot_modules_load(struct boot_loading *l, bool join, u64 limit,
		      struct boot_range *modules, unsigned int *count)
{
	unsigned int n = l->config->initrd_count;
	struct module *list;
	int err = 0;

	*count = 0;
	if (!n)
		return 0;
	if (n > BOOT_MAX_MODULES)
		return usage_error("%u initrds (-i): %u is the most", n, BOOT_MAX_MODULES);
	list = calloc(n, sizeof(*list));
	if (!list)
		return error(-ENOMEM, "initrd %s", l->config->initrds[0]);
	for (unsigned int i = 0; i < n; i++)
		list[i] = (struct module){ .path = l->config->initrds[i], .fd = -1 };
	for (unsigned int i = 0; i < n && !err; i++)
		err = open_module(&list[i], min(free_memory(l), BOOT_FILE_MAX));
	if (!err)
		err = place_modules(l, join, limit, list, modules, count);
	for (unsigned int i = 0; i < n && !err; i++)
		err = read_module(l, &list[i]);
	close_modules(list, n);
	return err;
}
