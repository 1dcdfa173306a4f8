/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all flat guests share: see start.S.
 */
#ifndef LKVM_GUEST_FLAT_H
#define LKVM_GUEST_FLAT_H

#include "x86/layout.h"

#define PM1_CONTROL	(PORT_ACPI_PM + 4)	/* ACPI 6.5, 4.8.3.2.1 */
#define SLP_TYP_S5	(5 << 10)
#define SLP_EN		(1 << 13)

/* A hole: no device is there by default. */
#define MMIO_ABSENT	0xd0000000
#define ECAM		0xe0000000	/* LAYOUT_PCI_ECAM, which the assembler cannot read */
#define PORT_ABSENT	0x5000

/* say "text": on the console; keeps all registers */
.macro say text:vararg
	pushl	$.Lsay\@
	call	puts
	.pushsection .rodata
.Lsay\@: .asciz \text
	.popsection
.endm

/* expect "name", value: eax must be value, else the guest says so and counts it */
.macro expect name, value
	pushl	\value
	pushl	$.Lexpect\@
	call	check
	.pushsection .rodata
.Lexpect\@: .asciz "\name"
	.popsection
.endm

#endif /* LKVM_GUEST_FLAT_H */
