/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints what the loader says (Multiboot 0.6.96, section 3.3): command line, sizes and map
 * of memory, modules with their first bytes.
 */
#include "flat.h"

	.globl	main
main:
	movl	magic, %eax
	expect	"magic", $0x2badb002
	movl	info, %ebx
	movl	(%ebx), %eax
	andl	$0x45, %eax
	expect	"flags of sizes, command line and map", $0x45
	say	"lower "
	pushl	4(%ebx)
	call	puthex
	say	"\nupper "
	pushl	8(%ebx)
	call	puthex
	say	"\ncommand line: "
	pushl	16(%ebx)
	call	puts
	say	"\n"

	/* mmap_length, mmap_addr; an entry's size field does not count itself */
	movl	48(%ebx), %esi
	movl	44(%ebx), %edi
	addl	%esi, %edi
1:	cmpl	%edi, %esi
	jae	2f
	say	"map "
	pushl	8(%esi)
	call	puthex
	pushl	4(%esi)
	call	puthex
	say	" "
	pushl	16(%esi)
	call	puthex
	pushl	12(%esi)
	call	puthex
	say	" "
	pushl	20(%esi)
	call	puthex
	say	"\n"
	addl	(%esi), %esi
	addl	$4, %esi
	jmp	1b
2:
	/* mods_count, mods_addr */
	testl	$8, (%ebx)
	jz	4f
	movl	20(%ebx), %ecx
	movl	24(%ebx), %esi
	jecxz	4f
3:	movl	4(%esi), %eax
	subl	(%esi), %eax
	say	"module of "
	pushl	%eax
	call	puthex
	say	" bytes ("
	pushl	8(%esi)
	call	puts
	say	"): "
	/* its first line, in a buffer that ends with a zero */
	pushl	%esi
	pushl	%ecx
	movl	(%esi), %esi
	movl	$line, %edi
	movl	$63, %ecx
5:	lodsb
	cmpb	$' ', %al
	jb	6f
	stosb
	loop	5b
6:	xorb	%al, %al
	stosb
	popl	%ecx
	popl	%esi
	pushl	$line
	call	puts
	say	"\n"
	addl	$16, %esi
	decl	%ecx
	jnz	3b
4:	call	verdict
	ret

	.bss
line:	.skip	64
