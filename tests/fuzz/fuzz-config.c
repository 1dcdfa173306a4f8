// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing kernel configurations: the input is a .config, which is read, asked, and judged.
 */
#include <stddef.h>

#include "findings.h"
#include "kernel-check.h"
#include "kernel-config.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct findings findings = { 0 };
	struct kernel_config *cfg;

	if (kernel_config_parse(data, size, &cfg))
		return 0;
	BUG_ON(!kernel_config_count(cfg));
	kernel_check(cfg, kernel_features, &findings);
	BUG_ON(!findings.lost && !findings.count);
	findings_free(&findings);
	kernel_config_free(cfg);
	return 0;
}
