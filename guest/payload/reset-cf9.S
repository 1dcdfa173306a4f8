/* SPDX-License-Identifier: GPL-2.0-only */
/* Resets the machine by port 0xcf9: a write without bit 2 does nothing. */
#include "flat.h"

	.globl	main
main:
	movw	$PORT_RESET, %dx
	movb	$2, %al
	outb	%al, %dx
	say	"reset\n"
	movw	$PORT_RESET, %dx
	movb	$6, %al
	outb	%al, %dx
1:	hlt
	jmp	1b
