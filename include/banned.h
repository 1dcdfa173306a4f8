/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions that nobody may call here, because each has a safer form. The
 * Makefile puts this file in front of every source.
 */
#ifndef LKVM_BANNED_H
#define LKVM_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Fortified headers make macros of these, and clang will not poison a macro. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll

#endif /* LKVM_BANNED_H */
