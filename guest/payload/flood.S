/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes to the UART without asking whether it has room, and fills the debug ports: none
 * of it may grow the program outside, or block it.
 */
#include "flat.h"

	.globl	main
main:
	cld
	movl	$8, %ebx
1:	movl	$0x100000, %esi
	movl	$4096, %ecx
	movw	$PORT_DEBUG_402, %dx
	rep outsb
	movl	$0x100000, %esi
	movl	$1024, %ecx
	movw	$PORT_DEBUG_E9, %dx
	rep outsl
	decl	%ebx
	jnz	1b
	movl	$8000, %ecx
	movw	$PORT_COM1, %dx
	movb	$'x', %al
2:	outb	%al, %dx
	loop	2b
	say	"\nflood: done\n"
	ret
