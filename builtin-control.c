// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands that ask a running VM for one thing: lkvm pause, resume, debug, nmi, sysrq. A name
 * may be left out while one VM runs.
 */
#include <errno.h>
#include <unistd.h>

#include <json-c/json.h>

#include "builtin.h"
#include "control-client.h"
#include "instance.h"
#include "log.h"
#include "options.h"
#include "util.h"

#define LIMIT_MS	10000
#define DEBUG_LIMIT_MS	60000	/* many CPUs have much to tell */

static const char *name;
static int cpu = -1;

static int parse_cpu(const char *arg, void *value)
{
	unsigned int n;

	if (parse_uint(arg, &n) || n > INT32_MAX)
		return usage_error("--cpu %s: not the number of a vCPU, from 0 on", arg);
	*(int *)value = n;
	return 0;
}

#define OPTION_NAME { 'n', "name", OPTION_STRING, &name, NULL, "NAME", "the VM, in place of an argument" }

static const struct option_desc options[] = {
	OPTION_NAME,
	{ 0 },
};

static const struct option_desc nmi_options[] = {
	OPTION_NAME,
	{ 0, "cpu", OPTION_CALL, &cpu, parse_cpu, "N", "only this vCPU (default: all)" },
	{ 0 },
};

void cmd_control_options(void)
{
	options_print(options);
}

void cmd_nmi_options(void)
{
	options_print(nmi_options);
}

/* Options and words in any order: up to @max words. Returns how many, or -errno, said. */
static int parse(int argc, char **argv, const struct option_desc *table, const char **words, int max)
{
	int count = 0, at = 0;

	for (;;) {
		int rest, err = options_parse(argc - at, argv + at, table, &rest);

		if (err)
			return err;
		at += rest;
		if (at >= argc)
			return count;
		if (count == max)
			return usage_error("%s takes no argument %s", argv[0], argv[at]);
		words[count++] = argv[at];
	}
}

/* The command's name on both sides is the same. Takes @args over. */
static int ask(const char *command, struct json_object *args, unsigned int limit_ms, struct json_object **answer)
{
	struct control_ask ask = { .command = command, .args = args };
	struct instance_entry *entry;
	int err = instance_choose(name, &entry);

	if (!err) {
		ask.entry = entry;
		control_ask_all(&ask, 1, limit_ms);
		err = ask.err;
		if (err == -ETIMEDOUT)
			error(0, "VM %s does not answer; its lkvm is process %d", entry->info.name, entry->info.pid);
		else if (err == -ESRCH)
			error(0, "VM %s has ended", entry->info.name);
		else if (err)
			error(err, "VM %s", entry->info.name);
		else if (ask.reason)
			err = error(0, "VM %s: %s", entry->info.name, ask.reason) - EIO;
		else if (answer)
			*answer = json_object_get(ask.answer);
		control_ask_end(&ask);
		instance_list_free(entry, 1);
	}
	json_object_put(args);
	return err;
}

static int simple(int argc, char **argv, unsigned int limit_ms, struct json_object **answer)
{
	int count = parse(argc, argv, options, &name, 1);

	return count < 0 || ask(argv[0], NULL, limit_ms, answer) ? EXIT_LAUNCH : 0;
}

int cmd_pause(int argc, char **argv)
{
	return simple(argc, argv, LIMIT_MS, NULL);
}

int cmd_resume(int argc, char **argv)
{
	return simple(argc, argv, LIMIT_MS, NULL);
}

int cmd_debug(int argc, char **argv)
{
	struct json_object *answer = NULL, *report;
	int status = simple(argc, argv, DEBUG_LIMIT_MS, &answer);

	if (!status && json_object_object_get_ex(answer, "report", &report))
		fputs(json_object_get_string(report), stdout);
	json_object_put(answer);
	return log_end_output() ? EXIT_LAUNCH : status;
}

int cmd_nmi(int argc, char **argv)
{
	struct json_object *args = json_object_new_object();

	if (parse(argc, argv, nmi_options, &name, 1) < 0) {
		json_object_put(args);
		return EXIT_LAUNCH;
	}
	if (cpu >= 0)
		json_object_object_add(args, "cpu", json_object_new_int(cpu));
	return ask(argv[0], args, LIMIT_MS, NULL) ? EXIT_LAUNCH : 0;
}

int cmd_sysrq(int argc, char **argv)
{
	struct json_object *args;
	const char *words[2], *key;
	int count = parse(argc, argv, options, words, 2);

	if (count < 0)
		return EXIT_LAUNCH;
	if (!count || (name && count > 1))
		die("sysrq needs one key, such as t, behind the VM's name");
	key = words[count - 1];
	if (count == 2)
		name = words[0];
	if (strlen(key) != 1 || *key <= ' ' || *key > '~')
		die("sysrq %s: a key is one character, such as t", key);
	args = json_object_new_object();
	json_object_object_add(args, "key", json_object_new_string(key));
	return ask(argv[0], args, LIMIT_MS, NULL) ? EXIT_LAUNCH : 0;
}
