/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/find/root_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *below(const char *root, const char *path, char *buf)
{
    snprintf(buf, PATH_MAX, "%s%s", root, path);
    return buf;
}

size_t root_read(const char *root, const char *path, char *buf, size_t size)
{
    char full[PATH_MAX];
    size_t n = 0;
    int fd = open(below(root, path, full), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    buf[0] = 0;
    if (fd < 0)
        return 0;
    for (ssize_t got = 1; got > 0 && n<size - 1; n += got> 0 ? (size_t)got : 0)
        got = read(fd, buf + n, size - 1 - n);
    close(fd);
    buf[n] = 0;
    return n;
}

bool root_line(const char *root, const char *path, char *buf, size_t size)
{
    root_read(root, path, buf, size);
    buf[strcspn(buf, "\n")] = 0;
    for (char *c = buf; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return *buf;
}

bool root_exists(const char *root, const char *path)
{
    char full[PATH_MAX];
    struct stat st;
    return !lstat(below(root, path, full), &st);
}

bool root_link(const char *root, const char *path, char *buf, size_t size)
{
    char full[PATH_MAX];
    ssize_t n = readlink(below(root, path, full), buf, size - 1);
    buf[n > 0 ? n : 0] = 0;
    return n > 0;
}

void root_list(const char *root, const char *path, bool (*each)(void *arg, const char *name),
               void *arg)
{
    char full[PATH_MAX];
    struct dirent **entry;
    bool more = true;
    int n = scandir(below(root, path, full), &entry, NULL, versionsort);
    for (int i = 0; i < n; i++) {
        if (more && entry[i]->d_name[0] != '.')
            more = each(arg, entry[i]->d_name);
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
}
