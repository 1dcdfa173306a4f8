/* SPDX-License-Identifier: GPL-2.0-only */
/* Resets the machine by the keyboard controller. */
#include "flat.h"

	.globl	main
main:
	say	"reset\n"
	movl	$1000, %ecx
1:	inb	$PORT_I8042_COMMAND, %al
	testb	$2, %al
	jz	2f
	loop	1b
2:	movb	$0xfe, %al
	outb	%al, $PORT_I8042_COMMAND
3:	hlt
	jmp	3b
