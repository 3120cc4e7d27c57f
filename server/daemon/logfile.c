/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

static const struct {
    const char *prefix;
    int priority;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error: ", LOG_ERR},   [LOG_LEVEL_WARNING] = {"warning: ", LOG_WARNING},
    [LOG_LEVEL_NOTICE] = {"", LOG_NOTICE},      [LOG_LEVEL_INFO] = {"", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug: ", LOG_DEBUG},
};

static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat is;
    char mine[64];
    if (!stream || fstat(fd, &is))
        return false;
    snprintf(mine, sizeof mine, "%llu:%llu", (unsigned long long)is.st_dev,
             (unsigned long long)is.st_ino);
    return !strcmp(mine, stream);
}

/* One writev(), so that lines of two processes do not mix. A full disk must not stop the clock. */
static void write_line(void *arg, enum log_level level, const char *line)
{
    const struct logfile *l = arg;
    char priority[8] = "";
    if (l->journal)
        snprintf(priority, sizeof priority, "<%d>", levels[level].priority);
    struct iovec parts[] = {
        {priority, strlen(priority)},
        {(void *)levels[level].prefix, strlen(levels[level].prefix)},
        {(void *)line, strlen(line)},
        {(void *)"\n", 1},
    };
    if (writev(l->fd, parts, 4) < 0)
        return;
}

static void write_syslog(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    syslog(levels[level].priority, "%s", line);
}

int logfile_open(struct logfile *l, const char *where, enum log_level max, struct err *err)
{
    *l = (struct logfile){.log = {.max = max}, .fd = -1};
    l->log.arg = l;
    if (!*where)
        return 0;
    if (!strcmp(where, "syslog")) {
        openlog("timeballd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
        l->log.write = write_syslog;
        return 0;
    }
    l->log.write = write_line;
    if (!strcmp(where, "stderr")) {
        l->fd = STDERR_FILENO;
        l->journal = is_journal(l->fd);
        return 0;
    }
    l->fd = open(where, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
    if (l->fd < 0)
        return err_errno(err, where, "check its folder's owner and mode, or use `log stderr`",
                         "opening the log", errno);
    return 0;
}

int logfile_again(struct logfile *l, const char *where, enum log_level max, struct err *err)
{
    struct logfile again;
    l->log.max = max;
    if (l->fd <= STDERR_FILENO)
        return 0;
    if (logfile_open(&again, where, max, err))
        return -1;
    close(l->fd);
    l->fd = again.fd;
    return 0;
}

void logfile_close(struct logfile *l)
{
    if (l->log.write == write_syslog)
        closelog();
    if (l->fd > STDERR_FILENO)
        close(l->fd);
    l->fd = -1;
    l->log.write = NULL;
}
