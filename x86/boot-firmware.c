// SPDX-License-Identifier: GPL-2.0-only
/*
 * Firmware: an image such as SeaBIOS's instead of a kernel. As a PC has it, the image is a
 * ROM that ends at 4 GiB, its last 256 KiB (or all of a smaller one) are below 1 MiB
 * too, and the boot CPU starts as a reset leaves it, at the reset vector 16 bytes before
 * the end. The copy below 1 MiB is in memory and can be written, as if the firmware
 * had turned a chipset's shadowing on and copied itself; a SeaBIOS of 256 KiB needs all of it.
 *
 * The firmware finds out by itself what machine this is, and makes its own tables: it gets no
 * tables of ours, no kernel, no command line and no fw_cfg. SeaBIOS learns the size of
 * memory from the RTC's memory.
 *
 * Runs in the thread that opens and loads the image.
 */
#include <errno.h>

#include "boot-image.h"
#include "layout.h"
#include "log.h"
#include "mem.h"
#include "util.h"

#define UNIT		(64 * KiB)	/* sizes of such images are multiples of this */
#define SHADOW_MAX	(256 * KiB)

/**
 * boot_firmware_open() - check a firmware image
 * @img:	the image, its file open
 *
 * Return: 0 or -EINVAL, said.
 */
int boot_firmware_open(struct boot_image *img)
{
	u64 size = img->file.size;

	img->kind = BOOT_FIRMWARE;
	if (!size || size % UNIT || size > LAYOUT_ROM_MAX)
		return usage_error("--firmware %s: has %llu bytes, but images have a multiple of 64 KiB, "
				   "up to %llu MiB", img->name, (ull)size, LAYOUT_ROM_MAX / MiB);
	return 0;
}

/**
 * boot_firmware_load() - put the firmware into its ROM and below 1 MiB
 *
 * Return: 0 or -errno, said.
 */
int boot_firmware_load(struct boot_loading *l, struct boot_entry *entry)
{
	const struct boot_source *file = &l->img->file;
	u64 shadow = min(file->size, SHADOW_MAX);
	int err = boot_source_load(file, 0, file->size, l->mem, LAYOUT_ROM_END - file->size);

	if (!err)
		err = boot_source_load(file, file->size - shadow, shadow, l->mem, LAYOUT_HIGH - shadow);
	entry->mode = BOOT_RESET;
	return err ? error(err, "--firmware %s", l->img->name) : 0;
}
