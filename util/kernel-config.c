// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a kernel's .config (Documentation/kbuild/kconfig.rst of Linux; its own reader is
 * scripts/kconfig/confdata.c). Lines are CONFIG_NAME=VALUE or "# CONFIG_NAME is not set";
 * other comments are skipped, and so is what is neither. Of two lines for one name the last
 * one counts.
 *
 * The text may be anybody's: it comes out of an image or from a file that was named by
 * mistake. It is bounded, and a file without a line of the two forms is none.
 *
 * Belongs to one thread. Leaves out what depends on what: that is Kconfig's.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <zlib.h>

#include "kernel-config.h"
#include "util.h"

#define PREFIX	"CONFIG_"
#define NOT_SET	" is not set"
#define HEAD	4096	/* a file that is a .config shows it here */

struct entry {
	const char *name;	/* without CONFIG_; in the text */
	const char *value;	/* "n" for what is not set */
};

struct kernel_config {
	char *text;		/* ours; lines and names in it are cut off by NULs */
	struct entry *entries;	/* sorted by name */
	unsigned int count;
	char release[64];
};

/* The end of the name at @s, where it begins; NULL when there is none. */
static char *name_end(char *s)
{
	char *p = s;

	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	return p == s ? NULL : p;
}

/* A string as Kconfig writes it: in quotes, with a backslash before quotes and backslashes. */
static char *unquote(char *value)
{
	char *from = value + 1, *to = value;

	if (*value != '"')
		return value;
	while (*from && *from != '"') {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from++;
	}
	*to = '\0';
	return value;
}

/* "# Linux/x86 6.12.1 Kernel Configuration": the third line of a generated file. */
static void take_release(struct kernel_config *cfg, const char *line)
{
	const char *version = strchr(line, ' ');
	const char *end = strstr(line, " Kernel Configuration");

	size_t len = 0;

	if (cfg->release[0] || strncmp(line, "Linux/", 6) || !version || !end || end <= version)
		return;
	/* It is printed as it is: no version has a byte that a terminal takes for a command. */
	while (++version < end && *version > ' ' && *version < 0x7f && len < sizeof(cfg->release) - 1)
		cfg->release[len++] = *version;
}

static void take_line(struct kernel_config *cfg, char *line)
{
	bool comment = line[0] == '#' && line[1] == ' ';
	char *name = line + (comment ? 2 : 0), *end;

	if (strncmp(name, PREFIX, strlen(PREFIX))) {
		if (comment)
			take_release(cfg, name);
		return;
	}
	name += strlen(PREFIX);
	end = name_end(name);
	if (!end)
		return;
	if (comment) {
		if (strcmp(end, NOT_SET))
			return;
		cfg->entries[cfg->count++] = (struct entry){ name, "n" };
	} else {
		if (*end != '=')
			return;
		cfg->entries[cfg->count++] = (struct entry){ name, unquote(end + 1) };
	}
	*end = '\0';
}

/* By name, then by place, which is the order of the lines. */
static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->name < y->name ? -1 : x->name > y->name;
}

static void sort(struct kernel_config *cfg)
{
	unsigned int kept = 0;

	qsort(cfg->entries, cfg->count, sizeof(*cfg->entries), compare);
	for (unsigned int i = 0; i < cfg->count; i++) {
		if (i + 1 < cfg->count && !strcmp(cfg->entries[i].name, cfg->entries[i + 1].name))
			continue;
		cfg->entries[kept++] = cfg->entries[i];
	}
	cfg->count = kept;
}

static unsigned int count_lines(const char *text, size_t size)
{
	unsigned int lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	return lines;
}

static void take_lines(struct kernel_config *cfg, size_t size)
{
	char *line = cfg->text, *end = cfg->text + size;

	while (line < end) {
		char *next = memchr(line, '\n', end - line);
		char *stop = next ? next : end;

		*stop = '\0';
		if (stop > line && stop[-1] == '\r')
			stop[-1] = '\0';
		take_line(cfg, line);
		line = stop + 1;
	}
}

