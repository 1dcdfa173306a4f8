// SPDX-License-Identifier: GPL-2.0-only
/*
 * The folder of the own run, see include/instance.h, and core/instance-files.c for how folders come
 * and go. On the main thread; instance_remove() in a signal handler too.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "instance-files.h"
#include "instance.h"
#include "json-text.h"
#include "log.h"
#include "util.h"

#define BACKLOG	64
#define TRIES	16	/* each one fails only if somebody else has made progress */

struct instance {
	char name[INSTANCE_NAME_MAX + 1];
	char old[INSTANCE_IN_BETWEEN];
	int place, dir, lock, socket;
	bool published;
};

/**
 * instance_name_valid() - whether a VM may have that name: it is a folder's, and a word on command lines
 */
bool instance_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > INSTANCE_NAME_MAX || !isalnum((unsigned char)*name))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

static int write_new(int dir, const char *file, const char *text, int *out)
{
	int fd = openat(dir, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t len = strlen(text);
	int err = 0;

	if (fd < 0)
		return -errno;
	/* Before anything is in it. */
	if (out && flock(fd, LOCK_EX | LOCK_NB) < 0)
		err = -errno;
	if (!err) {
		ssize_t n = write(fd, text, len);

		err = n < 0 ? -errno : (size_t)n < len ? -ENOSPC : 0;
	}
	if (out && !err)
		*out = fd;
	else
		close(fd);
	return err;
}

static int write_info(int dir, const struct instance_info *info)
{
	struct json_object *o = json_object_new_object();
	int err = -ENOMEM;
	char *text = NULL;

	json_object_object_add(o, "name", json_object_new_string(info->name));
	json_object_object_add(o, "pid", json_object_new_int(info->pid));
	json_object_object_add(o, "started", json_object_new_uint64(info->started));
	json_object_object_add(o, "kernel", info->kernel ? json_text(info->kernel, strlen(info->kernel)) : NULL);
	json_object_object_add(o, "cpus", json_object_new_int64(info->cpus));
	json_object_object_add(o, "memory", json_object_new_uint64(info->mem_size));
	if (asprintf(&text, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								   JSON_C_TO_STRING_SPACED |
								   JSON_C_TO_STRING_NOSLASHESCAPE)) < 0)
		text = NULL;
	if (text)
		err = write_new(dir, INSTANCE_INFO, text, NULL);
	free(text);
	json_object_put(o);
	return err;
}

