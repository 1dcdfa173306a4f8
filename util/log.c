// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to the user, see include/log.h. Any thread may call; a line is one
 * write(2), so that lines of threads do not mix.
 */
#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include "log.h"

static enum log_level threshold = LOG_INFO;
static bool raw_newline;
static void (*line_hook)(const char *line, size_t len);

/**
 * log_set_level() - show messages up to @level
 */
void log_set_level(enum log_level level)
{
	threshold = level;
}

/**
 * log_set_newline() - whether stderr is a terminal in raw mode, where a line ends in CR LF
 */
void log_set_newline(bool raw)
{
	raw_newline = raw;
}

/**
 * log_set_hook() - hand each line, prefix and newline included, to @hook instead of stderr
 * @hook:	NULL for stderr again
 */
void log_set_hook(void (*hook)(const char *line, size_t len))
{
	line_hook = hook;
}

/* U+0080 to U+009F in UTF-8: U+009B is ESC [ to many terminals. */
static bool is_c1(const char *at, size_t len)
{
	return len > 1 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] <= 0x9f;
}

static void say(enum log_level level, const char *prefix, int err, const char *fmt, va_list ap) __printf(4, 0);

static void say(enum log_level level, const char *prefix, int err, const char *fmt, va_list ap)
{
	char line[2048], why[128] = "";
	size_t room = sizeof(line) - 3;		/* CR LF NUL */
	size_t len;
	int saved = errno;

	if (level > threshold)
		return;
	if (err)
		snprintf(why, sizeof(why), ": %s", strerror(-err));
	/* A file name may be long: the reason still has its room behind it. */
	room -= strlen(why);
	len = snprintf(line, room, "lkvm: %s", prefix);
	len += vsnprintf(line + len, room - len, fmt, ap);
	if (len >= room)
		len = room - 1;
	memcpy(line + len, why, strlen(why));
	len += strlen(why);
	/* One message is one line, whatever a file name or a guest put into it. */
	for (size_t i = 0; i < len; i++) {
		if (is_c1(line + i, len - i))
			line[i++] = '?';
		else if ((unsigned char)line[i] >= ' ' && line[i] != 0x7f)
			continue;
		line[i] = '?';
	}
	if (raw_newline)
		line[len++] = '\r';
	line[len++] = '\n';
	if (line_hook)
		line_hook(line, len);
	else if (write(STDERR_FILENO, line, len) < 0)
		errno = saved;	/* nobody is left to tell */
	errno = saved;
}

/**
 * error() - say what failed, and why
 * @err:	-errno, said at the end of the line; 0 for none
 *
 * Return: @err, so that a function can end with it.
 */
int error(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_ERROR, "", err, fmt, ap);
	va_end(ap);
	return err;
}

/**
 * log_end_output() - write out what a command has printed on standard output
 *
 * What did not fit into the buffer was written before, and fflush() knows nothing of that.
 *
 * Return: 0 or -errno, said.
 */
int log_end_output(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	return error(errno ? -errno : -EIO, "standard output");
}

/**
 * usage_error() - say what the user should have asked for
 *
 * The line names the option or file, its value, and what would be right.
 *
 * Return: -EINVAL.
 */
int usage_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_ERROR, "", 0, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/**
 * warning() - say what may surprise the user
 */
void warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_WARNING, "warning: ", 0, fmt, ap);
	va_end(ap);
}

/**
 * info() - say what lkvm chose
 */
void info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_INFO, "", 0, fmt, ap);
	va_end(ap);
}

/**
 * debug() - say what helps to find a fault in lkvm or in the guest
 */
void debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_DEBUG, "", 0, fmt, ap);
	va_end(ap);
}

/**
 * die() - say why lkvm can't go on, and end with status 125
 */
void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_ERROR, "", 0, fmt, ap);
	va_end(ap);
	exit(EXIT_LAUNCH);
}

/**
 * bug() - an assumption of lkvm's own code does not hold; see BUG_ON()
 */
void bug(const char *file, int line, const char *what)
{
	error(0, "bug: %s:%d: %s", file, line, what);
	abort();
}
