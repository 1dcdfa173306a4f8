// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 16550A: FIFOs, interrupts, loopback, and its manners towards the backend.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/serial_reg.h>

#include "chr.h"
#include "device-check.h"
#include "irq.h"
#include "serial.h"
#include "util.h"

/* --- a backend --- */

struct backend {
	struct chr chr;
	size_t room;		/* how much it takes yet */
	u8 data[4096];
	size_t len;
	unsigned int writes;
	unsigned int resumes;
};

static size_t backend_write(struct chr *chr, const u8 *data, size_t len)
{
	struct backend *b = container_of(chr, struct backend, chr);
	size_t n = min(len, b->room);

	n = min(n, sizeof(b->data) - b->len);
	assert_true(len > 0);
	memcpy(b->data + b->len, data, n);
	b->len += n;
	b->room -= n;
	b->writes++;
	return n;
}

static void backend_resume(struct chr *chr)
{
	container_of(chr, struct backend, chr)->resumes++;
}

static const struct chr_ops backend_ops = { .write = backend_write, .resume = backend_resume };

static struct backend backend;
static struct irq irq;
static struct device *uart;

static u8 in(unsigned int offset)
{
	return device_read(uart, &serial_bus_ops, offset, 1);
}

static void out(unsigned int offset, u8 value)
{
	device_write(uart, &serial_bus_ops, offset, value, 1);
}

static size_t input(const char *text)
{
	return backend.chr.front->input(backend.chr.opaque, (const u8 *)text, strlen(text));
}

static void writable(size_t room)
{
	backend.room = room;
	backend.chr.front->writable(backend.chr.opaque);
}

static void line_break(void)
{
	backend.chr.front->line_break(backend.chr.opaque);
}

/* As a driver leaves it: FIFOs on with trigger level 8, interrupts gated on. */
static void start(u8 ier)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT | UART_FCR_TRIGGER_8);
	out(UART_LCR, UART_LCR_WLEN8);
	out(UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	out(UART_IER, ier);
}

static int setup(void **state)
{
	backend = (struct backend){ .chr.ops = &backend_ops, .room = SIZE_MAX };
	if (irq_init(&irq, 4, false))
		return -1;
	uart = serial_new(0, &irq, &backend.chr);
	return !uart;
}

static int teardown(void **state)
{
	device_destroy(uart);
	irq_fini(&irq);
	return backend.chr.front != NULL;
}

/* --- registers --- */

