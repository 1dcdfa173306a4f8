// SPDX-License-Identifier: GPL-2.0-only
/*
 * The result file: how a run ended, for scripts. One JSON object:
 *
 *	source		"guest" when status is the guest's own word, else "lkvm"
 *	status		lkvm's exit status
 *	reason		how the guest ended, see outcome_reason_name()
 *	evidence	how that was observed
 *	kernel, release	the kernel's file and its own name of its version
 *	seconds		boot: until user space spoke; total
 *	monotonic_ns	the same as points in time: start, first_run, spoke, end
 *	reboots		how often the guest rebooted
 *	exits		exits to user space: total, by kind, and by port if they were counted
 *
 * It appears under its name only when it is complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "json-text.h"
#include "log.h"
#include "outcome.h"
#include "result.h"
#include "util.h"

static void add_seconds(struct json_object *o, const char *key, u64 from, u64 to)
{
	char text[32];

	if (!from || to < from)
		return;
	snprintf(text, sizeof(text), "%.6f", (to - from) / 1e9);
	json_object_object_add(o, key, json_object_new_double_s((to - from) / 1e9, text));
}

static void add_count(struct json_object *o, const char *key, u64 count)
{
	json_object_object_add(o, key, json_object_new_uint64(count));
}

static void add_string(struct json_object *o, const char *key, const char *value)
{
	if (value)
		json_object_object_add(o, key, json_text(value, strlen(value)));
}

static struct json_object *exits_object(const struct result *r)
{
	struct json_object *o = json_object_new_object();
	const struct vcpu_exits *e = &r->exits;

	add_count(o, "total", e->io_in + e->io_out + e->mmio + e->signal + e->other);
	add_count(o, "io_in", e->io_in);
	add_count(o, "io_out", e->io_out);
	add_count(o, "mmio", e->mmio);
	add_count(o, "signal", e->signal);
	add_count(o, "other", e->other);
	if (r->port_exits) {
		struct json_object *ports = json_object_new_object();

		for (unsigned int p = 0; p < 65536; p++) {
			char key[8];

			snprintf(key, sizeof(key), "0x%x", p);
			if (r->port_exits[p])
				add_count(ports, key, r->port_exits[p]);
		}
		json_object_object_add(o, "ports", ports);
	}
	return o;
}

static struct json_object *result_object(const struct outcome *outcome, const struct result *r)
{
	struct json_object *o = json_object_new_object();
	struct json_object *seconds = json_object_new_object();
	struct json_object *times = json_object_new_object();

	add_string(o, "source", outcome_from_guest(outcome) ? "guest" : "lkvm");
	json_object_object_add(o, "status", json_object_new_int(outcome_exit_status(outcome)));
	add_string(o, "reason", outcome_reason_name(outcome_reason(outcome)));
	add_string(o, "evidence", outcome_evidence(outcome));
	if (outcome_reason(outcome) == OUTCOME_SIGNAL)
		json_object_object_add(o, "signal", json_object_new_int(outcome_value(outcome)));
	add_string(o, "kernel", r->kernel);
	add_string(o, "release", r->release);
	if (r->spoke_ns)
		add_seconds(seconds, "boot", r->start_ns, r->spoke_ns);
	add_seconds(seconds, "total", r->start_ns, r->end_ns);
	json_object_object_add(o, "seconds", seconds);
	add_count(times, "start", r->start_ns);
	add_count(times, "first_run", r->first_run_ns);
	add_count(times, "spoke", r->spoke_ns);
	add_count(times, "end", r->end_ns);
	json_object_object_add(o, "monotonic_ns", times);
	add_count(o, "reboots", r->reboots);
	json_object_object_add(o, "exits", exits_object(r));
	return o;
}

static int write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n >= 0 && (size_t)n < len)
		errno = ENOSPC;
	if (close(fd) < 0 || n < 0 || (size_t)n < len)
		return -errno;
	return 0;
}

/**
 * result_check() - find out early that a result could not be written
 * @path:	as for result_write()
 *
 * Return: 0 or -errno, said.
 */
int result_check(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash - path + 1) : strdup(".");
	struct stat there;
	int err;

	if (!dir)
		return error(-ENOMEM, "--result %s", path);
	if (!*path)
		err = -ENOENT;
	else if (stat(path, &there) < 0 || S_ISREG(there.st_mode))
		err = access(dir, W_OK | X_OK) < 0 ? -errno : 0;
	else if (S_ISDIR(there.st_mode))
		err = -EISDIR;
	else
		err = access(path, W_OK) < 0 ? -errno : 0;
	free(dir);
	return err ? error(err, "--result %s", path) : 0;
}

/**
 * result_write() - write a result file
 * @path:	where; replaced as a whole, unless it is there and no regular file (a pipe,
 *		/dev/stdout), which gets what is written
 * @outcome:	how the run ended
 * @result:	the rest
 *
 * Return: 0 or -errno, said.
 */
int result_write(const char *path, const struct outcome *outcome, const struct result *result)
{
	struct json_object *o = result_object(outcome, result);
	const char *json = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_SPACED |
							  JSON_C_TO_STRING_NOSLASHESCAPE);
	char *text = NULL, *temporary = NULL;
	struct stat there;
	int err = -ENOMEM;

	if (json && asprintf(&text, "%s\n", json) < 0)
		text = NULL;
	if (asprintf(&temporary, "%s.%d.tmp", path, getpid()) < 0)
		temporary = NULL;
	if (text && temporary) {
		if (!stat(path, &there) && !S_ISREG(there.st_mode)) {
			err = write_file(path, text);
		} else {
			err = write_file(temporary, text);
			if (!err && rename(temporary, path) < 0)
				err = -errno;
			if (err)
				unlink(temporary);
		}
	}
	free(text);
	free(temporary);
	json_object_put(o);
	return err ? error(err, "--result %s", path) : 0;
}
