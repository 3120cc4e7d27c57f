/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/options.h"

/* A manager that does not read must not stop the clock. */
static void say(const struct notify *n, const char *text)
{
    if (n->fd >= 0)
        (void)!send(n->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A path, or an abstract name that begins with '@'. */
static int connect_to(const char *name)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if ((*name != '/' && *name != '@') || length >= sizeof to.sun_path)
        return -1;
    memcpy(to.sun_path, name, length);
    if (*name == '@')
        to.sun_path[0] = 0;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !connect(fd, (struct sockaddr *)&to, size))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The time between signs of life, if it is this process that they are wanted of. */
static int64_t watchdog_of(const char *us, const char *pid)
{
    int64_t value, whom;
    if (!us || number_int(us, &value) || value <= 0 || value > INT64_MAX / 1000)
        return 0;
    if (pid && (number_int(pid, &whom) || whom != getpid()))
        return 0;
    return value * 1000 / 2; /* half, as its manual advises */
}

void notify_open(struct notify *n)
{
    const char *name = getenv("NOTIFY_SOCKET");
    *n = (struct notify){.fd = name ? connect_to(name) : -1};
    n->watchdog = watchdog_of(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_ready(struct notify *n)
{
    say(n, "READY=1");
}

void notify_tick(struct notify *n, int64_t now, const char *sentence)
{
    char line[sizeof n->status + 16];
    if (n->fd < 0)
        return;
    if (n->watchdog && now - n->last >= n->watchdog) {
        n->last = now;
        say(n, "WATCHDOG=1");
    }
    if (!strncmp(n->status, sentence, sizeof n->status - 1))
        return;
    snprintf(n->status, sizeof n->status, "%s", sentence);
    snprintf(line, sizeof line, "STATUS=%s", n->status);
    say(n, line);
}

void notify_stopping(struct notify *n)
{
    say(n, "STOPPING=1");
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}
