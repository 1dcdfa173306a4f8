// SPDX-License-Identifier: GPL-2.0-only
/*
 * The folders of instances, see include/instance.h: where they are, who lives, and how the dead go.
 * On the main thread; instance_delete() in a signal handler too.
 *
 * A folder appears under its name by a rename when all is in it and its lock is held, and goes by a
 * rename too, so nobody sees one that is half there. Its lkvm holds the lock exclusively from before
 * the one rename until after the other, or until it is killed. Everybody else asks for the
 * lock shared, and without waiting: that is refused only while the lkvm lives, and two who ask at once
 * do not take each other for it.
 *
 * A dead folder is removed with a lock on the place that holds it, which those who remove take.
 * A folder that is not empty is never replaced by a rename: what the name stands for cannot change
 * between the look at its lock and its removal.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "instance-files.h"
#include "instance.h"
#include "options.h"
#include "util.h"

static const char *home(void)
{
	const char *dir = getenv("HOME");
	static char text[4096], passwd_home[1024];
	struct passwd entry, *pw;

	if (dir && *dir)
		return dir;
	if (getpwuid_r(geteuid(), &entry, text, sizeof(text), &pw) || !pw || !pw->pw_dir)
		return "";
	snprintf(passwd_home, sizeof(passwd_home), "%s", pw->pw_dir);
	return passwd_home;
}

/**
 * instance_place_path() - where a place is
 * @place:	0 for the first to be tried, below INSTANCE_PLACES
 * @path:	set to its path
 * @size:	of @path
 *
 * Return: 0, -ENOENT where the environment does not name it, -ENAMETOOLONG.
 */
int instance_place_path(unsigned int place, char *path, size_t size)
{
	const char *parent = place ? home() : getenv("XDG_RUNTIME_DIR");

	/* Relative ones are to be ignored: the XDG base directory specification. */
	if (!parent || *parent != '/')
		return -ENOENT;
	if ((size_t)snprintf(path, size, place ? "%s/.lkvm/run" : "%s/lkvm", parent) >= size)
		return -ENAMETOOLONG;
	return 0;
}

/* Nobody but us may write there. */
static int check_dir(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : -EPERM;
}

static int open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = check_dir(fd);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* Its parent is the user's: XDG_RUNTIME_DIR may be left over from somebody else's session. */
static int make_place(char *path)
{
	char *slash = strrchr(path, '/');
	struct stat st;
	int err = 0;

	*slash = '\0';
	if (!strcmp(slash + 1, "run") && mkdir(path, 0700) < 0 && errno != EEXIST)
		err = -errno;
	else if (stat(path, &st) < 0)
		err = -errno;
	else if (st.st_uid != geteuid())
		err = -EPERM;
	*slash = '/';
	if (!err && mkdir(path, 0700) < 0 && errno != EEXIST)
		err = -errno;
	return err;
}

/**
 * instance_place_open() - open a place
 * @place:	which
 * @create:	make it if it is not there
 *
 * Return: the descriptor or -errno; -EPERM where others could write.
 */
int instance_place_open(unsigned int place, bool create)
{
	char path[4096];
	int fd, err = instance_place_path(place, path, sizeof(path));

	if (err)
		return err;
	fd = open_dir(AT_FDCWD, path);
	if (fd != -ENOENT || !create)
		return fd;
	err = make_place(path);
	return err ? err : open_dir(AT_FDCWD, path);
}

/**
 * instance_dir_open() - open an instance's folder
 *
 * Return: the descriptor or -errno.
 */
int instance_dir_open(int place_fd, const char *name)
{
	return open_dir(place_fd, name);
}

static int read_pid(int lock)
{
	char text[16];
	ssize_t n = pread(lock, text, sizeof(text) - 1, 0);
	unsigned int pid;

	if (n < 1)
		return 0;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return parse_uint(text, &pid) || pid > INT32_MAX ? 0 : pid;
}

/**
 * instance_owner() - whether the lkvm of an instance lives
 * @dir_fd:	the instance's folder
 * @pid:	set to its pid if it does, 0 where that can't be told
 *
 * Return: 1 if it does, 0 if it does not, -errno where nobody can say.
 */