static void power_on(void **state)
{
	assert_int_equal(in(UART_IER), 0);
	assert_int_equal(in(UART_IIR), UART_IIR_NO_INT);
	assert_int_equal(in(UART_LCR), 0);
	assert_int_equal(in(UART_MCR), 0);
	assert_int_equal(in(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_int_equal(in(UART_MSR), UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS);
	assert_false(irq_take(&irq));
}

static void plain_registers(void **state)
{
	out(UART_SCR, 0xa5);
	assert_int_equal(in(UART_SCR), 0xa5);
	out(UART_IER, 0xff);
	assert_int_equal(in(UART_IER), 0x0f);
	out(UART_MCR, 0xef);
	assert_int_equal(in(UART_MCR), 0x0f);
	/* Read-only ones */
	out(UART_LSR, 0xff);
	out(UART_MSR, 0xff);
	assert_int_equal(in(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_int_equal(in(UART_MSR), UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS);
	/* The divisor stands behind DLAB, and writing it sends nothing. */
	out(UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	out(UART_DLL, 0x0c);
	out(UART_DLM, 0x34);
	assert_int_equal(in(UART_DLL), 0x0c);
	assert_int_equal(in(UART_DLM), 0x34);
	out(UART_LCR, UART_LCR_WLEN8);
	assert_int_equal(in(UART_IER), 0x0f);
	assert_int_equal(backend.len, 0);
}

/* What a driver does to tell a 16550A from its relatives. */
static void autoconfig(void **state)
{
	out(UART_IER, 0);
	assert_int_equal(in(UART_IER), 0);
	out(UART_IER, 0x0f);
	assert_int_equal(in(UART_IER), 0x0f);
	out(UART_IER, 0);
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	assert_int_equal(in(UART_MSR) & 0xf0, UART_MSR_DCD | UART_MSR_CTS);
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1 | UART_MCR_DTR);
	assert_int_equal(in(UART_MSR) & 0xf0, UART_MSR_RI | UART_MSR_DSR);
	out(UART_MCR, 0);

	assert_int_equal(in(UART_IIR) >> 6, 0);
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	assert_int_equal(in(UART_IIR) >> 6, 3);
	/* No 64-byte FIFO, neither with DLAB nor without. */
	out(UART_LCR, UART_LCR_DLAB);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE);
	assert_int_equal(in(UART_IIR) >> 5, 6);
	out(UART_FCR, 0);
	assert_int_equal(in(UART_IIR) >> 6, 0);
	/* The trigger level counts only together with the enable bit. */
	out(UART_FCR, UART_FCR_TRIGGER_14);
	assert_int_equal(in(UART_IIR) >> 6, 0);
}

/* --- transmitter --- */

static void sends_at_once(void **state)
{
	start(0);
	assert_true(in(UART_LSR) & UART_LSR_THRE);
	/* A burst of a FIFO's size after one look at LSR, as consoles do it. */
	for (int i = 0; i < 16; i++)
		out(UART_TX, 'a' + i);
	assert_int_equal(backend.len, 16);
	assert_memory_equal(backend.data, "abcdefghijklmnop", 16);
	assert_int_equal(in(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_false(irq_take(&irq));
}

static void full_backend_holds_back(void **state)
{
	start(UART_IER_THRI);
	assert_true(irq_take(&irq));
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_THRI);
	backend.room = 3;
	for (int i = 0; i < 8; i++)
		out(UART_TX, 'a' + i);
	assert_int_equal(backend.len, 3);
	assert_int_equal(in(UART_LSR) & (UART_LSR_THRE | UART_LSR_TEMT), 0);
	/* The first bytes went at once, so that interrupt has come; no other is due. */
	irq_take(&irq);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_NO_INT);

	writable(2);
	assert_int_equal(backend.len, 5);
	assert_int_equal(in(UART_LSR) & UART_LSR_THRE, 0);
	assert_false(irq_take(&irq));
	writable(100);
	assert_int_equal(backend.len, 8);
	assert_memory_equal(backend.data, "abcdefgh", 8);
	assert_int_equal(in(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_true(irq_take(&irq));
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_THRI);
	/* Room without anything to send is no news. */
	writable(100);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_NO_INT);
	assert_false(irq_take(&irq));
}

static void flood_is_dropped(void **state)
{
	start(0);
	backend.room = 0;
	for (int i = 0; i < 100000; i++)
		out(UART_TX, i < 16 ? 'a' + i : '!');
	writable(100);
	assert_int_equal(backend.len, 16);
	assert_memory_equal(backend.data, "abcdefghijklmnop", 16);

	/* Without FIFOs there is one byte, and the last one written stays. */
	out(UART_FCR, 0);
	backend.room = 0;
	out(UART_TX, 'x');
	out(UART_TX, 'y');
	writable(100);
	assert_int_equal(backend.len, 17);
	assert_int_equal(backend.data[16], 'y');
}

static void clearing_the_transmitter(void **state)
{
	start(0);
	backend.room = 0;
	out(UART_TX, 'x');
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	assert_true(in(UART_LSR) & UART_LSR_TEMT);
	writable(100);
	assert_int_equal(backend.len, 0);
}

/* Linux enables the interrupts first and the FIFOs then: what came in between stays. */
static void input_before_the_fifos(void **state)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
	out(UART_FCR, 0);
	out(UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	out(UART_IER, UART_IER_RDI);
	assert_int_equal(input("one"), 1);
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
	assert_true(in(UART_LSR) & UART_LSR_DR);
	assert_int_equal(in(UART_RX), 'o');
	/* Off is a clearing, and so is saying it. */
	assert_int_equal(input("ne"), 2);
	out(UART_FCR, 0);
	assert_false(in(UART_LSR) & UART_LSR_DR);
}

/* The tests by which a driver looks for broken UARTs: THRE must come again. */
static void thre_comes_again(void **state)
{
	start(0);
	out(UART_IER, UART_IER_THRI);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_THRI);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_NO_INT);
	assert_true(irq_take(&irq));
	out(UART_IER, 0);
	out(UART_IER, UART_IER_THRI);
	assert_true(irq_take(&irq));
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_THRI);
	/* Writing the same again is no change. */
	out(UART_IER, UART_IER_THRI);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_NO_INT);
	/* A byte that has gone brings the next one. */
	out(UART_TX, 'x');
	assert_true(irq_take(&irq));
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_THRI);
}

