/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_UNIX_CLIENT_H
#define TIMEBALL_TESTS_UNIX_CLIENT_H

/* A client of a Unix stream socket that does not wait. Include it after cmocka.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* -1: nobody listens there. */
static inline int dial_path(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    if (!connect(fd, (struct sockaddr *)&name, sizeof name))
        return fd;
    close(fd);
    return -1;
}

static inline void tell(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What it has been sent; "" nothing yet, NULL: closed. */
static inline const char *hear(int fd, char *buf, size_t size)
{
    ssize_t n = recv(fd, buf, size - 1, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        return NULL;
    buf[n < 0 ? 0 : n] = 0;
    return buf;
}

#endif
