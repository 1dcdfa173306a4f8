// SPDX-License-Identifier: GPL-2.0-only
/*
 * lkvm list: the user's VMs that run. Each is asked, all at the same time; one that does not answer
 * within a second is listed as stuck, with what its folder tells.
 */
#include <errno.h>

#include <json-c/json.h>

#include "builtin.h"
#include "control-client.h"
#include "instance.h"
#include "json-text.h"
#include "log.h"
#include "options.h"
#include "util.h"

#define LIMIT_MS	1000
#define BATCH		256	/* descriptors that are open at a time */

static bool as_json;

static const struct option_desc options[] = {
	{ 0, "json", OPTION_FLAG, &as_json, NULL, NULL, "as a JSON array, for scripts" },
	{ 0 },
};

void cmd_list_options(void)
{
	options_print(options);
}

/* What is shown of a VM. */
struct row {
	const struct instance_entry *entry;
	char state[16];
	double uptime;
};

static void fill_row(struct row *row, const struct control_ask *ask)
{
	u64 now = time(NULL), started = ask->entry->info.started;
	struct json_object *v;

	*row = (struct row){ .entry = ask->entry, .state = "stuck" };
	if (!ask->err && json_object_object_get_ex(ask->answer, "state", &v))
		snprintf(row->state, sizeof(row->state), "%s", json_object_get_string(v));
	if (!ask->err && json_object_object_get_ex(ask->answer, "uptime", &v))
		row->uptime = json_object_get_double(v);
	else
		row->uptime = started && now > started ? now - started : 0;
}

/* Returns how many rows; those that ended meanwhile have none. */
static unsigned int ask(const struct instance_entry *entries, unsigned int count, struct row *rows)
{
	static struct control_ask asks[BATCH];
	unsigned int used = 0;

	for (unsigned int first = 0; first < count; first += BATCH) {
		unsigned int n = min(count - first, (unsigned int)BATCH);

		for (unsigned int i = 0; i < n; i++)
			asks[i] = (struct control_ask){ .entry = &entries[first + i], .command = "info" };
		control_ask_all(asks, n, LIMIT_MS);
		for (unsigned int i = 0; i < n; i++) {
			if (asks[i].err != -ESRCH)
				fill_row(&rows[used++], &asks[i]);
			control_ask_end(&asks[i]);
		}
	}
	return used;
}

static void print_json(const struct row *rows, unsigned int count)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < count; i++) {
		const struct instance_info *info = &rows[i].entry->info;
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "name", json_object_new_string(info->name));
		json_object_object_add(o, "pid", json_object_new_int(info->pid));
		json_object_object_add(o, "state", json_text(rows[i].state, strlen(rows[i].state)));
		json_object_object_add(o, "cpus", json_object_new_int64(info->cpus));
		json_object_object_add(o, "memory", json_object_new_uint64(info->mem_size));
		json_object_object_add(o, "uptime", json_seconds(rows[i].uptime));
		json_object_object_add(o, "kernel",
				       info->kernel ? json_text(info->kernel, strlen(info->kernel)) : NULL);
		json_object_array_add(list, o);
	}
	puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(list);
}

static void format_size(char *text, size_t size, u64 bytes)
{
	if (bytes && !(bytes % GiB))
		snprintf(text, size, "%lluG", (unsigned long long)(bytes / GiB));
	else
		snprintf(text, size, "%lluM", (unsigned long long)(bytes / MiB));
}

static void format_time(char *text, size_t size, u64 s)
{
	if (s < 60)
		snprintf(text, size, "%llus", (unsigned long long)s);
	else if (s < 3600)
		snprintf(text, size, "%llum%02llus", (unsigned long long)s / 60, (unsigned long long)s % 60);
	else if (s < 86400)
		snprintf(text, size, "%lluh%02llum", (unsigned long long)s / 3600, (unsigned long long)s / 60 % 60);
	else
		snprintf(text, size, "%llud%02lluh", (unsigned long long)s / 86400, (unsigned long long)s / 3600 % 24);
}

static void print_table(const struct row *rows, unsigned int count)
{
	int width = 4;

	for (unsigned int i = 0; i < count; i++)
		width = max(width, (int)strlen(rows[i].entry->info.name));
	printf("%-*s %7s %-7s %4s %6s %7s %s\n", width, "NAME", "PID", "STATE", "CPUS", "MEM", "UPTIME", "KERNEL");
	for (unsigned int i = 0; i < count; i++) {
		const struct instance_info *info = &rows[i].entry->info;
		char mem[24], uptime[32];

		format_size(mem, sizeof(mem), info->mem_size);
		format_time(uptime, sizeof(uptime), rows[i].uptime);
		printf("%-*s %7d %-7s %4u %6s %7s ", width, info->name, info->pid, rows[i].state, info->cpus,
		       mem, uptime);
		/* A file may have any name; a line stays a line. */
		for (const char *p = info->kernel ? info->kernel : "-"; *p; p++)
			putchar((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
		putchar('\n');
	}
}

int cmd_list(int argc, char **argv)
{
	struct instance_entry *entries;
	unsigned int count, shown;
	struct row *rows;
	int rest;

	if (options_parse(argc, argv, options, &rest))
		return EXIT_LAUNCH;
	if (rest < argc)
		die("list takes no argument %s", argv[rest]);
	if (instance_list(&entries, &count))
		return EXIT_LAUNCH;
	rows = calloc(count + 1, sizeof(*rows));
	if (!rows)
		die("list: no memory");
	shown = ask(entries, count, rows);
	if (as_json)
		print_json(rows, shown);
	else
		print_table(rows, shown);
	free(rows);
	instance_list_free(entries, count);
	return log_end_output() ? EXIT_LAUNCH : 0;
}
