// SPDX-License-Identifier: GPL-2.0-only
/*
 * The symbols of the kernel that a guest runs. In this order: the file that the user named, the
 * kernel's own file, a vmlinux beside the bzImage in the tree that it was built in, and the
 * kernel's own table in memory. Modules are always looked up in memory.
 *
 * A file may be another build's, or have been built anew since the guest started: the banner
 * ("Linux version ...") that the file has must be in the guest's memory at the same address, or
 * higher by what KASLR has moved the kernel. KASLR moves it by multiples of 2 MiB within
 * 1 GiB, so all places are tried; neither an MSR nor the IDT is needed, which a kernel sets late and a
 * broken one may have lost. A System.map has no banner, only its address. A file without one is
 * no Linux's, and is taken as it is.
 *
 * Symbols are kept. When they are wanted again, banner and list of modules tell whether
 * they are still right.
 *
 * Runs in whatever thread has stopped the vCPUs.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-symbols.h"
#include "paging.h"
#include "symbols.h"
#include "util.h"

#define BANNER_BEGIN	"Linux version "
#define BANNER_MAX	512
#define KASLR_STEP	(2 * MiB)
#define KASLR_STEPS	512
#define LINK_BASE64	0xffffffff81000000ULL	/* where Linux is linked to, unless configured otherwise */
#define LINK_BASE32	0xc1000000ULL
#define MODULES_MAX	4096
#define MODULE_NAME	16	/* of the name, what is hashed */

static const char tree_image[] = "/arch/x86/boot/bzImage";

/* --- bytes of an ELF file --------------------------------------------------- */

/* The headers of either class, with the fields that matter here as those of ELFCLASS64. */
static bool read_header(int fd, Elf64_Ehdr *eh)
{
	Elf32_Ehdr h32;

	if (pread(fd, eh, sizeof(*eh), 0) != sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return false;
	if (eh->e_ident[EI_CLASS] == ELFCLASS32) {
		memcpy(&h32, eh, sizeof(h32));
		eh->e_phoff = h32.e_phoff;
		eh->e_phnum = h32.e_phnum;
		eh->e_shoff = h32.e_shoff;
		eh->e_shnum = h32.e_shnum;
	}
	return true;
}

static bool read_segment(int fd, const Elf64_Ehdr *eh, unsigned int n, Elf64_Phdr *ph)
{
	Elf32_Phdr p32;

	if (eh->e_ident[EI_CLASS] != ELFCLASS32)
		return pread(fd, ph, sizeof(*ph), eh->e_phoff + (u64)n * sizeof(*ph)) == sizeof(*ph);
	if (pread(fd, &p32, sizeof(p32), eh->e_phoff + (u64)n * sizeof(p32)) != sizeof(p32))
		return false;
	*ph = (Elf64_Phdr){ .p_type = p32.p_type, .p_offset = p32.p_offset, .p_vaddr = p32.p_vaddr,
			    .p_filesz = p32.p_filesz };
	return true;
}

/* sh_type is the second word of a section's header in both classes. */
static bool is_symtab(int fd, const Elf64_Ehdr *eh, unsigned int n)
{
	u64 size = eh->e_ident[EI_CLASS] == ELFCLASS32 ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr);
	u32 type;

	return pread(fd, &type, sizeof(type), eh->e_shoff + n * size + offsetof(Elf64_Shdr, sh_type)) == sizeof(type) &&
	       type == SHT_SYMTAB;
}

