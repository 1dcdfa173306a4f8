/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether a kernel was configured for what lkvm offers.
 */
#ifndef LKVM_KERNEL_CHECK_H
#define LKVM_KERNEL_CHECK_H

#include "types.h"

struct findings;
struct kernel_config;

/**
 * struct kernel_feature - something of lkvm's that a kernel must have a part in
 * @group:	the heading that it stands below
 * @name:	what it is
 * @options:	what the kernel must have, words with a space between. NAME: =y or =m;
 *		NAME=y: built in; NAME>=N: a number; A|B: one of the two, where the first is what
 *		is named when both are missing; NAME<5.13: counts for kernels before that version
 * @needed:	next to nothing can be done without it
 * @planned:	this lkvm does not have it yet
 * @without:	what does not work without it
 * @module:	what to know if an option is =m, or NULL
 */
struct kernel_feature {
	const char *group;
	const char *name;
	const char *options;
	bool needed;
	bool planned;
	const char *without;
	const char *module;
};

extern const struct kernel_feature kernel_features[];

void kernel_check(const struct kernel_config *cfg, const struct kernel_feature *features,
		  struct findings *findings);
bool kernel_older(const char *release, unsigned int major, unsigned int minor);

#endif /* LKVM_KERNEL_CHECK_H */
