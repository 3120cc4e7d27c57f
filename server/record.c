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
    FILE *out; /* NULL: it has ended, or there is none */
    struct record_listener *listeners;
    const struct log *log;
    char path[OPTION_TEXT_SIZE];
    size_t written;
    int64_t flushed;    /* local, ns */
    double freq;        /* the last one said; NAN: none ... */
    int64_t freq_local; /* ... and since when */
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

static void write_line(struct recording *r, const char *line, size_t size)
{
    if (fwrite(line, 1, size, r->out) != size)
        end(r, LOG_LEVEL_WARNING, strerror(errno));
    else if ((r->written += size) > RECORD_MOST - RECORD_LINE)
        end(r, LOG_LEVEL_NOTICE, "it has its full size");
}

static void tell(struct recording *r, const char *line, size_t size)
{
    for (struct record_listener *l = r->listeners, *next; l; l = next) {
        next = l->next;
        l->line(l->arg, line, size);
    }
}

static void put(struct recording *r, const char *fmt, ...)
{
    char line[RECORD_LINE + 2];
    va_list ap;
    if (!r || (!r->out && !r->listeners))
        return;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0 || n >= (int)sizeof line)
        return;
    if (r->out)
        write_line(r, line, (size_t)n);
    tell(r, line, (size_t)n);
}

static const char head[] = RECORD_HEAD "\n# release " TIMEBALL_VERSION "\n";

void record_listen(struct recording *r, struct record_listener *l)
{
    char line[RECORD_LINE];
    l->next = r->listeners;
    r->listeners = l;
    l->line(l->arg, head, sizeof head - 1);
    if (isnan(r->freq) || r->listeners != l)
        return; /* it may have gone at once */
    int n = snprintf(line, sizeof line, "F %" PRId64 " %.13g\n", r->freq_local, r->freq);
    l->line(l->arg, line, (size_t)n);
}

void record_unlisten(struct recording *r, struct record_listener *l)
{
    struct record_listener **at = &r->listeners;
    while (*at && *at != l)
        at = &(*at)->next;
    if (*at)
        *at = l->next;
}

static int create(struct recording *r, struct err *err)
{
    if (make_way(r->path, err))
        return -1;
    int fd = open(r->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_errno(err, r->path, TODO, "creating", errno);
    r->out = fdopen(fd, "w");
    if (r->out)
        return 0;
    err_errno(err, r->path, "", "creating", errno);
    close(fd);
    return -1;
}

int record_open(struct recording **out, const char *path, const struct log *log, struct err *err)
{
    struct recording *r = calloc(1, sizeof *r);
    if (!r)
        return err_errno(err, path, "", "creating", errno);
    r->log = log;
    r->freq = NAN;
    snprintf(r->path, sizeof r->path, "%s", path);
    if (*path && create(r, err)) {
        free(r);
        return -1;
    }
    put(r, "%s", head);
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
    r->freq_local = local;
    put(r, "F %" PRId64 " %.13g\n", local, freq);
}

void record_bytes(struct recording *r, int source, int64_t local, const void *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * RECORD_BYTES + 1], line[RECORD_LINE + 2];
    const uint8_t *from = bytes;
    if (!r || !r->listeners)
        return;
    for (size_t part; size; from += part, size -= part) {
        part = size < RECORD_BYTES ? size : RECORD_BYTES;
        for (size_t i = 0; i < part; i++) {
            hex[2 * i] = digits[from[i] >> 4];
            hex[2 * i + 1] = digits[from[i] & 15];
        }
        hex[2 * part] = 0;
        int n = snprintf(line, sizeof line, "B %" PRId64 " %d %s\n", local, source, hex);
        tell(r, line, (size_t)n);
    }
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
