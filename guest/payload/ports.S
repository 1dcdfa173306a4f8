/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports where nothing is read all ones, in every size; an access that crosses the end of
 * a device gets the device's bytes and ones for the rest; string accesses too.
 */
#include "flat.h"

.macro in8 port
	movl	$-1, %eax
	movw	$\port, %dx
	xorb	%al, %al
	inb	%dx, %al
.endm
.macro in16 port
	xorl	%eax, %eax
	movw	$\port, %dx
	inw	%dx, %ax
.endm
.macro in32 port
	xorl	%eax, %eax
	movw	$\port, %dx
	inl	%dx, %eax
.endm

	.globl	main
main:
	in8	PORT_ABSENT
	expect	"byte of an absent port", $0xffffffff
	in16	PORT_ABSENT
	expect	"word of an absent port", $0xffff
	in32	PORT_ABSENT
	expect	"long of an absent port", $0xffffffff
	in16	(PORT_ABSENT + 1)
	expect	"odd word of an absent port", $0xffff
	in32	(PORT_ABSENT + 3)
	expect	"odd long of an absent port", $0xffffffff
	in32	0xfffc
	expect	"last ports", $0xffffffff
	in16	0xffff
	expect	"word of the last port", $0xffff

	/* writes to nothing are dropped */
	movw	$PORT_ABSENT, %dx
	outb	%al, %dx
	outw	%ax, %dx
	outl	%eax, %dx
	movw	$0xfffd, %dx
	outl	%eax, %dx

	/* the scratch register is the last port of COM2, and nothing follows it */
	movw	$(PORT_COM2 + 7), %dx
	movb	$0x5a, %al
	outb	%al, %dx
	in8	(PORT_COM2 + 7)
	expect	"scratch register", $0xffffff5a
	in16	(PORT_COM2 + 7)
	expect	"word across the end of COM2", $0xff5a
	in32	(PORT_COM2 + 7)
	expect	"long across the end of COM2", $0xffffff5a
	in32	(PORT_COM2 - 3)
	andl	$0xffffff, %eax
	expect	"long across the start of COM2", $0xffffff

	/* a word write crossing the end sets the one byte that is there */
	movw	$(PORT_COM2 + 7), %dx
	movw	$0x1234, %ax
	outw	%ax, %dx
	in8	(PORT_COM2 + 7)
	expect	"scratch register after a word", $0xffffff34

	/* a word at once is two registers of the UART: IIR above IER */
	in16	(PORT_COM2 + 6)
	shrl	$8, %eax
	expect	"word of two registers", $0x34

	/* string accesses */
	movl	$buffer, %edi
	movl	$16, %ecx
	movw	$PORT_ABSENT, %dx
	cld
	rep insb
	movl	buffer, %eax
	andl	buffer + 12, %eax
	expect	"string of bytes", $0xffffffff
	movl	$buffer + 16, %edi
	movl	$8, %ecx
	rep insl
	movl	buffer + 16, %eax
	andl	buffer + 44, %eax
	expect	"string of longs", $0xffffffff
	movl	$buffer, %esi
	movl	$64, %ecx
	rep outsb
	movl	$buffer, %edi
	movl	$4, %ecx
	movw	$(PORT_COM2 + 7), %dx
	rep insb
	movl	buffer, %eax
	expect	"string of a register", $0x34343434

	/* PCI configuration: odd sizes of the address port, an absent device */
	movw	$PORT_PCI_ADDRESS, %dx
	movl	$0x8000f800, %eax
	outl	%eax, %dx
	in32	PORT_PCI_DATA
	expect	"absent PCI device", $0xffffffff
	in8	(PORT_PCI_DATA + 3)
	expect	"byte of an absent PCI device", $0xffffffff
	in16	(PORT_PCI_DATA + 3)
	expect	"word across the end of the PCI data port", $0xffff
	in32	PORT_PCI_ADDRESS
	expect	"PCI address", $0x8000f800

	call	verdict
	ret

	.bss
buffer:	.skip	64
