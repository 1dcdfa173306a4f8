/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flat image for real mode, wherever it is loaded: says what it was entered with, checks
 * that it is there to its last byte, and powers off.
 */
#include "flat.h"

	.code16
	.text
	.globl	_start
_start:
	pushw	%sp		/* what it was before */
	pushw	%ax
	pushw	%bx
	pushw	%si
	call	1f
1:	popw	%bp
	subw	$(1b - _start), %bp

	leaw	(where - _start)(%bp), %si
	call	puts
	movw	%cs, %ax
	call	puthex
	movw	%bp, %ax
	call	puthex
	leaw	(stack - _start)(%bp), %si
	call	puts
	movw	%ss, %ax
	call	puthex
	/* SP was 8 more than it is now, whichever of the two a CPU pushes */
	movw	%sp, %ax
	addw	$8, %ax
	call	puthex
	leaw	(data - _start)(%bp), %si
	call	puts
	movw	%ds, %ax
	call	puthex
	movw	%es, %ax
	call	puthex
	leaw	(registers - _start)(%bp), %si
	call	puts
	popw	%ax
	call	puthex
	popw	%ax
	call	puthex
	popw	%ax
	call	puthex
	pushfw
	popw	%ax
	andw	$0x200, %ax
	call	puthex
	smsw	%ax
	andw	$1, %ax
	call	puthex
	leaw	(tail - _start)(%bp), %si
	call	puts

	movw	$PM1_CONTROL, %dx
	movw	$(SLP_TYP_S5 | SLP_EN), %ax
	outw	%ax, %dx
2:	hlt
	jmp	2b

/* puts(%si) */
puts:
	movb	(%si), %al
	testb	%al, %al
	jz	3f
	call	putc
	incw	%si
	jmp	puts
3:	ret

/* puthex(%ax): a space and four digits */
puthex:
	movw	%ax, %bx
	movb	$' ', %al
	call	putc
	movw	$4, %cx
4:	rolw	$4, %bx
	movb	%bl, %al
	andb	$15, %al
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	5f
	addb	$('a' - '0' - 10), %al
5:	call	putc
	decw	%cx
	jnz	4b
	ret

putc:
	movw	$PORT_COM1, %dx
	outb	%al, %dx
	ret

where:	.asciz	"real mode: cs ip"
stack:	.asciz	" ss sp"
data:	.asciz	" ds es"
registers: .asciz " si bx ax if pe"
	.skip	20000
tail:	.asciz	" to the end\n"
