/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a Linux warning, and a clean end. */
#include "flat.h"

	.globl	main
main:
	say	"[    1.000000] WARNING: CPU: 0 PID: 1 at kernel/test.c:1 test+0x0/0x10\n"
	ret