/* --- receiver --- */

static void nobody_listens(void **state)
{
	/* A driver's probe and its reset of the FIFOs must not cost input. */
	assert_int_equal(input("hello"), 0);
	out(UART_IER, UART_IER_RDI);
	out(UART_IER, 0);
	assert_int_equal(input("hello"), 0);
	assert_int_equal(backend.resumes, 0);
	start(0);
	assert_int_equal(backend.resumes, 0);
	out(UART_IER, UART_IER_RDI);
	assert_int_equal(backend.resumes, 1);
	assert_int_equal(input("hello"), 5);
}

static void polling_listens(void **state)
{
	assert_int_equal(input("k"), 0);
	/* A console that only prints looks once for each byte. */
	for (int i = 0; i < 1000; i++) {
		in(UART_LSR);
		out(UART_TX, 'x');
	}
	assert_int_equal(backend.resumes, 0);
	assert_int_equal(input("k"), 0);
	for (int i = 0; i < 40; i++)
		in(UART_LSR);
	assert_int_equal(backend.resumes, 1);
	/* One byte at a time without FIFOs */
	assert_int_equal(input("key"), 1);
	assert_true(in(UART_LSR) & UART_LSR_DR);
	assert_int_equal(in(UART_RX), 'k');
	assert_int_equal(backend.resumes, 2);
	assert_false(in(UART_LSR) & UART_LSR_DR);
	/* Printing an echo does not stop it. */
	out(UART_TX, 'k');
	assert_int_equal(input("ey"), 1);
}

static void receives(void **state)
{
	start(UART_IER_RDI);
	assert_int_equal(input("abc"), 3);
	/* Fewer than the trigger level: the time-out tells. */
	assert_true(irq_take(&irq));
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_RX_TIMEOUT);
	assert_int_equal(input("defgh"), 5);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_RDI);
	/* The output has not fallen in between, so there is no new edge. */
	assert_false(irq_take(&irq));
	for (int i = 0; i < 8; i++) {
		assert_true(in(UART_LSR) & UART_LSR_DR);
		assert_int_equal(in(UART_RX), 'a' + i);
	}
	assert_false(in(UART_LSR) & UART_LSR_DR);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_NO_INT);
	assert_int_equal(backend.resumes, 0);
	assert_int_equal(input("i"), 1);
	assert_true(irq_take(&irq));
}

static void full_receiver_refuses(void **state)
{
	start(UART_IER_RDI);
	assert_int_equal(input("0123456789abcdefXYZ"), 16);
	assert_int_equal(input("XYZ"), 0);
	assert_int_equal(backend.resumes, 0);
	for (int i = 0; i < 15; i++)
		in(UART_RX);
	assert_int_equal(backend.resumes, 0);
	assert_int_equal(in(UART_RX), 'f');
	assert_int_equal(backend.resumes, 1);
	assert_false(in(UART_LSR) & UART_LSR_OE);
	assert_int_equal(input("XYZ"), 3);
	assert_int_equal(in(UART_RX), 'X');
	/* Reading on and on costs the backend nothing. */
	for (int i = 0; i < 100; i++)
		in(UART_RX);
	assert_int_equal(backend.resumes, 1);
}

