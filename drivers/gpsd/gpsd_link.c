/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/gpsd/gpsd_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT       2947
#define HOST_TODO  "write localhost, 127.0.0.1:PORT or [::1]:PORT"
#define AGAIN_TODO "is gpsd running? it is tried again"

/* Cuts "HOST", "HOST:PORT", "[V6]", "[V6]:PORT", "::1". */
static int split(const char *text, char host[48], long *port)
{
    const char *colon = strrchr(text, ':'), *end;
    bool bracket = *text == '[';
    if (bracket) {
        text++;
        end = strchr(text, ']');
        if (!end || (end[1] && end[1] != ':'))
            return -1;
        colon = end[1] ? end + 1 : NULL;
    } else {
        if (colon && strchr(text, ':') != colon)
            colon = NULL; /* a bare IPv6 address */
        end = colon ? colon : text + strlen(text);
    }
    *port = PORT;
    if (colon) {
        size_t digits = strspn(colon + 1, "0123456789");
        *port = digits && digits < 6 && !colon[1 + digits] ? strtol(colon + 1, NULL, 10) : 0;
    }
    if (end - text > 47 || *port < 1 || *port > 65535)
        return -1;
    snprintf(host, 48, "%.*s", (int)(end - text), text);
    return 0;
}

int gpsd_link_address(const char *text, struct sockaddr_storage *name, socklen_t *size,
                      struct err *err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)name;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)name;
    char host[48];
    long port;
    memset(name, 0, sizeof *name);
    if (split(text, host, &port))
        return err_set(err, text, HOST_TODO, "is no host and port");
    const char *number = strcmp(host, "localhost") ? host : "127.0.0.1";
    bool near;
    if (inet_pton(AF_INET, number, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *size = sizeof *v4;
        near = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    } else if (inet_pton(AF_INET6, number, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *size = sizeof *v6;
        near = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    } else
        return err_set(err, text, HOST_TODO, "is no address of this machine");
    return near ? 0
                : err_set(err, text, HOST_TODO,
                          "is another machine, whose gpsd stamps with another clock");
}

int gpsd_link_open(struct gpsd_link *l, const struct sockaddr_storage *name, socklen_t size,
                   const char *thing, struct err *err)
{
    l->length = 0;
    l->skipping = false;
    l->fd = socket(name->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return err_errno(err, thing, "", "", errno);
    if (!connect(l->fd, (const struct sockaddr *)name, size) || errno == EINPROGRESS)
        return 0;
    err_errno(err, thing, AGAIN_TODO, "connecting", errno);
    gpsd_link_close(l);
    return -1;
}

int gpsd_link_connected(struct gpsd_link *l, const char *thing, struct err *err)
{
    int why = 0;
    socklen_t size = sizeof why;
    if (!getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &why, &size) && !why)
        return 0;
    return err_errno(err, thing, AGAIN_TODO, "connecting", why);
}

int gpsd_link_watch(struct gpsd_link *l, const char *thing, struct err *err)
{
    static const char text[] = "?WATCH={\"enable\":true,\"json\":true,\"pps\":true};\n";
    const ssize_t size = sizeof text - 1;
    if (send(l->fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) == size)
        return 0;
    return err_errno(err, thing, AGAIN_TODO, "asking", errno);
}

/* A NUL in it ends a line early, and then it is no JSON. */
static void take(struct gpsd_link *l, const char *bytes, size_t size,
                 void (*line)(void *arg, char *line), void *arg)
{
    for (size_t i = 0; i < size && l->fd >= 0; i++) {
        bool ends = bytes[i] == '\n';
        if (ends && !l->skipping) {
            size_t length = l->length;
            l->length = 0;
            if (length && l->line[length - 1] == '\r')
                length--;
            l->line[length] = 0;
            if (length)
                line(arg, l->line);
        } else if (ends) {
            l->skipping = false;
        } else if (!l->skipping && l->length + 1 < sizeof l->line) {
            l->line[l->length++] = bytes[i];
        } else if (!l->skipping) {
            l->skipping = true;
            l->length = 0;
            l->too_long++;
        }
    }
}

int gpsd_link_read(struct gpsd_link *l, void (*line)(void *arg, char *line), void *arg,
                   const char *thing, struct err *err)
{
    char bytes[8192];
    ssize_t got = recv(l->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0) {
        l->bytes += (uint64_t)got;
        take(l, bytes, (size_t)got, line, arg);
        return 1;
    }
    if (!got)
        return err_set(err, thing, AGAIN_TODO, "gpsd has closed the connection");
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    return err_errno(err, thing, AGAIN_TODO, "reading", errno);
}

void gpsd_link_close(struct gpsd_link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}
