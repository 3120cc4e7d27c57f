/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_FIND_FIND_BAR_H
#define TIMEBALL_DRIVERS_FIND_FIND_BAR_H

#include <stddef.h>

#include "drivers/find/find.h"

/* Part of find.c: who else uses the ports found? Fills bar, holder and pid of f->port. */
void find_bars(const char *root, struct find *f);

/*
 * The serial port that a name under /dev means: links are followed up to the first name that the
 * kernel knows as a tty. Writes "/dev/NAME"; returns buf.
 */
const char *find_resolve(const char *root, const char *path, char *buf, size_t size);

#endif
