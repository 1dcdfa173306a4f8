// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing the boot loaders: the input is a kernel's file, of whatever kind.
 */
#include <stddef.h>

#include "boot.h"
#include "log.h"
#include "mem.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Nearly every input is an error; saying so would take most of the time. */
static void silent(const char *line, size_t len)
{
}

static void boot(struct mem *mem, const u8 *data, size_t size, bool kaslr)
{
	struct boot_config config = { .cmdline = "console=ttyS0", .rsdp = 0xf0000 };
	struct boot_image *img;
	struct boot_entry entry;
	size_t config_size;
	char *text;

	if (boot_open_memory(data, size, "fuzz", kaslr, &img))
		return;
	boot_describe(img);
	boot_release(img);
	boot_cmdline_max(img);
	if (!boot_ikconfig(img, 1 * MiB, &text, &config_size))
		free(text);
	boot_load(img, mem, &config, &entry);
	boot_close(img);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	/* Not new for each input, which would cost more than all else. */
	static struct mem *mem;

	log_set_hook(silent);
	if (!mem) {
		mem = mem_new();
		mem_add(mem, 0, 24 * MiB, MEM_RAM, NULL);
	}
	boot(mem, data, size, false);
	if (size > 0x206 && data[0x202] == 'H')
		boot(mem, data, size, true);
	return 0;
}
