/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory where nothing is reads all ones, in every size and alignment; writes are
 * dropped; an access across an edge gets what is there and ones for the rest.
 */
#include "flat.h"

	.globl	main
main:
	movl	$MMIO_ABSENT, %ebx
	movl	$-1, %eax
	movb	(%ebx), %al
	expect	"byte", $0xffffffff
	movzwl	(%ebx), %eax
	expect	"word", $0xffff
	movl	(%ebx), %eax
	expect	"long", $0xffffffff
	movzwl	1(%ebx), %eax
	expect	"odd word", $0xffff
	movl	3(%ebx), %eax
	expect	"odd long", $0xffffffff
	movl	0xffe(%ebx), %eax
	expect	"long across a page", $0xffffffff

	movl	$0x12345678, %eax
	movb	%al, (%ebx)
	movw	%ax, 1(%ebx)
	movl	%eax, (%ebx)
	movl	%eax, 0xffd(%ebx)
	movl	(%ebx), %eax
	expect	"after writes", $0xffffffff

	movl	%ebx, %esi
	movl	$buffer, %edi
	movl	$16, %ecx
	cld
	rep movsb
	movl	buffer, %eax
	andl	buffer + 12, %eax
	expect	"string of bytes", $0xffffffff

	/* the first PCI configuration register, and the hole before it */
	movl	ECAM, %ecx
	movl	ECAM - 2, %eax
	shll	$16, %ecx
	orl	$0xffff, %ecx
	expect	"long across the start of ECAM", %ecx
	movl	ECAM + 0xf8000, %eax
	expect	"absent PCI device", $0xffffffff
	movl	ECAM + 2, %eax
	movzwl	ECAM + 2, %ecx
	movzwl	ECAM + 4, %edx
	shll	$16, %edx
	orl	%edx, %ecx
	expect	"long across two registers", %ecx

	/* the last bytes of memory, and the hole behind: mem_upper counts KiB from 1 MiB */
	movl	info, %ebx
	movl	8(%ebx), %ebx
	shll	$10, %ebx
	addl	$0x100000, %ebx
	cmpl	$MMIO_ABSENT, %ebx
	jae	1f
	movw	$0x1234, -2(%ebx)
	movl	(%ebx), %eax
	expect	"behind the end of memory", $0xffffffff
	movl	-2(%ebx), %eax
	expect	"long across the end of memory", $0xffff1234
	movl	$0, -2(%ebx)
	movzwl	-2(%ebx), %eax
	expect	"write across the end of memory", $0
1:
	call	verdict
	ret

	.bss
buffer:	.skip	64
