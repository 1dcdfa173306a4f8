/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instances: the folder that each run has while it lives, for other lkvm commands.
 *
 * $XDG_RUNTIME_DIR/lkvm/NAME, or ~/.lkvm/run/NAME where that can't be used, has
 *
 *	lock		locked (flock) by the run as long as it lives; holds its pid
 *	ctl		Unix stream socket, see include/control.h
 *	info.json	what does not change
 */
#ifndef LKVM_INSTANCE_H
#define LKVM_INSTANCE_H

#include "types.h"

#define INSTANCE_NAME_MAX 64

struct instance;

/**
 * struct instance_info - what info.json has
 * @name:	of the VM
 * @pid:	of its lkvm
 * @started:	when, in seconds since the epoch
 * @kernel:	absolute path, or NULL
 * @cpus:	how many vCPUs
 * @mem_size:	bytes of guest memory
 */
struct instance_info {
	char *name;
	int pid;
	u64 started;
	char *kernel;
	unsigned int cpus;
	u64 mem_size;
};

/**
 * struct instance_entry - somebody's instance, alive when it was looked at
 * @place:	which of the places it is in
 */
struct instance_entry {
	struct instance_info info;
	unsigned int place;
};

bool instance_name_valid(const char *name);

/* The run's own. */
int instance_new(const struct instance_info *info, bool named, struct instance **out);
int instance_socket(const struct instance *inst);
void instance_remove(struct instance *inst);
void instance_free(struct instance *inst);

/* Everybody's. */
int instance_list(struct instance_entry **entries, unsigned int *count);
int instance_find(const char *name, struct instance_entry **out);
int instance_choose(const char *name, struct instance_entry **out);
void instance_list_free(struct instance_entry *entries, unsigned int count);
int instance_connect(const struct instance_entry *entry);
int instance_signal(const struct instance_entry *entry, int sig);
bool instance_alive(const struct instance_entry *entry);
void instance_wait(const struct instance_entry *entry);

#endif /* LKVM_INSTANCE_H */
