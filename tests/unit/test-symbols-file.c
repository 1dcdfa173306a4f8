// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symbols from files: ELF of 32 and 64 bits, System.map, and the files that people give
 * by mistake, or that are damaged: one line, and no symbol out of nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images.h"
#include "log.h"
#include "symbols.h"
#include "util.h"

#define PATH "/tmp/lkvm-test-symbols"

static char path[64];

static int read_bytes(const void *data, size_t size, struct symbols **s)
{
	image_write(path, data, size);
	*s = symbols_new();
	said_start();
	return symbols_read_file(*s, path);
}

static int read_text(const char *text, struct symbols **s)
{
	return read_bytes(text, strlen(text), s);
}

/* What is wrong with the file is said in a line that names it. */
static void assert_refused(const void *data, size_t size, const char *why)
{
	struct symbols *s;

	assert_true(read_bytes(data, size, &s) < 0);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), path));
	if (!strstr(said(), why))
		fail_msg("'%s' has no '%s'", said(), why);
	symbols_free(s);
}

/* --- ELF ------------------------------------------------------------------ */

#define SECTIONS 7
enum { NONE, TEXT, RODATA, DATA, BSS, SYMTAB, STRTAB };

struct source {
	const char *name;
	u64 value, size;
	u8 bind, type;
	u16 section;
	char letter;		/* what is to come out; 0 for nothing */
};

static const struct source sources[] = {
	{ "", 0, 0, STB_LOCAL, STT_NOTYPE, SHN_UNDEF, 0 },
	{ "main.c", 0, 0, STB_LOCAL, STT_FILE, SHN_ABS, 0 },
	{ "section", 0x81000000, 0, STB_LOCAL, STT_SECTION, TEXT, 0 },
	{ "_text", 0x81000000, 0, STB_GLOBAL, STT_NOTYPE, TEXT, 'T' },
	{ "panic", 0x81000100, 0x80, STB_GLOBAL, STT_FUNC, TEXT, 'T' },
	{ "do_idle", 0x81000200, 0x40, STB_LOCAL, STT_FUNC, TEXT, 't' },
	{ ".Llabel", 0x81000210, 0, STB_LOCAL, STT_NOTYPE, TEXT, 0 },
	{ "$x", 0x81000220, 0, STB_LOCAL, STT_NOTYPE, TEXT, 0 },
	{ "weak", 0x81000300, 0x10, STB_WEAK, STT_FUNC, TEXT, 'W' },
	{ "table", 0x81200000, 0x10, STB_LOCAL, STT_OBJECT, RODATA, 'r' },
	{ "init_task", 0x81300000, 0x10, STB_GLOBAL, STT_OBJECT, DATA, 'D' },
	{ "buffer", 0x81400000, 0x10, STB_LOCAL, STT_OBJECT, BSS, 'b' },
	{ "_end", 0x81500000, 0, STB_GLOBAL, STT_NOTYPE, BSS, 'B' },
	{ "ABS", 0x1234, 0, STB_GLOBAL, STT_NOTYPE, SHN_ABS, 'A' },
	{ "undefined", 0, 0, STB_GLOBAL, STT_NOTYPE, SHN_UNDEF, 0 },
	{ "nowhere", 0x81000000, 0, STB_GLOBAL, STT_NOTYPE, 0x1000, 0 },
	{ "in_strtab", 0x10, 0, STB_GLOBAL, STT_NOTYPE, STRTAB, 0 },
};

struct elf_image {
	u8 data[8192];
	size_t size;
};

static u64 high(const struct source *s)
{
	return s->value >= 0x80000000 ? 0xffffffff00000000ULL : 0;
}

static void add_section(struct elf_image *e, bool is64, int i, Elf64_Shdr sh)
{
	if (is64) {
		memcpy(e->data + 64 + i * sizeof(sh), &sh, sizeof(sh));
	} else {
		Elf32_Shdr small = {
			.sh_type = sh.sh_type, .sh_flags = sh.sh_flags, .sh_offset = sh.sh_offset,
			.sh_size = sh.sh_size, .sh_link = sh.sh_link,
		};

		memcpy(e->data + 64 + i * sizeof(small), &small, sizeof(small));
	}
}

