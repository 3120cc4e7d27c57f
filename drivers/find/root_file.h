/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_FIND_ROOT_FILE_H
#define TIMEBALL_DRIVERS_FIND_ROOT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Small files below a folder that stands for the root ("" on a machine), so that what is asked of
 * /sys, /proc, /dev and /etc can be asked of a made-up tree. Paths begin with '/'. Never waits.
 */

/*
 * Reads at most size - 1 bytes and adds a 0; what is after them is left out. Bytes read, 0 and ""
 * when there is no such file or it cannot be read.
 */
size_t root_read(const char *root, const char *path, char *buf, size_t size);

/* The same, of a file with one line of text: without its end, and '?' for what is not printable.
 * False when it is empty or not there. */
bool root_line(const char *root, const char *path, char *buf, size_t size);

/* Is there anything of that name, a broken link included? */
bool root_exists(const char *root, const char *path);

/* Where a link points to, as it is written; false when it is no link. */
bool root_link(const char *root, const char *path, char *buf, size_t size);

/*
 * Calls `each` with every name in a folder but those that begin with '.', in the order of their
 * numbers (tty9 before tty10), until it returns false.
 */
void root_list(const char *root, const char *path, bool (*each)(void *arg, const char *name),
               void *arg);

#endif