static void clearing_the_receiver(void **state)
{
	start(UART_IER_RDI);
	assert_int_equal(input("0123456789abcdefXYZ"), 16);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	assert_false(in(UART_LSR) & UART_LSR_DR);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_NO_INT);
	assert_int_equal(backend.resumes, 1);
}

static void out2_gates_the_interrupt(void **state)
{
	start(UART_IER_RDI);
	out(UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
	for (int i = 0; i < 16; i++)
		in(UART_LSR);
	assert_int_equal(input("a"), 1);
	assert_false(irq_take(&irq));
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_RX_TIMEOUT);
	out(UART_MCR, UART_MCR_OUT2);
	assert_true(irq_take(&irq));
}

static void breaks(void **state)
{
	start(UART_IER_RLSI | UART_IER_RDI);
	assert_int_equal(input("a"), 1);
	line_break();
	assert_int_equal(input("b"), 1);
	irq_take(&irq);
	/* The break shows when its character is the next one. */
	assert_int_equal(in(UART_LSR) & (UART_LSR_BI | UART_LSR_FIFOE), UART_LSR_FIFOE);
	assert_int_equal(in(UART_RX), 'a');
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_RLSI);
	assert_int_equal(in(UART_LSR) & (UART_LSR_DR | UART_LSR_BI | UART_LSR_FIFOE),
			 UART_LSR_DR | UART_LSR_BI | UART_LSR_FIFOE);
	assert_int_equal(in(UART_LSR) & (UART_LSR_DR | UART_LSR_BI | UART_LSR_FIFOE), UART_LSR_DR);
	assert_int_equal(in(UART_RX), 0);
	assert_int_equal(in(UART_LSR) & (UART_LSR_DR | UART_LSR_BI), UART_LSR_DR);
	assert_int_equal(in(UART_RX), 'b');
}

static void break_waits_for_room(void **state)
{
	start(UART_IER_RDI);
	assert_int_equal(input("0123456789abcdef"), 16);
	line_break();
	line_break();
	/* What is typed after the break must not overtake it. */
	assert_int_equal(input("k"), 0);
	for (int i = 0; i < 15; i++) {
		assert_false(in(UART_LSR) & UART_LSR_BI);
		in(UART_RX);
	}
	assert_int_equal(in(UART_RX), 'f');
	assert_true(in(UART_LSR) & UART_LSR_BI);
	assert_int_equal(in(UART_RX), 0);
	assert_false(in(UART_LSR) & UART_LSR_DR);
	assert_int_equal(backend.resumes, 1);
	assert_int_equal(input("k"), 1);
}

static void sysrq(void **state)
{
	/* Nobody takes interrupts, or only a driver that polls. */
	assert_false(serial_sysrq(uart, 't'));
	start(0);
	for (int i = 0; i < 100; i++)
		in(UART_LSR);
	assert_false(serial_sysrq(uart, 't'));
	assert_int_equal(in(UART_LSR) & UART_LSR_DR, 0);

	start(UART_IER_RDI);
	assert_int_equal(input("ab"), 2);
	irq_take(&irq);
	assert_true(serial_sysrq(uart, 't'));
	assert_int_equal(in(UART_RX), 'a');
	assert_int_equal(in(UART_RX), 'b');
	assert_int_equal(in(UART_LSR) & (UART_LSR_DR | UART_LSR_BI), UART_LSR_DR | UART_LSR_BI);
	assert_int_equal(in(UART_RX), 0);
	assert_int_equal(in(UART_LSR) & (UART_LSR_DR | UART_LSR_BI), UART_LSR_DR);
	assert_int_equal(in(UART_RX), 't');
	assert_int_equal(in(UART_LSR) & UART_LSR_DR, 0);
	/* By itself it raises the interrupt. */
	irq_take(&irq);
	assert_true(serial_sysrq(uart, 'h'));
	assert_true(irq_take(&irq));
	in(UART_RX);
	in(UART_RX);

	/* Both or neither. */
	assert_int_equal(input("0123456789abcde"), 15);
	assert_false(serial_sysrq(uart, 't'));
	in(UART_RX);
	assert_true(serial_sysrq(uart, 't'));
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2);
	assert_false(serial_sysrq(uart, 't'));
}

