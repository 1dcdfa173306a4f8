// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpacking in memory: the compressions that kernels come in.
 *
 * The output is one mapping, as large as the input claims to become, or else as
 * large as the limit: untouched pages cost nothing, so nothing is ever moved to a
 * larger buffer. A stream must end where its format says that it ends; what
 * follows it is ignored, as boot loaders do (kernels append their size).
 *
 * zlib is linked. The other libraries are loaded when a kernel needs them, which
 * with the image cache is once per kernel: each one linked would cost every start
 * of lkvm some tenth of a millisecond. The headers come from the build.
 *
 * Runs in the thread that opens the kernel, one at a time. Leaves out LZO, and
 * lz4's newer frame format, which no kernel uses.
 */
#include <errno.h>
#include <limits.h>
#include <sys/mman.h>

#include <zlib.h>
#ifdef CONFIG_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif
#ifdef CONFIG_LZ4
#include <lz4.h>
#endif
#ifdef CONFIG_LZMA
#include <lzma.h>
#endif
#ifdef CONFIG_BZIP2
#include <bzlib.h>
#endif

#include "library.h"
#include "log.h"
#include "unpack.h"
#include "util.h"

/* A dictionary that decoders may keep beside the output. */
#define UNPACK_DICTIONARY_MAX (256 * MiB)

/**
 * struct job - one stream on its way
 * @in:		the compressed bytes
 * @in_size:	how many; more may follow the stream's end
 * @out:	where the result goes
 * @room:	bytes at @out
 * @used:	bytes written there
 * @why:	what is wrong, when a decoder returns -EBADMSG
 */
struct job {
	const u8 *in;
	size_t in_size;
	u8 *out;
	size_t room;
	size_t used;
	const char *why;
};

static const char cut_short[] = "it ends too early";

/* --- gzip ----------------------------------------------------------------- */

