/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a Linux kernel says about itself on its console.
 */
#ifndef LKVM_KLOG_H
#define LKVM_KLOG_H

#include "types.h"

#define KLOG_LINE 256

/**
 * struct klog - a scanner of console output
 * @panic:	called when the kernel says that it panics
 * @init:	called when the kernel says that it starts init
 * @fault:	called with the name of a class when the kernel reports a fault of it
 * @classes:	which classes of faults, from klog_classes()
 * @arg:	handed to all of them
 * @line:	the line so far, as much as fits
 * @len:	its length
 */
struct klog {
	void (*panic)(void *arg);
	void (*init)(void *arg);
	void (*fault)(void *arg, const char *name);
	unsigned int classes;
	void *arg;
	char line[KLOG_LINE];
	size_t len;
};

int klog_classes(const char *names, unsigned int *classes);
void klog_feed(struct klog *k, const u8 *data, size_t len);

#endif /* LKVM_KLOG_H */
