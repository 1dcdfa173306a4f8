// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing the readers of a vmlinux and a System.map, and the table that they fill.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "symbols.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Nearly every input is an error; saying so would take most of the time. */
static void silent(const char *line, size_t len)
{
}

static void ask(void *arg, u64 addr, char type, const char *name, const char *module)
{
	const struct symbols *s = arg;
	struct symbol_at at;
	u64 found;

	if (!symbols_find(s, name, &found))
		abort();
	if (symbols_at(s, addr, &at) && (!at.name || at.offset > addr))
		abort();
	symbols_at(s, addr + 1, &at);
	symbols_at(s, addr - 1, &at);
	symbols_is_text(s, addr);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static int fd = -1;
	static char path[32];
	struct symbols *s = symbols_new();

	log_set_hook(silent);
	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (!s || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (!symbols_read_file(s, path)) {
		symbols_each(s, ask, s);
		symbols_shift(s, 0x1000000);
		symbols_each(s, ask, s);
	}
	symbols_free(s);
	return 0;
}
