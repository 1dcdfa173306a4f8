// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration that a kernel carries (CONFIG_IKCONFIG, kernel/configs.c of Linux): in
 * its read-only data, "IKCFG_ST", a gzip stream, "IKCFG_ED".
 *
 * Runs in the thread that opened the kernel. Leaves out CONFIG_IKCONFIG=m, which has it in
 * a module, and bzImages that unpack themselves.
 */
#include <errno.h>

#include "boot-image.h"
#include "util.h"

#define BEGIN		"IKCFG_ST\x1f\x8b\x08"	/* the mark, and the stream's own */
#define MARK		8
#define END		"IKCFG_ED"
#define SCAN_PIECE	(1 * MiB)
#define SCAN_KEEP	16			/* a mark may cross from piece to piece */
#define PACKED_MAX	(4 * MiB)

/* Where in the segment the stream begins; 0 when nowhere, since a mark comes before it. */
static u64 find_stream(struct boot_image *img, const struct boot_segment *s, u8 *buf)
{
	for (u64 at = 0; at < s->file_size; at += SCAN_PIECE) {
		size_t len = min(s->file_size - at, SCAN_PIECE + SCAN_KEEP);
		const u8 *p;

		if (boot_source_read(&img->vmlinux, s->offset + at, buf, len))
			return 0;
		p = memmem(buf, len, BEGIN, sizeof(BEGIN) - 1);
		if (p)
			return at + (p - buf) + MARK;
	}
	return 0;
}

static int take_stream(struct boot_image *img, const struct boot_segment *s, u64 at, size_t limit,
		       char **text, size_t *size)
{
	size_t len = min(s->file_size - at, PACKED_MAX);
	char what[256];
	struct unpacked u;
	u8 *packed = malloc(len);
	const u8 *end;
	int err = packed ? boot_source_read(&img->vmlinux, s->offset + at, packed, len) : -ENOMEM;

	end = err ? NULL : memmem(packed, len, END, sizeof(END) - 1);
	if (!err && !end)
		err = -ENOENT;
	snprintf(what, sizeof(what), "kernel %s: the configuration in it", img->name);
	if (!err)
		err = unpack(what, UNPACK_GZIP, packed, len, 0, limit, &u);
	free(packed);
	if (err)
		return err;
	*text = malloc(u.size + 1);
	if (*text) {
		memcpy(*text, u.data, u.size);
		*size = u.size;
	}
	unpack_free(&u);
	return *text ? 0 : -ENOMEM;
}

/**
 * boot_ikconfig() - the configuration that a kernel carries
 * @img:	the kernel
 * @limit:	the most that it may be, bytes
 * @text:	set to its lines, to be freed
 * @size:	set to their bytes
 *
 * The first call reads through the kernel.
 *
 * Return: 0, -ENOENT when it carries none (not said), -EINVAL when that is damaged and -EFBIG
 * when it is too large (both said), -ENOMEM.
 */
int boot_ikconfig(struct boot_image *img, size_t limit, char **text, size_t *size)
{
	u8 *buf = malloc(SCAN_PIECE + SCAN_KEEP);
	u64 budget = UNPACK_MAX;	/* segments may share one part of the file */
	int err = buf ? -ENOENT : -ENOMEM;

	*text = NULL;
	for (unsigned int i = 0; buf && i < img->elf.count && err == -ENOENT; i++) {
		const struct boot_segment *s = &img->elf.segments[i];
		u64 at;

		if (s->file_size > budget)
			break;
		budget -= s->file_size;
		at = find_stream(img, s, buf);
		if (at)
			err = take_stream(img, s, at, limit, text, size);
	}
	free(buf);
	return err;
}