static void build(struct elf_image *e, bool is64)
{
	size_t symtab = 1024, strtab = 4096, names = 1;
	size_t size = is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);

	memset(e, 0, sizeof(*e));
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		const struct source *s = &sources[i];
		Elf64_Sym sym = { names, ELF64_ST_INFO(s->bind, s->type), 0, s->section, s->value + high(s), s->size };
		Elf32_Sym small = { names, s->value, s->size, ELF32_ST_INFO(s->bind, s->type), 0, s->section };

		memcpy(e->data + symtab + i * size, is64 ? (void *)&sym : &small, size);
		memcpy(e->data + strtab + names, s->name, strlen(s->name));
		names += strlen(s->name) + 1;
	}
	add_section(e, is64, TEXT, (Elf64_Shdr) { .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR });
	add_section(e, is64, RODATA, (Elf64_Shdr) { .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC });
	add_section(e, is64, DATA, (Elf64_Shdr) { .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_WRITE });
	add_section(e, is64, BSS, (Elf64_Shdr) { .sh_type = SHT_NOBITS, .sh_flags = SHF_ALLOC | SHF_WRITE });
	add_section(e, is64, SYMTAB, (Elf64_Shdr) { .sh_type = SHT_SYMTAB, .sh_offset = symtab,
						    .sh_size = ARRAY_SIZE(sources) * size, .sh_link = STRTAB });
	add_section(e, is64, STRTAB, (Elf64_Shdr) { .sh_type = SHT_STRTAB, .sh_offset = strtab, .sh_size = names });
	if (is64) {
		Elf64_Ehdr eh = { .e_shoff = 64, .e_shnum = SECTIONS, .e_shentsize = sizeof(Elf64_Shdr) };

		memcpy(e->data, &eh, sizeof(eh));
	} else {
		Elf32_Ehdr eh = { .e_shoff = 64, .e_shnum = SECTIONS, .e_shentsize = sizeof(Elf32_Shdr) };

		memcpy(e->data, &eh, sizeof(eh));
	}
	memcpy(e->data, ELFMAG, SELFMAG);
	e->data[EI_CLASS] = is64 ? ELFCLASS64 : ELFCLASS32;
	e->data[EI_DATA] = ELFDATA2LSB;
	e->size = strtab + names;
}

static void check_one(void *arg, u64 addr, char type, const char *name, const char *module)
{
	size_t *seen = arg;

	assert_null(module);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (strcmp(sources[i].name, name))
			continue;
		assert_int_equal((u32)addr, sources[i].value);
		assert_int_equal(type, sources[i].letter);
		(*seen)++;
		return;
	}
	fail_msg("a symbol '%s' out of nothing", name);
}

static void test_elf(void **state)
{
	for (int is64 = 0; is64 < 2; is64++) {
		size_t expected = 0, seen = 0;
		struct elf_image e;
		struct symbol_at at;
		struct symbols *s;
		u64 up = is64 ? 0xffffffff00000000ULL : 0;

		build(&e, is64);
		assert_int_equal(read_bytes(e.data, e.size, &s), 0);
		assert_int_equal(said_lines(), 0);
		for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
			expected += sources[i].letter != 0;
		symbols_each(s, check_one, &seen);
		assert_int_equal(seen, expected);
		assert_true(symbols_at(s, up + 0x81000110, &at));
		assert_string_equal(at.name, "panic");
		assert_int_equal(at.size, 0x80);
		symbols_free(s);
	}
}

static void test_elf_many_sections(void **state)
{
	struct elf_image e;
	struct symbols *s;

	/* More than 16 bits can tell: the number is in the first section's header */
	build(&e, true);
	((Elf64_Ehdr *)e.data)->e_shnum = 0;
	((Elf64_Shdr *)(e.data + 64))->sh_size = SECTIONS;
	assert_int_equal(read_bytes(e.data, e.size, &s), 0);
	symbols_free(s);
	((Elf64_Shdr *)(e.data + 64))->sh_size = 1ULL << 40;
	assert_refused(e.data, e.size, "sections");
}

static void test_elf_bad(void **state)
{
	struct elf_image e;
	Elf64_Shdr *sh = (Elf64_Shdr *)(e.data + 64);

	build(&e, true);
	sh[SYMTAB].sh_type = SHT_PROGBITS;
	assert_refused(e.data, e.size, "stripped");
	build(&e, true);
	((Elf64_Ehdr *)e.data)->e_shoff = 0;
	((Elf64_Ehdr *)e.data)->e_shnum = 0;
	assert_refused(e.data, e.size, "stripped");
	build(&e, true);
	sh[SYMTAB].sh_link = 100;
	assert_refused(e.data, e.size, "damaged");
	build(&e, true);
	sh[SYMTAB].sh_offset = UINT64_MAX - 10;
	assert_refused(e.data, e.size, "damaged");
	build(&e, true);
	sh[STRTAB].sh_size = 1ULL << 62;
	assert_refused(e.data, e.size, "damaged");
	build(&e, true);
	sh[STRTAB].sh_size = 0;
	assert_refused(e.data, e.size, "no symbols");
	build(&e, true);
	((Elf64_Ehdr *)e.data)->e_shentsize = 1;
	assert_refused(e.data, e.size, "damaged");
	build(&e, true);
	((Elf64_Ehdr *)e.data)->e_shoff = UINT64_MAX;
	assert_refused(e.data, e.size, "damaged");
	build(&e, true);
	e.data[EI_DATA] = ELFDATA2MSB;
	assert_refused(e.data, e.size, "another machine");
	e.data[EI_CLASS] = 7;
	assert_refused(e.data, e.size, "another machine");
}

