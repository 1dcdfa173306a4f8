/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs for ever with interrupts off. */
#include "flat.h"

	.globl	main
main:
	say	"spin\n"
	cli
1:	jmp	1b
