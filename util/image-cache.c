// SPDX-License-Identifier: GPL-2.0-only
/*
 * The image cache: unpacked kernels, kept from run to run in
 * $XDG_CACHE_HOME/lkvm, or else ~/.cache/lkvm.
 *
 * An entry is a file HASH.elf, named by the hash of the packed data that it came
 * from: the image, with holes where it has zero pages, and a trailer. A second name is a
 * symbolic link to it, made of what stat() says of the packed file (device, inode,
 * size, mtime, ctime): a kernel that was booted before is found without reading it.
 * A file that is rewritten in place has another ctime, and so another link; one that
 * has changed within the last seconds gets no link, since it might change again in
 * the same tick of the file system's clock.
 *
 * Whether an entry is whole: it appears under its name by rename(), complete. Its
 * mtime is in its trailer too, so that a later write shows, and so is the host's boot
 * id, since a crash may lose what was never synced (and syncing would cost every
 * first boot of a kernel some 100 ms). When both are right the entry is trusted as it
 * is; else its checksum is computed once, and the entry is stamped anew or removed.
 *
 * The directory and its files are the user's alone. The oldest entries go when there
 * are more than 8, or more than 1 GiB. Everything here may fail at any time, and any
 * number of processes may use the cache at once: a failure is an entry that is not
 * there, and nothing is said about it.
 *
 * Runs in the thread that opens the kernel.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>
#ifdef CONFIG_B2
#include <blake2.h>
#endif

#include "image-cache.h"
#include "library.h"
#include "util.h"

#define CACHE_ENTRIES	8
#define CACHE_BYTES	(1 * GiB)
#define CACHE_SETTLE	2	/* seconds that a file must not have changed for */
#define CACHE_TMP_AGE	3600	/* seconds after which a temporary file is nobody's */
#define CACHE_PAGE	4096
#define CACHE_SCAN	1024	/* names in the directory that are looked at, at most */
#define LINK_PREFIX	"stat-"
#define TMP_PREFIX	"tmp-"
#define SUFFIX		".elf"
#define FILE_NAME	(IMAGE_CACHE_NAME + sizeof(SUFFIX))

static const char magic[8] = "lkvmELF1";

/**
 * struct trailer - follows the image, at its end
 * @magic:	which format this is
 * @size:	bytes of the image
 * @stamp:	the file's mtime in seconds, while nobody has written to it
 * @boot_id:	of the host, when the contents were known to be good
 * @image_crc:	CRC-32 of the image
 * @crc:	CRC-32 of the fields before
 */
struct trailer {
	char magic[8];
	u64 size;
	s64 stamp;
	char boot_id[36];
	u32 image_crc;
	u32 crc;
};

/* The user's cache directory, or -errno. With @create it is made. */
static int open_cache(bool create)
{
	const char *base = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char path[PATH_MAX];
	struct stat st;
	int fd, err, len;

	/* A relative path is to be ignored, says the XDG base directory specification. */
	if (base && base[0] == '/') {
		len = snprintf(path, sizeof(path), "%s", base);
	} else {
		if (!home || home[0] != '/')
			return -ENOENT;
		len = snprintf(path, sizeof(path), "%s/.cache", home);
	}
	if (len < 0 || len + sizeof("/lkvm") > sizeof(path))
		return -ENAMETOOLONG;
	if (create)
		mkdir(path, 0700);
	memcpy(path + len, "/lkvm", sizeof("/lkvm"));
	if (create)
		mkdir(path, 0700);

	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Under sudo the directory may be another user's, who could lead us astray. */
	err = fstat(fd, &st) < 0 ? -errno : 0;
	if (!err && (st.st_uid != geteuid() || st.st_mode & 022))
		err = -EPERM;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static bool valid_name(const char *name)
{
	return strlen(name) == IMAGE_CACHE_NAME && strspn(name, "0123456789abcdef") == IMAGE_CACHE_NAME;
}

static void file_name(const char *name, char file[FILE_NAME])
{
	snprintf(file, FILE_NAME, "%s%s", name, SUFFIX);
}

static void link_name(const struct stat *s, char *name, size_t size)
{
	snprintf(name, size, LINK_PREFIX "%jx-%jx-%jx-%jx.%lx-%jx.%lx",
		 (uintmax_t)s->st_dev, (uintmax_t)s->st_ino, (uintmax_t)s->st_size,
		 (uintmax_t)s->st_mtim.tv_sec, s->st_mtim.tv_nsec,
		 (uintmax_t)s->st_ctim.tv_sec, s->st_ctim.tv_nsec);
}

/* Zeros where it can't be known, which no trailer is trusted with. */
static void get_boot_id(char id[36])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, id, 36) != 36)
		memset(id, 0, 36);
	if (fd >= 0)
		close(fd);
}

