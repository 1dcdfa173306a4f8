// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader of BTF (Documentation/bpf/btf.rst of the kernel), as far as it tells the layout of
 * structs: types in one array of records with different lengths, each with a number by its
 * place, and a table of strings.
 *
 * It comes from the guest's memory, and may be anything: every offset is checked, types that
 * refer to each other in circles and structs within structs are followed to a fixed depth, and
 * a look-up does as many steps as there are types and members at the most.
 *
 * One thread at a time. Left out: bit fields (a member that is one is not found), BTF of modules, which
 * adds to the kernel's.
 */
#include <errno.h>

#include "btf.h"
#include "guest-view.h"
#include "util.h"

#define BTF_MAGIC	0xeb9f
#define BTF_MAX		(64 * MiB)
#define TYPES_MAX	2000000
#define DEPTH_MAX	16	/* of anonymous members, and of names for a type */
#define MEMBERS_MAX	100000	/* looked at for one path */

enum btf_kind {
	KIND_INT = 1,
	KIND_PTR,
	KIND_ARRAY,
	KIND_STRUCT,
	KIND_UNION,
	KIND_ENUM,
	KIND_FWD,
	KIND_TYPEDEF,
	KIND_VOLATILE,
	KIND_CONST,
	KIND_RESTRICT,
	KIND_FUNC,
	KIND_FUNC_PROTO,
	KIND_VAR,
	KIND_DATASEC,
	KIND_FLOAT,
	KIND_DECL_TAG,
	KIND_TYPE_TAG,
	KIND_ENUM64,
};

struct btf_head {
	u16 magic;
	u8 version;
	u8 flags;
	u32 hdr_len;
	u32 type_off;
	u32 type_len;
	u32 str_off;
	u32 str_len;
};

struct btf_type {
	u32 name;
	u32 info;
	u32 size_or_type;
};

struct btf_array {
	u32 type;
	u32 index_type;
	u32 count;
};

struct btf_field {
	u32 name;
	u32 type;
	u32 offset;
};

/**
 * struct btf - types that were read
 * @data:	all of it
 * @types:	begins at @data + this
 * @strings:	begin at @data + this, @strings_len bytes that end in a NUL
 * @at:		offset from @types of each type but 0, which is void
 * @count:	of @at
 * @pointer:	bytes of a pointer
 */
struct btf {
	u8 *data;
	size_t types;
	size_t strings, strings_len;
	u32 *at;
	u32 count;
	u32 pointer;
};

static struct btf_type get_type(const struct btf *btf, u32 id)
{
	struct btf_type t;

	memcpy(&t, btf->data + btf->types + btf->at[id], sizeof(t));
	return t;
}

/* What follows a type's record; @i counts elements of @size */
static void get_extra(const struct btf *btf, u32 id, u32 i, void *extra, size_t size)
{
	memcpy(extra, btf->data + btf->types + btf->at[id] + sizeof(struct btf_type) + i * size, size);
}

static enum btf_kind kind_of(const struct btf_type *t)
{
	return t->info >> 24 & 0x1f;
}

static u32 length_of(const struct btf_type *t)
{
	return t->info & 0xffff;
}

static bool has_name(const struct btf *btf, u32 at, const char *name, size_t len)
{
	const char *p = (const char *)btf->data + btf->strings + at;

	return at < btf->strings_len && len < btf->strings_len - at && !memcmp(p, name, len) && !p[len];
}

/* Bytes behind a type's record, or -1 for a kind that is not known */
static s64 extra_size(const struct btf_type *t)
{
	switch (kind_of(t)) {
	case KIND_INT:
	case KIND_VAR:
	case KIND_DECL_TAG:
		return 4;
	case KIND_ARRAY:
		return sizeof(struct btf_array);
	case KIND_STRUCT:
	case KIND_UNION:
	case KIND_DATASEC:
	case KIND_ENUM64:
		return length_of(t) * 12;
	case KIND_ENUM:
	case KIND_FUNC_PROTO:
		return length_of(t) * 8;
	case KIND_PTR:
	case KIND_FWD:
	case KIND_TYPEDEF:
	case KIND_VOLATILE:
	case KIND_CONST:
	case KIND_RESTRICT:
	case KIND_FUNC:
	case KIND_FLOAT:
	case KIND_TYPE_TAG:
		return 0;
	}
	return -1;
}

