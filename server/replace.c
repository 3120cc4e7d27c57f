/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int put(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = write(fd, text, left);
        if (n < 0)
            return -1;
        text += n;
        left -= (size_t)n;
    }
    return fsync(fd);
}

int replace_file(const char *path, const char *text)
{
    char next[PATH_MAX];
    if (snprintf(next, sizeof next, "%s.new", path) >= (int)sizeof next)
        return ENAMETOOLONG;
    (void)unlink(next);
    int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return errno;
    int bad = put(fd, text) ? errno : 0;
    if (close(fd) && !bad)
        bad = errno;
    if (!bad && rename(next, path))
        bad = errno;
    if (bad)
        (void)unlink(next);
    return bad;
}