static u32 trailer_crc(const struct trailer *t)
{
	return crc32(0, (const u8 *)t, offsetof(struct trailer, crc));
}

static bool write_all(int fd, const void *data, size_t size, u64 offset)
{
	const u8 *p = data;

	while (size) {
		ssize_t n = pwrite(fd, p, size, offset);

		if (n <= 0) {
			if (n < 0 && errno == EINTR)
				continue;
			return false;
		}
		p += n;
		size -= n;
		offset += n;
	}
	return true;
}

/* Declare the contents good: now, in this boot of the host. */
static bool stamp(int fd, struct trailer *t)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_NOW } };

	/* In the past, and even, since some file systems keep no more: any later write shows. */
	t->stamp = (time(NULL) - 10) & ~1LL;
	get_boot_id(t->boot_id);
	t->crc = trailer_crc(t);
	times[1].tv_sec = t->stamp;
	return write_all(fd, t, sizeof(*t), t->size) && !futimens(fd, times);
}

static bool checksum(int fd, u64 size, u32 *crc)
{
	static const size_t piece = 1 * MiB;
	u8 *buf = malloc(piece);
	u64 at = 0;

	*crc = crc32(0, NULL, 0);
	while (buf && at < size) {
		ssize_t n = pread(fd, buf, min((u64)piece, size - at), at);

		if (n <= 0)
			break;
		*crc = crc32(*crc, buf, n);
		at += n;
	}
	free(buf);
	return at == size;
}

/* Is the entry in @fd whole? Stamps it anew when that had to be computed. */
static bool verify(int dir, const char *file, int fd, u64 *size)
{
	static const char unknown[36];
	char boot_id[36];
	struct trailer t;
	struct stat st;
	u32 crc;
	int rw;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_size <= (off_t)sizeof(t))
		return false;
	if (pread(fd, &t, sizeof(t), st.st_size - sizeof(t)) != sizeof(t) ||
	    memcmp(t.magic, magic, sizeof(magic)) || t.crc != trailer_crc(&t) ||
	    t.size != st.st_size - sizeof(t))
		return false;
	*size = t.size;

	get_boot_id(boot_id);
	if (st.st_mtim.tv_sec == t.stamp && !st.st_mtim.tv_nsec &&
	    !memcmp(boot_id, t.boot_id, sizeof(boot_id)) && memcmp(boot_id, unknown, sizeof(unknown))) {
		struct timespec used[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_OMIT } };

		futimens(fd, used);	/* the oldest goes first */
		return true;
	}
	if (!checksum(fd, t.size, &crc) || crc != t.image_crc)
		return false;
	rw = openat(dir, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (rw >= 0) {
		stamp(rw, &t);
		close(rw);
	}
	return true;
}

static int open_entry(int dir, const char *name, struct image_cache_entry *entry)
{
	char file[FILE_NAME];
	int fd;

	if (!valid_name(name))
		return -EINVAL;
	file_name(name, file);
	fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!verify(dir, file, fd, &entry->size)) {
		unlinkat(dir, file, 0);
		close(fd);
		return -ENOENT;
	}
	entry->fd = fd;
	memcpy(entry->name, name, sizeof(entry->name));
	return 0;
}

/**
 * image_cache_name() - the name that packed data has in the cache: its BLAKE2b-256 (RFC 7693)
 * @packed:	the packed data
 * @size:	its bytes
 * @name:	set to the name
 *
 * Return: 0, or -ENOSYS without libb2: then nothing can be kept.
 */
