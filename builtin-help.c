// SPDX-License-Identifier: GPL-2.0-only
/*
 * lkvm help [COMMAND]
 */
#include <errno.h>

#include "builtin.h"
#include "log.h"

/* The exit status of a command that has printed something. */
static int printed(void)
{
	if (!fflush(stdout))
		return 0;
	error(-errno, "standard output");
	return EXIT_LAUNCH;
}

static int print_commands(void)
{
	const struct command *cmd;

	printf("usage: lkvm COMMAND [options]\n\n");
	for (unsigned int i = 0; (cmd = command_get(i)); i++)
		printf("  %-10s %s\n", cmd->name, cmd->help);
	printf("\n\"lkvm help COMMAND\" lists the options of a command.\n");
	return printed();
}

int cmd_help(int argc, char **argv)
{
	const struct command *cmd;

	if (argc < 2)
		return print_commands();
	cmd = command_find(argv[1]);
	if (!cmd)
		die("unknown command %s (see lkvm help)", argv[1]);
	printf("usage: lkvm %s %s\n\n%s\n", cmd->name, cmd->usage, cmd->help);
	if (cmd->options) {
		printf("\n");
		cmd->options();
	}
	return printed();
}
