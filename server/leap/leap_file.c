/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/leap/leap_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TODO_UPDATE "update the package tzdata, or name another file with `leapfile`"

void leap_file_init(struct leap_file *f, enum leap_kind kind, const char *path)
{
    memset(f, 0, sizeof *f);
    f->kind = kind;
    snprintf(f->path, sizeof f->path, "%s", path);
}

void leap_file_init_beside(struct leap_file *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    leap_file_init(f, LEAP_BY_ZONE, "");
    if (*path)
        snprintf(f->path, sizeof f->path, "%.*sleapseconds", folder, path);
}

/* Reads at most `size` bytes; how many, or -1 with errno. */
static ssize_t read_all(int fd, char *to, size_t size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, to + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static int load(struct leap_file *f, int fd, struct err *err)
{
    char *text = malloc(LEAP_FILE_SIZE + 1);
    ssize_t size = text ? read_all(fd, text, LEAP_FILE_SIZE + 1) : -1;
    int bad;
    if (size < 0)
        bad = err_errno(err, f->path, TODO_UPDATE, "reading", text ? errno : ENOMEM);
    else if (size > LEAP_FILE_SIZE)
        bad = err_set(err, f->path, TODO_UPDATE, "has more than %d bytes", LEAP_FILE_SIZE);
    else if (f->kind == LEAP_BY_ZONE)
        bad = leap_zone_parse(f->path, text, (size_t)size, &f->list, err);
    else
        bad = leap_list_parse(f->path, text, (size_t)size, &f->list, err);
    free(text);
    return bad;
}

/* Whether the file is the one that was read last; notes which it is. */
static bool is_known(struct leap_file *f, const struct stat *st)
{
    bool same = f->looked && f->device == st->st_dev && f->inode == st->st_ino &&
                f->size == st->st_size && f->changed.tv_sec == st->st_mtim.tv_sec &&
                f->changed.tv_nsec == st->st_mtim.tv_nsec;
    f->device = st->st_dev;
    f->inode = st->st_ino;
    f->size = st->st_size;
    f->changed = st->st_mtim;
    return same;
}

/* No such file, or one that cannot be opened. True when that is news. */
static bool is_gone(struct leap_file *f, int why)
{
    struct err err = {0};
    if (why != ENOENT)
        err_errno(&err, f->path, TODO_UPDATE, "opening", why);
    bool news = !f->looked || f->good || strcmp(err.why, f->err.why) != 0;
    f->good = false;
    f->err = err;
    f->inode = 0;
    return news;
}

bool leap_file_look(struct leap_file *f)
{
    struct stat st = {0};
    if (!*f->path)
        return false;
    /* a fifo or a device in its place must neither block nor be read */
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int why = fd < 0 || fstat(fd, &st) ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
    bool news = why ? is_gone(f, why) : !is_known(f, &st);
    f->looked = true;
    if (!why && news) {
        f->err = (struct err){0};
        f->good = !load(f, fd, &f->err);
    }
    if (fd >= 0)
        close(fd);
    return news;
}

void leap_file_say(const struct leap_file *f, struct leap_table *t, int64_t now)
{
    if (!f->good) {
        leap_forget(t, f->kind, f->path);
        return;
    }
    struct leap_claim claim = leap_list_claim(&f->list, now);
    leap_say(t, f->kind, f->path, &claim, f->list.updated, f->list.expires, now);
}
