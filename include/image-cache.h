/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image cache: unpacked kernels, kept from run to run.
 */
#ifndef LKVM_IMAGE_CACHE_H
#define LKVM_IMAGE_CACHE_H

#include "types.h"

struct stat;

#define IMAGE_CACHE_NAME 64	/* hex digits of a content hash */

/**
 * struct image_cache_entry - an entry that was found
 * @fd:		its file, open for reading; the caller's to close
 * @size:	bytes of the image, which begins at offset 0
 * @name:	its name in the cache
 */
struct image_cache_entry {
	int fd;
	u64 size;
	char name[IMAGE_CACHE_NAME + 1];
};

int image_cache_name(const void *packed, size_t size, char name[IMAGE_CACHE_NAME + 1]);

int image_cache_find(const struct stat *source, struct image_cache_entry *entry);
int image_cache_open(const char *name, struct image_cache_entry *entry);
int image_cache_store(const char *name, const void *image, size_t size);
int image_cache_link(const struct stat *source, const char *name);
void image_cache_drop(const char *name);

#endif /* LKVM_IMAGE_CACHE_H */
