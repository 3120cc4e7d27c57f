/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/drift.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/options.h"

#define HEAD        "# timeball drift file, version 1\n"
#define FILE_MOST   512
#define FREQ_MOST   500e-6 /* what the kernel can steer */
#define ERROR_MOST  500e-6
#define TODO_REMOVE "remove the file, or name another one with `driftfile`"

static int refuse(const char *path, const char *why, struct err *err)
{
    return err_set(err, path, TODO_REMOVE, "%s", why);
}

/* The value of the line that begins with `word`. */
static int value_of(const char *text, const char *word, double *value)
{
    char number[64];
    const char *line = strstr(text, word);
    if (!line || sscanf(line + strlen(word), "%63s", number) != 1)
        return -1;
    return number_double(number, value);
}

static int parse(const char *path, const char *text, struct drift *d, struct err *err)
{
    double ppm, error_ppm, written;
    if (strncmp(text, HEAD, strlen(HEAD)) != 0)
        return refuse(path, "is not a timeball drift file", err);
    if (value_of(text, "\nfrequency_ppm ", &ppm) || value_of(text, "\nerror_ppm ", &error_ppm) ||
        value_of(text, "\nwritten ", &written))
        return refuse(path, "is torn or has a value that is not a number", err);
    if (fabs(ppm) > FREQ_MOST * 1e6 || !(error_ppm > 0) || error_ppm > ERROR_MOST * 1e6 ||
        !(written >= 0) || written > 9e9)
        return refuse(path, "has a value that no oscillator has", err);
    *d = (struct drift){ppm * 1e-6, error_ppm * 1e-6, (int64_t)written * NS_PER_S};
    return 0;
}

static int slurp(const char *path, char text[FILE_MOST], struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0
                               : err_errno(err, path, "check its owner and mode", "opening", errno);
    ssize_t n = read(fd, text, FILE_MOST - 1);
    int failed = errno;
    close(fd);
    if (n < 0)
        return err_errno(err, path, TODO_REMOVE, "reading", failed);
    if (n == FILE_MOST - 1 || memchr(text, 0, (size_t)n))
        return refuse(path, "is not a timeball drift file", err);
    text[n] = 0;
    return 1;
}

int drift_read(const char *path, struct drift *d, struct err *err)
{
    char text[FILE_MOST];
    int found = slurp(path, text, err);
    if (found <= 0)
        return found;
    return parse(path, text, d, err) ? -1 : 1;
}

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

static int replace(const char *path, const char *text, struct err *err)
{
    char next[PATH_MAX];
    const char *todo = "check that its folder exists and the user of timeballd may write there";
    if (snprintf(next, sizeof next, "%s.new", path) >= (int)sizeof next)
        return err_set(err, path, "", "the path is too long");
    (void)unlink(next);
    int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_errno(err, next, todo, "creating", errno);
    int bad = put(fd, text) ? errno : 0;
    if (close(fd) && !bad)
        bad = errno;
    if (!bad && rename(next, path))
        bad = errno;
    if (!bad)
        return 0;
    (void)unlink(next);
    return err_errno(err, path, todo, "writing", bad);
}

int drift_write(const char *path, const struct drift *d, struct err *err)
{
    char text[FILE_MOST], iso[40];
    struct drift old;
    char head[FILE_MOST];
    /* what somebody else keeps under this name is not ours to replace; a torn file of ours is */
    int found = slurp(path, head, err);
    if (found < 0 || (found > 0 && *head && drift_read(path, &old, err) < 0 &&
                      strncmp(head, HEAD, strlen(HEAD)) != 0))
        return -1;
    snprintf(text, sizeof text, HEAD "frequency_ppm %.9f\nerror_ppm %.9f\nwritten %lld\n# %s\n",
             d->freq * 1e6, fmax(d->error * 1e6, 1e-9), (long long)(d->written / NS_PER_S),
             civil_iso(d->written, 0, iso, sizeof iso));
    return replace(path, text, err);
}
