/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sock_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sockaddr_un name_of(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    return name;
}

/* Whether somebody receives there, or it cannot be told. */
static bool alive(const char *path)
{
    struct sockaddr_un name = name_of(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true;
    int failed = connect(fd, (struct sockaddr *)&name, sizeof name), why = errno;
    close(fd);
    return !failed || (why != ECONNREFUSED && why != ENOENT);
}

/* Removes a socket that nobody receives on; 0 also when there is nothing. */
static int clear_path(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st)) {
        if (errno == ENOENT)
            return 0;
        return err_errno(err, path, "choose another path", "", errno);
    }
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, path, "remove it, or choose another path",
                       "exists and is not a socket");
    if (alive(path))
        return err_set(err, path, "stop it (chronyd?), or choose another path",
                       "another program receives on it");
    if (unlink(path) && errno != ENOENT)
        return err_errno(err, path, "remove it", "left by a program that ended", errno);
    return 0;
}

static int bind_path(int fd, const char *path, mode_t mode, struct err *err)
{
    struct sockaddr_un name = name_of(path);
    mode_t before = umask(0777 & ~mode);
    int failed = bind(fd, (struct sockaddr *)&name, sizeof name), why = errno;
    umask(before);
    if (!failed)
        return 0;
    return err_errno(err, path,
                     why == ENOENT ? "make the folder" : "run as a user who may write there", "",
                     why);
}

/* The folder that it is in, locked: two that start at once must not remove each other's socket. -1
 * where that cannot be had, then only that is lost. */
static int lock_folder(const char *path)
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock >= 0)
        (void)!flock(lock, LOCK_EX | LOCK_NB);
    return lock;
}

int sock_listen_open(struct sock_listen *s, const char *path, mode_t mode, struct err *err)
{
    struct stat st;
    s->fd = -1;
    if (strlen(path) >= sizeof s->path)
        return err_set(err, path, "choose a shorter path", "longer than %zu bytes",
                       sizeof s->path - 1);
    snprintf(s->path, sizeof s->path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, path, "", "", errno);
    int lock = lock_folder(path);
    int failed = clear_path(path, err) || bind_path(fd, path, mode, err);
    if (lock >= 0)
        close(lock);
    if (failed || lstat(path, &st)) {
        close(fd);
        return failed ? -1 : err_errno(err, path, "", "", errno);
    }
    s->fd = fd;
    s->device = st.st_dev;
    s->inode = st.st_ino;
    return 0;
}

void sock_listen_close(struct sock_listen *s)
{
    struct stat st;
    if (s->fd < 0)
        return;
    if (!lstat(s->path, &st) && st.st_dev == s->device && st.st_ino == s->inode)
        unlink(s->path);
    close(s->fd);
    s->fd = -1;
}
