/* SPDX-License-Identifier: GPL-2.0-only */
/* A triple fault: no IDT for the invalid instruction, nor for the fault that follows. */
#include "flat.h"

	.globl	main
main:
	say	"triple fault\n"
	lidt	none
	ud2
	ret

	.section .rodata
none:	.word	0
	.long	0
