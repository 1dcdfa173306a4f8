// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builders of synthetic kernels, for the tests of the boot code. The compressors come
 * from where util/unpack.c takes its decompressors: zlib is linked, the others are loaded.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <asm/bootparam.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include "images.h"
#include "log.h"
#include "util.h"

/* --- what was said -------------------------------------------------------- */

static char said_text[4096];
static unsigned int said_count;

static void hook(const char *line, size_t len)
{
	len = min(len, sizeof(said_text) - 1);
	memcpy(said_text, line, len);
	said_text[len] = '\0';
	said_count++;
}

void said_start(void)
{
	said_text[0] = '\0';
	said_count = 0;
	log_set_hook(hook);
}

unsigned int said_lines(void)
{
	return said_count;
}

const char *said(void)
{
	return said_text;
}

/* --- bytes ---------------------------------------------------------------- */

static struct image image_new(size_t size)
{
	struct image image = { .data = calloc(1, size), .size = size };

	assert_non_null(image.data);
	return image;
}

void image_free(struct image *image)
{
	free(image->data);
	*image = (struct image){ 0 };
}

/* Bytes that compress somewhat, with pages of zeros between them. */
void image_fill(u8 *data, size_t size, u32 seed)
{
	for (size_t i = 0; i < size; i++) {
		seed = seed * 1664525 + 1013904223;
		data[i] = i / 4096 % 5 == 3 ? 0 : (seed >> 28) + 1;
	}
}

void image_write(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t done = 0;
	ssize_t n;

	assert_true(fd >= 0);
	while (done < size && (n = write(fd, (const u8 *)data + done, size - done)) > 0)
		done += n;
	assert_int_equal(done, size);
	close(fd);
}

/* --- kernels -------------------------------------------------------------- */

size_t image_note(u8 *buf, size_t at, const char *name, u32 type, const void *desc, u32 desc_size)
{
	Elf64_Nhdr note = { .n_namesz = strlen(name) + 1, .n_descsz = desc_size, .n_type = type };

	memcpy(buf + at, &note, sizeof(note));
	at += sizeof(note);
	memcpy(buf + at, name, note.n_namesz);
	at += ALIGN_UP(note.n_namesz, 4);
	memcpy(buf + at, desc, desc_size);
	return at + ALIGN_UP(desc_size, 4);
}

static void put_phdr(struct image *image, bool is32, unsigned int index, const Elf64_Phdr *ph)
{
	Elf32_Phdr narrow = {
		.p_type = ph->p_type, .p_offset = ph->p_offset, .p_vaddr = ph->p_vaddr,
		.p_paddr = ph->p_paddr, .p_filesz = ph->p_filesz, .p_memsz = ph->p_memsz,
	};

	if (is32)
		memcpy(image->data + sizeof(Elf32_Ehdr) + index * sizeof(narrow), &narrow, sizeof(narrow));
	else
		memcpy(image->data + sizeof(Elf64_Ehdr) + index * sizeof(*ph), ph, sizeof(*ph));
}

struct image image_elf(const struct image_elf *elf)
{
	unsigned int count = 0, index = 0;
	size_t size = 4096, at = 4096;
	struct image image;

	while (count < ARRAY_SIZE(elf->segments) && elf->segments[count].mem_size)
		size += ALIGN_UP(elf->segments[count++].size, 4096);
	image = image_new(size + elf->notes_size);
	for (unsigned int i = 0; i < count; i++) {
		const struct image_segment *s = &elf->segments[i];
		Elf64_Phdr ph = {
			.p_type = PT_LOAD, .p_offset = at, .p_vaddr = s->vaddr, .p_paddr = s->gpa,
			.p_filesz = s->size, .p_memsz = s->mem_size,
		};

		put_phdr(&image, elf->is32, index++, &ph);
		if (s->size)
			memcpy(image.data + at, s->data, s->size);
		at += ALIGN_UP(s->size, 4096);
	}
	if (elf->notes_size) {
		Elf64_Phdr ph = { .p_type = PT_NOTE, .p_offset = at, .p_filesz = elf->notes_size };

		put_phdr(&image, elf->is32, index++, &ph);
		memcpy(image.data + at, elf->notes, elf->notes_size);
	}
	if (elf->is32) {
		Elf32_Ehdr h = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_386, .e_entry = elf->entry, .e_phoff = sizeof(h),
			.e_phentsize = sizeof(Elf32_Phdr), .e_phnum = index,
		};

		memcpy(image.data, &h, sizeof(h));
	} else {
		Elf64_Ehdr h = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_entry = elf->entry, .e_phoff = sizeof(h),
			.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = index,
		};

		memcpy(image.data, &h, sizeof(h));
	}
	return image;
}

#define SETUP_SECTS	4
#define CODE		((SETUP_SECTS + 1) * 512)
#define PAYLOAD		0x400	/* in the code */

struct image image_bzimage(const struct image_bzimage *bz)
{
	size_t payload = bz->payload_size + (bz->declared ? 4 : 0);
	struct image image = image_new(ALIGN_UP(CODE + PAYLOAD + payload, 16));
	struct setup_header h = {
		.setup_sects = SETUP_SECTS,
		.syssize = (image.size - CODE) / 16,
		.root_flags = 1,
		.boot_flag = 0xaa55,
		.jump = 0xeb | 0x6a << 8,		/* to 0x26c */
		.header = 0x53726448,
		.version = bz->version ? bz->version : 0x20f,
		.kernel_version = bz->release ? 0x400 : 0,
		.loadflags = LOADED_HIGH | KASLR_FLAG,
		.code32_start = 0x100000,
		.initrd_addr_max = bz->initrd_addr_max ? bz->initrd_addr_max : 0x7fffffff,
		.kernel_alignment = 0x200000,
		.relocatable_kernel = 1,
		.xloadflags = bz->xloadflags,
		.cmdline_size = bz->cmdline_size,
		.payload_offset = payload ? PAYLOAD : 0,
		.payload_length = payload,
		.pref_address = bz->pref_address,
		.init_size = bz->init_size,
	};

