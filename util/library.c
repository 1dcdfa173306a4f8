// SPDX-License-Identifier: GPL-2.0-only
/*
 * dlopen() of libraries that most runs do not need.
 */
#include <dlfcn.h>

#include "library.h"

/**
 * library_load() - load a library and look its functions up; use LIBRARY()
 * @sonames:	names to try, up to a NULL
 * @symbols:	what is needed of it
 * @count:	how many
 *
 * Return: whether one could be loaded and has them all.
 */
bool library_load(const char *const *sonames, const struct library_symbol *symbols, unsigned int count)
{
	void *handle = NULL;

	for (; *sonames && !handle; sonames++)
		handle = dlopen(*sonames, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		void *fn = dlsym(handle, symbols[i].name);

		if (!fn)
			return false;
		memcpy(symbols[i].fn, &fn, sizeof(fn));
	}
	return true;
}
