/* SPDX-License-Identifier: GPL-2.0-only */
/* Jumps to where no memory is: KVM cannot fetch from there, and gives up. */
#include "flat.h"

	.globl	main
main:
	say	"fault\n"
	movl	$MMIO_ABSENT, %eax
	jmp	*%eax
