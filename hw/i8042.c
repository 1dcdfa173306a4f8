// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keyboard controller of a PC, an 8042 with the PS/2 command set, and an AT
 * keyboard on its first port (IBM PS/2 Hardware Interface Technical Reference, "Keyboard
 * and Auxiliary Device Controller" and "Keyboard (101- and 102-Key)").
 *
 * Accesses run in vCPU threads, i8042_key() in any; the device's lock covers both.
 *
 * The controller takes no time: its input buffer is never full, and an answer is there
 * before the guest can look. An answer that the guest has not fetched when it gives
 * the next command is dropped; keys wait behind answers.
 *
 * There is no mouse. The second port's commands are answered, and its test says that
 * the clock line is stuck, which ends a driver's probe soonest; what a guest sends to a
 * mouse anyway comes back as the controller's own time-out.
 *
 * Left out: scan code sets 1 and 3 of the keyboard (they can be chosen, but keys
 * come in set 2), its typematic repeat, and all of the controller's RAM but byte 0.
 */
#include <errno.h>

#include "bus.h"
#include "device.h"
#include "i8042.h"
#include "irq.h"
#include "log.h"
#include "outcome.h"
#include "state.h"
#include "util.h"

/* Status register */
#define STR_OBF			0x01
#define STR_SYS			0x04
#define STR_COMMAND		0x08	/* the last write was to the command port */
#define STR_NOT_LOCKED		0x10
#define STR_AUX			0x20
#define STR_TIMEOUT		0x40

/* Controller command byte */
#define CTR_KBD_INT		0x01
#define CTR_AUX_INT		0x02
#define CTR_SYS			0x04
#define CTR_KBD_DISABLE		0x10
#define CTR_AUX_DISABLE		0x20
#define CTR_TRANSLATE		0x40
#define CTR_BITS		0x77

/* Controller commands */
#define CMD_READ_CTR		0x20
#define CMD_WRITE_CTR		0x60
#define CMD_AUX_DISABLE		0xa7
#define CMD_AUX_ENABLE		0xa8
#define CMD_AUX_TEST		0xa9
#define CMD_SELF_TEST		0xaa
#define CMD_KBD_TEST		0xab
#define CMD_KBD_DISABLE		0xad
#define CMD_KBD_ENABLE		0xae
#define CMD_READ_INPUT		0xc0
#define CMD_READ_OUTPUT		0xd0
#define CMD_WRITE_OUTPUT	0xd1
#define CMD_WRITE_KBD_BUFFER	0xd2
#define CMD_WRITE_AUX_BUFFER	0xd3
#define CMD_WRITE_AUX		0xd4
#define CMD_PULSE		0xf0	/* the low four bits choose lines, active low */

#define SELF_TEST_OK		0x55
#define AUX_CLOCK_LOW		0x01
#define INPUT_NOT_INHIBITED	0x80

/* Output port */
#define OUT_NOT_RESET		0x01
#define OUT_A20			0x02
#define OUT_KBD_IRQ		0x10
#define OUT_AUX_IRQ		0x20

/* Keyboard */
#define KBD_SET_LEDS		0xed
#define KBD_ECHO		0xee
#define KBD_SCANCODE_SET	0xf0
#define KBD_IDENTIFY		0xf2
#define KBD_TYPEMATIC		0xf3
#define KBD_ENABLE		0xf4
#define KBD_DISABLE		0xf5
#define KBD_DEFAULTS		0xf6
#define KBD_KEY_TYPE_FIRST	0xfb	/* to 0xfd: key types of set 3, with a parameter */
#define KBD_ALL_KEYS_FIRST	0xf7	/* to 0xfa: the same for all keys */
#define KBD_RESEND		0xfe
#define KBD_RESET		0xff
#define KBD_ACK			0xfa
#define KBD_BAT_OK		0xaa
#define KBD_FAILED		0xfe
#define KBD_BREAK		0xf0	/* set 2: the next key is released */
#define KBD_LEFT_ALT		0x11
#define KBD_SYSRQ		0x84	/* what Print Screen sends with Alt held */

#define I8042_QUEUE		16

/* Where the byte in the output buffer comes from. */
enum i8042_source {
	SOURCE_NONE,
	SOURCE_CONTROLLER,
	SOURCE_AUX,		/* shows STR_AUX, and interrupts as a mouse */
	SOURCE_LAST = SOURCE_AUX,
};

struct i8042_regs {
	u8 ctr;
	u8 command;		/* the controller's, that waits for its parameter, or 0 */
	bool last_command;	/* the last write was to the command port */
	bool self_tested;
	bool driver;		/* the guest has written @ctr: not only firmware was here */
	u32 source;		/* of @answer */
	u8 answer;
	bool timeout;		/* @answer is a time-out */
	u8 data;		/* what the data port showed last */
	u8 kbd_command;		/* the keyboard's, that waits for its parameter, or 0 */
	u8 kbd_last;		/* for "resend" */
	u8 kbd_leds;
	u8 kbd_set;
	u8 kbd_typematic;
	bool kbd_scanning;
	bool kbd_break;		/* translation: a release prefix has come */
	u32 count;
	u8 queue[I8042_QUEUE];	/* the keyboard's bytes, the oldest first */
};

struct i8042 {
	struct device dev;
	const struct irq *kbd_irq;
	const struct irq *aux_irq;
	struct outcome *outcome;
	bool kbd_active;	/* the levels of the two interrupt lines */
	bool aux_active;
	struct i8042_regs regs;
};

/* What the controller makes of set 2 when it translates to set 1; the rest passes. */
static const u8 translation[128] = {
	0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
	0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
	0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
	0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
	0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
	0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
	0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
	0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

static u8 i8042_translate(const struct i8042_regs *r, u8 byte)
{
	if (!(r->ctr & CTR_TRANSLATE))
		return byte;
	if (byte < 0x80)
		return translation[byte];
	if (byte == 0x83)
		return 0x41;
	if (byte == 0x84)
		return 0x54;
	return byte;
}

static bool i8042_obf(const struct i8042_regs *r)
{
	return r->source != SOURCE_NONE || (r->count && !(r->ctr & CTR_KBD_DISABLE));
}

/* After every change: the interrupts are edges. */
static void i8042_update(struct i8042 *k)
{
	const struct i8042_regs *r = &k->regs;
	bool aux = r->source == SOURCE_AUX && (r->ctr & CTR_AUX_INT);
	bool kbd = r->source != SOURCE_AUX && i8042_obf(r) && (r->ctr & CTR_KBD_INT);

	if (kbd && !k->kbd_active)
		irq_raise(k->kbd_irq);
	if (aux && !k->aux_active)
		irq_raise(k->aux_irq);
	k->kbd_active = kbd;
	k->aux_active = aux;
}

static void i8042_answer(struct i8042 *k, enum i8042_source source, u8 byte)
{
	k->regs.source = source;
	k->regs.answer = byte;
	k->regs.timeout = false;
	/* A new byte is a new edge. */
	k->kbd_active = false;
	k->aux_active = false;
}

static void i8042_reset_cpu(struct i8042 *k)
{
	outcome_report(k->outcome, OUTCOME_RESET, "i8042", 0);
}

/* --- the keyboard --- */

/* An answer of the keyboard; a queue that the guest does not empty starts afresh. */
static void kbd_answer(struct i8042_regs *r, const u8 *bytes, unsigned int len)
{
	if (r->count + len > I8042_QUEUE)
		r->count = 0;
	for (unsigned int i = 0; i < len; i++)
		r->queue[r->count++] = i8042_translate(r, bytes[i]);
	r->kbd_last = bytes[len - 1];
}

static void kbd_answer_byte(struct i8042_regs *r, u8 byte)
{
	kbd_answer(r, &byte, 1);
}

static void kbd_defaults(struct i8042_regs *r)
{
	r->kbd_leds = 0;
	r->kbd_set = 2;
	r->kbd_typematic = 0x2b;	/* 10.9 characters a second after half a second */
	r->kbd_command = 0;
	r->kbd_break = false;
}

static void kbd_parameter(struct i8042_regs *r, u8 value)
{
	u8 command = r->kbd_command;

	r->kbd_command = 0;
	switch (command) {
	case KBD_SET_LEDS:
		r->kbd_leds = value & 7;
		break;
	case KBD_TYPEMATIC:
		r->kbd_typematic = value & 0x7f;
		break;
	case KBD_SCANCODE_SET:
		if (value > 3) {
			kbd_answer_byte(r, KBD_FAILED);
			return;
		}
		if (!value) {
			kbd_answer(r, (const u8[]){ KBD_ACK, r->kbd_set }, 2);
			return;
		}
		r->kbd_set = value;
		break;
	}
	kbd_answer_byte(r, KBD_ACK);
}

static void kbd_command(struct i8042_regs *r, u8 value)
{
	r->kbd_command = 0;
	switch (value) {
	case KBD_SET_LEDS:
	case KBD_SCANCODE_SET:
	case KBD_TYPEMATIC:
	case KBD_KEY_TYPE_FIRST ... KBD_KEY_TYPE_FIRST + 2:
		r->kbd_command = value;
		break;
	case KBD_ALL_KEYS_FIRST ... KBD_ALL_KEYS_FIRST + 3:
		break;
	case KBD_ECHO:
		kbd_answer_byte(r, KBD_ECHO);
		return;
	case KBD_IDENTIFY:
		kbd_answer(r, (const u8[]){ KBD_ACK, 0xab, 0x83 }, 3);
		return;
	case KBD_ENABLE:
		r->count = 0;
		r->kbd_scanning = true;
		break;
	case KBD_DISABLE:
		r->count = 0;
		kbd_defaults(r);
		r->kbd_scanning = false;
		break;
	case KBD_DEFAULTS:
		r->count = 0;
		kbd_defaults(r);
		break;
	case KBD_RESEND:
		kbd_answer_byte(r, r->kbd_last);
		return;
	case KBD_RESET:
		r->count = 0;
		kbd_defaults(r);
		r->kbd_scanning = true;
		kbd_answer(r, (const u8[]){ KBD_ACK, KBD_BAT_OK }, 2);
		return;
	default:
		kbd_answer_byte(r, KBD_FAILED);
		return;
	}
	kbd_answer_byte(r, KBD_ACK);
}

static void kbd_receive(struct i8042_regs *r, u8 value)
{
	/* A command where a parameter was due is a command. */
	if (r->kbd_command && value < KBD_SET_LEDS)
		kbd_parameter(r, value);
	else
		kbd_command(r, value);
}

/* The next byte of a key, in set 2; there is room. */
static void kbd_send(struct i8042_regs *r, u8 scancode)
{
	if ((r->ctr & CTR_TRANSLATE) && scancode == KBD_BREAK) {
		r->kbd_break = true;
		return;
	}
	r->queue[r->count++] = i8042_translate(r, scancode) | (r->kbd_break ? 0x80 : 0);
	r->kbd_break = false;
}

/**
 * i8042_key() - the user has pressed or released a key
 * @dev:	the controller
 * @scancode:	the next byte of scan code set 2, as the keyboard sends it
 *
 * From any thread.
 *
 * Return: whether the byte was taken; not while the guest has switched the keyboard off,
 * nor when the keyboard's 16 bytes of memory are full.
 */
bool i8042_key(struct device *dev, u8 scancode)
{
	struct i8042 *k = container_of(dev, struct i8042, dev);
	struct i8042_regs *r = &k->regs;
	bool taken;

	pthread_mutex_lock(&dev->lock);
	taken = r->kbd_scanning && r->count < I8042_QUEUE;
	if (taken)
		kbd_send(r, scancode);
	i8042_update(k);
	pthread_mutex_unlock(&dev->lock);
	return taken;
}

/**
 * i8042_sysrq() - the user holds Alt and SysRq and presses a key
 * @dev:	the controller
 * @key:	a letter in lower case, or a digit
 *
 * From any thread.
 *
 * Return: whether the keyboard could send all of it to a guest that has a driver for it.
 */
bool i8042_sysrq(struct device *dev, char key)
{
	static const char keys[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const u8 codes[] = {
		0x1c, 0x32, 0x21, 0x23, 0x24, 0x2b, 0x34, 0x33, 0x43, 0x3b, 0x42, 0x4b, 0x3a, 0x31, 0x44, 0x4d,
		0x15, 0x2d, 0x1b, 0x2c, 0x3c, 0x2a, 0x1d, 0x22, 0x35, 0x1a,
		0x45, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46,
	};
	struct i8042 *k = container_of(dev, struct i8042, dev);
	const char *at = key ? strchr(keys, key) : NULL;
	u8 code = at ? codes[at - keys] : 0;
	const u8 bytes[] = {
		KBD_LEFT_ALT, KBD_SYSRQ, code, KBD_BREAK, code, KBD_BREAK, KBD_SYSRQ, KBD_BREAK, KBD_LEFT_ALT,
	};
	struct i8042_regs *r = &k->regs;
	bool taken;

	pthread_mutex_lock(&dev->lock);
	taken = at && r->driver && r->kbd_scanning && r->count + sizeof(bytes) <= I8042_QUEUE &&
		(r->ctr & (CTR_KBD_INT | CTR_KBD_DISABLE)) == CTR_KBD_INT;
	for (size_t i = 0; taken && i < sizeof(bytes); i++)
		kbd_send(r, bytes[i]);
	i8042_update(k);
	pthread_mutex_unlock(&dev->lock);
	return taken;
}

/* --- the data port --- */

static u64 i8042_read_data(struct device *dev, u64 offset, unsigned int size)
{
	struct i8042 *k = container_of(dev, struct i8042, dev);
	struct i8042_regs *r = &k->regs;

	if (!i8042_obf(r))
		return r->data;
	if (r->source != SOURCE_NONE) {
		r->data = r->answer;
		r->source = SOURCE_NONE;
		r->timeout = false;
	} else {
		r->data = r->queue[0];
		memmove(r->queue, r->queue + 1, --r->count);
	}
	/* The lines fall with the read, and rise again for what comes next. */
	k->kbd_active = false;
	k->aux_active = false;
	i8042_update(k);
	return r->data;
}

static void i8042_parameter(struct i8042 *k, u8 command, u8 value)
{
	struct i8042_regs *r = &k->regs;

	switch (command) {
	case CMD_WRITE_CTR:
		r->ctr = value & CTR_BITS;
		r->driver = true;
		break;
	case CMD_WRITE_OUTPUT:
		/* Address line 20 stays on, whatever the guest says. */
		if (!(value & OUT_NOT_RESET))
			i8042_reset_cpu(k);
		break;
	case CMD_WRITE_KBD_BUFFER:
	case CMD_WRITE_AUX_BUFFER:
		/* Without a second port there is one buffer. */
		i8042_answer(k, SOURCE_CONTROLLER, value);
		break;
	case CMD_WRITE_AUX:
		i8042_answer(k, SOURCE_AUX, KBD_FAILED);
		r->timeout = true;
		break;
	}
}

static void i8042_write_data(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct i8042 *k = container_of(dev, struct i8042, dev);
	struct i8042_regs *r = &k->regs;
	u8 command = r->command;

	r->last_command = false;
	r->command = 0;
	if (command)
		i8042_parameter(k, command, value);
	else
		kbd_receive(r, value);
	i8042_update(k);
}

const struct bus_ops i8042_data_bus_ops = {
	.read = i8042_read_data,
	.write = i8042_write_data,
	.max_size = 1,
};

/* --- the command port --- */

static u64 i8042_read_status(struct device *dev, u64 offset, unsigned int size)
{
	const struct i8042_regs *r = &container_of(dev, struct i8042, dev)->regs;
	u8 status = STR_NOT_LOCKED;

	if (i8042_obf(r))
		status |= STR_OBF;
	if (r->self_tested || (r->ctr & CTR_SYS))
		status |= STR_SYS;
	if (r->last_command)
		status |= STR_COMMAND;
	if (r->source == SOURCE_AUX)
		status |= STR_AUX;
	if (r->timeout)
		status |= STR_TIMEOUT;
	return status;
}

static u8 i8042_output_port(const struct i8042 *k)
{
	return OUT_NOT_RESET | OUT_A20 | (k->kbd_active ? OUT_KBD_IRQ : 0) | (k->aux_active ? OUT_AUX_IRQ : 0);
}

static void i8042_command(struct i8042 *k, u8 command)
{
	struct i8042_regs *r = &k->regs;
	u8 output = i8042_output_port(k);

	r->source = SOURCE_NONE;
	r->timeout = false;
	r->command = 0;
	switch (command) {
	case CMD_READ_CTR:
		i8042_answer(k, SOURCE_CONTROLLER, r->ctr);
		break;
	case CMD_READ_CTR + 1 ... CMD_READ_CTR + 0x1f:
		i8042_answer(k, SOURCE_CONTROLLER, 0);
		break;
	case CMD_WRITE_CTR ... CMD_WRITE_CTR + 0x1f:
	case CMD_WRITE_OUTPUT:
	case CMD_WRITE_KBD_BUFFER:
	case CMD_WRITE_AUX_BUFFER:
	case CMD_WRITE_AUX:
		r->command = command;
		break;
	case CMD_AUX_DISABLE:
		r->ctr |= CTR_AUX_DISABLE;
		break;
	case CMD_AUX_ENABLE:
		r->ctr &= ~CTR_AUX_DISABLE;
		break;
	case CMD_AUX_TEST:
		i8042_answer(k, SOURCE_CONTROLLER, AUX_CLOCK_LOW);
		break;
	case CMD_SELF_TEST:
		r->self_tested = true;
		i8042_answer(k, SOURCE_CONTROLLER, SELF_TEST_OK);
		break;
	case CMD_KBD_TEST:
		i8042_answer(k, SOURCE_CONTROLLER, 0);
		break;
	case CMD_KBD_DISABLE:
		r->ctr |= CTR_KBD_DISABLE;
		break;
	case CMD_KBD_ENABLE:
		r->ctr &= ~CTR_KBD_DISABLE;
		break;
	case CMD_READ_INPUT:
		i8042_answer(k, SOURCE_CONTROLLER, INPUT_NOT_INHIBITED);
		break;
	case CMD_READ_OUTPUT:
		i8042_answer(k, SOURCE_CONTROLLER, output);
		break;
	case CMD_PULSE ... CMD_PULSE + 0xf:
		if (!(command & OUT_NOT_RESET))
			i8042_reset_cpu(k);
		break;
	}
}

static void i8042_write_command(struct device *dev, u64 offset, u64 value, unsigned int size)
{
	struct i8042 *k = container_of(dev, struct i8042, dev);

	k->regs.last_command = true;
	i8042_command(k, value);
	i8042_update(k);
}

const struct bus_ops i8042_command_bus_ops = {
	.read = i8042_read_status,
	.write = i8042_write_command,
	.max_size = 1,
};

/* --- the machine's side --- */

/* As a PC's firmware leaves it. */
static void i8042_reset(struct device *dev)
{
	struct i8042 *k = container_of(dev, struct i8042, dev);

	k->regs = (struct i8042_regs){
		.ctr = CTR_KBD_INT | CTR_SYS | CTR_AUX_DISABLE | CTR_TRANSLATE,
		.self_tested = true,
		.kbd_scanning = true,
	};
	kbd_defaults(&k->regs);
	k->kbd_active = false;
	k->aux_active = false;
}

static bool i8042_valid(const struct i8042_regs *r)
{
	return !(r->ctr & ~CTR_BITS) && r->kbd_set >= 1 && r->kbd_set <= 3;
}

static void i8042_state(struct device *dev, struct state *st)
{
	struct i8042 *k = container_of(dev, struct i8042, dev);
	struct i8042_regs r = k->regs;

	state_version(st, 1);
	state_u8(st, "ctr", &r.ctr);
	state_u8(st, "command", &r.command);
	state_bool(st, "last-command", &r.last_command);
	state_bool(st, "self-tested", &r.self_tested);
	state_bool(st, "driver", &r.driver);
	state_u32_max(st, "answer-source", &r.source, SOURCE_LAST);
	state_u8(st, "answer", &r.answer);
	state_bool(st, "answer-timeout", &r.timeout);
	state_u8(st, "data", &r.data);
	state_u8(st, "kbd-command", &r.kbd_command);
	state_u8(st, "kbd-last", &r.kbd_last);
	state_u8(st, "kbd-leds", &r.kbd_leds);
	state_u8(st, "kbd-set", &r.kbd_set);
	state_u8(st, "kbd-typematic", &r.kbd_typematic);
	state_bool(st, "kbd-scanning", &r.kbd_scanning);
	state_bool(st, "kbd-break", &r.kbd_break);
	state_u32_max(st, "kbd-count", &r.count, I8042_QUEUE);
	state_bytes(st, "kbd-queue", r.queue, sizeof(r.queue));
	if (state_loading(st) && !i8042_valid(&r))
		state_fail(st, "i8042 registers");
	if (!state_commit(st))
		return;
	k->regs = r;
	/* An interrupt may have been in flight: once too often is better than lost. */
	k->kbd_active = false;
	k->aux_active = false;
	i8042_update(k);
}

static void i8042_destroy(struct device *dev)
{
	device_fini(dev);
	free(container_of(dev, struct i8042, dev));
}

static const struct device_ops i8042_ops = {
	.name = "i8042",
	.reset = i8042_reset,
	.state = i8042_state,
	.destroy = i8042_destroy,
};

/**
 * i8042_new() - make a keyboard controller with a keyboard
 * @keyboard:	edge-triggered, GSI 1 on a PC
 * @mouse:	edge-triggered, GSI 12 on a PC
 * @outcome:	told when the guest pulls the processor's reset line
 *
 * All three must outlive the device.
 *
 * Return: the device, to be put on a bus with i8042_data_bus_ops at its data port and
 * i8042_command_bus_ops at its command port, one port each, or NULL when there is no memory.
 */
struct device *i8042_new(const struct irq *keyboard, const struct irq *mouse, struct outcome *outcome)
{
	struct i8042 *k = calloc(1, sizeof(*k));

	if (!k) {
		error(-ENOMEM, "keyboard controller");
		return NULL;
	}
	k->kbd_irq = keyboard;
	k->aux_irq = mouse;
	k->outcome = outcome;
	device_init(&k->dev, &i8042_ops, 0);
	i8042_reset(&k->dev);
	return &k->dev;
}
