/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SOCK_LISTEN_H
#define TIMEBALL_DRIVERS_SOCK_LISTEN_H

#include <sys/types.h>
#include <sys/un.h>

#include "refclock/err.h"

/* A Unix datagram socket that others send to. */
struct sock_listen {
    int fd; /* -1: not open */
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    dev_t device; /* of the file that was made */
    ino_t inode;
};

/*
 * Makes the socket with `mode` from its first moment on. What a program that ended left there is
 * replaced; what is no socket, or one that somebody receives on, is left alone and is an error. The
 * umask is changed for a moment, so before there are threads. 0, or -1 with *err.
 */
int sock_listen_open(struct sock_listen *s, const char *path, mode_t mode, struct err *err);

/* Closes it, and removes the file where it is still the one that was made. fd -1 is allowed. */
void sock_listen_close(struct sock_listen *s);

#endif
