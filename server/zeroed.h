/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ZEROED_H
#define TIMEBALL_SERVER_ZEROED_H

#include <stddef.h>

/*
 * `size` octets that are 0, at a multiple of `alignment` (a power of two, 16 or more). Of a large
 * one, what is never touched never takes memory. NULL: no memory. Freed by zeroed_free() alone.
 */
void *zeroed_new(size_t size, size_t alignment);

/* NULL is allowed. */
void zeroed_free(void *at);

#endif
