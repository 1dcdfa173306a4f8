// SPDX-License-Identifier: GPL-2.0-only
/*
 * Manual pages: where they are, and man(1) to show them. On a terminal man has it and
 * brings a pager. Otherwise its output is collected and goes to stdout as plain text, so that nothing is
 * printed when man fails, and an error of stdout is ours to report.
 *
 * Runs in the process's first thread, while there is no other. Formatting is man's work; the
 * caller needs another answer for a machine without it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "manual.h"
#include "util.h"

extern char **environ;

/* Where pages are, from the folder that the program is in: a build, and an installation. */
static const struct {
	const char *folder, *suffix;
} places[] = {
	{ "obj/man", ".1" },
	{ "../share/man/man1", ".1" },
	{ "../share/man/man1", ".1.gz" },
};

/* --- man(1) as a child ----------------------------------------------------- */

static pid_t start(const char *const argv[], int out_fd, posix_spawnattr_t *attr)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int err;

	if (posix_spawn_file_actions_init(&actions))
		return -1;
	if (out_fd >= 0) {
		/* What man has to complain of does not help: there is another answer. */
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	}
	err = posix_spawnp(&pid, argv[0], &actions, attr, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err ? -1 : pid;
}

/* Whether the child ended with status 0. */
static bool ended_well(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* All that man prints, to be freed, or NULL when it fails or prints nothing. */
static char *collect(const char *const argv[], size_t *len)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t n = -1;
	pid_t pid;
	FILE *f;
	int fds[2];
	bool well;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	pid = start(argv, fds[1], NULL);
	close(fds[1]);
	f = fdopen(fds[0], "r");
	if (!f)
		close(fds[0]);
	if (f && pid > 0)
		n = getdelim(&text, &room, '\0', f);	/* text: it ends where the file does */
	if (f)
		fclose(f);
	well = pid > 0 && ended_well(pid);
	if (!well || n <= 0) {
		free(text);
		return NULL;
	}
	*len = n;
	return text;
}

/* On a terminal the keys that interrupt are for the pager, which would be left there without us. */
static bool page(const char *const argv[])
{
	static const int keys[] = { SIGINT, SIGQUIT };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old[ARRAY_SIZE(keys)];
	posix_spawnattr_t attr;
	sigset_t defaults;
	bool well = false;
	pid_t pid;

	if (posix_spawnattr_init(&attr))
		return false;
	sigemptyset(&defaults);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		sigaction(keys[i], &ignore, &old[i]);
		if (old[i].sa_handler != SIG_IGN)
			sigaddset(&defaults, keys[i]);
	}
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	pid = start(argv, -1, &attr);
	if (pid > 0)
		well = ended_well(pid);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		sigaction(keys[i], &old[i], NULL);
	posix_spawnattr_destroy(&attr);
	return well;
}

/* --- pages ------------------------------------------------------------------- */

/* Where man itself knows the page. */
static char *find_by_man(const char *page_name)
{
	const char *const argv[] = { "man", "-w", page_name, NULL };
	size_t len;
	char *text = collect(argv, &len);

	if (!text)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	if (*text == '/' && !access(text, R_OK))
		return text;
	free(text);
	return NULL;
}

/**
 * manual_find() - where a page is
 * @program:	path of the running program; pages of its own build or installation come first
 * @page:	the page's name, as lkvm-run; its section is 1
 *
 * Return: the page's path, to be freed, or NULL.
 */
char *manual_find(const char *program, const char *page)
{
	const char *slash = strrchr(program, '/');

	for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
		char *path;

		if (asprintf(&path, "%.*s/%s/%s%s", (int)(slash - program), program, places[i].folder, page,
			     places[i].suffix) < 0)
			return NULL;
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	return find_by_man(page);
}

/**
 * manual_plain() - take the overstriking out of formatted text
 * @text:	UTF-8, changed in place: of "X\bX" (bold) and "_\bX" (underlined) the X stays
 * @len:	its length in bytes
 *
 * Return: the length that is left.
 */
size_t manual_plain(char *text, size_t len)
{
	size_t to = 0;

	for (size_t from = 0; from < len; from++) {
		if (text[from] != '\b') {
			text[to++] = text[from];
			continue;
		}
		/* the bytes that continue a character, and the one that begins it */
		while (to && (text[to - 1] & 0xc0) == 0x80)
			to--;
		if (to && text[to - 1] != '\n')
			to--;
	}
	return to;
}

/**
 * manual_show() - show a page: in man's pager on a terminal, else as plain text on stdout
 * @path:	from manual_find()
 *
 * Return: 0, -ENOENT when there is no man that can show it and nothing was printed, else
 * another -errno for what cannot be written.
 */
int manual_show(const char *path)
{
	const char *const argv[] = { "man", "-l", path, NULL };
	size_t len;
	char *text;
	int err = 0;

	/* Who has left it ignored (as some daemons do) would never learn how man ended. */
	signal(SIGCHLD, SIG_DFL);
	if (isatty(STDOUT_FILENO))
		return page(argv) ? 0 : -ENOENT;
	unsetenv("MAN_KEEP_FORMATTING");
	text = collect(argv, &len);
	if (!text)
		return -ENOENT;
	len = manual_plain(text, len);
	if (fwrite(text, 1, len, stdout) < len || fflush(stdout))
		err = -errno;
	free(text);
	return err;
}