/* --- interrupts --- */

static void priorities(void **state)
{
	start(0);
	/* All four at once, in loopback, where MSR can change. */
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1);
	out(UART_MCR, UART_MCR_LOOP);
	for (int i = 0; i < 17; i++)
		out(UART_TX, 'x');
	out(UART_IER, 0x0f);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_RLSI);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_RLSI);
	assert_true(in(UART_LSR) & UART_LSR_OE);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_RDI);
	for (int i = 0; i < 9; i++)
		in(UART_RX);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_RX_TIMEOUT);
	for (int i = 0; i < 7; i++)
		in(UART_RX);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_THRI);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_MSI);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_MSI);
	assert_true(in(UART_MSR) & UART_MSR_TERI);
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_NO_INT);
	/* In loopback OUT2 is off at the pin. */
	assert_false(irq_take(&irq));
}

static void modem_lines(void **state)
{
	start(UART_IER_MSI);
	assert_int_equal(in(UART_MSR), UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS);
	out(UART_MCR, UART_MCR_LOOP);
	assert_int_equal(in(UART_MSR), UART_MSR_DDCD | UART_MSR_DDSR | UART_MSR_DCTS);
	assert_int_equal(in(UART_MSR), 0);
	/* The start of a ring is no event, its end is. */
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1);
	assert_int_equal(in(UART_MSR), UART_MSR_RI);
	out(UART_MCR, UART_MCR_LOOP);
	assert_int_equal(in(UART_MSR), UART_MSR_TERI);
	out(UART_MCR, UART_MCR_OUT2);
	assert_true(irq_take(&irq));
	assert_int_equal(in(UART_IIR) & 0x0f, UART_IIR_MSI);
}

static void loopback(void **state)
{
	start(UART_IER_RDI);
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2);
	for (int i = 0; i < 16; i++)
		out(UART_TX, 'a' + i);
	assert_int_equal(backend.len, 0);
	assert_int_equal(in(UART_LSR), UART_LSR_DR | UART_LSR_THRE | UART_LSR_TEMT);
	out(UART_TX, '!');
	assert_true(in(UART_LSR) & UART_LSR_OE);
	for (int i = 0; i < 16; i++)
		assert_int_equal(in(UART_RX), 'a' + i);
	assert_false(in(UART_LSR) & UART_LSR_DR);
	/* The cable is off until the end of it. */
	line_break();
	assert_int_equal(input("x"), 0);
	assert_false(in(UART_LSR) & (UART_LSR_DR | UART_LSR_BI));
	out(UART_MCR, UART_MCR_OUT2);
	assert_int_equal(backend.resumes, 1);
	assert_int_equal(input("x"), 1);

	/* Without FIFOs the newer byte replaces the older one. */
	out(UART_FCR, 0);
	out(UART_MCR, UART_MCR_LOOP);
	out(UART_TX, '1');
	out(UART_TX, '2');
	assert_true(in(UART_LSR) & UART_LSR_OE);
	assert_int_equal(in(UART_RX), '2');
}

