/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells of a panic by the pvpanic port, then resets. */
#include "flat.h"

	.globl	main
main:
	movw	$PORT_PVPANIC, %dx
	inb	%dx, %al
	andl	$1, %eax
	expect	"events that pvpanic takes", $1
	call	verdict
	movw	$PORT_PVPANIC, %dx
	movb	$1, %al
	outb	%al, %dx
	movb	$0xfe, %al
	outb	%al, $PORT_I8042_COMMAND
1:	hlt
	jmp	1b
