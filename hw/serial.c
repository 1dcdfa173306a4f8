// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 16550A UART as in a PC (National Semiconductor PC16550D data sheet, sections 8.1
 * to 8.11), with a character backend where the cable would be.
 *
 * Runs in vCPU threads (register accesses) and in the backend's thread (input, a
 * break, room for output); the device's lock covers both. The order is: device's lock,
 * then whatever the backend locks in its ops. The backend calls in with no lock held,
 * and must not call back from within its ops.
 *
 * Transmission takes no time while the backend takes the bytes: THRE is set again
 * before the guest can look. A backend that is full holds the transmitter back instead;
 * what the guest writes beyond a full FIFO is then lost, as it is on a real line.
 *
 * Input waits in the backend until somebody listens: a driver that takes interrupts,
 * or one that polls. A driver resets the FIFOs when it starts, and what was typed ahead
 * or piped in would be lost with them.
 *
 * Left out: parity and framing errors, which no backend can produce; the effect of the
 * divisor and of the break bit of LCR on the line; DMA mode.
 */
#include <errno.h>
#include <linux/serial_reg.h>

#include "bus.h"
#include "chr.h"
#include "device.h"
#include "irq.h"
#include "log.h"
#include "serial.h"
#include "state.h"
#include "util.h"

#define SERIAL_FIFO	16
#define SERIAL_POLLS	16	/* fruitless looks at LSR that make a polling driver */
#define SERIAL_IIR_FIFOS 0xc0	/* in IIR: FIFOs are there, and enabled */
#define SERIAL_IER	(UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI)
#define SERIAL_FCR	(UART_FCR_ENABLE_FIFO | UART_FCR_DMA_SELECT | UART_FCR_TRIGGER_MASK)
#define SERIAL_MCR	(UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT1 | UART_MCR_OUT2 | UART_MCR_LOOP)
#define SERIAL_ERRORS	(UART_LSR_OE | UART_LSR_BI)
#define SERIAL_LINES	(UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS)

struct serial_regs {
	u8 ier;
	u8 fcr;
	u8 lcr;
	u8 mcr;
	u8 scr;
	u8 dll;
	u8 dlm;
	u8 lsr;			/* the latched errors only */
	u8 msr;			/* the deltas only */
	bool thre;		/* the interrupt for an empty transmitter is pending */
	bool line_break;	/* came while the FIFO was full, follows it */
	u32 polls;		/* see serial_listens() */
	u32 rx_count;
	u32 tx_count;
	u16 rx_break;		/* bit n: rx[n] stands for a break */
	u8 rx[SERIAL_FIFO];
	u8 tx[SERIAL_FIFO];
};

struct serial {
	struct device dev;
	const struct irq *irq;
	struct chr *chr;
	bool irq_active;	/* the level of the interrupt output */
	bool refused;		/* the backend has input that we did not take */
	u64 user_ns;		/* see serial_user_time() */
	struct serial_regs regs;
};

static unsigned int serial_fifo_size(const struct serial_regs *r)
{
	return r->fcr & UART_FCR_ENABLE_FIFO ? SERIAL_FIFO : 1;
}

static unsigned int serial_trigger(const struct serial_regs *r)
{
	static const u8 levels[] = { 1, 4, 8, 14 };

	return r->fcr & UART_FCR_ENABLE_FIFO ? levels[r->fcr >> 6] : 1;
}

/* Interrupts count only with OUT2, which gates them on a PC. */
static bool serial_takes_interrupts(const struct serial_regs *r)
{
	return (r->ier & UART_IER_RDI) && (r->mcr & (UART_MCR_OUT2 | UART_MCR_LOOP)) == UART_MCR_OUT2;
}

/*
 * Polling shows by looks at LSR that find nothing, beyond those that come before each
 * byte sent.
 */
static bool serial_listens(const struct serial_regs *r)
{
	return serial_takes_interrupts(r) || (r->polls >= SERIAL_POLLS && !(r->mcr & UART_MCR_LOOP));
}