static void nothing_attached(void **state)
{
	struct device *old = uart;

	uart = serial_new(1, &irq, NULL);
	start(UART_IER_THRI);
	for (int i = 0; i < 100; i++)
		out(UART_TX, 'x');
	assert_int_equal(in(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_true(irq_take(&irq));
	device_destroy(uart);
	uart = old;
}

static void reset(void **state)
{
	start(0x0f);
	assert_int_equal(input("abc"), 3);
	out(UART_SCR, 1);
	device_reset(uart);
	irq_take(&irq);
	power_on(state);
	assert_int_equal(in(UART_SCR), 0);
}

/* --- a backend in a thread of its own --- */

#define TRAFFIC 20000

struct busy {
	struct chr chr;
	pthread_mutex_t lock;
	pthread_cond_t work;
	size_t room;
	bool full, resumed;
	size_t received;	/* from the guest, in order */
	size_t sent;		/* to the guest */
};

static size_t busy_write(struct chr *chr, const u8 *data, size_t len)
{
	struct busy *b = container_of(chr, struct busy, chr);
	size_t n;

	pthread_mutex_lock(&b->lock);
	n = min(len, b->room);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(data[i], b->received++ & 0xff);
	b->room -= n;
	b->full |= n < len;
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->lock);
	return n;
}

static void busy_resume(struct chr *chr)
{
	struct busy *b = container_of(chr, struct busy, chr);

	pthread_mutex_lock(&b->lock);
	b->resumed = true;
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->lock);
}

static const struct chr_ops busy_ops = { .write = busy_write, .resume = busy_resume };

/* Sleeps unless it was called for: a call that gets lost is a test that hangs. */
static void *busy_thread(void *arg)
{
	struct busy *b = arg;
	u8 data[40];

	for (;;) {
		bool full, resumed;

		pthread_mutex_lock(&b->lock);
		while (!b->full && !b->resumed && (b->received < TRAFFIC || b->sent < TRAFFIC))
			pthread_cond_wait(&b->work, &b->lock);
		if (b->received == TRAFFIC && b->sent == TRAFFIC) {
			pthread_mutex_unlock(&b->lock);
			return NULL;
		}
		full = b->full;
		resumed = b->resumed;
		b->full = b->resumed = false;
		if (full)
			b->room = 5 + b->received % 37;
		pthread_mutex_unlock(&b->lock);

		if (full)
			b->chr.front->writable(b->chr.opaque);
		while (resumed && b->sent < TRAFFIC) {
			size_t len = min(sizeof(data), TRAFFIC - b->sent), n;

			for (size_t i = 0; i < len; i++)
				data[i] = b->sent + i;
			n = b->chr.front->input(b->chr.opaque, data, len);
			b->sent += n;
			resumed = n == len;
		}
	}
}

static void traffic(void **state)
{
	struct busy busy = { .chr.ops = &busy_ops, .resumed = true };
	struct device *old = uart;
	size_t written = 0, got = 0;
	pthread_t thread;

	pthread_mutex_init(&busy.lock, NULL);
	pthread_cond_init(&busy.work, NULL);
	uart = serial_new(0, &irq, &busy.chr);
	start(UART_IER_RDI | UART_IER_THRI);
	assert_int_equal(pthread_create(&thread, NULL, busy_thread, &busy), 0);
	while (written < TRAFFIC || got < TRAFFIC) {
		u8 lsr = in(UART_LSR);

		assert_false(lsr & (UART_LSR_OE | UART_LSR_BI));
		if (lsr & UART_LSR_DR)
			assert_int_equal(in(UART_RX), got++ & 0xff);
		for (int i = 0; (lsr & UART_LSR_THRE) && i < 16 && written < TRAFFIC; i++)
			out(UART_TX, written++);
		if (!(lsr & (UART_LSR_DR | UART_LSR_THRE)))
			sched_yield();
	}
	pthread_join(thread, NULL);
	assert_int_equal(busy.received, TRAFFIC);
	device_destroy(uart);
	uart = old;
	pthread_cond_destroy(&busy.work);
	pthread_mutex_destroy(&busy.lock);
}

/* --- saved state --- */

