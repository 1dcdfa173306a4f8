/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an examination found: a list of judgements, each with a word for its state.
 */
#ifndef LKVM_FINDINGS_H
#define LKVM_FINDINGS_H

#include <stdio.h>

#include "types.h"
#include "util.h"

enum finding_state {
	FINDING_OK,		/* there */
	FINDING_MISSING,	/* optional and not there: what will not work is said */
	FINDING_NO,		/* needed and not there: how to mend it is said */
};

/**
 * struct finding - one judgement
 * @state:	see there
 * @group:	the heading that it stands below, a literal
 * @name:	what was looked at, a literal
 * @text:	what was found, and what it means
 * @mend:	what to do about it, or NULL
 */
struct finding {
	enum finding_state state;
	const char *group;
	const char *name;
	char *text;
	char *mend;
};

/**
 * struct findings - a list of them; begins as zeros
 * @items:	in the order in which they were added; those of a group are together
 * @count:	how many
 * @lost:	some were left out, because there was no memory
 */
struct findings {
	struct finding *items;
	unsigned int count;
	bool lost;
};

struct finding *finding_add(struct findings *f, enum finding_state state, const char *group,
			    const char *name, const char *fmt, ...) __printf(5, 6);
void finding_mend(struct finding *finding, const char *fmt, ...) __printf(2, 3);
void findings_free(struct findings *f);

unsigned int findings_count(const struct findings *f, enum finding_state state);
const struct finding *findings_find(const struct findings *f, const char *name);
const char *finding_word(enum finding_state state);
void findings_print(const struct findings *f, FILE *out);

#endif /* LKVM_FINDINGS_H */
