// SPDX-License-Identifier: GPL-2.0-only
/*
 * lkvm help [--list] [COMMAND]: the manual page of a command where there is one and a man(1) to
 * show it, else the short list of options, which `lkvm COMMAND --help` always prints.
 */
#include <errno.h>
#include <unistd.h>

#include "builtin.h"
#include "log.h"
#include "manual.h"
#include "options.h"

static bool list;

static const struct option_desc options[] = {
	{ 0, "list", OPTION_FLAG, &list, NULL, NULL, "for programs: the commands, or COMMAND's options, a line each" },
	{ 0 },
};

void cmd_help_options(void)
{
	options_print(options);
}

/* The exit status of a command that has printed something. */
static int printed(void)
{
	return log_end_output() ? EXIT_LAUNCH : 0;
}

static int print_commands(void)
{
	const struct command *cmd;

	printf("usage: lkvm COMMAND [options]\n\n");
	for (unsigned int i = 0; (cmd = command_get(i)); i++)
		printf("  %-10s %s\n", cmd->name, cmd->help);
	printf("\n\"lkvm help COMMAND\" shows the manual of a command, \"lkvm COMMAND --help\" its options.\n");
	return printed();
}

/* Columns are separated by tabs, and doc/man/lkvm-help.1 promises them to programs. */
static int print_list(const struct command *one)
{
	const struct command *cmd;

	if (one) {
		options_set_form(OPTIONS_FOR_PROGRAMS);
		if (one->options)
			one->options();
		return printed();
	}
	for (unsigned int i = 0; (cmd = command_get(i)); i++)
		printf("%s\t%s\t%s\n", cmd->name, *cmd->usage ? cmd->usage : "-", cmd->help);
	return printed();
}

/**
 * help_short() - print how a command is used, and its options
 *
 * Return: the exit status.
 */
int help_short(const struct command *cmd)
{
	printf("usage: lkvm %s %s\n\n%s\n", cmd->name, cmd->usage, cmd->help);
	if (cmd->options) {
		printf("\n");
		cmd->options();
	}
	return printed();
}

/* Return: 0, -ENOENT if no page can be shown, or -errno of standard output. */
static int show_manual(const struct command *cmd)
{
	char program[4096], page[64], *path;
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	int err;

	program[n > 0 ? n : 0] = '\0';
	snprintf(page, sizeof(page), "lkvm-%s", cmd->name);
	path = manual_find(program, page);
	err = path ? manual_show(path) : -ENOENT;
	free(path);
	return err;
}

int cmd_help(int argc, char **argv)
{
	const struct command *cmd = NULL;
	int rest, err;

	if (options_parse(argc, argv, options, &rest))
		return EXIT_LAUNCH;
	if (rest + 1 < argc)
		die("help takes one command: what is %s?", argv[rest + 1]);
	if (rest < argc) {
		cmd = command_find(argv[rest]);
		if (!cmd)
			die("unknown command %s (see lkvm help)", argv[rest]);
	}
	if (list)
		return print_list(cmd);
	if (!cmd)
		return print_commands();
	err = show_manual(cmd);
	if (err == -ENOENT)
		return help_short(cmd);
	if (err)
		error(err, "standard output");
	return err ? EXIT_LAUNCH : 0;
}
