/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flat image for 32 bits, wherever it is loaded: says what it was entered with, checks
 * that it is there to its last byte, and powers off. Its stack is behind it.
 */
#include "flat.h"

	.text
	.globl	_start
_start:
	movl	$(PORT_COM1), %edx
	movl	%eax, %esi
	/* No stack yet, and no address of ours but EIP: this leaves it in the info's memory. */
	leal	48(%ebx), %esp
	call	1f
1:	popl	%ebp
	subl	$(1b - _start), %ebp
	leal	(stack_top - _start)(%ebp), %esp
	pushl	%ebx
	pushl	%esi

	leal	(where - _start)(%ebp), %esi
	call	puts
	movl	%ebp, %eax
	call	puthex
	popl	%eax
	call	puthex
	movl	%cr0, %eax
	andl	$0x80000001, %eax
	call	puthex
	pushfl
	popl	%eax
	andl	$0x200, %eax
	call	puthex
	leal	(line - _start)(%ebp), %esi
	call	puts
	popl	%ebx
	movl	16(%ebx), %esi
	call	puts
	leal	(tail - _start)(%ebp), %esi
	call	puts

	movw	$PM1_CONTROL, %dx
	movw	$(SLP_TYP_S5 | SLP_EN), %ax
	outw	%ax, %dx
2:	hlt
	jmp	2b

/* puts(%esi) */
puts:
	movb	(%esi), %al
	testb	%al, %al
	jz	3f
	outb	%al, %dx
	incl	%esi
	jmp	puts
3:	ret

/* puthex(%eax): a space and eight digits */
puthex:
	movl	%eax, %ebx
	movb	$' ', %al
	outb	%al, %dx
	movl	$8, %ecx
4:	roll	$4, %ebx
	movb	%bl, %al
	andb	$15, %al
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	5f
	addb	$('a' - '0' - 10), %al
5:	outb	%al, %dx
	loop	4b
	ret

where:	.asciz	"32 bits: eip eax cr0 if"
line:	.asciz	" command line "
	.skip	20000
tail:	.asciz	" to the end\n"
	.equ	stack_top, . + 4096