static int gzip(struct job *j)
{
	z_stream z = { .next_in = (u8 *)j->in };
	int ret;

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return -ENOMEM;
	do {
		z.avail_in = min(j->in_size - (size_t)(z.next_in - j->in), (size_t)UINT_MAX);
		z.next_out = j->out + j->used;
		z.avail_out = min(j->room - j->used, (size_t)UINT_MAX);
		ret = inflate(&z, Z_NO_FLUSH);
		j->used = z.next_out - j->out;
		/* Members may follow one another and count as one file. */
		if (ret == Z_STREAM_END && z.avail_in > 18 && z.next_in[0] == 0x1f && z.next_in[1] == 0x8b)
			ret = inflateReset(&z);
	} while (ret == Z_OK && j->used < j->room);
	inflateEnd(&z);
	if (ret == Z_STREAM_END)
		return 0;
	if (j->used == j->room)
		return -ENOSPC;
	j->why = ret == Z_BUF_ERROR ? cut_short : "it is damaged";
	return ret == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

/* --- zstd ----------------------------------------------------------------- */

#ifdef CONFIG_ZSTD
static struct {
	__typeof__(&ZSTD_findFrameCompressedSize) frame_size;
	__typeof__(&ZSTD_decompress) decompress;
	__typeof__(&ZSTD_isError) is_error;
	__typeof__(&ZSTD_getErrorCode) error_code;
	__typeof__(&ZSTD_getErrorName) error_name;
} zstd_api;

static bool zstd_load(void)
{
	static const struct library_symbol symbols[] = {
		{ "ZSTD_findFrameCompressedSize", &zstd_api.frame_size },
		{ "ZSTD_decompress", &zstd_api.decompress },
		{ "ZSTD_isError", &zstd_api.is_error },
		{ "ZSTD_getErrorCode", &zstd_api.error_code },
		{ "ZSTD_getErrorName", &zstd_api.error_name },
	};

	return LIBRARY(loaded, symbols, "libzstd.so.1");
}

static int zstd(struct job *j)
{
	/* In one piece: a stream would copy everything through a window of up to 128 MiB. */
	size_t size = zstd_api.frame_size(j->in, j->in_size);
	size_t ret = size;

	if (!zstd_api.is_error(size))
		ret = zstd_api.decompress(j->out, j->room, j->in, size);
	if (!zstd_api.is_error(ret)) {
		j->used = ret;
		return 0;
	}
	switch (zstd_api.error_code(ret)) {
	case ZSTD_error_dstSize_tooSmall:
		return -ENOSPC;
	case ZSTD_error_memory_allocation:
		return -ENOMEM;
	case ZSTD_error_srcSize_wrong:
		j->why = cut_short;
		return -EBADMSG;
	default:
		j->why = zstd_api.error_name(ret);
		return -EBADMSG;
	}
}
#else
#define zstd_load NULL
#define zstd NULL
#endif

/* --- lz4 ------------------------------------------------------------------ */

#ifdef CONFIG_LZ4
#define LZ4_LEGACY_MAGIC 0x184c2102
#define LZ4_LEGACY_BLOCK (8 * MiB)	/* what a block unpacks to, at most */

static struct {
	__typeof__(&LZ4_decompress_safe) decompress;
} lz4_api;

static bool lz4_load(void)
{
	static const struct library_symbol symbols[] = {
		{ "LZ4_decompress_safe", &lz4_api.decompress },
	};

	return LIBRARY(loaded, symbols, "liblz4.so.1");
}

static u32 get_le32(const u8 *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
}

/* The legacy frame: the magic number, then blocks, each with its length in front. */
static int lz4(struct job *j)
{
	size_t at = 4;

	while (at < j->in_size) {
		u64 room = min((u64)(j->room - j->used), LZ4_LEGACY_BLOCK);
		u32 len;
		int ret;

		/* One to three bytes at the end, or a block of no bytes: no block. */
		if (j->in_size - at < 4)
			break;
		len = get_le32(j->in + at);
		if (len == 0)
			break;
		at += 4;
		if (len == LZ4_LEGACY_MAGIC)
			continue;	/* frames may follow one another */
		if (len > j->in_size - at) {
			j->why = cut_short;
			return -EBADMSG;
		}
		if (len > INT_MAX) {
			j->why = "it is damaged";
			return -EBADMSG;
		}
		if (!room)
			return -ENOSPC;
		ret = lz4_api.decompress((const char *)j->in + at, (char *)j->out + j->used, len, room);
		if (ret < 0) {
			/* The library does not say whether the room was too small. */
			j->why = "it is damaged";
			return room < LZ4_LEGACY_BLOCK ? -ENOSPC : -EBADMSG;
		}
		j->used += ret;
		at += len;
	}
	return 0;
}
#else
#define lz4_load NULL
#define lz4 NULL
#endif

/* --- xz and lzma ---------------------------------------------------------- */

#ifdef CONFIG_LZMA
static struct {
	__typeof__(&lzma_stream_decoder) stream;
	__typeof__(&lzma_alone_decoder) alone;
	__typeof__(&lzma_code) code;
	__typeof__(&lzma_end) end;
} lzma_api;

static bool lzma_load(void)
{
	static const struct library_symbol symbols[] = {
		{ "lzma_stream_decoder", &lzma_api.stream },
		{ "lzma_alone_decoder", &lzma_api.alone },
		{ "lzma_code", &lzma_api.code },
		{ "lzma_end", &lzma_api.end },
	};

	return LIBRARY(loaded, symbols, "liblzma.so.5");
}

static int lzma_run(struct job *j, lzma_stream *s, lzma_ret ret)
{
	s->next_in = j->in;
	s->avail_in = j->in_size;
	s->next_out = j->out;
	s->avail_out = j->room;
	while (ret == LZMA_OK)
		ret = lzma_api.code(s, LZMA_FINISH);
	j->used = j->room - s->avail_out;
	lzma_api.end(s);

	switch (ret) {
	case LZMA_STREAM_END:
		return 0;
	case LZMA_BUF_ERROR:
		if (j->used == j->room)
			return -ENOSPC;
		j->why = cut_short;
		return -EBADMSG;
	case LZMA_MEM_ERROR:
		return -ENOMEM;
	case LZMA_MEMLIMIT_ERROR:
		j->why = "its dictionary is too large";
		return -EBADMSG;
	case LZMA_OPTIONS_ERROR:
		j->why = "it has options that liblzma does not know";
		return -EBADMSG;
	default:
		j->why = "it is damaged";
		return -EBADMSG;
	}
}

static int xz(struct job *j)
{
	lzma_stream s = LZMA_STREAM_INIT;

	return lzma_run(j, &s, lzma_api.stream(&s, UNPACK_DICTIONARY_MAX, 0));
}

static int lzma(struct job *j)
{
	lzma_stream s = LZMA_STREAM_INIT;

	return lzma_run(j, &s, lzma_api.alone(&s, UNPACK_DICTIONARY_MAX));
}
#else
#define lzma_load NULL
#define xz NULL
#define lzma NULL
#endif

/* --- bzip2 ---------------------------------------------------------------- */

#ifdef CONFIG_BZIP2
static struct {
	__typeof__(&BZ2_bzDecompressInit) init;
	__typeof__(&BZ2_bzDecompress) decompress;
	__typeof__(&BZ2_bzDecompressEnd) end;
} bzip2_api;

static bool bzip2_load(void)
{
	static const struct library_symbol symbols[] = {
		{ "BZ2_bzDecompressInit", &bzip2_api.init },
		{ "BZ2_bzDecompress", &bzip2_api.decompress },
		{ "BZ2_bzDecompressEnd", &bzip2_api.end },
	};

	return LIBRARY(loaded, symbols, "libbz2.so.1.0", "libbz2.so.1");
}

static int bzip2(struct job *j)
{
	const u8 *next = j->in;
	int ret;

	/* pbzip2 writes many streams one after the other; they count as one file. */
	do {
		bz_stream s = { .next_in = (char *)next };
		unsigned int before, left = 1;

		if (bzip2_api.init(&s, 0, 0) != BZ_OK)
			return -ENOMEM;
		do {
			before = s.avail_in = min(j->in_size - (size_t)(next - j->in), (size_t)UINT_MAX);
			s.next_out = (char *)j->out + j->used;
			left = s.avail_out = min(j->room - j->used, (size_t)UINT_MAX);
			ret = bzip2_api.decompress(&s);
			next = (const u8 *)s.next_in;
			j->used = (u8 *)s.next_out - j->out;
		} while (ret == BZ_OK && (s.avail_in < before || s.avail_out < left));
		bzip2_api.end(&s);
	} while (ret == BZ_STREAM_END && j->in_size - (size_t)(next - j->in) > 4 && !memcmp(next, "BZh", 3));

	if (ret == BZ_STREAM_END)
		return 0;
	if (ret == BZ_OK && j->used == j->room)
		return -ENOSPC;
	j->why = ret == BZ_OK ? cut_short : "it is damaged";
	return ret == BZ_MEM_ERROR ? -ENOMEM : -EBADMSG;
}
#else
#define bzip2_load NULL
#define bzip2 NULL
#endif

/* --- the table ------------------------------------------------------------ */

/* To add a compression: its decoder above, a row here and a name in unpack.h. */
static const struct format {
	const char *name;
	const char *magic;
	size_t magic_size;
	const char *library;		/* to name when it is missing */
	bool (*load)(void);		/* NULL: linked, or left out of the build */
	int (*decode)(struct job *j);	/* NULL: left out of the build */
} formats[] = {
	[UNPACK_NONE]	= { "uncompressed", NULL, 0, NULL, NULL, NULL },
	[UNPACK_GZIP]	= { "gzip", "\x1f\x8b\x08", 3, "zlib", NULL, gzip },
	[UNPACK_ZSTD]	= { "zstd", "\x28\xb5\x2f\xfd", 4, "libzstd", zstd_load, zstd },
	[UNPACK_LZ4]	= { "lz4", "\x02\x21\x4c\x18", 4, "liblz4", lz4_load, lz4 },
	[UNPACK_XZ]	= { "xz", "\xfd" "7zXZ\0", 6, "liblzma", lzma_load, xz },
	[UNPACK_LZMA]	= { "lzma", "\x5d\0\0", 3, "liblzma", lzma_load, lzma },
	[UNPACK_BZIP2]	= { "bzip2", "BZh", 3, "libbz2", bzip2_load, bzip2 },
	[UNPACK_LZO]	= { "lzo", "\x89LZO\0\r\n\x1a\n", 9, "liblzo2", NULL, NULL },
};

/**
 * unpack_probe() - which compression some data is in
 * @data:	its first bytes
 * @size:	how many of them; 16 suffice
 *
 * Return: the format, UNPACK_NONE when no magic number fits.
 */
enum unpack_format unpack_probe(const void *data, size_t size)
{
	for (unsigned int i = UNPACK_NONE + 1; i < ARRAY_SIZE(formats); i++)
		if (size >= formats[i].magic_size && !memcmp(data, formats[i].magic, formats[i].magic_size))
			return i;
	return UNPACK_NONE;
}

/**
 * unpack_name() - the usual name of @format
 */
const char *unpack_name(enum unpack_format format)
{
	return formats[format].name;
}

/**
 * unpack_missing() - which library is missing to unpack @format
 *
 * Return: its name, or NULL when nothing is missing.
 */
const char *unpack_missing(enum unpack_format format)
{
	const struct format *f = &formats[format];

	if (f->decode && (!f->load || f->load()))
		return NULL;
	return f->library;
}

static int map_output(struct unpacked *u, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	/* Advice only: fewer faults while tens of megabytes are written. */
	madvise(p, size, MADV_HUGEPAGE);
	*u = (struct unpacked){ .data = p, .mapped = size };
	return 0;
}

/**
 * unpack() - unpack one stream into memory of its own
 * @what:	what it is, for messages: "kernel foo"
 * @format:	its compression, from unpack_probe()
 * @data:	the compressed bytes; what follows the end of the stream is ignored
 * @size:	how many there are
 * @expected:	bytes that it claims to become, a hint; 0 for unknown
 * @limit:	the most that it may become, bytes; at most UNPACK_MAX
 * @out:	the result
 *
 * Return: 0, -EINVAL for a damaged stream or a missing library, -EFBIG when it
 * becomes more than @limit, -ENOMEM; each has been said.
 */
int unpack(const char *what, enum unpack_format format, const void *data, size_t size,
	   size_t expected, size_t limit, struct unpacked *out)
{
	const char *missing = unpack_missing(format);
	size_t room = expected && expected < limit ? expected : limit;
	int err;

	if (missing)
		return usage_error("%s is packed with %s: %s is missing", what, unpack_name(format), missing);
	if (!formats[format].decode)
		return usage_error("%s is in no compression that is known", what);
	for (;;) {
		struct job j = { .in = data, .in_size = size, .room = room };

		err = map_output(out, room);
		if (err)
			return error(err, "%s: no memory to unpack it", what);
		j.out = out->data;
		err = formats[format].decode(&j);
		out->size = j.used;
		if (!err)
			return 0;
		unpack_free(out);
		if (err == -ENOSPC && room < limit) {
			room = limit;	/* it claimed too little */
			continue;
		}
		switch (err) {
		case -ENOSPC:
			return error(-EFBIG, "%s unpacks to more than %zu KiB", what, limit / (size_t)KiB);
		case -EBADMSG:
			return usage_error("%s: its %s data does not unpack: %s",
					   what, unpack_name(format), j.why);
		default:
			return error(err, "%s: no memory to unpack it", what);
		}
	}
}

/**
 * unpack_free() - give the memory of unpack() back
 * @u:		may be empty
 */
void unpack_free(struct unpacked *u)
{
	if (u->data)
		munmap(u->data, u->mapped);
	*u = (struct unpacked){ 0 };
}
