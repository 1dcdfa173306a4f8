/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text in JSON: what comes from guests and file names need not be UTF-8, JSON must be.
 * And times, which are to be read by people too.
 */
#ifndef LKVM_JSON_TEXT_H
#define LKVM_JSON_TEXT_H

#include "types.h"

struct json_object;

struct json_object *json_text(const char *text, size_t len);
struct json_object *json_seconds(double seconds);
size_t utf8_sequence(const u8 *at, size_t len);

#endif /* LKVM_JSON_TEXT_H */