/*
 * What IIR tells, by priority. The time-out of four characters runs out at once: what
 * the backend had to give has come in one go.
 */
static u8 serial_interrupt(const struct serial_regs *r)
{
	if ((r->ier & UART_IER_RLSI) && (r->lsr & SERIAL_ERRORS))
		return UART_IIR_RLSI;
	if ((r->ier & UART_IER_RDI) && r->rx_count)
		return r->rx_count >= serial_trigger(r) ? UART_IIR_RDI : UART_IIR_RX_TIMEOUT;
	if ((r->ier & UART_IER_THRI) && r->thre)
		return UART_IIR_THRI;
	if ((r->ier & UART_IER_MSI) && (r->msr & UART_MSR_ANY_DELTA))
		return UART_IIR_MSI;
	return UART_IIR_NO_INT;
}

/*
 * After every change: the interrupt is an edge, and the backend hears of room. It gives
 * again once the FIFO is empty rather than for each byte.
 */
static void serial_update(struct serial *s)
{
	const struct serial_regs *r = &s->regs;
	bool active = serial_interrupt(r) != UART_IIR_NO_INT &&
		      (r->mcr & (UART_MCR_OUT2 | UART_MCR_LOOP)) == UART_MCR_OUT2;

	if (active && !s->irq_active)
		irq_raise(s->irq);
	s->irq_active = active;

	if (s->refused && !r->rx_count && serial_listens(r)) {
		s->refused = false;
		s->chr->ops->resume(s->chr);
	}
}

/* The modem lines that MSR shows: the cable's, or our own outputs in loopback. */
static u8 serial_lines(u8 mcr)
{
	u8 lines = 0;

	if (!(mcr & UART_MCR_LOOP))
		return SERIAL_LINES;
	if (mcr & UART_MCR_RTS)
		lines |= UART_MSR_CTS;
	if (mcr & UART_MCR_DTR)
		lines |= UART_MSR_DSR;
	if (mcr & UART_MCR_OUT1)
		lines |= UART_MSR_RI;
	if (mcr & UART_MCR_OUT2)
		lines |= UART_MSR_DCD;
	return lines;
}

/* --- receiver --- */

static void serial_receive(struct serial_regs *r, u8 byte, bool is_break)
{
	unsigned int size = serial_fifo_size(r);

	if (r->rx_count == size) {
		/* With FIFOs the newcomer is lost, without them what was there before. */
		r->lsr |= UART_LSR_OE;
		if (size == 1)
			r->rx[0] = byte;
		return;
	}
	/* An error shows in LSR when its character is the next to be read. */
	if (is_break && r->rx_count)
		r->rx_break |= 1u << r->rx_count;
	else if (is_break)
		r->lsr |= UART_LSR_BI;
	r->rx[r->rx_count++] = byte;
}

static void serial_break_follows(struct serial_regs *r)
{
	if (r->line_break && r->rx_count < serial_fifo_size(r)) {
		r->line_break = false;
		serial_receive(r, 0, true);
	}
}

static u8 serial_take(struct serial_regs *r)
{
	u8 byte = r->rx[0];

	if (!r->rx_count)
		return byte;
	r->rx_count--;
	memmove(r->rx, r->rx + 1, r->rx_count);
	r->rx_break >>= 1;
	if (r->rx_break & 1) {
		r->rx_break &= ~1u;
		r->lsr |= UART_LSR_BI;
	}
	serial_break_follows(r);
	return byte;
}

/* --- transmitter --- */

