// SPDX-License-Identifier: GPL-2.0-only
/*
 * A list of judgements, and how a human reads it: a heading for each group, then a line
 * for each thing that was looked at, and below it what to do about it.
 *
 * Belongs to one thread. Leaves out JSON, which the command that has one makes itself.
 */
#include <stdarg.h>

#include "findings.h"

#define NAME_WIDTH 22

/**
 * finding_add() - add a judgement
 * @f:		the list
 * @state:	the verdict
 * @group:	the heading, a literal
 * @name:	what was looked at, a literal
 * @fmt:	what was found
 *
 * Return: it, until the next one is added, or NULL without memory, which the list remembers.
 */
struct finding *finding_add(struct findings *f, enum finding_state state, const char *group,
			    const char *name, const char *fmt, ...)
{
	struct finding *items = realloc(f->items, (f->count + 1) * sizeof(*items));
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (items)
		f->items = items;
	if (!items || vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (!text) {
		f->lost = true;
		return NULL;
	}
	items[f->count] = (struct finding){ .state = state, .group = group, .name = name, .text = text };
	return &items[f->count++];
}

/**
 * finding_mend() - say what to do about it
 * @finding:	what finding_add() has just given; may be NULL
 */
void finding_mend(struct finding *finding, const char *fmt, ...)
{
	va_list ap;

	if (!finding)
		return;
	va_start(ap, fmt);
	free(finding->mend);
	if (vasprintf(&finding->mend, fmt, ap) < 0)
		finding->mend = NULL;
	va_end(ap);
}

/**
 * findings_free() - free what is in the list; it is empty then
 */
void findings_free(struct findings *f)
{
	for (unsigned int i = 0; i < f->count; i++) {
		free(f->items[i].text);
		free(f->items[i].mend);
	}
	free(f->items);
	*f = (struct findings){ 0 };
}

/**
 * findings_count() - how many have this state
 */
unsigned int findings_count(const struct findings *f, enum finding_state state)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < f->count; i++)
		n += f->items[i].state == state;
	return n;
}

/**
 * findings_find() - the first one of a name
 *
 * Return: it, or NULL.
 */
const struct finding *findings_find(const struct findings *f, const char *name)
{
	for (unsigned int i = 0; i < f->count; i++)
		if (!strcmp(f->items[i].name, name))
			return &f->items[i];
	return NULL;
}

/**
 * finding_word() - a state as it is printed
 */
const char *finding_word(enum finding_state state)
{
	static const char *const words[] = {
		[FINDING_OK] = "ok",
		[FINDING_MISSING] = "--",
		[FINDING_NO] = "NO",
	};

	return words[state];
}

/* Text may come from files and from the guest's kernel: a terminal gets no control characters. */
static void put_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		/* Also U+0080 to U+009F in UTF-8, which are controls to many terminals. */
		bool c1 = (unsigned char)text[0] == 0xc2 && ((unsigned char)text[1] & 0xe0) == 0x80;

		putc((unsigned char)*text < ' ' || *text == 0x7f || c1 ? '?' : *text, out);
		text += c1;
	}
	putc('\n', out);
}

/**
 * findings_print() - print the list for a human
 */
void findings_print(const struct findings *f, FILE *out)
{
	const char *group = "";

	for (unsigned int i = 0; i < f->count; i++) {
		const struct finding *x = &f->items[i];

		if (strcmp(group, x->group))
			fprintf(out, "%s%s\n", i ? "\n" : "", x->group);
		group = x->group;
		fprintf(out, "  %s  %-*s ", finding_word(x->state), NAME_WIDTH, x->name);
		put_text(x->text, out);
		if (x->mend) {
			fprintf(out, "%*s> ", NAME_WIDTH + 7, "");
			put_text(x->mend, out);
		}
	}
}