/* Any byte may be wrong, and the file cut off anywhere. */
static void test_elf_damaged(void **state)
{
	for (int is64 = 0; is64 < 2; is64++) {
		struct elf_image e;
		struct symbols *s;
		u32 seed = 1;

		build(&e, is64);
		for (size_t size = 0; size < e.size; size += 61) {
			if (read_bytes(e.data, size, &s) < 0)
				assert_int_equal(said_lines(), 1);
			symbols_free(s);
		}
		for (int i = 0; i < 400; i++) {
			struct elf_image bad = e;

			seed = seed * 1664525 + 1013904223;
			bad.data[(seed >> 8) % (i & 1 ? 1024 : e.size)] = seed >> 3;
			if (read_bytes(bad.data, bad.size, &s) < 0)
				assert_int_equal(said_lines(), 1);
			symbols_free(s);
		}
	}
}

/* --- System.map ------------------------------------------------------------ */

static void test_map(void **state)
{
	struct symbol_at at;
	struct symbols *s;
	u64 addr;

	assert_int_equal(read_text("0000000000000000 D cpu_debug_store\n"
				   "ffffffff81000000 T _text\n"
				   "ffffffff81000000 T startup_64\n"
				   "ffffffff81000100 t do_idle\n"
				   "\n"
				   "                 U undefined\n", &s), -EINVAL);
	symbols_free(s);
	assert_int_equal(read_text("0000000000000000 D cpu_debug_store\n"
				   "ffffffff81000000 T _text\n"
				   "ffffffff81000000 T startup_64\n"
				   "ffffffff81000100 t do_idle\n"
				   "\n"
				   "ffffffffc0001000 t fuse_open\t[fuse]\n"
				   "ffffffff81200000 B _end", &s), 0);
	assert_int_equal(said_lines(), 0);
	assert_int_equal(symbols_count(s), 6);
	assert_true(symbols_at(s, 0xffffffff81000180, &at));
	assert_string_equal(at.name, "do_idle");
	assert_int_equal(at.offset, 0x80);
	assert_true(symbols_find(s, "fuse_open", &addr));
	assert_int_equal(addr, 0xffffffffc0001000);
	symbols_free(s);
	assert_int_equal(read_text("c1000000 T _text\nc1000100 t do_idle\nc1200000 B _end\n", &s), 0);
	assert_true(symbols_at(s, 0xc1000104, &at));
	assert_string_equal(at.name, "do_idle");
	symbols_free(s);
}

static void test_map_bad(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n", "stub" },
		{ "", "no symbols" },
		{ "\n\n", "no symbols" },
		{ "0000000000000000 T _text\n0000000000000000 t do_idle\n", "hidden" },
		{ "hello\n", "line 1" },
		{ "c1000000 T _text\nc1000100 do_idle\n", "line 2" },
		{ "c1000000 T _text\nc10001 T do_idle\n", "line 2" },
		{ "c1000000 T _text\nfffffffffffffffff T do_idle\n", "line 2" },
		{ "c1000000 T _text \n", "line 1" },
		{ "c1000000 T \n", "line 1" },
		{ "c1000000 T a b\n", "line 1" },
		{ "c1000000 T a [b]c\n", "line 1" },
		{ "-1000000 T a\n", "line 1" },
		{ "CONFIG_X86=y\n", "line 1" },
	};
	char line[2000];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refused(bad[i].text, strlen(bad[i].text), bad[i].why);
	memset(line, 'x', sizeof(line));
	memcpy(line, "c1000000 T ", 11);
	assert_refused(line, sizeof(line), "line 1");
}

/* --- other files ------------------------------------------------------------ */

static void test_others(void **state)
{
	u8 data[2048] = { 0 };
	struct symbols *s = symbols_new();

	assert_refused(data, sizeof(data), "neither");
	memcpy(data + 0x202, "HdrS", 4);
	assert_refused(data, sizeof(data), "bzImage");
	memcpy(data, "\x1f\x8b\x08", 3);
	memset(data + 0x202, 0, 4);
	assert_refused(data, sizeof(data), "compressed");
	memcpy(data, "\x28\xb5\x2f\xfd", 4);
	assert_refused(data, sizeof(data), "compressed");

	said_start();
	assert_int_equal(symbols_read_file(s, "/nonexistent/vmlinux"), -ENOENT);
	assert_int_equal(said_lines(), 1);
	assert_non_null(strstr(said(), "/nonexistent/vmlinux"));
	said_start();
	assert_int_equal(symbols_read_file(s, "/tmp"), -EINVAL);
	assert_int_equal(said_lines(), 1);
	/* Nobody writes to it: lkvm must not wait. */
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	said_start();
	assert_int_equal(symbols_read_file(s, path), -EINVAL);
	assert_int_equal(said_lines(), 1);
	unlink(path);
	assert_int_equal(symbols_count(s), 0);
	symbols_free(s);
}

static int setup(void **state)
{
	snprintf(path, sizeof(path), PATH "-%d", getpid());
	return 0;
}

static int teardown(void **state)
{
	log_set_hook(NULL);
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf),
		cmocka_unit_test(test_elf_many_sections),
		cmocka_unit_test(test_elf_bad),
		cmocka_unit_test(test_elf_damaged),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_bad),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests_name("symbols-file", tests, setup, teardown);
}
