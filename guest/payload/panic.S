/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a Linux panic, then a reset: what a kernel with panic=-1 does. */
#include "flat.h"

	.globl	main
main:
	say	"[    1.000000] Kernel panic - not syncing: test\n"
	movb	$0xfe, %al
	outb	%al, $PORT_I8042_COMMAND
1:	hlt
	jmp	1b