static int listen_in(struct instance *inst)
{
	struct sockaddr_un addr;
	int err = instance_address(inst->dir, &addr);

	if (err)
		return err;
	inst->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (inst->socket < 0)
		return -errno;
	/* The file that bind() makes has the mode of the socket. */
	if (fchmod(inst->socket, 0600) < 0 ||
	    bind(inst->socket, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(inst->socket, BACKLOG) < 0)
		return -errno;
	return 0;
}

static void close_all(struct instance *inst)
{
	int *const fds[] = { &inst->dir, &inst->lock, &inst->socket };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* Everything, under a name that nobody looks for. */
static int build(struct instance *inst, const struct instance_info *info, const char *name)
{
	char pid[16];
	int err;

	if (mkdirat(inst->place, name, 0700) < 0)
		return -errno;
	inst->dir = instance_dir_open(inst->place, name);
	if (inst->dir < 0)
		return inst->dir;
	snprintf(pid, sizeof(pid), "%d\n", info->pid);
	err = write_new(inst->dir, INSTANCE_LOCK, pid, &inst->lock);
	if (!err)
		err = listen_in(inst);
	if (!err)
		err = write_info(inst->dir, info);
	return err;
}

/* Put it where it is looked for; a dead one of that name makes room. */
static int publish(struct instance *inst, const char *from, int *pid)
{
	int err;

	for (int i = 0; i < TRIES; i++) {
		if (!renameat(inst->place, from, inst->place, inst->name)) {
			inst->published = true;
			return 0;
		}
		if (errno != EEXIST && errno != ENOTEMPTY)
			return -errno;
		err = instance_evict(inst->place, inst->name, true, pid);
		if (err)
			return err;
	}
	return -EEXIST;
}

/* -EBUSY and a pid if somebody has the name. */
static int make_in(struct instance *inst, const struct instance_info *info, unsigned int place, int *pid)
{
	char name[INSTANCE_IN_BETWEEN];
	int err;

	inst->place = instance_place_open(place, true);
	if (inst->place < 0)
		return inst->place;
	instance_in_between(INSTANCE_NEW, name);
	instance_in_between(INSTANCE_OLD, inst->old);
	err = build(inst, info, name);
	if (!err)
		err = publish(inst, name, pid);
	if (err) {
		if (inst->dir >= 0)
			instance_delete(inst->place, inst->dir, name);
		close_all(inst);
		close(inst->place);
		inst->place = -1;
	}
	return err;
}

/* In another place than where it would be made. */
static bool in_use(unsigned int place, const char *name, int *pid)
{
	int dir, place_fd = instance_place_open(place, false);
	bool alive = false;

	if (place_fd < 0)
		return false;
	dir = instance_dir_open(place_fd, name);
	if (dir >= 0) {
		alive = instance_owner(dir, pid) > 0;
		close(dir);
	}
	close(place_fd);
	return alive;
}

/* The first place that can be used. */
static int make_somewhere(struct instance *inst, const struct instance_info *info, bool named, int *pid)
{
	int err = -ENOENT, first = 0;

	for (unsigned int place = 0; place < INSTANCE_PLACES; place++) {
		err = make_in(inst, info, place, pid);
		if (!err) {
			for (unsigned int other = 0; named && other < INSTANCE_PLACES; other++)
				if (other != place && in_use(other, inst->name, pid))
					return -EBUSY;
		}
		if (!err || err == -EBUSY)
			return err;
		if (!first && err != -ENOENT)
			first = err;
	}
	return first ? first : err;
}

static int refuse(const char *name, bool named, int err, int pid)
{
	char path[4096] = "";

	if (!named) {
		debug("no control of this run: %s", strerror(-err));
		return 0;
	}
	if (err == -EBUSY && pid)
		usage_error("--name %s: a running VM has that name, its lkvm is process %d", name, pid);
	else if (err == -EBUSY)
		usage_error("--name %s: a running VM has that name", name);
	else if (instance_place_path(0, path, sizeof(path)) && instance_place_path(1, path, sizeof(path)))
		usage_error("--name %s: no place for its control socket: set XDG_RUNTIME_DIR or HOME", name);
	else if (err == -EPERM)
		usage_error("--name %s: its control socket would be in %s, which is not yours or others can write to",
			    name, path);
	else
		error(err, "--name %s: cannot make its control socket in %s", name, path);
	return err;
}

/**
 * instance_new() - make the run's folder, with its lock held and its socket listening
 * @info:	what it tells of itself; all of it is copied
 * @named:	the user chose the name: then it is an error if it can't be had
 * @out:	set to the instance, or to NULL if it can't be had
 *
 * Return: 0, or -errno, said; -EBUSY for a name in use.
 */
int instance_new(const struct instance_info *info, bool named, struct instance **out)
{
	struct instance *inst = calloc(1, sizeof(*inst));
	int err, pid = 0;

	*out = NULL;
	if (!inst)
		return error(-ENOMEM, "instance");
	inst->place = inst->dir = inst->lock = inst->socket = -1;
	snprintf(inst->name, sizeof(inst->name), "%s", info->name);
	err = make_somewhere(inst, info, named, &pid);
	if (err) {
		instance_free(inst);
		return refuse(info->name, named, err, pid);
	}
	*out = inst;
	return 0;
}

/**
 * instance_socket() - the listening socket, non-blocking
 */
int instance_socket(const struct instance *inst)
{
	return inst->socket;
}

/**
 * instance_remove() - remove the folder; safe in a signal handler, and when it has happened
 */
void instance_remove(struct instance *inst)
{
	struct stat ours, there;

	if (!inst || !inst->published)
		return;
	inst->published = false;
	/* Somebody may have deleted it by hand, and another have the name now. */
	if (fstat(inst->dir, &ours) < 0 ||
	    fstatat(inst->place, inst->name, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
	    ours.st_dev != there.st_dev || ours.st_ino != there.st_ino)
		return;
	if (renameat(inst->place, inst->name, inst->place, inst->old) < 0)
		instance_delete(inst->place, inst->dir, inst->name);
	else
		instance_delete(inst->place, inst->dir, inst->old);
}

/**
 * instance_free() - remove the folder and give up the lock
 */
void instance_free(struct instance *inst)
{
	if (!inst)
		return;
	instance_remove(inst);
	close_all(inst);
	if (inst->place >= 0)
		close(inst->place);
	free(inst);
}
