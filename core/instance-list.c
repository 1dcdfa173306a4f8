// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everybody's instances, for the commands that deal with running VMs. What the dead have left is
 * removed on the way.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <json-c/json.h>

#include "instance-files.h"
#include "instance.h"
#include "log.h"
#include "util.h"

#define INFO_MAX	(64 * KiB)

static struct json_object *read_info(int dir)
{
	int fd = openat(dir, INSTANCE_INFO, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct json_object *o = NULL;
	ssize_t n = -1;
	char *text;

	if (fd < 0)
		return NULL;
	text = malloc(INFO_MAX);
	if (text)
		n = read(fd, text, INFO_MAX - 1);
	close(fd);
	if (n > 0) {
		text[n] = '\0';
		o = json_tokener_parse(text);
	}
	free(text);
	return o;
}

static u64 get_number(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_uint64(v) : 0;
}

/* An info.json that is missing or odd costs its words, and no more. */
static int fill_info(struct instance_info *info, int dir, const char *name, int pid)
{
	struct json_object *o = read_info(dir), *kernel;

	*info = (struct instance_info){ .name = strdup(name), .pid = pid };
	if (json_object_is_type(o, json_type_object)) {
		if (!pid)
			info->pid = min(get_number(o, "pid"), (u64)INT32_MAX);
		info->started = get_number(o, "started");
		info->cpus = get_number(o, "cpus");
		info->mem_size = get_number(o, "memory");
		if (json_object_object_get_ex(o, "kernel", &kernel) && json_object_is_type(kernel, json_type_string))
			info->kernel = strdup(json_object_get_string(kernel));
	}
	json_object_put(o);
	return info->name ? 0 : -ENOMEM;
}

/* 1 and an entry if it lives, 0 if not; the dead are removed. */
static int look_at(int place_fd, unsigned int place, const char *name, struct instance_entry *entry)
{
	int pid, err, alive, dir = instance_dir_open(place_fd, name);

	if (dir < 0)
		return 0;
	alive = instance_owner(dir, &pid);
	if (!alive)
		instance_evict(place_fd, name, false, &pid);
	if (alive <= 0 || !instance_name_valid(name)) {
		close(dir);
		return 0;
	}
	entry->place = place;
	err = fill_info(&entry->info, dir, name, pid);
	close(dir);
	return err ? err : 1;
}

static int add(struct instance_entry **entries, unsigned int *count, const struct instance_entry *entry)
{
	/* Doubled whenever it is full, which it is at powers of two. */
	if (!(*count & (*count - 1))) {
		size_t room = *count ? *count * 2UL : 1;
		struct instance_entry *more = realloc(*entries, room * sizeof(**entries));

		if (!more)
			return -ENOMEM;
		*entries = more;
	}
	(*entries)[(*count)++] = *entry;
	return 0;
}

static int list_place(unsigned int place, struct instance_entry **entries, unsigned int *count)
{
	int fd = instance_place_open(place, false);
	struct instance_entry entry;
	struct dirent *de;
	int err = 0;
	DIR *d;

	if (fd < 0)
		return 0;
	d = fdopendir(fd);
	if (!d) {
		err = -errno;
		close(fd);
		return err;
	}
	while (!err && (de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		err = look_at(fd, place, de->d_name, &entry);
		if (err > 0)
			err = add(entries, count, &entry);
	}
	closedir(d);
	return err;
}

static int by_name(const void *a, const void *b)
{
	const struct instance_entry *x = a, *y = b;
	int order = strcmp(x->info.name, y->info.name);

	return order ? order : (int)x->place - (int)y->place;
}

/**
 * instance_list() - all VMs of this user that run
 * @entries:	set to an array, by name; for instance_list_free()
 * @count:	set to how many
 *
 * Return: 0 or -errno, said.
 */
int instance_list(struct instance_entry **entries, unsigned int *count)
{
	int err = 0;

	*entries = NULL;
	*count = 0;
	for (unsigned int place = 0; place < INSTANCE_PLACES && !err; place++)
		err = list_place(place, entries, count);
	if (err) {
		instance_list_free(*entries, *count);
		return error(err, "cannot list the running VMs");
	}
	if (*count)
		qsort(*entries, *count, sizeof(**entries), by_name);
	return 0;
}

/**
 * instance_find() - one VM by its name
 * @name:	any string
 * @out:	set to an array of one, for instance_list_free()
 *
 * Return: 0, or -ENOENT where none of that name runs, or another -errno.
 */
int instance_find(const char *name, struct instance_entry **out)
{
	struct instance_entry entry;
	unsigned int count = 0;

	*out = NULL;
	for (unsigned int place = 0; instance_name_valid(name) && place < INSTANCE_PLACES; place++) {
		int found, fd = instance_place_open(place, false);

		if (fd < 0)
			continue;
		found = look_at(fd, place, name, &entry);
		close(fd);
		if (found)
			return found < 0 ? found : add(out, &count, &entry);
	}
	return -ENOENT;
}

/* Their names, as many as a line has room for. */
static void say_names(const struct instance_entry *entries, unsigned int count)
{
	char names[256] = "";
	size_t len = 0;

	for (unsigned int i = 0; i < count; i++) {
		int n = snprintf(names + len, sizeof(names) - len, " %s", entries[i].info.name);

		if (n >= (int)(sizeof(names) - len) - 4) {
			snprintf(names + len, sizeof(names) - len, " ...");
			break;
		}
		len += n;
	}
	usage_error("%u VMs run, so name one of them:%s", count, names);
}

/**
 * instance_choose() - the VM that the user means
 * @name:	what he said, or NULL: the only one then
 * @out:	set to an array of one, for instance_list_free()
 *
 * Return: 0 or -errno, said.
 */
int instance_choose(const char *name, struct instance_entry **out)
{
	unsigned int count;
	int err;

	if (name) {
		err = instance_find(name, out);
		if (err == -ENOENT)
			usage_error("no VM named %s runs (see lkvm list)", name);
		else if (err)
			error(err, "VM %s", name);
		return err;
	}
	err = instance_list(out, &count);
	if (err || count == 1)
		return err;
	if (count)
		say_names(*out, count);
	else
		usage_error("no VM runs");
	instance_list_free(*out, count);
	*out = NULL;
	return -ENOENT;
}

/**
 * instance_list_free() - free entries, and the array
 */
void instance_list_free(struct instance_entry *entries, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		free(entries[i].info.name);
		free(entries[i].info.kernel);
	}
	free(entries);
}

static int open_entry(const struct instance_entry *entry)
{
	int dir, place = instance_place_open(entry->place, false);

	if (place < 0)
		return place;
	dir = instance_dir_open(place, entry->info.name);
	close(place);
	return dir;
}

/**
 * instance_connect() - connect to the control socket
 *
 * Return: a non-blocking socket, or -errno: -EAGAIN where too many wait already, -ENOENT or
 * -ECONNREFUSED where it has ended.
 */
int instance_connect(const struct instance_entry *entry)
{
	struct sockaddr_un addr;
	int dir = open_entry(entry);
	int fd, err;

	if (dir < 0)
		return dir;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err = -errno;
	} else {
		err = instance_address(dir, &addr);
		if (!err && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
			err = -errno;
		if (err)
			close(fd);
	}
	close(dir);
	return err ? err : fd;
}

/**
 * instance_alive() - whether the same lkvm still has it
 */
bool instance_alive(const struct instance_entry *entry)
{
	int pid, dir = open_entry(entry);
	bool alive;

	if (dir < 0)
		return false;
	alive = instance_owner(dir, &pid) > 0;
	close(dir);
	return alive && (!pid || pid == entry->info.pid);
}

/**
 * instance_wait() - wait until its lkvm, which does not listen any more, has let go of the lock
 */
void instance_wait(const struct instance_entry *entry)
{
	int lock, dir = open_entry(entry);

	if (dir < 0)
		return;
	lock = openat(dir, INSTANCE_LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(dir);
	if (lock < 0)
		return;
	while (flock(lock, LOCK_SH) < 0 && errno == EINTR)
		;
	close(lock);
}

/**
 * instance_signal() - send its lkvm a signal, and nobody else who may have got that pid
 *
 * Return: 0 or -errno: -ESRCH where it has ended.
 */
int instance_signal(const struct instance_entry *entry, int sig)
{
	int fd, err = 0;

	if (entry->info.pid <= 0)
		return -ESRCH;
	fd = syscall(SYS_pidfd_open, entry->info.pid, 0);
	if (fd < 0)
		return -errno;
	/* Whoever the descriptor stands for held the lock after that was opened. */
	if (!instance_alive(entry))
		err = -ESRCH;
	else if (syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0)
		err = -errno;
	close(fd);
	return err;
}
