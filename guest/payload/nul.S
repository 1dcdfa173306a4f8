/* SPDX-License-Identifier: GPL-2.0-only */
/* A NUL before the text of a panic: what is printed of the console must not end at it. */
#include "flat.h"

	.globl	main
main:
	say	"first line\n"
	movw	$PORT_COM1, %dx
	xorl	%eax, %eax
	outb	%al, %dx
	say	"[    1.000000] Kernel panic - not syncing: test\n"
	movb	$0xfe, %al
	outb	%al, $PORT_I8042_COMMAND
1:	hlt
	jmp	1b
