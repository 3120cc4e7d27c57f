/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/status/unix_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un name_of(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    return name;
}

static const char *other(const char *first, const char *word, char *buf, size_t size)
{
    snprintf(buf, size, "%schoose another %s", first, word);
    return buf;
}

/* Whether somebody listens there; errno says why not. */
static bool alive(const char *path)
{
    struct sockaddr_un name = name_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true;
    int failed = connect(fd, (struct sockaddr *)&name, sizeof name);
    int why = errno;
    close(fd);
    /* a full backlog (EAGAIN) or one that we may not enter (EACCES) is somebody's, too */
    return !failed || (why != ECONNREFUSED && why != ENOENT);
}

/* Removes a socket that nobody listens on. 0 also when there is nothing. */
static int clear_path(const char *path, const char *word, struct err *err)
{
    struct stat st;
    char todo[120];
    if (lstat(path, &st)) {
        if (errno == ENOENT)
            return 0;
        return err_errno(err, path, other("", word, todo, sizeof todo), "", errno);
    }
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, path, other("remove it, or ", word, todo, sizeof todo),
                       "exists and is not a socket");
    if (alive(path))
        return err_set(err, path, other("stop the other timeballd, or ", word, todo, sizeof todo),
                       "another program answers on it");
    if (unlink(path) && errno != ENOENT)
        return err_errno(err, path, "remove it", "left by a program that ended", errno);
    return 0;
}

/* The folder that the socket is in, made when it is missing. */
static void make_folder(const char *path, char *folder, size_t size)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(folder, size, ".");
    else
        snprintf(folder, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    /* an error here shows again, with its reason, at bind() */
    (void)!mkdir(folder, 0755);
}

static int bind_path(int fd, const char *path, mode_t mode, const char *word, struct err *err)
{
    char todo[120];
    struct sockaddr_un name = name_of(path);
    mode_t before = umask(0777 & ~mode);
    int failed = bind(fd, (struct sockaddr *)&name, sizeof name);
    int why = errno;
    umask(before);
    if (!failed && !listen(fd, 64))
        return 0;
    if (!failed)
        why = errno;
    other(failed && why == EACCES ? "run as a user who may write there, or " : "", word, todo,
          sizeof todo);
    return err_errno(err, path, todo, "", why);
}

int unix_listen_open(struct unix_listen *u, const char *path, mode_t mode, const char *word,
                     struct err *err)
{
    char folder[sizeof u->path];
    struct stat st;
    u->fd = -1;
    if (strlen(path) >= sizeof u->path)
        return err_set(err, path, "choose a shorter path", "longer than %zu bytes",
                       sizeof u->path - 1);
    snprintf(u->path, sizeof u->path, "%s", path);
    make_folder(path, folder, sizeof folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, path, "", "", errno);
    /* two that start at once must not remove each other's socket; without the lock (somebody else
     * may hold it for ever) only that is lost */
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock >= 0)
        (void)!flock(lock, LOCK_EX | LOCK_NB);
    int failed = clear_path(path, word, err) || bind_path(fd, path, mode, word, err);
    if (lock >= 0)
        close(lock);
    if (failed || lstat(path, &st)) {
        close(fd);
        return failed ? -1 : err_errno(err, path, "", "", errno);
    }
    u->fd = fd;
    u->device = st.st_dev;
    u->inode = st.st_ino;
    return 0;
}

void unix_listen_close(struct unix_listen *u)
{
    struct stat st;
    if (u->fd < 0)
        return;
    if (!lstat(u->path, &st) && st.st_dev == u->device && st.st_ino == u->inode)
        unlink(u->path);
    close(u->fd);
    u->fd = -1;
}