/* Hand over what the backend takes; it calls serial_writable() about the rest. */
static void serial_flush(struct serial *s)
{
	struct serial_regs *r = &s->regs;
	size_t n = r->tx_count;

	if (!n)
		return;
	if (s->chr)
		n = min(n, s->chr->ops->write(s->chr, r->tx, n));
	r->tx_count -= n;
	memmove(r->tx, r->tx + n, r->tx_count);
	if (!r->tx_count)
		r->thre = true;
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void serial_transmit(struct serial *s, u8 byte)
{
	struct serial_regs *r = &s->regs;
	unsigned int size = serial_fifo_size(r);

	if (!s->user_ns && (r->ier & UART_IER_THRI) && !(r->mcr & UART_MCR_LOOP))
		s->user_ns = now_ns();

	r->thre = false;
	if (r->polls && r->polls < SERIAL_POLLS)
		r->polls--;
	if (r->mcr & UART_MCR_LOOP) {
		serial_receive(r, byte, false);
		r->thre = !r->tx_count;
		return;
	}
	if (r->tx_count < size)
		r->tx[r->tx_count++] = byte;
	else if (size == 1)
		r->tx[0] = byte;
	serial_flush(s);
}

/* --- registers --- */

static u8 serial_read_lsr(struct serial_regs *r)
{
	u8 lsr = r->lsr;

	if (r->rx_count)
		lsr |= UART_LSR_DR;
	else if (!r->tx_count && r->polls < SERIAL_POLLS)
		r->polls++;
	if (!r->tx_count)
		lsr |= UART_LSR_THRE | UART_LSR_TEMT;
	if ((r->fcr & UART_FCR_ENABLE_FIFO) && ((r->lsr & UART_LSR_BI) || r->rx_break))
		lsr |= UART_LSR_FIFOE;
	r->lsr = 0;
	return lsr;
}

static u8 serial_read_iir(struct serial_regs *r)
{
	u8 iir = serial_interrupt(r);

	/* Reading is what acknowledges this one. */
	if (iir == UART_IIR_THRI)
		r->thre = false;
	if (r->fcr & UART_FCR_ENABLE_FIFO)
		iir |= SERIAL_IIR_FIFOS;
	return iir;
}

static u8 serial_read_msr(struct serial_regs *r)
{
	u8 msr = serial_lines(r->mcr) | r->msr;

	r->msr = 0;
	return msr;
}

static u8 serial_get(struct serial_regs *r, u64 offset)
{
	bool dlab = r->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_RX:
		return dlab ? r->dll : serial_take(r);
	case UART_IER:
		return dlab ? r->dlm : r->ier;
	case UART_IIR:
		return serial_read_iir(r);
	case UART_LCR:
		return r->lcr;
	case UART_MCR:
		return r->mcr;
	case UART_LSR:
		return serial_read_lsr(r);
	case UART_MSR:
		return serial_read_msr(r);
	default:
		return r->scr;
	}
}

static u64 serial_read(struct device *dev, u64 offset, unsigned int size)
{
	struct serial *s = container_of(dev, struct serial, dev);
	u8 value = serial_get(&s->regs, offset);

	serial_update(s);
	return value;
}

static void serial_write_ier(struct serial_regs *r, u8 value)
{
	/* Enabling the interrupt of a transmitter that is empty brings it at once. */
	if ((value & ~r->ier & UART_IER_THRI) && !r->tx_count)
		r->thre = true;
	r->ier = value & SERIAL_IER;
}

static void serial_write_fcr(struct serial_regs *r, u8 value)
{
	bool off = r->fcr & ~value & UART_FCR_ENABLE_FIFO;

	/*
	 * Switching the FIFOs on would clear them too by the data sheet. But Linux does that
	 * after it has begun to listen, and a byte that is there by then would be lost; who
	 * wants them cleared says so. The other bits count only together with this one.
	 */
	if (!(value & UART_FCR_ENABLE_FIFO))
		value = 0;
	r->fcr = value & SERIAL_FCR;
	if (off || (value & UART_FCR_CLEAR_RCVR)) {
		r->rx_count = 0;
		r->rx_break = 0;
		serial_break_follows(r);
	}
	if (off || (value & UART_FCR_CLEAR_XMIT)) {
		r->tx_count = 0;
		r->thre = true;
	}
}

