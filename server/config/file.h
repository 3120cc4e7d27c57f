/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_FILE_H
#define TIMEBALL_SERVER_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "refclock/err.h"

/* A configuration file in memory. */
struct config_file {
    const char *path;
    const struct config_file *from; /* that includes it; NULL: none */
    bool known;                     /* device and inode are */
    dev_t device;
    ino_t inode;
    char *text; /* owned */
    size_t size;
};

/*
 * Reads the file at file->path, which must be a file (or, unless it is included, a
 * character device), of at most CONFIG_FILE_MAX bytes. 0, or -1 with *err and nothing to free.
 */
int config_file_read(struct config_file *file, struct err *err);

/* Frees the text. */
void config_file_free(struct config_file *file);

#endif
