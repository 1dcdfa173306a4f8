/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sleeps until its power button is pressed, which the SCI (IRQ 9, by the second PIC) tells of, and
 * powers the machine off. Costs a host nothing meanwhile.
 */
#include "flat.h"

#define VECTOR		0x20
#define PM1_STATUS	PORT_ACPI_PM
#define PM1_ENABLE	(PORT_ACPI_PM + 2)
#define PWRBTN		(1 << 8)

	.globl	main
main:
	lgdt	gdt_pointer
	ljmp	$8, $1f
1:	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$sci, %ebx
	leal	idt + (VECTOR + 9) * 8, %edi
	movw	%bx, (%edi)
	shrl	$16, %ebx
	movw	%bx, 6(%edi)
	movw	$8, 2(%edi)
	movw	$0x8e00, 4(%edi)
	lidt	idt_pointer

	/* ICW1 to ICW4 of both, then the masks: IRQ 2; IRQ 9, which is level-triggered */
	movl	$setup, %esi
1:	lodsw
	testw	%ax, %ax
	jz	2f
	movw	%ax, %dx
	lodsb
	outb	%al, %dx
	jmp	1b
2:	movw	$PM1_ENABLE, %dx
	movw	$PWRBTN, %ax
	outw	%ax, %dx
	say	"button: waits\n"

	/* sti takes effect behind hlt: what comes in between wakes it */
3:	cli
	cmpl	$0, pressed
	jne	4f
	sti
	hlt
	jmp	3b
4:	say	"button: pressed\n"
	ret

sci:
	pushl	%eax
	pushl	%edx
	movw	$PM1_STATUS, %dx
	inw	%dx, %ax
	testw	$PWRBTN, %ax
	jz	1f
	movl	$1, pressed
1:	outw	%ax, %dx	/* what was seen is cleared */
	movb	$0x20, %al
	outb	%al, $0xa0
	outb	%al, $0x20
	popl	%edx
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
	set	0x21, 0xfb
	set	0xa1, 0xfd
	set	0x4d1, 0x02
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
pressed: .skip	4