static void serial_write_mcr(struct serial_regs *r, u8 value)
{
	u8 old = serial_lines(r->mcr), now, changed;

	r->mcr = value & SERIAL_MCR;
	now = serial_lines(r->mcr);
	/* The deltas stand four bits below their lines; that of RI is for its end only. */
	changed = (old ^ now) & ~UART_MSR_RI;
	changed |= old & ~now & UART_MSR_RI;
	r->msr |= changed >> 4;
}

static void serial_write(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct serial *s = container_of(dev, struct serial, dev);
	struct serial_regs *r = &s->regs;
	bool dlab = r->lcr & UART_LCR_DLAB;

	if (offset != UART_TX)
		r->polls = 0;
	switch (offset) {
	case UART_TX:
		if (dlab)
			r->dll = value;
		else
			serial_transmit(s, value);
		break;
	case UART_IER:
		if (dlab)
			r->dlm = value;
		else
			serial_write_ier(r, value);
		break;
	case UART_FCR:
		serial_write_fcr(r, value);
		break;
	case UART_LCR:
		r->lcr = value;
		break;
	case UART_MCR:
		serial_write_mcr(r, value);
		break;
	case UART_SCR:
		r->scr = value;
		break;
	}
	serial_update(s);
}

const struct bus_ops serial_bus_ops = {
	.read = serial_read,
	.write = serial_write,
	.max_size = 1,
};

/* --- the backend's side --- */

static size_t serial_input(void *opaque, const u8 *data, size_t len)
{
	struct serial *s = opaque;
	size_t n = 0;

	pthread_mutex_lock(&s->dev.lock);
	if (serial_listens(&s->regs))
		n = min(len, (size_t)(serial_fifo_size(&s->regs) - s->regs.rx_count));
	for (size_t i = 0; i < n; i++)
		serial_receive(&s->regs, data[i], false);
	serial_update(s);
	/* Only now: what was just refused must not be asked for at once. */
	s->refused = n < len;
	pthread_mutex_unlock(&s->dev.lock);
	return n;
}

static void serial_writable(void *opaque)
{
	struct serial *s = opaque;

	pthread_mutex_lock(&s->dev.lock);
	serial_flush(s);
	serial_update(s);
	pthread_mutex_unlock(&s->dev.lock);
}

static void serial_line_break(void *opaque)
{
	struct serial *s = opaque;

	pthread_mutex_lock(&s->dev.lock);
	if (!(s->regs.mcr & UART_MCR_LOOP)) {
		s->regs.line_break = true;
		serial_break_follows(&s->regs);
		serial_update(s);
	}
	pthread_mutex_unlock(&s->dev.lock);
}

static const struct chr_front serial_front = {
	.input = serial_input,
	.writable = serial_writable,
	.line_break = serial_line_break,
};

/* --- the machine's side --- */

static void serial_reset(struct device *dev)
{
	struct serial *s = container_of(dev, struct serial, dev);

	s->regs = (struct serial_regs){ .dll = 1 };
	serial_update(s);
}

static bool serial_valid(const struct serial_regs *r)
{
	return !(r->ier & ~SERIAL_IER) && !(r->fcr & ~SERIAL_FCR) && !(r->mcr & ~SERIAL_MCR) &&
	       !(r->lsr & ~SERIAL_ERRORS) && !(r->msr & ~UART_MSR_ANY_DELTA) &&
	       !(r->rx_break >> r->rx_count);
}

