/* SPDX-License-Identifier: GPL-2.0-only */
/* An SSE instruction on memory that is not there: KVM's emulator does not know it. */
#include "flat.h"

	.globl	main
main:
	say	"fault\n"
	movl	%cr0, %eax
	andl	$~4, %eax
	orl	$2, %eax
	movl	%eax, %cr0
	movl	%cr4, %eax
	orl	$0x600, %eax
	movl	%eax, %cr4
	paddd	MMIO_ABSENT, %xmm0
	ret
