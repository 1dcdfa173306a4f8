/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the makers and the readers of instances share: places, files, and who lives.
 */
#ifndef LKVM_INSTANCE_FILES_H
#define LKVM_INSTANCE_FILES_H

#include <sys/un.h>

#include "types.h"

#define INSTANCE_PLACES	2
#define INSTANCE_LOCK	"lock"
#define INSTANCE_SOCKET	"ctl"
#define INSTANCE_INFO	"info.json"

/* Names of instances have no dot in front, so these are never taken for one. */
#define INSTANCE_NEW	".new-"
#define INSTANCE_OLD	".old-"
#define INSTANCE_IN_BETWEEN 48

int instance_place_path(unsigned int place, char *path, size_t size);
int instance_place_open(unsigned int place, bool create);
int instance_dir_open(int place_fd, const char *name);
int instance_owner(int dir_fd, int *pid);
int instance_evict(int place_fd, const char *name, bool wait, int *pid);
void instance_delete(int place_fd, int dir_fd, const char *name);
void instance_in_between(const char *prefix, char name[INSTANCE_IN_BETWEEN]);
int instance_address(int dir_fd, struct sockaddr_un *addr);

#endif /* LKVM_INSTANCE_FILES_H */