static void serial_state(struct device *dev, struct state *st)
{
	struct serial *s = container_of(dev, struct serial, dev);
	struct serial_regs r = s->regs;

	state_version(st, 1);
	state_u8(st, "ier", &r.ier);
	state_u8(st, "fcr", &r.fcr);
	state_u8(st, "lcr", &r.lcr);
	state_u8(st, "mcr", &r.mcr);
	state_u8(st, "scr", &r.scr);
	state_u8(st, "dll", &r.dll);
	state_u8(st, "dlm", &r.dlm);
	state_u8(st, "lsr-errors", &r.lsr);
	state_u8(st, "msr-deltas", &r.msr);
	state_bool(st, "thre-pending", &r.thre);
	state_bool(st, "break-pending", &r.line_break);
	state_u32_max(st, "polls", &r.polls, SERIAL_POLLS);
	state_u32_max(st, "rx-count", &r.rx_count, serial_fifo_size(&r));
	state_u32_max(st, "tx-count", &r.tx_count, serial_fifo_size(&r));
	state_u16(st, "rx-break", &r.rx_break);
	state_bytes(st, "rx", r.rx, sizeof(r.rx));
	state_bytes(st, "tx", r.tx, sizeof(r.tx));
	if (state_loading(st) && !serial_valid(&r))
		state_fail(st, "serial registers");
	if (!state_commit(st))
		return;
	s->regs = r;
	/* An interrupt may have been in flight: once too often is better than lost. */
	s->irq_active = false;
	serial_flush(s);
	serial_update(s);
}

static void serial_destroy(struct device *dev)
{
	struct serial *s = container_of(dev, struct serial, dev);

	if (s->chr) {
		s->chr->front = NULL;
		s->chr->opaque = NULL;
	}
	device_fini(dev);
	free(s);
}

static const struct device_ops serial_ops = {
	.name = "serial",
	.reset = serial_reset,
	.state = serial_state,
	.destroy = serial_destroy,
};

/**
 * serial_user_time() - when the guest's user space first wrote to the UART
 * @dev:	from serial_new()
 *
 * A kernel's console polls, with the transmitter's interrupt off; a terminal driver
 * sends with it on, and what it sends comes from a program.
 *
 * Return: CLOCK_MONOTONIC in nanoseconds, 0 as long as it has not.
 */
u64 serial_user_time(struct device *dev)
{
	struct serial *s = container_of(dev, struct serial, dev);
	u64 ns;

	pthread_mutex_lock(&dev->lock);
	ns = s->user_ns;
	pthread_mutex_unlock(&dev->lock);
	return ns;
}

/**
 * serial_sysrq() - a break and a key at once: a magic SysRq for a kernel whose console this is
 * @dev:	from serial_new()
 * @key:	what follows the break
 *
 * From any thread. What the user types does not come between them.
 *
 * Return: whether they were taken: the guest takes input by interrupts, and there was room.
 */
bool serial_sysrq(struct device *dev, char key)
{
	struct serial *s = container_of(dev, struct serial, dev);
	struct serial_regs *r = &s->regs;
	bool taken;

	pthread_mutex_lock(&dev->lock);
	/* A driver that polls does not know breaks. */
	taken = serial_takes_interrupts(r) && !r->line_break && r->rx_count + 2 <= serial_fifo_size(r);
	if (taken) {
		serial_receive(r, 0, true);
		serial_receive(r, key, false);
		serial_update(s);
	}
	pthread_mutex_unlock(&dev->lock);
	return taken;
}

/**
 * serial_new() - make a 16550A
 * @instance:	which one, from 0
 * @irq:	edge-triggered; must outlive the device
 * @chr:	the other end of the cable, or NULL for none: output then vanishes. Must
 *		outlive the device, and be idle when the device is destroyed
 *
 * Return: the device, to be put on a bus with serial_bus_ops and SERIAL_PORTS, or NULL
 * when there is no memory.
 */
struct device *serial_new(unsigned int instance, const struct irq *irq, struct chr *chr)
{
	struct serial *s = calloc(1, sizeof(*s));

	if (!s) {
		error(-ENOMEM, "serial port %u", instance);
		return NULL;
	}
	device_init(&s->dev, &serial_ops, instance);
	s->irq = irq;
	s->chr = chr;
	serial_reset(&s->dev);
	if (chr) {
		chr->opaque = s;
		chr->front = &serial_front;
	}
	return &s->dev;
}
