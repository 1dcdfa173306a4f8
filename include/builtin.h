/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands of lkvm. To add one: builtin-foo.c with cmd_foo(), its line here,
 * one row in the table of main.c, and doc/man/lkvm-foo.1 with a line in the list of lkvm.1.
 */
#ifndef LKVM_BUILTIN_H
#define LKVM_BUILTIN_H

/**
 * struct command - one row of main.c's table
 * @name:	the word after lkvm
 * @run:	gets the words from @name on, returns the exit status
 * @help:	one line
 * @usage:	what follows @name
 * @options:	prints the options on stdout, or NULL where there are none
 */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
	const char *usage;
	void (*options)(void);
};

const struct command *command_find(const char *name);
const struct command *command_get(unsigned int index);

int help_short(const struct command *cmd);

void cmd_control_options(void);		/* of those without more of their own */
int cmd_debug(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
void cmd_doctor_options(void);
int cmd_help(int argc, char **argv);
void cmd_help_options(void);
int cmd_list(int argc, char **argv);
void cmd_list_options(void);
int cmd_nmi(int argc, char **argv);
void cmd_nmi_options(void);
int cmd_pause(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_run(int argc, char **argv);
void cmd_run_options(void);
int cmd_stop(int argc, char **argv);
void cmd_stop_options(void);
int cmd_sysrq(int argc, char **argv);
int cmd_version(int argc, char **argv);
void cmd_version_options(void);

#endif /* LKVM_BUILTIN_H */