	memset(image.data, 0xff, 0x1f1);	/* nothing before the header belongs to the zero page */
	memcpy(image.data + 0x1f1, &h, sizeof(h));
	if (bz->release)
		memcpy(image.data + 0x600, bz->release, strlen(bz->release) + 1);
	image_fill(image.data + CODE, PAYLOAD, 5);
	if (payload)
		memcpy(image.data + CODE + PAYLOAD, bz->payload, bz->payload_size);
	if (bz->declared)
		memcpy(image.data + CODE + PAYLOAD + bz->payload_size, &bz->declared, 4);
	return image;
}

struct image image_packed_bzimage(enum unpack_format format, const struct image *elf)
{
	struct image packed = image_pack(format, elf->data, elf->size);
	struct image_bzimage bz = {
		.xloadflags = XLF_KERNEL_64, .pref_address = 0x1000000, .init_size = 0x300000,
		.cmdline_size = 2047, .release = "6.99.0-test (builder@host) #1 SMP",
		.payload = packed.data, .payload_size = packed.size,
		.declared = format == UNPACK_GZIP ? 0 : elf->size,
	};
	struct image image = image_bzimage(&bz);

	image_free(&packed);
	return image;
}

/* --- packing -------------------------------------------------------------- */

static void *symbol(const char *library, const char *name)
{
	void *handle = dlopen(library, RTLD_NOW);

	return handle ? dlsym(handle, name) : NULL;
}

static size_t pack_gzip(const void *data, size_t size, u8 *out, size_t room)
{
	z_stream z = { .next_in = (u8 *)data, .avail_in = size, .next_out = out, .avail_out = room };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static size_t pack_zstd(const void *data, size_t size, u8 *out, size_t room)
{
	size_t (*compress_fn)(void *, size_t, const void *, size_t, int) = symbol("libzstd.so.1", "ZSTD_compress");

	return compress_fn ? compress_fn(out, room, data, size, 3) : 0;
}

static size_t pack_lz4(const void *data, size_t size, u8 *out, size_t room)
{
	int (*compress_fn)(const char *, char *, int, int) = symbol("liblz4.so.1", "LZ4_compress_default");
	size_t used = 4;

	if (!compress_fn)
		return 0;
	memcpy(out, "\x02\x21\x4c\x18", 4);
	for (size_t at = 0; at < size; at += 8 * MiB) {
		u32 len = compress_fn((const char *)data + at, (char *)out + used + 4,
				      min(size - at, (size_t)(8 * MiB)), room - used - 4);

		assert_int_not_equal(len, 0);
		memcpy(out + used, &len, 4);
		used += 4 + len;
	}
	return used;
}

static size_t pack_xz(const void *data, size_t size, u8 *out, size_t room)
{
	int (*encode)(u32, int, const void *, const u8 *, size_t, u8 *, size_t *, size_t) =
		symbol("liblzma.so.5", "lzma_easy_buffer_encode");
	size_t used = 0;

	if (!encode)
		return 0;
	assert_int_equal(encode(1, 1 /* CRC-32 */, NULL, data, size, out, &used, room), 0);
	return used;
}

#ifdef CONFIG_LZMA
#include <lzma.h>

static size_t pack_lzma(const void *data, size_t size, u8 *out, size_t room)
{
	__typeof__(&lzma_lzma_preset) preset = symbol("liblzma.so.5", "lzma_lzma_preset");
	__typeof__(&lzma_alone_encoder) init = symbol("liblzma.so.5", "lzma_alone_encoder");
	__typeof__(&lzma_code) code = symbol("liblzma.so.5", "lzma_code");
	__typeof__(&lzma_end) end = symbol("liblzma.so.5", "lzma_end");
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_options_lzma options;

	if (!preset || !init || !code || !end)
		return 0;
	assert_false(preset(&options, 1));
	assert_int_equal(init(&s, &options), LZMA_OK);
	s.next_in = data;
	s.avail_in = size;
	s.next_out = out;
	s.avail_out = room;
	assert_int_equal(code(&s, LZMA_FINISH), LZMA_STREAM_END);
	room = s.total_out;
	end(&s);
	return room;
}
#else
static size_t pack_lzma(const void *data, size_t size, u8 *out, size_t room)
{
	return 0;
}
#endif

static size_t pack_bzip2(const void *data, size_t size, u8 *out, size_t room)
{
	int (*compress_fn)(char *, unsigned int *, char *, unsigned int, int, int, int) =
		symbol("libbz2.so.1.0", "BZ2_bzBuffToBuffCompress");
	unsigned int used = room;

	if (!compress_fn)
		return 0;
	assert_int_equal(compress_fn((char *)out, &used, (char *)data, size, 1, 0, 0), 0);
	return used;
}

/* An empty image where the library is missing. */
struct image image_pack(enum unpack_format format, const void *data, size_t size)
{
	static size_t (*const packers[])(const void *, size_t, u8 *, size_t) = {
		[UNPACK_GZIP] = pack_gzip, [UNPACK_ZSTD] = pack_zstd, [UNPACK_LZ4] = pack_lz4,
		[UNPACK_XZ] = pack_xz, [UNPACK_LZMA] = pack_lzma, [UNPACK_BZIP2] = pack_bzip2,
	};
	struct image image = image_new(size + size / 8 + 64 * KiB);

	image.size = unpack_missing(format) ? 0 : packers[format](data, size, image.data, image.size);
	return image;
}
