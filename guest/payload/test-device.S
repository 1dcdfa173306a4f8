/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test device: its latch, its interrupt lines (5 and 10, by the two 8259 PICs), and its
 * memory. Says so where there is none.
 */
#include "flat.h"

#define VECTOR	0x20
#define MEM	0xff000000	/* LAYOUT_TEST_MEM, which the assembler cannot read */
#define LINE	PORT_TEST_LINES

/* level LINE, VALUE */
.macro level line, value
	movw	$(LINE + \line), %dx
	movb	$\value, %al
	outb	%al, %dx
.endm

	.globl	main
main:
	movb	$0x5a, %al
	outb	%al, $PORT_TEST_LATCH
	inb	$PORT_TEST_LATCH, %al
	cmpb	$0xff, %al
	jne	1f
	movl	MEM, %eax
	expect	"memory where there is no device", $0xffffffff
	say	"no test device\n"
	ret

1:	movl	$0x12345678, %eax
	outl	%eax, $PORT_TEST_LATCH
	xorl	%eax, %eax
	inl	$PORT_TEST_LATCH, %eax
	expect	"latch", $0x12345678
	movb	$0xab, %al
	outb	%al, $(PORT_TEST_LATCH + 3)
	movw	$0xcdef, %ax
	outw	%ax, $(PORT_TEST_LATCH + 1)	/* not aligned */
	inl	$PORT_TEST_LATCH, %eax
	expect	"latch in pieces", $0xabcdef78
	xorl	%eax, %eax
	inw	$(PORT_TEST_LATCH + 2), %ax
	expect	"word of the latch", $0xabcd
	xorl	%eax, %eax
	inw	$(PORT_TEST_LATCH + 3), %ax
	expect	"word across the end of the latch", $0xffab

	movl	$0x13579bdf, MEM
	movl	MEM, %eax
	expect	"memory", $0x13579bdf
	movzwl	MEM + 1, %eax
	expect	"odd word of memory", $0x579b
	movl	MEM + 0xffd, %eax
	expect	"long across the end of memory", $0xff000000

	lgdt	gdt_pointer
	ljmp	$8, $1f
1:	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$(VECTOR + 5), %eax
	movl	$line5, %ebx
	call	gate
	movl	$(VECTOR + 10), %eax
	movl	$line10, %ebx
	call	gate
	lidt	idt_pointer
	movl	$setup, %esi
1:	lodsw
	testw	%ax, %ax
	jz	2f
	movw	%ax, %dx
	lodsb
	outb	%al, %dx
	jmp	1b
2:	sti

	level	5, 1
	call	settle
	movl	seen5, %eax
	expect	"line 5 goes high", $1
	level	5, 0xff
	call	settle
	movl	seen5, %eax
	expect	"it is high already", $1
	level	5, 0
	level	5, 2
	call	settle
	movl	seen5, %eax
	expect	"it goes low and high again", $2
	movl	seen10, %eax
	expect	"line 10 had nothing to do with it", $0
	level	10, 1
	level	10, 0
	call	settle
	movl	seen10, %eax
	expect	"line 10", $1
	/* Beyond the last line there is nothing. */
	level	24, 1
	xorl	%eax, %eax
	inb	%dx, %al
	expect	"line 24", $0xff
	call	settle
	movl	seen5, %eax
	addl	seen10, %eax
	expect	"all interrupts", $3
	cli
	call	verdict
	ret

/* settle(): long enough for an interrupt that is there to be taken */
settle:
	movl	$2000, %ecx
1:	pause
	loop	1b
	ret

/* gate(%eax vector, %ebx handler) */
gate:
	leal	idt(, %eax, 8), %edi
	movw	%bx, (%edi)
	shrl	$16, %ebx
	movw	%bx, 6(%edi)
	movw	$8, 2(%edi)
	movw	$0x8e00, 4(%edi)
	ret

line5:
	incl	seen5
	jmp	end_of_interrupt
line10:
	incl	seen10
end_of_interrupt:
	pushl	%eax
	movb	$0x20, %al
	outb	%al, $0xa0
	outb	%al, $0x20
	popl	%eax
	/* an interpreter may not know iret in protected mode: this is the same here */
	pushl	8(%esp)
	popfl
	lret	$4

	.section .rodata
.macro set port, value
	.word	\port
	.byte	\value
.endm
setup:
	set	0x20, 0x11
	set	0x21, VECTOR
	set	0x21, 4
	set	0x21, 1
	set	0xa0, 0x11
	set	0xa1, VECTOR + 8
	set	0xa1, 2
	set	0xa1, 1
	set	0x21, 0xdb	/* lines 2 and 5 */
	set	0xa1, 0xfb	/* line 10 */
	.word	0
	.align	8
gdt:	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	23
	.long	gdt
idt_pointer:
	.word	(VECTOR + 16) * 8 - 1
	.long	idt

	.bss
	.align	8
idt:	.skip	(VECTOR + 16) * 8
seen5:	.skip	4
seen10:	.skip	4
