// SPDX-License-Identifier: GPL-2.0-only
/*
 * A builder of AML (ACPI 6.4: grammar and opcodes in chapter 20, resource
 * descriptors in section 6.4). It runs while the machine is built, on the thread
 * that builds it.
 *
 * The length of a term is part of its encoding and takes one to four bytes that
 * count themselves (PkgLength, section 20.2.4), so it is known only when the term is
 * complete: aml_end() moves the body up to make room for it.
 *
 * Left out: whatever the tables of lkvm don't need, such as While, fields in
 * operation regions, and calls of methods.
 */
#include <errno.h>

#include "aml.h"
#include "log.h"

/* Opcodes, ACPI 6.4 section 20.3. */
#define AML_ZERO_OP		0x00
#define AML_ONE_OP		0x01
#define AML_NAME_OP		0x08
#define AML_BYTE_PREFIX		0x0a
#define AML_WORD_PREFIX		0x0b
#define AML_DWORD_PREFIX	0x0c
#define AML_STRING_PREFIX	0x0d
#define AML_QWORD_PREFIX	0x0e
#define AML_SCOPE_OP		0x10
#define AML_BUFFER_OP		0x11
#define AML_PACKAGE_OP		0x12
#define AML_METHOD_OP		0x14
#define AML_DUAL_NAME_PREFIX	0x2e
#define AML_MULTI_NAME_PREFIX	0x2f
#define AML_EXT_PREFIX		0x5b
#define AML_EXT_DEVICE_OP	0x82
#define AML_OR_OP		0x7d
#define AML_DWORD_FIELD_OP	0x8a
#define AML_NOT_OP		0x92
#define AML_EQUAL_OP		0x93
#define AML_IF_OP		0xa0
#define AML_RETURN_OP		0xa4

#define AML_ARG0_OP		0x68
#define AML_ARG_COUNT		7
#define AML_METHOD_SERIALIZED	0x08
#define AML_PKG_LENGTH_LIMIT	(1u << 28)

/* Resource descriptors, ACPI 6.4 section 6.4. */
#define RES_IRQ_NO_FLAGS	0x22
#define RES_IO			0x47
#define RES_IO_DECODE16		0x01
#define RES_END_TAG		0x79
#define RES_MEMORY32_FIXED	0x86
#define RES_DWORD_SPACE		0x87
#define RES_WORD_SPACE		0x88
#define RES_QWORD_SPACE		0x8a
#define RES_WINDOW_FLAGS	0x0c	/* producer, positive decode, both ends fixed */
#define RES_READ_WRITE		0x01
#define RES_IO_ENTIRE_RANGE	0x03

static void put(struct aml *aml, const void *data, size_t len)
{
	if (aml->full || len > aml->size - aml->len) {
		aml->full = true;
		return;
	}
	memcpy(aml->data + aml->len, data, len);
	aml->len += len;
}

static void put8(struct aml *aml, u8 v)
{
	put(aml, &v, sizeof(v));
}

static void put16(struct aml *aml, u16 v)
{
	put(aml, &v, sizeof(v));
}

static void put32(struct aml *aml, u32 v)
{
	put(aml, &v, sizeof(v));
}

static void put64(struct aml *aml, u64 v)
{
	put(aml, &v, sizeof(v));
}

static void begin(struct aml *aml, enum aml_block_kind kind)
{
	BUG_ON(aml->depth == AML_DEPTH);
	aml->blocks[aml->depth].start = aml->len;
	aml->blocks[aml->depth].kind = kind;
	aml->depth++;
}

/* Put @len bytes in at @at, before what is there. */
static void insert(struct aml *aml, size_t at, const void *data, size_t len)
{
	if (aml->full || len > aml->size - aml->len) {
		aml->full = true;
		return;
	}
	memmove(aml->data + at + len, aml->data + at, aml->len - at);
	memcpy(aml->data + at, data, len);
	aml->len += len;
}

/*
 * One byte holds lengths up to 63. Longer ones have 4 bits in the first byte,
 * whose top two bits say how many bytes follow.
 */
static size_t encode_length(u8 out[4], size_t body)
{
	size_t total = body + 1;
	unsigned int extra = 0;

	if (total > 0x3f) {
		extra = 1;
		while (body + 1 + extra >= 1u << (4 + 8 * extra))
			extra++;
		total = body + 1 + extra;
		out[0] = extra << 6 | (total & 0xf);
		for (unsigned int i = 0; i < extra; i++)
			out[1 + i] = total >> (4 + 8 * i);
	} else {
		out[0] = total;
	}
	return 1 + extra;
}

static bool name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/**
 * aml_init() - begin a run of AML
 * @aml:	the builder, filled here
 * @data:	where the byte code goes
 * @size:	room at @data, bytes
 */
void aml_init(struct aml *aml, void *data, size_t size)
{
	*aml = (struct aml){ .data = data, .size = size };
}

/**
 * aml_finish() - end it
 * @aml:	the builder; every term is closed
 * @len:	how many bytes there are now
 *
 * Return: 0, or -ENOSPC if it did not fit, which is not said here.
 */
int aml_finish(struct aml *aml, size_t *len)
{
	BUG_ON(aml->depth);
	*len = aml->len;
	return aml->full ? -ENOSPC : 0;
}

/**
 * aml_path() - write a NameString (ACPI 6.4 section 20.2.2)
 * @name:	name segments of up to four characters with '.' between them, "\\" in
 *		front for the root; a shorter segment is filled up with '_'
 */
void aml_path(struct aml *aml, const char *name)
{
	unsigned int segments = 1;

	if (*name == '\\')
		put8(aml, *name++);
	if (!*name) {
		put8(aml, 0);
		return;
	}
	for (const char *p = name; *p; p++)
		segments += *p == '.';
	if (segments == 2) {
		put8(aml, AML_DUAL_NAME_PREFIX);
	} else if (segments > 2) {
		put8(aml, AML_MULTI_NAME_PREFIX);
		put8(aml, segments);
	}
	while (segments--) {
		char seg[4] = { '_', '_', '_', '_' };
		unsigned int n;

		for (n = 0; name[n] && name[n] != '.'; n++) {
			BUG_ON(n == sizeof(seg) || !name_char(name[n], !n));
			seg[n] = name[n];
		}
		BUG_ON(!n);
		put(aml, seg, sizeof(seg));
		name += n + 1;
	}
}

/**
 * aml_scope() - open a Scope
 * @name:	of an object that exists
 */
void aml_scope(struct aml *aml, const char *name)
{
	put8(aml, AML_SCOPE_OP);
	begin(aml, AML_PLAIN);
	aml_path(aml, name);
}

/**
 * aml_device() - open a Device
 * @name:	of the new object
 */
void aml_device(struct aml *aml, const char *name)
{
	put8(aml, AML_EXT_PREFIX);
	put8(aml, AML_EXT_DEVICE_OP);
	begin(aml, AML_PLAIN);
	aml_path(aml, name);
}

/**
 * aml_method() - open a Method
 * @name:	of the new object
 * @args:	how many arguments it takes
 * @serialized:	one call at a time: needed if the method creates names
 */
void aml_method(struct aml *aml, const char *name, unsigned int args, bool serialized)
{
	BUG_ON(args > AML_ARG_COUNT);
	put8(aml, AML_METHOD_OP);
	begin(aml, AML_PLAIN);
	aml_path(aml, name);
	put8(aml, args | (serialized ? AML_METHOD_SERIALIZED : 0));
}

/**
 * aml_package() - open a Package
 * @count:	of the elements that follow, up to 255
 */
void aml_package(struct aml *aml, unsigned int count)
{
	BUG_ON(count > UINT8_MAX);
	put8(aml, AML_PACKAGE_OP);
	begin(aml, AML_PLAIN);
	put8(aml, count);
}

/**
 * aml_if() - open an If; the predicate comes first in it
 */
void aml_if(struct aml *aml)
{
	put8(aml, AML_IF_OP);
	begin(aml, AML_PLAIN);
}

/**
 * aml_resources() - open a Buffer of resource descriptors; its end writes the end tag
 */
void aml_resources(struct aml *aml)
{
	put8(aml, AML_BUFFER_OP);
	begin(aml, AML_RESOURCES);
}

/**
 * aml_end() - close the term that was opened last
 */
void aml_end(struct aml *aml)
{
	size_t start;
	u8 bytes[4];
	size_t n;

	BUG_ON(!aml->depth);
	aml->depth--;
	start = aml->blocks[aml->depth].start;
	if (aml->blocks[aml->depth].kind == AML_RESOURCES) {
		put8(aml, RES_END_TAG);
		put8(aml, 0);	/* a checksum of 0 says: don't check */
		n = aml->len - start;
		BUG_ON(n > UINT16_MAX);
		bytes[0] = n > UINT8_MAX ? AML_WORD_PREFIX : AML_BYTE_PREFIX;
		bytes[1] = n;
		bytes[2] = n >> 8;
		insert(aml, start, bytes, n > UINT8_MAX ? 3 : 2);
	}
	BUG_ON(aml->len - start >= AML_PKG_LENGTH_LIMIT - 4);
	n = encode_length(bytes, aml->len - start);
	insert(aml, start, bytes, n);
}

/**
 * aml_name() - give a name to the data object that follows
 */
void aml_name(struct aml *aml, const char *name)
{
	put8(aml, AML_NAME_OP);
	aml_path(aml, name);
}

/**
 * aml_integer() - write an integer in the shortest form that holds it
 */
void aml_integer(struct aml *aml, u64 value)
{
	if (value == 0) {
		put8(aml, AML_ZERO_OP);
	} else if (value == 1) {
		put8(aml, AML_ONE_OP);
	} else if (value <= UINT8_MAX) {
		put8(aml, AML_BYTE_PREFIX);
		put8(aml, value);
	} else if (value <= UINT16_MAX) {
		put8(aml, AML_WORD_PREFIX);
		put16(aml, value);
	} else if (value <= UINT32_MAX) {
		put8(aml, AML_DWORD_PREFIX);
		put32(aml, value);
	} else {
		put8(aml, AML_QWORD_PREFIX);
		put64(aml, value);
	}
}

/**
 * aml_string() - write a string
 * @s:	ASCII, without control characters
 */
void aml_string(struct aml *aml, const char *s)
{
	put8(aml, AML_STRING_PREFIX);
	put(aml, s, strlen(s) + 1);
}

/**
 * aml_eisaid() - write an EISA id as the integer that stands for it
 * @id:	three capital letters and four hexadecimal digits, as in "PNP0A08"
 *
 * Each letter takes five bits; the bytes stand in big-endian order (ACPI 6.4
 * section 19.3.4).
 */
void aml_eisaid(struct aml *aml, const char *id)
{
	u32 v = 0;

	BUG_ON(strlen(id) != 7);
	for (unsigned int i = 0; i < 3; i++) {
		BUG_ON(id[i] < 'A' || id[i] > 'Z');
		v = v << 5 | (id[i] - 'A' + 1);
	}
	for (unsigned int i = 3; i < 7; i++) {
		bool digit = id[i] >= '0' && id[i] <= '9';

		BUG_ON(!digit && (id[i] < 'A' || id[i] > 'F'));
		v = v << 4 | (digit ? id[i] - '0' : id[i] - 'A' + 10);
	}
	put8(aml, AML_DWORD_PREFIX);
	put32(aml, __builtin_bswap32(v));
}

/**
 * aml_buffer() - write a Buffer
 * @data:	its bytes
 * @len:	how many
 */
void aml_buffer(struct aml *aml, const void *data, size_t len)
{
	put8(aml, AML_BUFFER_OP);
	begin(aml, AML_PLAIN);
	aml_integer(aml, len);
	put(aml, data, len);
	aml_end(aml);
}

/**
 * aml_arg() - the method's argument number @n, from 0
 */
void aml_arg(struct aml *aml, unsigned int n)
{
	BUG_ON(n >= AML_ARG_COUNT);
	put8(aml, AML_ARG0_OP + n);
}

/**
 * aml_return() - Return what follows
 */
void aml_return(struct aml *aml)
{
	put8(aml, AML_RETURN_OP);
}

/**
 * aml_or_name() - set the bits @value in the object @name
 */
void aml_or_name(struct aml *aml, u64 value, const char *name)
{
	put8(aml, AML_OR_OP);
	aml_path(aml, name);
	aml_integer(aml, value);
	aml_path(aml, name);
}

/**
 * aml_not_equal() - compare the two operands that follow
 */
void aml_not_equal(struct aml *aml)
{
	put8(aml, AML_NOT_OP);
	put8(aml, AML_EQUAL_OP);
}

/**
 * aml_dword_field() - name 32 bits of the buffer in argument @arg
 * @offset:	from the buffer's start, bytes
 */
void aml_dword_field(struct aml *aml, unsigned int arg, u64 offset, const char *name)
{
	put8(aml, AML_DWORD_FIELD_OP);
	aml_arg(aml, arg);
	aml_integer(aml, offset);
	aml_path(aml, name);
}

/**
 * aml_res_io() - ports at a fixed address (ACPI 6.4 section 6.4.2.5)
 * @base:	first port
 * @len:	how many
 */
void aml_res_io(struct aml *aml, u16 base, u8 len)
{
	put8(aml, RES_IO);
	put8(aml, RES_IO_DECODE16);
	put16(aml, base);
	put16(aml, base);
	put8(aml, 1);
	put8(aml, len);
}

/**
 * aml_res_irq() - an ISA interrupt, edge-triggered and active high (section 6.4.2.1)
 * @irq:	0 to 15
 */
void aml_res_irq(struct aml *aml, unsigned int irq)
{
	BUG_ON(irq > 15);
	put8(aml, RES_IRQ_NO_FLAGS);
	put16(aml, 1u << irq);
}

/**
 * aml_res_memory() - memory at a fixed address below 4 GiB (section 6.4.3.4)
 * @base:	first address
 * @len:	bytes
 */
void aml_res_memory(struct aml *aml, u32 base, u32 len)
{
	put8(aml, RES_MEMORY32_FIXED);
	put16(aml, 9);
	put8(aml, RES_READ_WRITE);
	put32(aml, base);
	put32(aml, len);
}

static void window_head(struct aml *aml, u8 tag, u16 len, enum aml_space space)
{
	put8(aml, tag);
	put16(aml, len);
	put8(aml, space);
	put8(aml, RES_WINDOW_FLAGS);
	put8(aml, space == AML_SPACE_MEMORY ? RES_READ_WRITE :
		  space == AML_SPACE_IO ? RES_IO_ENTIRE_RANGE : 0);
}

/**
 * aml_res_window16() - a range of ports or buses that a bridge passes on (section 6.4.3.5.3)
 * @space:	what it is a range of
 * @first:	first port or bus
 * @last:	the last one
 */
void aml_res_window16(struct aml *aml, enum aml_space space, u16 first, u16 last)
{
	window_head(aml, RES_WORD_SPACE, 13, space);
	put16(aml, 0);		/* granularity */
	put16(aml, first);
	put16(aml, last);
	put16(aml, 0);		/* translation */
	put16(aml, last - first + 1);
}

/**
 * aml_res_window32() - a range of memory below 4 GiB that a bridge passes on (section 6.4.3.5.2)
 * @first:	first address
 * @last:	the last one
 */
void aml_res_window32(struct aml *aml, u32 first, u32 last)
{
	window_head(aml, RES_DWORD_SPACE, 23, AML_SPACE_MEMORY);
	put32(aml, 0);
	put32(aml, first);
	put32(aml, last);
	put32(aml, 0);
	put32(aml, last - first + 1);
}

/**
 * aml_res_window64() - a range of memory that a bridge passes on (section 6.4.3.5.1)
 * @first:	first address
 * @last:	the last one
 */
void aml_res_window64(struct aml *aml, u64 first, u64 last)
{
	window_head(aml, RES_QWORD_SPACE, 43, AML_SPACE_MEMORY);
	put64(aml, 0);
	put64(aml, first);
	put64(aml, last);
	put64(aml, 0);
	put64(aml, last - first + 1);
}
