// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a kernel: from a file or from memory, into a buffer or straight into the
 * guest's memory.
 *
 * Tens of megabytes go into fresh guest memory, and most of the time goes into
 * faulting it in; so large pieces are loaded by several threads, and holes of files and
 * pages of zeros are left out, because guest memory begins as zeros. Files are read, not
 * mapped: a file that shrinks meanwhile must be an error, not a SIGBUS.
 *
 * Runs in the thread that opens and loads the kernel; its helper threads have ended
 * when boot_source_load() returns.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot-image.h"
#include "mem.h"
#include "util.h"

#define LOAD_PIECE	(2 * MiB)	/* a huge page: no two threads fault the same one */
#define LOAD_THREADS	4
#define LOAD_PARALLEL	(8 * MiB)	/* from here on threads are worth starting */
#define PAGE		4096

static int read_exactly(int fd, u64 offset, u8 *buf, u64 len)
{
	while (len) {
		ssize_t n = pread(fd, buf, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;	/* it was longer when it was opened */
		buf += n;
		offset += n;
		len -= n;
	}
	return 0;
}

/**
 * boot_source_read() - read part of a kernel
 * @s:		where from
 * @offset:	first byte
 * @buf:	where to
 * @len:	bytes
 *
 * Return: 0, -EINVAL when the range is not inside the source, or -errno of read(2),
 * -EIO when the file has become shorter. Says nothing.
 */
int boot_source_read(const struct boot_source *s, u64 offset, void *buf, size_t len)
{
	if (offset > s->size || len > s->size - offset)
		return -EINVAL;
	if (s->fd >= 0)
		return read_exactly(s->fd, s->base + offset, buf, len);
	if (len)
		memcpy(buf, s->data + s->base + offset, len);
	return 0;
}

/**
 * boot_source_bytes() - have all of a source in memory
 * @s:		the source
 * @data:	set to its bytes
 * @owned:	set to what the caller must free(), or NULL
 *
 * Return: 0 or -errno; says nothing.
 */
int boot_source_bytes(const struct boot_source *s, const u8 **data, u8 **owned)
{
	int err;

	*owned = NULL;
	if (s->fd < 0) {
		*data = s->data + s->base;
		return 0;
	}
	*owned = malloc(s->size ? s->size : 1);
	if (!*owned)
		return -ENOMEM;
	err = boot_source_read(s, 0, *owned, s->size);
	if (err) {
		free(*owned);
		*owned = NULL;
	}
	*data = *owned;
	return err;
}

/**
 * boot_read_all() - read a file that has no size, such as a pipe, to its end
 * @fd:		the file
 * @limit:	the most that it may hold, bytes
 * @data:	set to what it held; the caller's to free()
 * @size:	set to the bytes in @data
 *
 * Return: 0, -EFBIG when there is more than @limit, -ENOMEM, or -errno of read(2).
 * Says nothing.
 */
int boot_read_all(int fd, u64 limit, u8 **data, u64 *size)
{
	u64 room = 0, used = 0;
	u8 *buf = NULL;
	ssize_t n;

	for (;;) {
		if (used == room) {
			u64 more = room ? room * 2 : 1 * MiB;
			u8 *p = realloc(buf, more);

			if (!p) {
				free(buf);
				return -ENOMEM;
			}
			buf = p;
			room = more;
		}
		n = read(fd, buf + used, room - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += n;
		if (used > limit) {
			free(buf);
			return -EFBIG;
		}
	}
	if (n < 0) {
		int err = -errno;

		free(buf);
		return err;
	}
	*data = buf;
	*size = used;
	return 0;
}

/* --- into guest memory ---------------------------------------------------- */

/* One call of boot_source_load(); the threads take pieces from @next on. */
struct load {
	const struct boot_source *source;
	struct mem *mem;
	u64 offset;		/* of byte 0 in the source */
	u64 gpa;		/* of byte 0 in the guest */
	u64 len;
	u64 next;
	int err;
};

static bool is_zero(const u8 *p, u64 size)
{
	return !p[0] && !memcmp(p, p + 1, size - 1);
}

static int copy_pages(const u8 *from, u8 *to, u64 len)
{
	while (len) {
		u64 n = min(len, (u64)PAGE);

		if (!is_zero(from, n))
			memcpy(to, from, n);
		from += n;
		to += n;
		len -= n;
	}
	return 0;
}

/* Read the parts of a file that are no holes. */
static int read_data(int fd, u64 offset, u8 *to, u64 len)
{
	u64 at = offset, end = offset + len;

	while (at < end) {
		off_t data = lseek(fd, at, SEEK_DATA);
		off_t hole;
		int err;

		if (data < 0 && errno == ENXIO)
			return 0;	/* only a hole is left; the size was checked */
		hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0) {		/* a file system that cannot tell */
			data = at;
			hole = end;
		}
		if ((u64)data >= end)
			return 0;
		hole = min((u64)hole, end);
		if (hole <= data)
			return -EIO;	/* it changes under our hands */
		err = read_exactly(fd, data, to + (data - offset), hole - data);
		if (err)
			return err;
		at = hole;
	}
	return 0;
}

static int load_piece(const struct load *l, u64 at, u64 len)
{
	const struct boot_source *s = l->source;

	while (len) {
		u64 part = len, offset = s->base + l->offset + at;
		u8 *to = mem_ptr_part(l->mem, l->gpa + at, &part);
		int err;

		if (!to)
			return -EFAULT;
		err = s->fd >= 0 ? read_data(s->fd, offset, to, part) : copy_pages(s->data + offset, to, part);
		if (err)
			return err;
		at += part;
		len -= part;
	}
	return 0;
}

static void *load_thread(void *arg)
{
	struct load *l = arg;
	u64 lead = l->gpa % LOAD_PIECE;		/* pieces begin where huge pages do */

	for (;;) {
		u64 piece = __atomic_fetch_add(&l->next, LOAD_PIECE, __ATOMIC_RELAXED);
		u64 start = max(piece, lead) - lead, end;
		int err;

		if (start >= l->len)
			return NULL;
		end = min(piece + LOAD_PIECE - lead, l->len);
		err = load_piece(l, start, end - start);
		if (err) {
			__atomic_store_n(&l->err, err, __ATOMIC_RELAXED);
			return NULL;
		}
	}
}

static unsigned int thread_count(u64 len)
{
	cpu_set_t cpus;

	if (len < LOAD_PARALLEL || sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return 1;
	return min(CPU_COUNT(&cpus), LOAD_THREADS);
}

/**
 * boot_source_load() - load part of a kernel into guest memory
 * @s:		where from
 * @offset:	first byte
 * @len:	bytes
 * @mem:	the guest's memory, zeros where it is loaded
 * @gpa:	guest-physical address of the first byte
 *
 * Return: 0, -EINVAL when the range is not inside the source, -EFAULT when it is not
 * guest memory, or -errno of read(2), -EIO when the file has become shorter. Says nothing.
 */
int boot_source_load(const struct boot_source *s, u64 offset, u64 len, struct mem *mem, u64 gpa)
{
	struct load l = { .source = s, .mem = mem, .offset = offset, .gpa = gpa, .len = len };
	pthread_t threads[LOAD_THREADS];
	unsigned int wanted = thread_count(len), started = 0;
	struct stat st;

	if (offset > s->size || len > s->size - offset)
		return -EINVAL;
	if (!len)
		return 0;
	if (s->fd >= 0) {
		if (fstat(s->fd, &st) < 0)
			return -errno;
		if ((u64)st.st_size < s->base + offset + len)
			return -EIO;
	}
	while (started + 1 < wanted && !pthread_create(&threads[started], NULL, load_thread, &l))
		started++;
	load_thread(&l);
	while (started)
		pthread_join(threads[--started], NULL);
	return l.err;
}