int instance_owner(int dir_fd, int *pid)
{
	int lock = openat(dir_fd, INSTANCE_LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int alive = 0;

	if (lock < 0)
		return errno == ENOENT ? 0 : -errno;
	if (flock(lock, LOCK_SH | LOCK_NB) < 0)
		alive = errno == EWOULDBLOCK ? 1 : -errno;
	*pid = alive > 0 ? read_pid(lock) : 0;
	close(lock);
	return alive;
}

/**
 * instance_delete() - delete an instance's files and folder; safe in a signal handler
 * @place_fd:	the place
 * @dir_fd:	the folder
 * @name:	of the folder
 *
 * What is not ours stays, and so does the folder then.
 */
void instance_delete(int place_fd, int dir_fd, const char *name)
{
	/* All that a run puts there; the lock goes last. */
	static const char *const files[] = { INSTANCE_SOCKET, INSTANCE_INFO, INSTANCE_LOCK };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlinkat(dir_fd, files[i], 0);
	unlinkat(place_fd, name, AT_REMOVEDIR);
}

/* One that is being made or removed; what its lkvm has left when that is gone. */
static bool is_in_between(const char *name)
{
	return !strncmp(name, INSTANCE_NEW, strlen(INSTANCE_NEW)) ||
	       !strncmp(name, INSTANCE_OLD, strlen(INSTANCE_OLD));
}

static bool process_lives(const char *in_between)
{
	int pid;

	if (sscanf(in_between + strlen(INSTANCE_NEW), "%d-", &pid) != 1 || pid <= 0)
		return true;
	return !kill(pid, 0) || errno != ESRCH;
}

/**
 * instance_in_between() - a name for a folder that is being made or removed
 * @prefix:	INSTANCE_NEW or INSTANCE_OLD
 * @name:	filled in; like no other that our process makes, and one of the same pid in another
 *		container or time
 */
void instance_in_between(const char *prefix, char name[INSTANCE_IN_BETWEEN])
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(name, INSTANCE_IN_BETWEEN, "%s%d-%lx", prefix, getpid(),
		 (unsigned long)now.tv_sec * 1000000000UL + now.tv_nsec);
}

/* With the place locked. */
static int evict(int place_fd, int dir, const char *name, int *pid)
{
	char old[INSTANCE_IN_BETWEEN];
	int alive = instance_owner(dir, pid);

	if (alive)
		return alive < 0 ? alive : -EBUSY;
	if (is_in_between(name)) {
		/* It has no lock before it has one: there the process must be gone too. */
		if (process_lives(name))
			return -EBUSY;
		instance_delete(place_fd, dir, name);
		return 0;
	}
	if (faccessat(dir, INSTANCE_LOCK, F_OK, 0) < 0) {
		/* Perhaps empty, so that it may be replaced by a live one at any time: no rename then. */
		instance_delete(place_fd, dir, name);
		return 0;
	}
	instance_in_between(INSTANCE_OLD, old);
	if (renameat(place_fd, name, place_fd, old) < 0)
		return -errno;
	instance_delete(place_fd, dir, old);
	return 0;
}

/**
 * instance_evict() - remove an instance's folder if its lkvm is dead
 * @place_fd:	the place
 * @name:	of the instance
 * @wait:	for others that remove instances there
 * @pid:	set to the pid of one that lives
 *
 * Return: 0 when the name is free, -EBUSY while the lkvm lives, -errno where it can't be done.
 */
int instance_evict(int place_fd, const char *name, bool wait, int *pid)
{
	int dir, err;

	*pid = 0;
	/* It is held for some microseconds, and those who live are not concerned. */
	while (flock(place_fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0)
		if (errno != EINTR)
			return -errno;
	dir = open_dir(place_fd, name);
	if (dir < 0) {
		err = dir == -ENOENT ? 0 : dir;
	} else {
		err = evict(place_fd, dir, name, pid);
		close(dir);
	}
	flock(place_fd, LOCK_UN);
	return err;
}

/**
 * instance_address() - the address of the control socket
 * @dir_fd:	the instance's folder, which may lie deeper than an address is long
 * @addr:	filled in
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int instance_address(int dir_fd, struct sockaddr_un *addr)
{
	int n;

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/" INSTANCE_SOCKET, dir_fd);
	return n < (int)sizeof(addr->sun_path) ? 0 : -ENAMETOOLONG;
}