/* Number the types. What is behind a kind that is not known has no numbers. */
static int index_types(struct btf *btf, size_t len)
{
	size_t room = 0;

	for (size_t at = 0; at + sizeof(struct btf_type) <= len;) {
		struct btf_type t;
		s64 extra;

		memcpy(&t, btf->data + btf->types + at, sizeof(t));
		extra = extra_size(&t);
		if (extra < 0 || sizeof(t) + extra > len - at)
			break;
		if (btf->count >= TYPES_MAX)
			return -E2BIG;
		if (btf->count + 1 >= room) {
			u32 *bigger;

			room = room ? room * 2 : 4096;
			bigger = realloc(btf->at, room * sizeof(*bigger));
			if (!bigger)
				return -ENOMEM;
			btf->at = bigger;
		}
		if (!btf->count)
			btf->at[btf->count++] = 0;
		btf->at[btf->count++] = at;
		at += sizeof(t) + extra;
	}
	return btf->count ? 0 : -EINVAL;
}

static int parse(struct btf *btf, size_t len)
{
	struct btf_head head;
	u64 types, strings;

	if (len < sizeof(head))
		return -EINVAL;
	memcpy(&head, btf->data, sizeof(head));
	types = (u64)head.hdr_len + head.type_off;
	strings = (u64)head.hdr_len + head.str_off;
	if (head.magic != BTF_MAGIC || head.version != 1 || head.hdr_len < sizeof(head))
		return -EINVAL;
	if (types > len || head.type_len > len - types || strings > len || head.str_len > len - strings)
		return -EINVAL;
	if (!head.str_len || btf->data[strings + head.str_len - 1])
		return -EINVAL;
	btf->types = types;
	btf->strings = strings;
	btf->strings_len = head.str_len;
	return index_types(btf, head.type_len);
}

static int take(struct btf **result, u8 *data, size_t len, bool is64)
{
	struct btf *btf = calloc(1, sizeof(*btf));
	int err = -ENOMEM;

	if (btf) {
		btf->data = data;
		btf->pointer = is64 ? 8 : 4;
		err = parse(btf, len);
		if (!err) {
			*result = btf;
			return 0;
		}
		free(btf->at);
	}
	free(btf);
	free(data);
	return err;
}

/**
 * btf_parse() - take types from memory of ours
 * @btf:	set to what btf_free() releases
 * @data:	is copied
 * @is64:	pointers have 8 bytes
 *
 * Return: 0, -EINVAL when it is no BTF, -E2BIG, -ENOMEM.
 */
int btf_parse(struct btf **btf, const void *data, size_t len, bool is64)
{
	u8 *copy;

	if (len > BTF_MAX)
		return -E2BIG;
	copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	return take(btf, copy, len, is64);
}

/**
 * btf_read() - take types from a guest
 * @start:	the kernel's __start_BTF
 * @end:	the kernel's __stop_BTF
 *
 * Return: as btf_parse(), and -EFAULT when it is not mapped.
 */
int btf_read(struct btf **btf, const struct guest_view *view, u64 start, u64 end)
{
	u8 *data;
	int err;

	if (end <= start)
		return -EINVAL;
	if (end - start > BTF_MAX)
		return -E2BIG;
	data = malloc(end - start);
	if (!data)
		return -ENOMEM;
	err = view->read(view, start, data, end - start);
	if (err) {
		free(data);
		return err;
	}
	return take(btf, data, end - start, view->is64);
}

/**
 * btf_free() - release types
 * @btf:	may be NULL
 */
void btf_free(struct btf *btf)
{
	if (!btf)
		return;
	free(btf->data);
	free(btf->at);
	free(btf);
}

/* Through const, volatile and names, to what a type is; 0 when there is no end to that */
static u32 resolve(const struct btf *btf, u32 id)
{
	for (int depth = 0; depth < DEPTH_MAX && id && id < btf->count; depth++) {
		struct btf_type t = get_type(btf, id);

		switch (kind_of(&t)) {
		case KIND_TYPEDEF:
		case KIND_VOLATILE:
		case KIND_CONST:
		case KIND_RESTRICT:
		case KIND_TYPE_TAG:
			id = t.size_or_type;
			break;
		default:
			return id;
		}
	}
	return 0;
}

