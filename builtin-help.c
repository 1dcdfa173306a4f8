// SPDX-License-Identifier: GPL-2.0-only
/*
 * lkvm help [COMMAND]
 */
#include "builtin.h"
#include "log.h"

static int print_commands(void)
{
	const struct command *cmd;

	printf("usage: lkvm COMMAND [options]\n\n");
	for (unsigned int i = 0; (cmd = command_get(i)); i++)
		printf("  %-10s %s\n", cmd->name, cmd->help);
	printf("\n\"lkvm help COMMAND\" lists the options of a command.\n");
	return 0;
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
	return 0;
}