static void saved_in_flight(void **state)
{
	struct backend second = { .chr.ops = &backend_ops, .room = SIZE_MAX };
	struct device *old = uart;

	start(UART_IER_RDI | UART_IER_RLSI);
	assert_int_equal(input("abc"), 3);
	line_break();
	backend.room = 1;
	out(UART_TX, 'x');
	out(UART_TX, 'y');
	irq_take(&irq);
	uart = serial_new(0, &irq, &second.chr);
	device_transfer(old, uart);
	/* What waited for the first backend goes to the second; the interrupt comes again. */
	assert_int_equal(second.len, 1);
	assert_int_equal(second.data[0], 'y');
	assert_true(irq_take(&irq));
	for (int i = 0; i < 3; i++)
		assert_int_equal(in(UART_RX), 'a' + i);
	assert_int_equal(in(UART_LSR) & (UART_LSR_DR | UART_LSR_BI), UART_LSR_DR | UART_LSR_BI);
	device_destroy(uart);
	uart = old;
}

/* Each device has its own; it refuses some bytes for good. */
static struct backend pool[8];

static size_t picky_write(struct chr *chr, const u8 *data, size_t len)
{
	size_t n = 0;

	while (n < len && data[n] % 8)
		n++;
	return n;
}

static const struct chr_ops picky_ops = { .write = picky_write, .resume = backend_resume };

static struct device *create(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(pool); i++) {
		if (pool[i].chr.opaque)
			continue;
		pool[i].chr.ops = &picky_ops;
		return serial_new(3, &irq, &pool[i].chr);
	}
	return NULL;
}

static void poke(struct device *dev, u32 random)
{
	u8 data[20] = { random, random >> 8 };

	for (size_t i = 0; i < ARRAY_SIZE(pool); i++) {
		struct chr *chr = &pool[i].chr;

		if (chr->opaque != dev)
			continue;
		/* A driver that listens; the ports alone rarely make one. */
		if (random & 0x100) {
			device_write(dev, &serial_bus_ops, UART_LCR, 0, 1);
			device_write(dev, &serial_bus_ops, UART_FCR, UART_FCR_ENABLE_FIFO, 1);
			device_write(dev, &serial_bus_ops, UART_MCR, UART_MCR_OUT2, 1);
			device_write(dev, &serial_bus_ops, UART_IER, 0x0f, 1);
		}
		if (random % 5 == 0)
			chr->front->line_break(chr->opaque);
		else if (random % 5 == 1)
			chr->front->writable(chr->opaque);
		else
			assert_true(chr->front->input(chr->opaque, data, (random >> 16) % 20) <= 16);
	}
}

static void generic(void **state)
{
	static const struct device_check check = {
		.create = create,
		.poke = poke,
		.ranges = { { &serial_bus_ops, SERIAL_PORTS } },
	};

	device_check(&check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(power_on, setup, teardown),
		cmocka_unit_test_setup_teardown(plain_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(autoconfig, setup, teardown),
		cmocka_unit_test_setup_teardown(input_before_the_fifos, setup, teardown),
		cmocka_unit_test_setup_teardown(sends_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(full_backend_holds_back, setup, teardown),
		cmocka_unit_test_setup_teardown(flood_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(clearing_the_transmitter, setup, teardown),
		cmocka_unit_test_setup_teardown(thre_comes_again, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_listens, setup, teardown),
		cmocka_unit_test_setup_teardown(polling_listens, setup, teardown),
		cmocka_unit_test_setup_teardown(receives, setup, teardown),
		cmocka_unit_test_setup_teardown(full_receiver_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(clearing_the_receiver, setup, teardown),
		cmocka_unit_test_setup_teardown(out2_gates_the_interrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(break_waits_for_room, setup, teardown),
		cmocka_unit_test_setup_teardown(sysrq, setup, teardown),
		cmocka_unit_test_setup_teardown(priorities, setup, teardown),
		cmocka_unit_test_setup_teardown(modem_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(loopback, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_attached, setup, teardown),
		cmocka_unit_test_setup_teardown(reset, setup, teardown),
		cmocka_unit_test_setup_teardown(traffic, setup, teardown),
		cmocka_unit_test_setup_teardown(saved_in_flight, setup, teardown),
		cmocka_unit_test_setup_teardown(generic, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
