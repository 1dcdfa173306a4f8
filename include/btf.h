/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BTF, the kernel's own description of its types: where a member of a struct is.
 */
#ifndef LKVM_BTF_H
#define LKVM_BTF_H

#include "types.h"

struct btf;
struct guest_view;

/**
 * struct btf_member - where a member is
 * @offset:	bytes from the beginning of the struct
 * @size:	bytes, of all elements if it is an array
 * @count:	elements of an array, else 1
 * @element:	bytes of each
 */
struct btf_member {
	u32 offset;
	u32 size;
	u32 count;
	u32 element;
};

int btf_read(struct btf **btf, const struct guest_view *view, u64 start, u64 end);
int btf_parse(struct btf **btf, const void *data, size_t len, bool is64);
void btf_free(struct btf *btf);

bool btf_struct_size(const struct btf *btf, const char *name, u32 *size);
bool btf_member(const struct btf *btf, const char *name, const char *path, struct btf_member *m);

#endif /* LKVM_BTF_H */