int image_cache_name(const void *packed, size_t size, char name[IMAGE_CACHE_NAME + 1])
{
#ifdef CONFIG_B2
	static __typeof__(&blake2b) hash;
	static const struct library_symbol symbols[] = { { "blake2b", &hash } };
	u8 digest[IMAGE_CACHE_NAME / 2];

	if (!LIBRARY(loaded, symbols, "libb2.so.1") || hash(digest, packed, NULL, sizeof(digest), size, 0))
		return -ENOSYS;
	for (unsigned int i = 0; i < sizeof(digest); i++)
		snprintf(name + 2 * i, 3, "%02x", digest[i]);
	return 0;
#else
	return -ENOSYS;
#endif
}

/**
 * image_cache_find() - find what a file was unpacked to, without reading the file
 * @source:	what fstat() says of the packed file
 * @entry:	set to the entry
 *
 * Return: 0, or -errno when the cache has nothing; nothing is said.
 */
int image_cache_find(const struct stat *source, struct image_cache_entry *entry)
{
	char link[NAME_MAX], target[FILE_NAME];
	int dir = open_cache(false);
	int err = -ENOENT;
	ssize_t len;

	if (dir < 0)
		return dir;
	link_name(source, link, sizeof(link));
	len = readlinkat(dir, link, target, sizeof(target));
	if (len == FILE_NAME - 1 && !memcmp(target + IMAGE_CACHE_NAME, SUFFIX, sizeof(SUFFIX) - 1)) {
		target[IMAGE_CACHE_NAME] = '\0';
		err = open_entry(dir, target, entry);
	}
	if (err && len >= 0)
		unlinkat(dir, link, 0);
	close(dir);
	return err;
}

/**
 * image_cache_open() - open an entry by its name
 * @name:	from image_cache_name()
 * @entry:	set to the entry
 *
 * Return: 0, or -errno when the cache has nothing; nothing is said.
 */
int image_cache_open(const char *name, struct image_cache_entry *entry)
{
	int dir = open_cache(false);
	int err;

	if (dir < 0)
		return dir;
	err = open_entry(dir, name, entry);
	close(dir);
	return err;
}

/* --- making room ---------------------------------------------------------- */

struct old_entry {
	char file[FILE_NAME];
	struct timespec used;
	u64 bytes;
};

static int newest_first(const void *a, const void *b)
{
	const struct old_entry *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? 1 : -1;
	return (x->used.tv_nsec < y->used.tv_nsec) - (x->used.tv_nsec > y->used.tv_nsec);
}

/* Collect entries; remove links that lead nowhere, and what crashed runs left behind. */
static unsigned int scan(int dir, DIR *d, struct old_entry *entries, unsigned int limit)
{
	unsigned int count = 0;
	struct dirent *de;

	for (unsigned int seen = 0; seen < CACHE_SCAN && (de = readdir(d)); seen++) {
		const char *name = de->d_name;
		bool is_link = !strncmp(name, LINK_PREFIX, strlen(LINK_PREFIX));
		bool is_tmp = !strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX));
		struct stat st;

		if (is_link) {
			if (faccessat(dir, name, F_OK, 0) < 0)
				unlinkat(dir, name, 0);
			continue;
		}
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
			continue;
		if (is_tmp && st.st_ctim.tv_sec < time(NULL) - CACHE_TMP_AGE)
			unlinkat(dir, name, 0);
		if (strlen(name) != FILE_NAME - 1 || strcmp(name + IMAGE_CACHE_NAME, SUFFIX) || count == limit)
			continue;
		memcpy(entries[count].file, name, FILE_NAME);
		entries[count].used = st.st_atim;
		entries[count].bytes = st.st_blocks * 512ULL;
		count++;
	}
	return count;
}

