// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing what unpacks: the first byte chooses the format, the rest is the stream.
 */
#include <stddef.h>

#include "log.h"
#include "unpack.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Nearly every input is an error; saying so would take most of the time. */
static void silent(const char *line, size_t len)
{
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	enum unpack_format format;
	struct unpacked u;

	log_set_hook(silent);
	if (!size)
		return 0;
	unpack_probe(data, size);
	format = data[0] % (UNPACK_LZO + 1);
	if (!unpack("fuzz", format, data + 1, size - 1, data[0] & 0x80 ? 1000 : 0, 1 * MiB, &u))
		unpack_free(&u);
	return 0;
}
