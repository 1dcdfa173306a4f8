/* SPDX-License-Identifier: GPL-2.0-only */
/* Halts for good: interrupts are off. */
#include "flat.h"

	.globl	main
main:
	say	"halt\n"
	cli
1:	hlt
	jmp	1b
