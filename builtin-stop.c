// SPDX-License-Identifier: GPL-2.0-only
/*
 * lkvm stop: press a VM's power button and wait for its end, or end it by force.
 *
 * By force means that the run is told to end, which it does at once; an lkvm that does not answer gets
 * SIGTERM, and SIGKILL if that does not help either.
 */
#include <errno.h>
#include <signal.h>

#include <json-c/json.h>

#include "builtin.h"
#include "control-client.h"
#include "instance.h"
#include "log.h"
#include "options.h"
#include "util.h"

#define SECOND_NS	1000000000ULL
#define LIMIT_MS	5000
#define GRACE_NS	(3 * SECOND_NS)		/* for one step of force */
#define DEFAULT_NS	(30 * SECOND_NS)

static const char *name;
static bool all, force;
static u64 timeout;

static int parse_timeout(const char *arg, void *value)
{
	if (parse_seconds(arg, value))
		return usage_error("--timeout %s: not a number of seconds such as 30 or 0.5", arg);
	return 0;
}

static const struct option_desc options[] = {
	{ 'n', "name", OPTION_STRING, &name, NULL, "NAME", "the VM, in place of an argument" },
	{ 'a', "all", OPTION_FLAG, &all, NULL, NULL, "all VMs that run" },
	{ 0, "force", OPTION_FLAG, &force, NULL, NULL, "do not ask the guest; with --timeout: when that is over" },
	{ 0, "timeout", OPTION_CALL, &timeout, parse_timeout, "SECONDS", "how long the guest may take (default 30)" },
	{ 0 },
};

void cmd_stop_options(void)
{
	options_print(options);
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND_NS + ts.tv_nsec;
}

/* Returns whether it has ended. */
static bool end_by_force(const struct instance_entry *entry)
{
	struct json_object *args = json_object_new_object();
	struct control_ask ask = { .entry = entry, .command = "stop", .args = args };
	bool ended;

	json_object_object_add(args, "force", json_object_new_boolean(true));
	control_ask_all(&ask, 1, GRACE_NS / 1000000);
	ended = ask.err == -ESRCH || control_wait_end(&ask, now_ns() + GRACE_NS);
	if (!ended && instance_signal(entry, SIGTERM) == -ESRCH)
		ended = true;
	if (!ended)
		ended = control_wait_end(&ask, now_ns() + GRACE_NS);
	if (!ended && instance_signal(entry, SIGKILL) == -ESRCH)
		ended = true;
	if (!ended) {
		struct instance_entry *rest;

		ended = control_wait_end(&ask, now_ns() + GRACE_NS);
		/* It could not clean up; a look does. */
		if (ended && !instance_find(entry->info.name, &rest))
			instance_list_free(rest, 1);
	}
	control_ask_end(&ask);
	json_object_put(args);
	if (!ended)
		error(0, "VM %s: its lkvm, process %d, cannot be ended", entry->info.name, entry->info.pid);
	return ended;
}

/* After it was asked. Returns whether it has ended. */
static bool wait_for(struct control_ask *ask, u64 until_ns)
{
	const struct instance_info *info = &ask->entry->info;
	bool asked = !ask->err && !ask->reason;

	if (ask->err == -ESRCH || (asked && control_wait_end(ask, until_ns)))
		return true;
	if (force)
		return end_by_force(ask->entry);
	if (asked)
		error(0, "VM %s still runs: the guest has not reacted to its power button (--force)", info->name);
	else if (ask->reason)
		error(0, "VM %s: %s (--force)", info->name, ask->reason);
	else if (ask->err == -ETIMEDOUT)
		error(0, "VM %s does not answer; its lkvm is process %d (--force)", info->name, info->pid);
	else
		error(ask->err, "VM %s", info->name);
	return false;
}

static bool stop(const struct instance_entry *entries, unsigned int count)
{
	struct control_ask *asks = calloc(count + 1, sizeof(*asks));
	u64 until_ns = now_ns() + (timeout ? timeout : DEFAULT_NS);
	bool ended = true;

	if (!asks)
		die("stop: no memory");
	for (unsigned int i = 0; i < count; i++)
		asks[i] = (struct control_ask){ .entry = &entries[i], .command = "stop", .fd = -1 };
	if (!force || timeout)
		control_ask_all(asks, count, LIMIT_MS);
	for (unsigned int i = 0; i < count; i++) {
		if (!force || timeout)
			ended &= wait_for(&asks[i], until_ns);
		else
			ended &= end_by_force(&entries[i]);
		control_ask_end(&asks[i]);
	}
	free(asks);
	return ended;
}

int cmd_stop(int argc, char **argv)
{
	struct instance_entry *entries;
	unsigned int count = 1;
	int at = 0, rest;
	bool ended;

	for (;;) {
		if (options_parse(argc - at, argv + at, options, &rest))
			return EXIT_LAUNCH;
		at += rest;
		if (at >= argc)
			break;
		if (name)
			die("stop takes one name, and %s is another", argv[at]);
		name = argv[at];
	}
	if (all && name)
		die("stop --all takes no name, and %s is one", name);
	if (all ? instance_list(&entries, &count) : instance_choose(name, &entries))
		return EXIT_LAUNCH;
	ended = stop(entries, count);
	instance_list_free(entries, count);
	return ended ? 0 : EXIT_LAUNCH;
}
