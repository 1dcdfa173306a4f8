/* SPDX-License-Identifier: GPL-2.0-only */
/* Says a line and powers the machine off. */
#include "flat.h"

	.globl	main
main:
	say	"hello from a flat guest\n"
	ret
