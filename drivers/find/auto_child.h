/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_FIND_AUTO_CHILD_H
#define TIMEBALL_DRIVERS_FIND_AUTO_CHILD_H

#include "drivers/driver.h"

/* Part of auto.c: the drivers that it opens, with their options. */

/*
 * A driver's state with its options' defaults, and with the values of `from` for the options that
 * both have by the same word and type. NULL: no memory. Not yet open.
 */
struct driver *auto_child_new(const struct driver_ops *ops, struct driver *from,
                              const struct driver_sink *sink, const char *path);

/* Sets a text option, where there is one of that word. */
void auto_child_set_text(struct driver *child, const char *word, const char *value);

/* Closes and frees. NULL is allowed. */
void auto_child_free(struct driver *child);

#endif
