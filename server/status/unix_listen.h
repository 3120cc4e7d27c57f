/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_STATUS_UNIX_LISTEN_H
#define TIMEBALL_SERVER_STATUS_UNIX_LISTEN_H

#include <stdbool.h>
#include <sys/stat.h>

#include "refclock/err.h"

/* A listening Unix stream socket in the file system. */
struct unix_listen {
    int fd; /* -1: none */
    char path[108];
    dev_t device; /* of the socket's file, so that only our own is removed */
    ino_t inode;
};

/*
 * Makes the socket with `mode` from its first moment (by the umask around bind(2), which counts for
 * the whole process: not while there are threads), non-blocking, close on exec. A missing folder
 * (the last one of the path) is made, mode 0755. A socket that nobody listens on is replaced; one
 * that is alive, or another kind of file, is an error. `word` is the directive that chooses the
 * path, for messages. Returns 0, or -1 with *err.
 */
int unix_listen_open(struct unix_listen *u, const char *path, mode_t mode, const char *word,
                     struct err *err);

/* Closes it and removes its file, unless that is another one by now. */
void unix_listen_close(struct unix_listen *u);

#endif
