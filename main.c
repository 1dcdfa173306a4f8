// SPDX-License-Identifier: GPL-2.0-only
/*
 * lkvm: find the command and run it.
 */
#include "builtin.h"
#include "log.h"
#include "term.h"
#include "util.h"

/* Sorted as a reader wants to meet them. */
static const struct command commands[] = {
	{ "run", cmd_run, "boot a kernel", "[-k KERNEL] [-i INITRD] [options]", cmd_run_options },
	{ "list", cmd_list, "list the VMs that run", "[--json]", cmd_list_options },
	{ "stop", cmd_stop, "press a VM's power button, or end it by force", "[NAME] [--force] [--timeout SECONDS]",
	  cmd_stop_options },
	{ "pause", cmd_pause, "keep a VM from running", "[NAME]", cmd_control_options },
	{ "resume", cmd_resume, "let a paused VM run on", "[NAME]", cmd_control_options },
	{ "debug", cmd_debug, "print what a VM's vCPUs are doing", "[NAME]", cmd_control_options },
	{ "nmi", cmd_nmi, "send a VM's vCPUs an NMI", "[NAME] [--cpu N]", cmd_nmi_options },
	{ "sysrq", cmd_sysrq, "type a magic SysRq key into a VM", "[NAME] KEY", cmd_control_options },
	{ "doctor", cmd_doctor, "tell whether VMs can run here", "[-k KERNEL] [options]", cmd_doctor_options },
	{ "version", cmd_version, "print the version", "[--features]", cmd_version_options },
	{ "help", cmd_help, "show the manual of a command", "[--list] [COMMAND]", cmd_help_options },
};

/**
 * command_get() - walk the commands
 *
 * Return: the command with that @index, or NULL beyond the last.
 */
const struct command *command_get(unsigned int index)
{
	return index < ARRAY_SIZE(commands) ? &commands[index] : NULL;
}

/**
 * command_find() - look a command up by its name
 *
 * Return: the command or NULL.
 */
const struct command *command_find(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *cmd;
	const char *name = argc > 1 ? argv[1] : "help";

	term_open_std();
	if (!strcmp(name, "--version") || !strcmp(name, "-v"))
		name = "version";
	else if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	cmd = command_find(name);
	if (!cmd)
		die("unknown command %s (see lkvm help)", name);
	if (argc < 2)
		return cmd->run(1, argv);
	if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")))
		return help_short(cmd);
	return cmd->run(argc - 1, argv + 1);
}
