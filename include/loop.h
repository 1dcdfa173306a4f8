/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A loop: one thread that waits in epoll and calls back. Backends and the running
 * part of devices live on one; work that may block goes to include/work.h.
 */
#ifndef LKVM_LOOP_H
#define LKVM_LOOP_H

#include "types.h"

struct loop;
struct loop_timer;
struct loop_fd;

typedef void (*loop_fn)(void *arg);
typedef void (*loop_fd_fn)(void *arg, u32 events);

struct loop *loop_new(const char *name);
void loop_free(struct loop *loop);

int loop_start(struct loop *loop);
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
void loop_halt(struct loop *loop);
bool loop_is_current(const struct loop *loop);

struct loop_fd *loop_add(struct loop *loop, int fd, u32 events, loop_fd_fn fn, void *arg);
void loop_modify(struct loop_fd *lfd, u32 events);
void loop_remove(struct loop_fd *lfd);

int loop_call(struct loop *loop, loop_fn fn, void *arg);
int loop_call_wait(struct loop *loop, loop_fn fn, void *arg);

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *arg);
void loop_timer_set(struct loop_timer *timer, u64 delay_ns, u64 period_ns);
void loop_timer_free(struct loop_timer *timer);

#endif /* LKVM_LOOP_H */
