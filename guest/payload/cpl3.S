/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A loop at CPL 3 in 64-bit mode, which runs at full speed on any KVM: for measuring exits.
 *
 * Command line: KIND N, where KIND is n (nothing), i (in from an absent port), o (out to the
 * debug port), m (read of an absent address), and N a decimal number of rounds. Prints the TSC ticks that
 * the rounds took, in hex; IOPL 3 lets the loop use ports.
 */
#include "flat.h"

#define CS32	0x08
#define DS	0x10
#define CS64	0x18
#define DS3	0x23
#define CS3	0x2b

	.globl	main
main:
	call	words

	/* 2 MiB pages, all for everybody: one PML4, one PDPT, four directories */
	movl	$pml4, %edi
	movl	$pdpt + 7, (%edi)
	movl	$pd + 7, %eax
	movl	$pdpt, %edi
	movl	$4, %ecx
1:	movl	%eax, (%edi)
	addl	$4096, %eax
	addl	$8, %edi
	loop	1b
	movl	$0x87, %eax
	movl	$pd, %edi
	movl	$2048, %ecx
1:	movl	%eax, (%edi)
	addl	$0x200000, %eax
	addl	$8, %edi
	loop	1b

	movl	%cr4, %eax
	orl	$0x20, %eax
	movl	%eax, %cr4
	movl	$pml4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000001, %eax
	movl	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$CS64, $long_mode

	.code64
long_mode:
	movw	$DS, %ax
	movw	%ax, %ss
	movw	$DS3, %ax
	movw	%ax, %ds
	movw	%ax, %es
	pushq	$DS3
	movl	$user_top, %eax	/* an ELF32 object has no sign-extended relocations */
	pushq	%rax
	pushq	$0x3002		/* IOPL 3, interrupts off */
	pushq	$CS3
	movl	$user, %eax
	pushq	%rax
	iretq

user:
	movl	$rounds, %eax
	movl	(%rax), %ecx
	movl	$kind, %eax
	movl	(%rax), %ebx
	movl	$MMIO_ABSENT, %edi
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	movq	%rax, %rsi
	jrcxz	9f
	cmpb	$'i', %bl
	je	2f
	cmpb	$'o', %bl
	je	3f
	cmpb	$'m', %bl
	je	4f
1:	decl	%ecx
	jnz	1b
	jmp	9f
2:	movl	$PORT_ABSENT, %edx
1:	inb	%dx, %al
	decl	%ecx
	jnz	1b
	jmp	9f
3:	movl	$PORT_DEBUG_402, %edx
	movb	$'.', %al
1:	outb	%al, %dx
	decl	%ecx
	jnz	1b
	jmp	9f
4:	movl	(%rdi), %eax
	decl	%ecx
	jnz	4b
9:	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	subq	%rsi, %rax
	movq	%rax, %rbx

	movl	$ticks, %esi
	call	text
	movl	$16, %ecx
1:	rolq	$4, %rbx
	movl	%ebx, %eax
	andl	$15, %eax
	cmpl	$10, %eax
	jb	2f
	addl	$('a' - '0' - 10), %eax
2:	addl	$'0', %eax
	movl	$PORT_COM1, %edx
	outb	%al, %dx
	decl	%ecx
	jnz	1b
	movl	$newline, %esi
	call	text
	movl	$PM1_CONTROL, %edx
	movw	$(SLP_TYP_S5 | SLP_EN), %ax
	outw	%ax, %dx
1:	jmp	1b

text:
	movl	$PORT_COM1, %edx
1:	lodsb
	testb	%al, %al
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	ret

	.code32
/* words(): the kind and the number off the command line */
words:
	movl	info, %ebx
	movl	16(%ebx), %esi
	/* some loaders put the image's name first: the number is behind the last space */
	movl	%esi, %edi
1:	lodsb
	testb	%al, %al
	jz	2f
	cmpb	$' ', %al
	jne	1b
	leal	-2(%esi), %edi
	jmp	1b
2:	movzbl	(%edi), %eax
	movl	%eax, kind
	xorl	%ecx, %ecx
	addl	$2, %edi
3:	movzbl	(%edi), %eax
	incl	%edi
	subl	$'0', %eax
	cmpl	$9, %eax
	ja	4f
	imull	$10, %ecx
	addl	%eax, %ecx
	jmp	3b
4:	movl	%ecx, rounds
	ret

	.section .rodata
ticks:	.asciz	"cpl3: ticks "
newline: .asciz	"\n"
	.align	8
gdt:	.quad	0
	.quad	0x00cf9b000000ffff	/* CS32 */
	.quad	0x00cf93000000ffff	/* DS */
	.quad	0x00af9b000000ffff	/* CS64 */
	.quad	0x00cff3000000ffff	/* DS3 */
	.quad	0x00affb000000ffff	/* CS3 */
gdt_pointer:
	.word	47
	.long	gdt

	.data
	.align	4
rounds:	.long	0
kind:	.long	'n'

	.bss
	.align	4096
pml4:	.skip	4096
pdpt:	.skip	4096
pd:	.skip	16384
	.skip	4096
user_top:
