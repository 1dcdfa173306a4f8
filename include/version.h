/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LKVM_VERSION_H
#define LKVM_VERSION_H

#define LKVM_VERSION "0.1"

#endif /* LKVM_VERSION_H */