static void prune(int dir)
{
	struct old_entry *entries = calloc(CACHE_SCAN, sizeof(*entries));
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	unsigned int count = 0;
	u64 bytes = 0;
	bool removed = false;

	if (d && entries)
		count = scan(dir, d, entries, CACHE_SCAN);
	qsort(entries, count, sizeof(*entries), newest_first);
	for (unsigned int i = 0; i < count; i++) {
		bytes += entries[i].bytes;
		if (i < CACHE_ENTRIES && bytes <= CACHE_BYTES)
			continue;
		unlinkat(dir, entries[i].file, 0);
		removed = true;
	}
	if (removed) {
		rewinddir(d);
		scan(dir, d, entries, 0);	/* the links to what has gone */
	}
	if (d)
		closedir(d);
	else if (again >= 0)
		close(again);
	free(entries);
}

/* --- storing -------------------------------------------------------------- */

/* A name that no other process, and no other call in this one, uses. */
static void tmp_name(char name[64])
{
	static unsigned int counter;

	snprintf(name, 64, TMP_PREFIX "%d-%u-%lx", (int)getpid(),
		 __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED), (unsigned long)time(NULL));
}

static bool is_zero(const u8 *p, size_t size)
{
	return !p[0] && !memcmp(p, p + 1, size - 1);
}

/* The image with holes for its zero pages, which then need not be read when it is loaded. */
static bool write_sparse(int fd, const u8 *image, size_t size)
{
	size_t at = 0;

	if (ftruncate(fd, size) < 0)
		return false;
	while (at < size) {
		size_t start;

		while (at < size && is_zero(image + at, min(size - at, (size_t)CACHE_PAGE)))
			at += CACHE_PAGE;
		start = at;
		while (at < size && !is_zero(image + at, min(size - at, (size_t)CACHE_PAGE)))
			at += CACHE_PAGE;
		if (start < size && !write_all(fd, image + start, min(at, size) - start, start))
			return false;
	}
	return true;
}

/**
 * image_cache_store() - add an entry, and drop the oldest ones when there are too many
 * @name:	from image_cache_name()
 * @image:	the unpacked image
 * @size:	its bytes
 *
 * Return: 0 or -errno; nothing is said.
 */
int image_cache_store(const char *name, const void *image, size_t size)
{
	struct trailer t = { .size = size };
	char tmp[64], file[FILE_NAME];
	int dir, fd, err = 0;

	if (!valid_name(name) || !size || size > CACHE_BYTES / 2)
		return -EINVAL;
	dir = open_cache(true);
	if (dir < 0)
		return dir;
	tmp_name(tmp);
	file_name(name, file);
	fd = openat(dir, tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	memcpy(t.magic, magic, sizeof(magic));
	t.image_crc = crc32_z(0, image, size);
	if (!write_sparse(fd, image, size) || !stamp(fd, &t) || renameat(dir, tmp, dir, file) < 0) {
		err = errno ? -errno : -EIO;
		unlinkat(dir, tmp, 0);
	}
	close(fd);
	prune(dir);
out:
	close(dir);
	return err;
}

/**
 * image_cache_link() - remember which entry a file was unpacked to
 * @source:	what fstat() says of the packed file, the same before and after it was read
 * @name:	the entry's name
 *
 * Return: 0, -EAGAIN when the file changed only just now, or -errno; nothing is said.
 */
int image_cache_link(const struct stat *source, const char *name)
{
	char tmp[64], link[NAME_MAX], file[FILE_NAME];
	s64 age = time(NULL) - source->st_ctim.tv_sec;
	int dir, err = 0;

	if (!valid_name(name))
		return -EINVAL;
	if (age < CACHE_SETTLE)
		return -EAGAIN;
	dir = open_cache(false);
	if (dir < 0)
		return dir;
	tmp_name(tmp);
	link_name(source, link, sizeof(link));
	file_name(name, file);
	if (symlinkat(file, dir, tmp) < 0) {
		err = -errno;
	} else if (renameat(dir, tmp, dir, link) < 0) {
		err = -errno;
		unlinkat(dir, tmp, 0);
	}
	close(dir);
	return err;
}

/**
 * image_cache_drop() - remove an entry that turned out to be of no use
 * @name:	the entry's name
 */
void image_cache_drop(const char *name)
{
	char file[FILE_NAME];
	int dir;

	if (!valid_name(name))
		return;
	dir = open_cache(false);
	if (dir < 0)
		return;
	file_name(name, file);
	unlinkat(dir, file, 0);
	close(dir);
}