/**
 * kernel_config_parse() - read a configuration that is in memory
 * @text:	its lines; need not end in NUL
 * @size:	bytes
 * @out:	set to the configuration
 *
 * Return: 0, -EINVAL when it has no line of a configuration, -EFBIG when it has more than
 * KERNEL_CONFIG_MAX bytes, -ENOMEM. Says nothing.
 */
int kernel_config_parse(const void *text, size_t size, struct kernel_config **out)
{
	struct kernel_config *cfg;
	int err = -ENOMEM;

	*out = NULL;
	if (size > KERNEL_CONFIG_MAX)
		return -EFBIG;
	cfg = calloc(1, sizeof(*cfg));
	if (!cfg)
		return -ENOMEM;
	cfg->text = malloc(size + 1);
	cfg->entries = malloc(count_lines(text, size) * sizeof(*cfg->entries));
	if (cfg->text && cfg->entries) {
		memcpy(cfg->text, text, size);
		cfg->text[size] = '\0';
		take_lines(cfg, size);
		sort(cfg);
		err = cfg->count ? 0 : -EINVAL;
	}
	if (err) {
		kernel_config_free(cfg);
		return err;
	}
	*out = cfg;
	return 0;
}

/* Whether these first bytes of a file may be those of a configuration. */
static bool looks_like_text(const char *head, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)head[i] < ' ' && !isspace((unsigned char)head[i]))
			return false;
	return size > 0;
}

static int read_all(gzFile file, struct kernel_config **out)
{
	size_t room = HEAD, used = 0;
	char *text = NULL;
	int n, err = 0;

	do {
		char *more = realloc(text, room);

		if (!more) {
			err = -ENOMEM;
			break;
		}
		text = more;
		n = gzread(file, text + used, room - used);
		/* What is no gzip file comes as it is; a damaged one, like any other file, is no configuration. */
		if (n < 0)
			err = -EINVAL;
		else if (!looks_like_text(text + used, n) && (n || !used))
			err = -EINVAL;
		else if (used + n > KERNEL_CONFIG_MAX)
			err = -EFBIG;
		if (err)
			break;
		used += n;
		room = min(used * 2, (size_t)KERNEL_CONFIG_MAX + 1);
		room = max(room, used + HEAD);
	} while (n > 0);
	if (!err)
		err = kernel_config_parse(text, used, out);
	free(text);
	return err;
}

/**
 * kernel_config_read() - read a configuration from a file, also a gzipped one
 * @path:	the file
 * @out:	set to the configuration
 *
 * Return: 0, -EINVAL for a file that is none, -EFBIG for one that is too large, or -errno.
 * Says nothing.
 */
int kernel_config_read(const char *path, struct kernel_config **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	gzFile file;
	int err;

	*out = NULL;
	if (fd < 0)
		return -errno;
	file = gzdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	err = read_all(file, out);
	/* Only now does zlib say that a stream has no end. */
	if (gzclose(file) != Z_OK && !err) {
		kernel_config_free(*out);
		*out = NULL;
		err = -EINVAL;
	}
	return err;
}

/**
 * kernel_config_free() - free a configuration
 * @cfg:	may be NULL
 */
void kernel_config_free(struct kernel_config *cfg)
{
	if (!cfg)
		return;
	free(cfg->text);
	free(cfg->entries);
	free(cfg);
}

static int compare_name(const void *key, const void *entry)
{
	return strcmp(key, ((const struct entry *)entry)->name);
}

/**
 * kernel_config_get() - the value of an option
 * @name:	without CONFIG_
 *
 * Return: "y", "m", a number or a string, as it was written but without quotes; "n" for what
 * is not set; NULL for what is not mentioned, because the kernel has no such option or what
 * it depends on is not set.
 */
const char *kernel_config_get(const struct kernel_config *cfg, const char *name)
{
	const struct entry *e = bsearch(name, cfg->entries, cfg->count, sizeof(*e), compare_name);

	return e ? e->value : NULL;
}

/**
 * kernel_config_count() - how many options are mentioned
 */
unsigned int kernel_config_count(const struct kernel_config *cfg)
{
	return cfg->count;
}

/**
 * kernel_config_release() - the kernel's version, such as "6.12.1"
 *
 * Return: what the heading of the file says, or "".
 */
const char *kernel_config_release(const struct kernel_config *cfg)
{
	return cfg->release;
}