/* Of a type that is no array */
static u32 size_of(const struct btf *btf, u32 id)
{
	struct btf_type t;

	if (!id)
		return 0;
	t = get_type(btf, id);
	switch (kind_of(&t)) {
	case KIND_PTR:
		return btf->pointer;
	case KIND_INT:
	case KIND_STRUCT:
	case KIND_UNION:
	case KIND_ENUM:
	case KIND_ENUM64:
	case KIND_FLOAT:
		return t.size_or_type;
	default:
		return 0;
	}
}

static bool is_struct(const struct btf *btf, u32 id)
{
	struct btf_type t;

	if (!id)
		return false;
	t = get_type(btf, id);
	return kind_of(&t) == KIND_STRUCT || kind_of(&t) == KIND_UNION;
}

/* Fill in the sizes of a member of type @id; returns the type of an element */
static u32 measure(const struct btf *btf, u32 id, struct btf_member *m)
{
	u64 size;

	id = resolve(btf, id);
	m->count = 1;
	for (int depth = 0; id && depth < DEPTH_MAX; depth++) {
		struct btf_type t = get_type(btf, id);
		struct btf_array array;
		u64 count;

		if (kind_of(&t) != KIND_ARRAY)
			break;
		get_extra(btf, id, 0, &array, sizeof(array));
		count = (u64)m->count * array.count;
		m->count = min(count, (u64)UINT32_MAX);
		id = resolve(btf, array.type);
	}
	m->element = size_of(btf, id);
	size = (u64)m->element * m->count;
	m->size = min(size, (u64)UINT32_MAX);
	return id;
}

/**
 * struct search - for one name in one struct
 * @name:	of the member
 * @len:	of @name
 * @left:	members that may still be looked at
 */
struct search {
	const struct btf *btf;
	const char *name;
	size_t len;
	u32 left;
};

/* A member of struct @id, or of the structs and unions without a name in it; 0 if there is none */
static u32 find_member(struct search *s, u32 id, u32 offset, int depth, struct btf_member *m)
{
	struct btf_type t = get_type(s->btf, id);

	for (u32 i = 0; i < length_of(&t) && s->left; i++) {
		struct btf_field field;
		u32 at, found;

		s->left--;
		get_extra(s->btf, id, i, &field, sizeof(field));
		/* With this flag the offset's first byte is the size of a bit field. */
		at = t.info >> 31 ? field.offset & 0xffffff : field.offset;
		if (at % 8 || (t.info >> 31 && field.offset >> 24))
			continue;
		at = offset + at / 8;
		if (has_name(s->btf, field.name, s->name, s->len)) {
			m->offset = at;
			return measure(s->btf, field.type, m);
		}
		if (!has_name(s->btf, field.name, "", 0) || !depth)
			continue;
		found = resolve(s->btf, field.type);
		found = is_struct(s->btf, found) ? find_member(s, found, at, depth - 1, m) : 0;
		if (found)
			return found;
	}
	return 0;
}

/* The struct of that name which has members */
static u32 find_struct(const struct btf *btf, const char *name)
{
	size_t len = strlen(name);

	for (u32 id = 1; len && id < btf->count; id++) {
		struct btf_type t = get_type(btf, id);

		if (kind_of(&t) == KIND_STRUCT && length_of(&t) && has_name(btf, t.name, name, len))
			return id;
	}
	return 0;
}

/**
 * btf_struct_size() - how big a struct is
 *
 * Return: whether there is a struct of that name; @size is set then.
 */
bool btf_struct_size(const struct btf *btf, const char *name, u32 *size)
{
	u32 id = find_struct(btf, name);

	if (id)
		*size = size_of(btf, id);
	return id;
}

/**
 * btf_member() - where a member is
 * @name:	of the struct
 * @path:	of the member, with a dot between the names of members within members; of an
 *		array it is the first element
 * @m:		set when it is found; an offset may be behind the struct's end if the types are nonsense
 *
 * Return: whether there is such a member, and it is no bit field.
 */
bool btf_member(const struct btf *btf, const char *name, const char *path, struct btf_member *m)
{
	u32 id = find_struct(btf, name);

	*m = (struct btf_member) { 0 };
	while (id) {
		struct search s = { btf, path, strcspn(path, "."), MEMBERS_MAX };

		if (!s.len || !is_struct(btf, id))
			return false;
		id = find_member(&s, id, m->offset, DEPTH_MAX, m);
		if (!path[s.len])
			return id;
		path += s.len + 1;
	}
	return false;
}
