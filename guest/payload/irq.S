/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts by the two 8259 PICs: the transmitter-empty interrupts of COM1 (IRQ 4) and
 * COM2 (IRQ 3), and the periodic one of the RTC (IRQ 8, through the second PIC).
 */
#include "flat.h"

#define VECTOR	0x20

	.globl	main
main:
	lgdt	gdt_pointer
	ljmp	$8, $1f
1:	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$(VECTOR + 3), %eax
	movl	$com2, %ebx
	call	gate
	movl	$(VECTOR + 4), %eax
	movl	$com1, %ebx
	call	gate
	movl	$(VECTOR + 8), %eax
	movl	$rtc, %ebx
	call	gate
	lidt	idt_pointer

	/* ICW1 to ICW4 of both, then the masks: IRQ 2, 3 and 4; IRQ 8 */
	movl	$setup, %esi
1:	lodsw
	testw	%ax, %ax
	jz	2f
	movw	%ax, %dx
	lodsb
	outb	%al, %dx
	jmp	1b
2:	sti

	/* the transmitter is empty, so that enabling its interrupt raises it */
	movw	$PORT_COM1, %bx
	call	enable
	movl	$seen1, %esi
	call	await
	expect	"transmitter interrupt of COM1", $1
	movl	cause, %eax
	expect	"IIR of COM1", $2

	movw	$PORT_COM2, %bx
	call	enable
	movl	$seen2, %esi
	call	await
	expect	"transmitter interrupt of COM2", $1

	/* 1024 Hz, which register B has to enable and register C to acknowledge */
	movb	$0x0a, %al
	outb	%al, $PORT_RTC
	movb	$0x26, %al
	outb	%al, $PORT_RTC + 1
	/* what is pending goes before the interrupt is enabled: only its handler reads C after */
	movb	$0x0c, %al
	outb	%al, $PORT_RTC
	inb	$PORT_RTC + 1, %al
	movb	$0x0b, %al
	outb	%al, $PORT_RTC
	movb	$0x42, %al
	outb	%al, $PORT_RTC + 1
	movl	$seen8, %esi
	call	await
	expect	"periodic interrupt of the RTC", $1
	movl	cause, %eax
	andl	$0xc0, %eax
	expect	"register C of the RTC", $0xc0

	cli
	call	verdict
	ret

/* enable(%bx): OUT2 lets the interrupt out of the UART, IER 2 asks for it */
enable:
	leal	4(%ebx), %edx
	movb	$8, %al
	outb	%al, %dx
	leal	1(%ebx), %edx
	movb	$2, %al
	outb	%al, %dx
	ret

/* await(%esi): waits a bounded time for the counter at %esi; %eax = 1 when it moved */
await:
	movl	$50000000, %ecx	/* a second or so, where it is not interpreted */
1:	movl	(%esi), %eax
	testl	%eax, %eax
	jnz	2f
	pause
	loop	1b
2:	movl	$0, %ecx
	testl	%eax, %eax
	setnz	%cl
	movl	%ecx, %eax
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

com1:
	pushl	%eax
	pushl	%edx
	movl	$PORT_COM1, %edx
	call	uart
	incl	seen1
	jmp	end_of_first
com2:
	pushl	%eax
	pushl	%edx
	movl	$PORT_COM2, %edx
	call	uart
	incl	seen2
end_of_first:
	movb	$0x20, %al
	outb	%al, $0x20
	popl	%edx
	popl	%eax
	/* an interpreter may not know iret in protected mode: this is the same here */
	pushl	8(%esp)
	popfl
	lret	$4
rtc:
	pushl	%eax
	pushl	%edx
	movb	$0x0c, %al
	outb	%al, $PORT_RTC
	inb	$PORT_RTC + 1, %al
	movzbl	%al, %eax
	movl	%eax, cause
	incl	seen8
	movb	$0x0b, %al
	outb	%al, $PORT_RTC
	movb	$0x02, %al
	outb	%al, $PORT_RTC + 1
	movb	$0x20, %al
	outb	%al, $0xa0
	jmp	end_of_first

/* uart(%dx): the cause, without the bits of the FIFO; then no more of them */
uart:
	addl	$2, %edx
	inb	%dx, %al
	andl	$0x0f, %eax
	movl	%eax, cause
	decl	%edx
	xorb	%al, %al
	outb	%al, %dx
	ret

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
	set	0x21, 0xe3
	set	0xa1, 0xfe
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
seen1:	.skip	4
seen2:	.skip	4
seen8:	.skip	4
cause:	.skip	4
