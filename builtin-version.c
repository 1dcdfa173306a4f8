// SPDX-License-Identifier: GPL-2.0-only
/*
 * lkvm version [--features]
 */
#include "builtin.h"
#include "log.h"
#include "options.h"
#include "version.h"

static bool features;

static const struct option_desc options[] = {
	{ 0, "features", OPTION_FLAG, &features, NULL, NULL, "also list what was built in, one per line" },
	{ 0 },
};

void cmd_version_options(void)
{
	options_print(options);
}

int cmd_version(int argc, char **argv)
{
	static const char built_in[] = LKVM_FEATURES;
	int rest;

	if (options_parse(argc, argv, options, &rest))
		return EXIT_LAUNCH;
	if (rest < argc)
		die("version takes no argument %s", argv[rest]);
	printf("lkvm %s%s%s%s\n", LKVM_VERSION, *LKVM_GIT ? " (" : "", LKVM_GIT, *LKVM_GIT ? ")" : "");
	if (features) {
		for (const char *p = built_in; *p;) {
			size_t len = strcspn(p, " ");

			if (len)
				printf("%.*s\n", (int)len, p);
			p += len;
			p += *p == ' ';
		}
	}
	return log_end_output() ? EXIT_LAUNCH : 0;
}
