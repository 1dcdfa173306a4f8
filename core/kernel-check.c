// SPDX-License-Identifier: GPL-2.0-only
/*
 * Judging a kernel's configuration by the table of what lkvm offers (core/kernel-features.c).
 * Pure: a configuration and a table go in, findings come out.
 *
 * Runs in a command's thread. Leaves out the words of a kernel's command line, which may
 * switch off what is built in.
 */
#include "findings.h"
#include "kernel-check.h"
#include "kernel-config.h"
#include "log.h"

/* One alternative of a word of struct kernel_feature's @options. */
struct need {
	char name[64];
	bool built_in;
	bool number;
	unsigned long least;
	bool old;		/* counts for kernels before major.minor only */
	unsigned int major, minor;
};

enum have { HAVE_NOT, HAVE_MODULE, HAVE };

/**
 * kernel_older() - whether a version comes before another one
 * @release:	such as "6.12.1-amd64"; anything else is taken for a new one
 *
 * Return: whether it is before @major.@minor.
 */
bool kernel_older(const char *release, unsigned int major, unsigned int minor)
{
	unsigned int a, b;

	if (sscanf(release, "%u.%u", &a, &b) != 2)
		return false;
	return a < major || (a == major && b < minor);
}

static void parse_need(const char *text, size_t len, struct need *n)
{
	size_t name = strcspn(text, " |=<>");
	const char *end = text + len, *p;

	*n = (struct need){ 0 };
	BUG_ON(name > len || name >= sizeof(n->name));
	memcpy(n->name, text, name);
	for (p = text + name; p < end; p += strcspn(p + 1, " |=<>") + 1) {
		if (*p == '<') {
			n->old = true;
			BUG_ON(sscanf(p + 1, "%u.%u", &n->major, &n->minor) != 2);
		} else if (*p == '>') {
			n->number = true;
			n->least = strtoul(p + 2, NULL, 10);
			p++;
		} else {
			n->built_in = true;
		}
	}
}

static enum have have(const struct kernel_config *cfg, const struct need *n)
{
	const char *value = kernel_config_get(cfg, n->name);

	if (!value || (n->old && !kernel_older(kernel_config_release(cfg), n->major, n->minor)))
		return HAVE_NOT;
	if (n->number)
		return strtoul(value, NULL, 10) >= n->least ? HAVE : HAVE_NOT;
	if (!strcmp(value, "y"))
		return HAVE;
	return !strcmp(value, "m") && !n->built_in ? HAVE_MODULE : HAVE_NOT;
}

/* What is missing, and what is there in its place. */
static void describe(const struct kernel_config *cfg, const struct need *n, FILE *f)
{
	const char *value = kernel_config_get(cfg, n->name);

	fprintf(f, "CONFIG_%s", n->name);
	if (n->number && value)
		fprintf(f, ">=%lu (it is %.20s)", n->least, value);
	else if (n->number)
		fprintf(f, ">=%lu", n->least);
	else if (n->built_in && value && !strcmp(value, "m"))
		fputs("=y (it is m)", f);
}

/*
 * One word: its alternatives. What is missing is named by the first one, and by the others that
 * this kernel might have.
 */
static enum have check_word(const struct kernel_config *cfg, const char *word, size_t len, FILE *missing)
{
	const char *end = word + len, *p = word;
	enum have best = HAVE_NOT;
	struct need n;

	while (p < end) {
		size_t part = min(strcspn(p, "| "), (size_t)(end - p));

		parse_need(p, part, &n);
		best = max(best, have(cfg, &n));
		p += part + 1;
	}
	if (best != HAVE_NOT)
		return best;
	if (ftell(missing) > 0)
		fputs(", ", missing);
	for (p = word; p < end; p += strcspn(p, "| ") + 1) {
		parse_need(p, min(strcspn(p, "| "), (size_t)(end - p)), &n);
		if (n.old)
			continue;
		if (p > word)
			fputs(" or ", missing);
		describe(cfg, &n, missing);
	}
	return HAVE_NOT;
}

/* All words of a feature. */
static enum have check_words(const struct kernel_config *cfg, const char *options, FILE *missing)
{
	enum have worst = HAVE;

	while (*options) {
		size_t len = strcspn(options, " ");

		worst = min(worst, check_word(cfg, options, len, missing));
		options += len;
		options += *options == ' ';
	}
	return worst;
}

static bool check_feature(const struct kernel_config *cfg, const struct kernel_feature *f, struct findings *out)
{
	char *missing = NULL;
	size_t size;
	FILE *text = open_memstream(&missing, &size);
	enum have result;

	if (!text)
		return false;
	result = check_words(cfg, f->options, text);
	if (fclose(text)) {
		free(missing);
		return false;
	}
	if (result == HAVE)
		finding_add(out, FINDING_OK, f->group, f->name, "built in");
	else if (result == HAVE_MODULE)
		finding_add(out, FINDING_OK, f->group, f->name, "a module%s%s", f->module ? ": " : "",
			    f->module ? f->module : "");
	else
		finding_add(out, f->needed ? FINDING_NO : FINDING_MISSING, f->group, f->name,
			    "needs %s: %s", missing, f->without);
	free(missing);
	return true;
}

/**
 * kernel_check() - judge a configuration
 * @cfg:	the configuration
 * @features:	what to look for; kernel_features, or a test's own
 * @findings:	gets a judgement for each feature
 */
void kernel_check(const struct kernel_config *cfg, const struct kernel_feature *features,
		  struct findings *findings)
{
	for (; features->name; features++)
		if (!check_feature(cfg, features, findings))
			findings->lost = true;
}
