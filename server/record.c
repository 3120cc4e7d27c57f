/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "refclock/civil.h"

#define FLUSH_NS (60 * NS_PER_S)
#define TODO     "name a new file in a folder where the user of timeballd may write"

struct recording {
    FILE *out; /* NULL: it has ended */
    const struct log *log;
    char path[OPTION_TEXT_SIZE];
    size_t written;
    int64_t flushed; /* local, ns */
    double freq;     /* the last one written; NAN: none */
};

/* 1: a recording; 0: nothing; -1: something else, with *err. */
static int look(const char *path, struct err *err)
{
    char head[sizeof RECORD_HEAD] = "";
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    bool ours = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
                read(fd, head, sizeof head) == sizeof head &&
                !memcmp(head, RECORD_HEAD "\n", sizeof head);
    if (fd >= 0)
        close(fd);
    return ours ? 1
                : err_set(err, path, TODO, "is there already, and is not a recording of timeball");
}

/* A recording that is there already makes way. */
static int make_way(const char *path, struct err *err)
{
    char old[PATH_MAX];
    int found = look(path, err);
    if (found <= 0)
        return found;
    if (snprintf(old, sizeof old, "%s.old", path) >= (int)sizeof old)
        return err_set(err, path, TODO, "the path is too long");
    if (look(old, err) < 0)
        return -1;
    return rename(path, old) ? err_errno(err, path, TODO, "renaming", errno) : 0;
}

static void put(struct recording *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void end(struct recording *r, enum log_level level, const char *why)
{
    if (r->out)
        fclose(r->out);
    r->out = NULL;
    log_say(r->log, level, "%s: the recording ends: %s", r->path, why);
}

static void put(struct recording *r, const char *fmt, ...)
{
    va_list ap;
    if (!r || !r->out)
        return;
    va_start(ap, fmt);
    int n = vfprintf(r->out, fmt, ap);
    va_end(ap);
    if (n < 0)
        end(r, LOG_LEVEL_WARNING, strerror(errno));
    else if ((r->written += (size_t)n) > RECORD_MOST - RECORD_LINE)
        end(r, LOG_LEVEL_NOTICE, "it has its full size");
}

int record_open(struct recording **out, const char *path, const struct log *log, struct err *err)
{
    if (make_way(path, err))
        return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_errno(err, path, TODO, "creating", errno);
    struct recording *r = calloc(1, sizeof *r);
    FILE *f = r ? fdopen(fd, "w") : NULL;
    if (!f) {
        err_errno(err, path, "", "creating", errno);
        close(fd);
        free(r);
        return -1;
    }
    *r = (struct recording){.out = f, .log = log, .freq = NAN};
    snprintf(r->path, sizeof r->path, "%s", path);
    put(r, "%s\n# release %s\n", RECORD_HEAD, TIMEBALL_VERSION);
    if (r->out && fflush(r->out))
        end(r, LOG_LEVEL_WARNING, strerror(errno));
    *out = r;
    return 0;
}

void record_edge(struct recording *r, const struct edge *e)
{
    put(r, "E %" PRId64 " %.9g\n", e->local, e->uncertainty);
}

void record_label(struct recording *r, const struct timelabel *l)
{
    char delays[2][24] = {"-", "-"};
    if (!isnan(l->delay_min))
        snprintf(delays[0], sizeof delays[0], "%.9g", l->delay_min);
    if (!isnan(l->delay_max))
        snprintf(delays[1], sizeof delays[1], "%.9g", l->delay_max);
    put(r, "L %" PRId64 " %" PRId64 " %d %d %d %s %s\n", l->local, l->second, (int)l->nsec,
        l->leap60, (int)l->leap, delays[0], delays[1]);
}

void record_temperature(struct recording *r, int64_t local, double celsius)
{
    if (!isnan(celsius))
        put(r, "T %" PRId64 " %.6g\n", local, celsius);
}

void record_freq(struct recording *r, int64_t local, double freq)
{
    if (!r || r->freq == freq)
        return;
    r->freq = freq;
    put(r, "F %" PRId64 " %.13g\n", local, freq);
}

void record_tick(struct recording *r, int64_t local)
{
    if (!r || !r->out || local - r->flushed < FLUSH_NS)
        return;
    r->flushed = local;
    if (fflush(r->out))
        end(r, LOG_LEVEL_WARNING, strerror(errno));
}

void record_close(struct recording *r)
{
    if (r && r->out && fclose(r->out))
        log_say(r->log, LOG_LEVEL_WARNING, "%s: the end of the recording is lost: %s", r->path,
                strerror(errno));
    free(r);
}
