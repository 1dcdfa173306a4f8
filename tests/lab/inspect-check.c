// SPDX-License-Identifier: GPL-2.0-only
/*
 * What inspect/ reads of an ELF kernel, as text, so that a case can compare it with what other
 * tools read:
 *
 *   file FILE			the symbols of a vmlinux or a System.map, as nm(1) prints them
 *   kallsyms VMLINUX [SLIDE]	those of the kernel's own table, found in an image of its memory as in
 *				a guest's; moved by SLIDE, with the pointers that a kernel relocates
 *   member VMLINUX STRUCT PATH	offset, size, elements and bytes of each, by the kernel's BTF
 */
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "btf.h"
#include "guest-view.h"
#include "log.h"
#include "symbols.h"
#include "util.h"

struct image {
	struct guest_view view;
	u8 *file;
	size_t size;
	const Elf64_Phdr *phdr;
	int count;
	u64 slide;
};

/* The kernel's half only: a segment of per-CPU variables is at 0. */
static bool is_kernel(const Elf64_Phdr *ph)
{
	return ph->p_type == PT_LOAD && ph->p_vaddr >> 63 && ph->p_filesz;
}

static int image_read(const struct guest_view *view, u64 va, void *data, size_t len)
{
	const struct image *image = container_of(view, struct image, view);

	for (int i = 0; i < image->count; i++) {
		const Elf64_Phdr *ph = &image->phdr[i];
		u64 start = ph->p_vaddr + image->slide;

		if (!is_kernel(ph) || va < start || va - start > ph->p_filesz || len > ph->p_filesz - (va - start))
			continue;
		memcpy(data, image->file + ph->p_offset + (va - start), len);
		return 0;
	}
	return -EFAULT;
}

static bool image_next(const struct guest_view *view, u64 va, u64 *start, u64 *end)
{
	const struct image *image = container_of(view, struct image, view);
	bool found = false;

	for (int i = 0; i < image->count; i++) {
		const Elf64_Phdr *ph = &image->phdr[i];
		u64 low = ph->p_vaddr + image->slide, high = low + ph->p_filesz;

		if (!is_kernel(ph) || high <= va || (found && low >= *start))
			continue;
		found = true;
		*start = low;
		*end = high;
	}
	return found;
}

static void image_open(struct image *image, const char *path)
{
	const Elf64_Ehdr *eh;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		err(1, "%s", path);
	image->file = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (image->file == MAP_FAILED)
		err(1, "%s", path);
	image->size = st.st_size;
	eh = (const Elf64_Ehdr *)image->file;
	if (image->size < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_ident[EI_CLASS] != ELFCLASS64)
		errx(1, "%s: not a 64-bit ELF file", path);
	image->phdr = (const Elf64_Phdr *)(image->file + eh->e_phoff);
	image->count = eh->e_phnum;
	image->view = (struct guest_view) { image_read, image_next, true };
}

/* What a kernel does to its pointers when it was moved, for those that point into it */
static void relocate(struct image *image)
{
	u64 low = UINT64_MAX, high = 0;

	for (int i = 0; i < image->count; i++) {
		if (!is_kernel(&image->phdr[i]))
			continue;
		low = min(low, image->phdr[i].p_vaddr);
		high = max(high, image->phdr[i].p_vaddr + image->phdr[i].p_memsz);
	}
	for (int i = 0; i < image->count; i++) {
		const Elf64_Phdr *ph = &image->phdr[i];
		u64 *p = (u64 *)(image->file + ph->p_offset);

		for (size_t n = is_kernel(ph) ? ph->p_filesz / 8 : 0; n--; p++)
			if (*p >= low && *p < high)
				*p += image->slide;
	}
}

static void print(void *arg, u64 addr, char type, const char *name, const char *module)
{
	printf("%016llx %c %s%s%s\n", (unsigned long long)addr, type, name, module ? "\t" : "", module ? module : "");
}

static int read_image(struct symbols *s, struct image *image, const char *path, u64 slide)
{
	struct timespec t0, t1;
	int status;

	image_open(image, path);
	image->slide = slide;
	if (slide)
		relocate(image);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	status = symbols_read_kallsyms(s, &image->view);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	fprintf(stderr, "%zu symbols in %ld ms\n", symbols_count(s),
		(t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000);
	return status;
}

static int print_member(const struct symbols *s, const struct image *image, const char *name, const char *path)
{
	struct btf_member m;
	struct btf *btf;
	u64 start, end;
	int status = -ENOENT;

	if (symbols_find(s, "__start_BTF", &start) && symbols_find(s, "__stop_BTF", &end))
		status = btf_read(&btf, &image->view, start, end);
	if (status)
		return status;
	if (btf_member(btf, name, path, &m))
		printf("%s.%s %u %u %u %u\n", name, path, m.offset, m.size, m.count, m.element);
	else
		status = -ESRCH;
	btf_free(btf);
	return status;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	struct symbols *s = symbols_new();
	struct image image = { .slide = 0 };
	int status;

	if (!strcmp(what, "file") && argc == 3) {
		status = symbols_read_file(s, argv[2]);
	} else if (!strcmp(what, "kallsyms") && argc <= 4) {
		status = read_image(s, &image, argv[2], argc == 4 ? strtoull(argv[3], NULL, 16) : 0);
	} else if (!strcmp(what, "member") && argc == 5) {
		status = read_image(s, &image, argv[2], 0);
		if (!status)
			return print_member(s, &image, argv[3], argv[4]) ? 1 : 0;
	} else {
		errx(1, "usage: inspect-check file FILE | kallsyms VMLINUX [SLIDE] | member VMLINUX STRUCT PATH");
	}
	if (status)
		errx(1, "%s: %s", argv[2], strerror(-status));
	symbols_each(s, print, NULL);
	symbols_free(s);
	return 0;
}
