/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads and writes a port and a memory address for ever, and counts in ebx each access that is
 * behind it. Somebody who stops it anywhere, and who has answered the accesses, can tell from the
 * instruction at eip whether the last one is counted: each is followed by an incl.
 */
#include "flat.h"

	.globl	main
main:
	say	"access\n"
	cli
	movl	$MMIO_ABSENT, %edi
	movl	$PORT_ABSENT, %edx
	xorl	%ebx, %ebx
	xorl	%eax, %eax
1:	outb	%al, %dx
	incl	%ebx
	inb	%dx, %al
	incl	%ebx
	movl	(%edi), %eax
	incl	%ebx
	movl	%eax, (%edi)
	incl	%ebx
	inl	%dx, %eax
	incl	%ebx
	outl	%eax, %dx
	incl	%ebx
	jmp	1b
