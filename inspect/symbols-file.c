// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads symbols from the files that a kernel's build leaves: a vmlinux with its .symtab, of 32
 * or 64 bits, or a System.map (/proc/kallsyms that was saved is the same).
 *
 * The files are the user's, and may be damaged or the wrong ones: everything is bounded, and
 * one line says what is wrong. They are read and not mapped, since a file that becomes shorter
 * meanwhile would end lkvm. Compressed files are not unpacked.
 *
 * Runs in whichever thread wants the symbols.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "symbols.h"
#include "util.h"

#define SECTIONS_MAX	65536
#define TABLE_MAX	(512 * MiB)	/* of the symbols, or their names */
#define MAP_MAX		(256 * MiB)
#define NAME_MAX_LEN	511

/**
 * struct file - the open file
 * @path:	for messages
 * @size:	when it was opened
 */
struct file {
	const char *path;
	int fd;
	u64 size;
};

static int read_at(const struct file *f, u64 offset, void *data, size_t len)
{
	u8 *p = data;

	while (len) {
		ssize_t n = pread(f->fd, p, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error(-errno, "cannot read %s", f->path);
		if (!n)
			return error(-ENODATA, "%s is cut off", f->path);
		p += n;
		offset += n;
		len -= n;
	}
	return 0;
}

/* A part of the file in memory of its own, with a NUL behind it */
static int load(const struct file *f, u64 offset, u64 len, void **data)
{
	char *p;
	int err;

	if (offset > f->size || len > f->size - offset)
		return error(-EINVAL, "%s is damaged: a part of it would be behind its end", f->path);
	if (len > TABLE_MAX)
		return error(-E2BIG, "%s has a table of %llu MiB", f->path, (unsigned long long)(len / MiB));
	p = malloc(len + 1);
	if (!p)
		return error(-ENOMEM, "cannot read %s", f->path);
	err = read_at(f, offset, p, len);
	if (err) {
		free(p);
		return err;
	}
	p[len] = '\0';
	*data = p;
	return 0;
}

/* --- ELF ----------------------------------------------------------------- */

/**
 * struct elf - an ELF file, with 32-bit structures widened
 * @sections:	their headers
 * @count:	of them
 */
struct elf {
	const struct file *f;
	bool is64;
	Elf64_Shdr *sections;
	u64 count;
};

static Elf64_Shdr widen_section(const Elf32_Shdr *s)
{
	return (Elf64_Shdr) {
		.sh_type = s->sh_type, .sh_flags = s->sh_flags, .sh_offset = s->sh_offset,
		.sh_size = s->sh_size, .sh_link = s->sh_link,
	};
}

static Elf64_Sym get_symbol(const struct elf *elf, const void *table, size_t i)
{
	const Elf32_Sym *s = (const Elf32_Sym *)table + i;

	if (elf->is64)
		return ((const Elf64_Sym *)table)[i];
	return (Elf64_Sym) {
		.st_name = s->st_name, .st_info = s->st_info, .st_shndx = s->st_shndx,
		.st_value = s->st_value, .st_size = s->st_size,
	};
}

static int read_sections(struct elf *elf, u64 offset, u64 count)
{
	size_t size = elf->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	void *table;
	int err;

	/* A file with more sections than 16 bits can tell has their number in the first one. */
	if (!count && offset) {
		err = load(elf->f, offset, size, &table);
		if (err)
			return err;
		count = elf->is64 ? ((Elf64_Shdr *)table)->sh_size : ((Elf32_Shdr *)table)->sh_size;
		free(table);
	}
	if (count > SECTIONS_MAX)
		return error(-E2BIG, "%s is damaged: it would have %llu sections", elf->f->path,
			     (unsigned long long)count);
	err = load(elf->f, offset, count * size, &table);
	if (err)
		return err;
	elf->count = count;
	if (elf->is64) {
		elf->sections = table;
		return 0;
	}
	elf->sections = calloc(count + 1, sizeof(*elf->sections));
	for (u64 i = 0; elf->sections && i < count; i++)
		elf->sections[i] = widen_section((Elf32_Shdr *)table + i);
	free(table);
	return elf->sections ? 0 : error(-ENOMEM, "cannot read %s", elf->f->path);
}

/* The letter that nm(1) shows, or 0 for what is no symbol of code or data */
static char letter(const struct elf *elf, const Elf64_Sym *sym)
{
	unsigned int bind = ELF64_ST_BIND(sym->st_info), type = ELF64_ST_TYPE(sym->st_info);
	const Elf64_Shdr *section;
	char c;

	if (sym->st_shndx == SHN_UNDEF || type == STT_SECTION || type == STT_FILE || type == STT_TLS)
		return 0;
	if (sym->st_shndx == SHN_ABS)
		return bind == STB_LOCAL ? 'a' : 'A';
	if (sym->st_shndx >= elf->count)
		return 0;
	section = &elf->sections[sym->st_shndx];
	if (!(section->sh_flags & SHF_ALLOC))
		return 0;
	if (bind == STB_WEAK)
		return type == STT_OBJECT ? 'V' : 'W';
	if (section->sh_flags & SHF_EXECINSTR)
		c = 't';
	else if (!(section->sh_flags & SHF_WRITE))
		c = 'r';
	else
		c = section->sh_type == SHT_NOBITS ? 'b' : 'd';
	return bind == STB_LOCAL ? c : c + 'A' - 'a';
}

/* Labels of the assembler and the like, which name no function */
static bool is_noise(const char *name)
{
	return !*name || *name == '$' || !strncmp(name, ".L", 2) || !strncmp(name, "__crc_", 6) ||
	       !strncmp(name, "L0", 2);
}

static int add_elf_symbols(const struct elf *elf, const void *table, size_t count, const char *names, size_t names_len,
			   struct symbols *s)
{
	size_t added = 0;

	for (size_t i = 0; i < count; i++) {
		Elf64_Sym sym = get_symbol(elf, table, i);
		char c = letter(elf, &sym);
		const char *name = names + sym.st_name;
		int err;

		if (!c || sym.st_name >= names_len || is_noise(name) || strnlen(name, NAME_MAX_LEN + 1) > NAME_MAX_LEN)
			continue;
		err = symbols_add(s, sym.st_value, sym.st_size, c, name, NULL);
		if (err)
			return error(err, "cannot take the symbols of %s", elf->f->path);
		added++;
	}
	return added ? 0 : usage_error("%s has no symbols in its table: give the vmlinux as it was linked",
				       elf->f->path);
}

static int read_symtab(const struct elf *elf, const Elf64_Shdr *symtab, struct symbols *s)
{
	size_t size = elf->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	const Elf64_Shdr *strtab;
	void *table, *names;
	int err;

	if (symtab->sh_link >= elf->count)
		return error(-EINVAL, "%s is damaged: its symbols have no names", elf->f->path);
	strtab = &elf->sections[symtab->sh_link];
	err = load(elf->f, symtab->sh_offset, symtab->sh_size, &table);
	if (err)
		return err;
	err = load(elf->f, strtab->sh_offset, strtab->sh_size, &names);
	if (!err) {
		err = add_elf_symbols(elf, table, symtab->sh_size / size, names, strtab->sh_size, s);
		free(names);
	}
	free(table);
	return err;
}

static int read_elf(const struct file *f, const u8 *head, struct symbols *s)
{
	struct elf elf = { .f = f, .is64 = head[EI_CLASS] == ELFCLASS64 };
	const Elf64_Ehdr *eh64 = (const Elf64_Ehdr *)head;
	const Elf32_Ehdr *eh32 = (const Elf32_Ehdr *)head;
	size_t size = elf.is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	int err;

	if ((!elf.is64 && head[EI_CLASS] != ELFCLASS32) || head[EI_DATA] != ELFDATA2LSB)
		return usage_error("%s is an ELF file of another machine: give the guest kernel's vmlinux", f->path);
	if ((elf.is64 ? eh64->e_shnum && eh64->e_shentsize != size : eh32->e_shnum && eh32->e_shentsize != size))
		return error(-EINVAL, "%s is damaged: its section headers have a wrong size", f->path);
	err = elf.is64 ? read_sections(&elf, eh64->e_shoff, eh64->e_shnum) :
			 read_sections(&elf, eh32->e_shoff, eh32->e_shnum);
	if (err)
		return err;
	for (u64 i = 0; i < elf.count; i++) {
		if (elf.sections[i].sh_type == SHT_SYMTAB) {
			err = read_symtab(&elf, &elf.sections[i], s);
			goto out;
		}
	}
	err = usage_error("%s has no symbol table, it is stripped: give the vmlinux as it was linked", f->path);
out:
	free(elf.sections);
	return err;
}

/* --- System.map ---------------------------------------------------------- */

/* ADDRESS TYPE NAME [TAB [MODULE]] - returns false when the line is something else */
static bool parse_line(char *line, u64 *addr, char *type, char **name, char **module)
{
	size_t digits = strspn(line, "0123456789abcdefABCDEF");
	char *end = line + digits;

	if ((digits != 8 && digits != 16) || end[0] != ' ' || !end[1] || end[2] != ' ')
		return false;
	*addr = strtoull(line, NULL, 16);
	*type = end[1];
	*name = end + 3;
	*module = strpbrk(*name, " \t");
	if (*module) {
		*(*module)++ = '\0';
		end = strchr(*module, ']');
		if (**module != '[' || !end || end[1])
			return false;
		*end = '\0';
		(*module)++;
	}
	return **name && strlen(*name) <= NAME_MAX_LEN;
}

static int read_map(const struct file *f, char *text, struct symbols *s)
{
	size_t line_number = 0, added = 0;
	bool any_address = false;
	char *next;

	if (strstr(text, " B The real System.map is in "))
		return usage_error("%s is a stub of Debian's: give the vmlinux of the linux-image-...-dbg package",
				   f->path);
	for (char *line = text; *line; line = next) {
		char *name, *module, type;
		u64 addr;
		int err;

		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		line_number++;
		if (!*line)
			continue;
		if (!parse_line(line, &addr, &type, &name, &module))
			return usage_error("line %zu of %s is not of a System.map: 'ADDRESS TYPE NAME' is wanted",
					   line_number, f->path);
		if (type == 'U' || type == 'w' || type == 'v' || is_noise(name))
			continue;
		any_address = any_address || addr;
		err = symbols_add(s, addr, 0, type, name, module);
		if (err)
			return error(err, "cannot take the symbols of %s", f->path);
		added++;
	}
	if (!added)
		return usage_error("%s has no symbols: give a vmlinux or a System.map", f->path);
	if (!any_address)
		return usage_error("%s has no addresses: they were hidden when it was saved (kptr_restrict)", f->path);
	return 0;
}

/* What else people have at hand; NULL if it may be a System.map */
static const char *what_else(const u8 *head, size_t len)
{
	if (len > 0x206 && !memcmp(head + 0x202, "HdrS", 4))
		return "a bzImage";
	if (len > 2 && head[0] == 0x1f && head[1] == 0x8b)
		return "compressed";
	if (len > 4 && (!memcmp(head, "\x28\xb5\x2f\xfd", 4) || !memcmp(head, "\xfd""7zX", 4)))
		return "compressed";
	return memchr(head, '\0', len) ? "neither a vmlinux nor a System.map" : NULL;
}

static int read_open(const struct file *f, struct symbols *s)
{
	u8 head[1024] __attribute__((aligned(8))) = { 0 };
	size_t len = min(f->size, (u64)sizeof(head));
	const char *what;
	void *text;
	int err = read_at(f, 0, head, len);

	if (err)
		return err;
	if (len >= sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG))
		return read_elf(f, head, s);
	what = what_else(head, len);
	if (what)
		return usage_error("%s is %s, which has no symbols: give a vmlinux or a System.map", f->path, what);
	if (f->size > MAP_MAX)
		return error(-E2BIG, "%s is too big for a System.map", f->path);
	err = load(f, 0, f->size, &text);
	if (err)
		return err;
	err = read_map(f, text, s);
	free(text);
	return err;
}

/**
 * symbols_read_file() - add the symbols of a vmlinux or a System.map
 * @s:		sorted afterwards; the addresses are those of the file, see symbols_shift()
 *
 * What is wrong with the file is said.
 *
 * Return: 0 or -errno.
 */
int symbols_read_file(struct symbols *s, const char *path)
{
	struct file f = { .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) };
	struct stat st;
	int err;

	if (f.fd < 0)
		return error(-errno, "cannot open %s", path);
	if (fstat(f.fd, &st) < 0) {
		err = error(-errno, "cannot read %s", path);
	} else if (!S_ISREG(st.st_mode)) {
		err = usage_error("%s is no file: give a vmlinux or a System.map", path);
	} else {
		f.size = st.st_size;
		err = read_open(&f, s);
	}
	close(f.fd);
	symbols_sort(s);
	return err;
}