/* A regular file: opening another may wait, or take what somebody else is to read. */
static int open_regular(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Whether it is an ELF file that has not been stripped. */
static bool has_symbols(const char *path)
{
	int fd = open_regular(path);
	Elf64_Ehdr eh;
	bool has = false;

	if (fd < 0)
		return false;
	if (read_header(fd, &eh))
		for (unsigned int i = 0; i < eh.e_shnum && !has; i++)
			has = is_symtab(fd, &eh, i);
	close(fd);
	return has;
}

/* The string at a virtual address of an ELF file; "" if it has none there. */
static void elf_string(const char *path, u64 va, char *text, size_t size)
{
	int fd = open_regular(path);
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	memset(text, 0, size);
	if (fd < 0)
		return;
	if (!read_header(fd, &eh))
		eh.e_phnum = 0;
	for (unsigned int i = 0; i < eh.e_phnum && read_segment(fd, &eh, i, &ph); i++) {
		u64 at = va - ph.p_vaddr;

		if (ph.p_type != PT_LOAD || va < ph.p_vaddr || at >= ph.p_filesz)
			continue;
		if (pread(fd, text, min((u64)size - 1, ph.p_filesz - at), ph.p_offset + at) < 0)
			*text = '\0';
		break;
	}
	close(fd);
}

/* --- whether it is this kernel ------------------------------------------------ */

/* As much of the banner as there is; "" if something else is there. */
static void guest_banner(const struct paging *p, u64 va, char *text, size_t size)
{
	size_t n = 0;

	memset(text, 0, size);
	while (n < size - 1 && !paging_read(p, va + n, text + n, 1) && text[n] && text[n] != '\n')
		n++;
	text[n] = '\0';
	if (strncmp(text, BANNER_BEGIN, strlen(BANNER_BEGIN)))
		*text = '\0';
}

/* How far the kernel lies above the place that it was linked for. */
static bool find_offset(const struct paging *p, u64 va, const char *wanted, u64 *offset)
{
	char text[BANNER_MAX];

	for (unsigned int i = 0; i < KASLR_STEPS; i++) {
		*offset = i * KASLR_STEP;
		guest_banner(p, va + *offset, text, sizeof(text));
		if (*text && (!*wanted || !strcmp(text, wanted)))
			return true;
	}
	return false;
}

static u64 hash(u64 h, const void *data, size_t len)
{
	const u8 *p = data;

	/* FNV-1a */
	while (len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

/*
 * The kernel's list of modules: struct module has its name behind its list node. A hash of it
 * needs to know no more.
 */
static u64 fingerprint(const struct guest_symbols *g, const struct paging *p)
{
	unsigned int word = p->is64 ? 8 : 4;
	u64 h = 0xcbf29ce484222325ULL, head, at;
	char text[BANNER_MAX];

	if (g->banner) {
		guest_banner(p, g->banner, text, sizeof(text));
		h = hash(h, text, sizeof(text));
	}
	if (!g->found || !symbols_find(g->found, "modules", &head))
		return h;
	at = head;
	for (unsigned int i = 0; i < MODULES_MAX; i++) {
		u64 next = 0;

		if (paging_read(p, at, &next, word) || next == head)
			break;
		memset(text, 0, MODULE_NAME);
		paging_read(p, next + 2 * word, text, MODULE_NAME);
		h = hash(hash(h, &next, sizeof(next)), text, MODULE_NAME);
		at = next;
	}
	return h;
}

/* --- where they come from ------------------------------------------------------- */

static void group_digits(char *text, size_t size, size_t n)
{
	if (n < 1000)
		snprintf(text, size, "%zu", n);
	else if (n < 1000000)
		snprintf(text, size, "%zu,%03zu", n / 1000, n % 1000);
	else
		snprintf(text, size, "%zu,%03zu,%03zu", n / 1000000, n / 1000 % 1000, n % 1000);
}

static void take(struct guest_symbols *g, struct symbols *s, const struct paging *p, const char *source, u64 offset)
{
	struct paging_view view;
	char count[32];
	u64 banner;

	paging_view_init(&view, p);
	/* A kernel without modules, or one that is not up yet, is no worse for it. */
	symbols_read_modules(s, &view.view);
	group_digits(count, sizeof(count), symbols_count(s));
	snprintf(g->line, sizeof(g->line), offset ? "symbols: %s, %s, KASLR offset 0x%llx" : "symbols: %s, %s",
		 source, count, (unsigned long long)offset);
	g->found = s;
	g->banner = symbols_find(s, "linux_banner", &banner) ? banner : 0;
	g->seen = fingerprint(g, p);
}

/*
 * A file's symbols, if it is the guest's kernel. @sure: it must prove it. @why gets
 * the reason why not, unless it was said.
 */
static bool from_file(struct guest_symbols *g, const char *path, char *why, bool sure, const struct paging *p,
		      unsigned int count)
{
	struct symbols *s = symbols_new();
	char wanted[BANNER_MAX] = "";
	u64 banner, offset = 0;
	unsigned int i;

	if (!s || symbols_read_file(s, path))
		goto fail;
	if (!symbols_find(s, "linux_banner", &banner)) {
		if (sure)
			goto fail;
		take(g, s, p, path, 0);
		return true;
	}
	elf_string(path, banner, wanted, sizeof(wanted));
	wanted[strcspn(wanted, "\n")] = '\0';
	if (sure && !*wanted)
		goto fail;
	for (i = 0; i < count; i++)
		if (find_offset(&p[i], banner, wanted, &offset))
			break;
	if (i == count) {
		if (why)
			snprintf(why, sizeof(g->refused), "%s is not the kernel in the guest's memory", path);
		goto fail;
	}
	if (offset)
		symbols_shift(s, offset);
	take(g, s, &p[i], path, offset);
	return true;
fail:
	symbols_free(s);
	return false;
}

/* .../arch/x86/boot/bzImage, or a link to it: the tree has its vmlinux. */
static bool from_tree(struct guest_symbols *g, const struct paging *p, unsigned int count)
{
	char real[PATH_MAX];
	size_t len, tail = sizeof(tree_image) - 1;

	if (!realpath(g->kernel, real))
		return false;
	len = strlen(real);
	if (len < tail || strcmp(real + len - tail, tree_image))
		return false;
	snprintf(real + len - tail, tail, "/vmlinux");
	return has_symbols(real) && from_file(g, real, NULL, true, p, count);
}

static bool from_memory(struct guest_symbols *g, const struct paging *p, unsigned int count)
{
	int err = -ENOENT;

	for (unsigned int i = 0; i < count; i++) {
		struct symbols *s = symbols_new();
		struct paging_view view;
		u64 text, base = p[i].is64 ? LINK_BASE64 : LINK_BASE32;

		paging_view_init(&view, &p[i]);
		err = s ? symbols_read_kallsyms(s, &view.view) : -ENOMEM;
		if (!err) {
			if (!symbols_find(s, "_text", &text) || text < base)
				text = base;
			take(g, s, &p[i], "the guest's kallsyms", text - base);
			return true;
		}
		symbols_free(s);
	}
	snprintf(g->line, sizeof(g->line), "no symbols: %s",
		 err == -ENOENT ? "no kallsyms in the guest's memory (no Linux, one that is not up yet, "
				  "or one without CONFIG_KALLSYMS)" : strerror(-err));
	return false;
}

/**
 * guest_symbols_get() - have the symbols of what the guest runs now
 * @g:		found and line are set; the file's names are the caller's
 * @paging:	the page tables of its vCPUs, the most promising first
 * @count:	how many; without any there are no symbols
 */
void guest_symbols_get(struct guest_symbols *g, const struct paging *paging, unsigned int count)
{
	for (unsigned int i = 0; g->found && i < count; i++)
		if (fingerprint(g, &paging[i]) == g->seen)
			return;
	guest_symbols_fini(g);
	if (!count) {
		snprintf(g->line, sizeof(g->line), "no symbols: no vCPU has started");
		return;
	}
	if (g->file && from_file(g, g->file, g->refused, false, paging, count))
		return;
	if (g->kernel && ((has_symbols(g->kernel) && from_file(g, g->kernel, NULL, false, paging, count)) ||
			  from_tree(g, paging, count)))
		return;
	from_memory(g, paging, count);
}

/**
 * guest_symbols_fini() - release what was found
 */
void guest_symbols_fini(struct guest_symbols *g)
{
	symbols_free(g->found);
	g->found = NULL;
	g->banner = g->seen = 0;
	*g->line = *g->refused = '\0';
}
