/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The beginning of a flat guest (Multiboot 0.6.96, sections 3.1 and 3.2), and the few
 * functions that all of them use. A guest defines main; when main returns the machine is
 * powered off, and "NAME: ok" or the number of wrong values has been printed by verdict.
 *
 * Interpreted at one or two million instructions a second on a software KVM: loops
 * in here are short.
 */
#include "flat.h"

#define MAGIC	0x1badb002
#define FLAGS	3	/* align modules, tell the memory size */

	.section .multiboot, "a"
	.align	4
	.long	MAGIC, FLAGS, -(MAGIC + FLAGS)

	.text
	.globl	_start, puts, puthex, check, verdict, poweroff, info, magic
_start:
	cli
	movl	$stack_top, %esp
	movl	%eax, magic
	movl	%ebx, info
	call	main
poweroff:
	movw	$PM1_CONTROL, %dx
	movw	$(SLP_TYP_S5 | SLP_EN), %ax
	outw	%ax, %dx
1:	hlt
	jmp	1b

/* putc(%al): waits for the transmitter */
putc:
	pushl	%edx
	pushl	%eax
	movw	$(PORT_COM1 + 5), %dx
1:	inb	%dx, %al
	testb	$0x20, %al
	jz	1b
	popl	%eax
	movw	$PORT_COM1, %dx
	outb	%al, %dx
	popl	%edx
	ret

/* puts(text): takes its argument off the stack, keeps all registers */
puts:
	pushal
	movl	36(%esp), %esi
1:	lodsb
	testb	%al, %al
	jz	2f
	call	putc
	jmp	1b
2:	popal
	ret	$4

/* puthex(value): eight digits */
puthex:
	pushal
	movl	36(%esp), %ebx
	movl	$8, %ecx
1:	roll	$4, %ebx
	movl	%ebx, %eax
	andl	$15, %eax
	movb	digits(%eax), %al
	call	putc
	loop	1b
	popal
	ret	$4

/* check(name, value): compares %eax with value; keeps all registers */
check:
	incl	checks
	cmpl	8(%esp), %eax
	je	1f
	incl	wrong
	pushl	4(%esp)
	call	puts
	say	": got "
	pushl	%eax
	call	puthex
	say	", not "
	pushl	8(%esp)
	call	puthex
	say	"\n"
1:	ret	$8

/* verdict(): how many values were checked, and how many were wrong */
verdict:
	pushl	checks
	call	puthex
	say	" checks, "
	pushl	wrong
	call	puthex
	say	" wrong\n"
	ret

	.section .rodata
digits:	.ascii	"0123456789abcdef"

	.data
	.align	4
magic:	.long	0
info:	.long	0
checks:	.long	0
wrong:	.long	0

	.bss
	.align	16
	.skip	4096
stack_top:
