/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A builder of AML, the byte code of ACPI (ACPI 6.4, chapter 20).
 *
 * Terms are written in the order in which they stand in the table. A term that has
 * a length (a scope, a device, a package ...) is open until aml_end():
 *
 *	aml_device(aml, "RTC_");
 *	aml_name(aml, "_HID");
 *	aml_eisaid(aml, "PNP0B00");
 *	aml_end(aml);
 *
 * Running out of room is remembered and told once, by aml_finish(). A malformed
 * name or an unbalanced aml_end() is a mistake of lkvm's own: BUG_ON().
 */
#ifndef LKVM_AML_H
#define LKVM_AML_H

#include "types.h"

#define AML_DEPTH 8	/* how many terms may be open at a time */

enum aml_block_kind {
	AML_PLAIN,
	AML_RESOURCES,
};

/**
 * struct aml - byte code under construction; the fields are the builder's own
 * @data:	where it goes
 * @size:	room there, bytes
 * @len:	bytes written
 * @full:	something did not fit; nothing is written from then on
 * @depth:	how many terms are open
 * @blocks:	where the length of each open term goes, and its kind
 */
struct aml {
	u8 *data;
	size_t size;
	size_t len;
	bool full;
	unsigned int depth;
	struct {
		size_t start;
		enum aml_block_kind kind;
	} blocks[AML_DEPTH];
};

void aml_init(struct aml *aml, void *data, size_t size);
int aml_finish(struct aml *aml, size_t *len);

/* Terms that stay open until aml_end(). */
void aml_scope(struct aml *aml, const char *name);
void aml_device(struct aml *aml, const char *name);
void aml_method(struct aml *aml, const char *name, unsigned int args, bool serialized);
void aml_package(struct aml *aml, unsigned int count);
void aml_if(struct aml *aml);
void aml_resources(struct aml *aml);
void aml_end(struct aml *aml);

/* Names and data objects. */
void aml_name(struct aml *aml, const char *name);
void aml_path(struct aml *aml, const char *name);
void aml_integer(struct aml *aml, u64 value);
void aml_string(struct aml *aml, const char *s);
void aml_eisaid(struct aml *aml, const char *id);
void aml_buffer(struct aml *aml, const void *data, size_t len);

/* Statements and expressions; what they work on follows or is named. */
void aml_arg(struct aml *aml, unsigned int n);
void aml_return(struct aml *aml);
void aml_or_name(struct aml *aml, u64 value, const char *name);
void aml_not_equal(struct aml *aml);
void aml_dword_field(struct aml *aml, unsigned int arg, u64 offset, const char *name);

/* Resource descriptors, between aml_resources() and aml_end(). */
enum aml_space {
	AML_SPACE_MEMORY,
	AML_SPACE_IO,
	AML_SPACE_BUS,
};

void aml_res_io(struct aml *aml, u16 base, u8 len);
void aml_res_irq(struct aml *aml, unsigned int irq);
void aml_res_memory(struct aml *aml, u32 base, u32 len);
void aml_res_window16(struct aml *aml, enum aml_space space, u16 first, u16 last);
void aml_res_window32(struct aml *aml, u32 first, u32 last);
void aml_res_window64(struct aml *aml, u64 first, u64 last);

#endif /* LKVM_AML_H */
