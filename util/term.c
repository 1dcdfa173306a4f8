// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode of the user's terminal. It is left on every way out: exit(), a fatal
 * signal of our own making, and stop and continue by job control; only SIGKILL is
 * beyond anybody's reach.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "log.h"
#include "term.h"
#include "util.h"

static int raw_fd = -1;
static struct termios cooked;
static struct termios raw;

/**
 * term_open_std() - make sure that descriptors 0, 1 and 2 are open
 *
 * Whoever closed one must not find our files under its number.
 */
void term_open_std(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/**
 * term_is_foreground() - whether @fd is a terminal that we may read and set
 */
bool term_is_foreground(int fd)
{
	return isatty(fd) && tcgetpgrp(fd) == getpgrp();
}

/**
 * term_restore() - leave raw mode; safe in a signal handler, and when there is none
 */
void term_restore(void)
{
	/* Whoever is in the foreground has set it as he likes it; to set it would stop us. */
	if (raw_fd >= 0 && tcgetpgrp(raw_fd) == getpgrp())
		tcsetattr(raw_fd, TCSANOW, &cooked);
}

static void restore_at_exit(void)
{
	term_restore();
	raw_fd = -1;
	log_set_newline(false);
}

static void fatal_handler(int sig)
{
	term_restore();
	/* SA_RESETHAND: the second time it does what it would have done. */
	raise(sig);
}

/* Somebody may have set the terminal while we were stopped. */
static void continue_handler(int sig)
{
	int saved = errno;

	if (raw_fd >= 0 && tcgetpgrp(raw_fd) == getpgrp())
		tcsetattr(raw_fd, TCSANOW, &raw);
	errno = saved;
}

/**
 * term_raw() - put a terminal into raw mode until the process ends
 * @fd:		the terminal
 *
 * Return: 0 or -errno.
 */
int term_raw(int fd)
{
	static const int fatal[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT, SIGSYS, SIGTRAP, SIGUSR1, SIGUSR2,
		SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGPWR, SIGSTKFLT,
	};
	static char stack[16384];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_handler = fatal_handler, .sa_flags = SA_RESETHAND | SA_ONSTACK };
	struct sigaction cont = { .sa_handler = continue_handler, .sa_flags = SA_RESTART };

	if (tcgetattr(fd, &cooked) < 0)
		return -errno;
	raw = cooked;
	cfmakeraw(&raw);
	/* Set before the mode is: a signal in between restores what is there. */
	raw_fd = fd;
	atexit(restore_at_exit);
	/* A stack that has run out cannot hold the handler. */
	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++) {
		struct sigaction old;

		/* What has a handler already knows how to restore. */
		if (!sigaction(fatal[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(fatal[i], &sa, NULL);
	}
	sigaction(SIGCONT, &cont, NULL);
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		return -errno;
	log_set_newline(isatty(STDERR_FILENO));
	return 0;
}
