/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "refclock/civil.h"

#define FLUSH_NS  (60 * NS_PER_S)
#define LINE      (RECORD_LINE + 2)
#define KEPT_MOST (64 * 1024) /* bytes of lines that are kept */
#define TODO      "name a new file in a folder where the user of timeballd may write"

struct recording {
    FILE *out; /* NULL: it has ended, or there is none */
    struct record_listener *listeners;
    const struct log *log;
    char path[OPTION_TEXT_SIZE];
    size_t written;
    int64_t flushed;    /* local, ns */
    double freq;        /* the last one said; NAN: none ... */
    int64_t freq_local; /* ... and since when */
    char *kept;         /* lines that every listener gets first; NULL: none */
    size_t kept_size;
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
                (!memcmp(head, RECORD_HEAD "\n", sizeof head) ||
                 !memcmp(head, RECORD_HEAD_1 "\n", sizeof head));
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

bool record_wanted(const struct recording *r)
{
    return r && (r->out || r->listeners);
}

/* `n`: what snprintf() said of its size. */
static void put(struct recording *r, const char *line, int n)
{
    if (!record_wanted(r) || n < 0 || n >= LINE)
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
    if (r->listeners == l && r->kept_size) /* it may have gone at once */
        l->line(l->arg, r->kept, r->kept_size);
    if (isnan(r->freq) || r->listeners != l)
        return;
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
    put(r, head, sizeof head - 1);
    if (r->out && fflush(r->out))
        end(r, LOG_LEVEL_WARNING, strerror(errno));
    *out = r;
    return 0;
}

void record_edge(struct recording *r, int source, const struct edge *e)
{
    char line[LINE];
    put(r, line,
        snprintf(line, sizeof line, "E %" PRId64 " %.9g %d\n", e->local, e->uncertainty, source));
}

void record_label(struct recording *r, int source, const struct timelabel *l)
{
    char line[LINE];
    char delays[2][24] = {"-", "-"};
    if (!isnan(l->delay_min))
        snprintf(delays[0], sizeof delays[0], "%.9g", l->delay_min);
    if (!isnan(l->delay_max))
        snprintf(delays[1], sizeof delays[1], "%.9g", l->delay_max);
    put(r, line,
        snprintf(line, sizeof line, "L %" PRId64 " %" PRId64 " %d %d %d %s %s %d\n", l->local,
                 l->second, (int)l->nsec, l->leap60, (int)l->leap, delays[0], delays[1], source));
}

void record_sample(struct recording *r, int source, const struct sample *s)
{
    char line[LINE];
    put(r, line,
        snprintf(line, sizeof line, "S %" PRId64 " %" PRId64 " %.9g %.9g %d %d\n", s->local,
                 s->truth, s->error, s->uncertainty, (int)s->leap, source));
}

void record_temperature(struct recording *r, int64_t local, double celsius)
{
    char line[LINE];
    if (!isnan(celsius))
        put(r, line, snprintf(line, sizeof line, "T %" PRId64 " %.6g\n", local, celsius));
}

void record_freq(struct recording *r, int64_t local, double freq)
{
    char line[LINE];
    if (!r || r->freq == freq)
        return;
    r->freq = freq;
    r->freq_local = local;
    put(r, line, snprintf(line, sizeof line, "F %" PRId64 " %.13g\n", local, freq));
}

/* A line for all, and for listeners to come. */
static void keep(struct recording *r, const char *line, size_t size)
{
    char *more = r->kept_size + size < KEPT_MOST ? realloc(r->kept, r->kept_size + size + 1) : NULL;
    put(r, line, (int)size);
    if (!more)
        return;
    memcpy(more + r->kept_size, line, size + 1);
    r->kept = more;
    r->kept_size += size;
}

void record_pivot(struct recording *r, int64_t local, int64_t second)
{
    char line[64];
    if (r)
        keep(r, line,
             (size_t)snprintf(line, sizeof line, "P %" PRId64 " %" PRId64 "\n", local, second));
}

void record_config(struct recording *r, int64_t local, const char *text)
{
    char line[LINE], ending[RECORD_TEXT + 3];
    size_t size = strlen(text);
    if (!r || size > RECORD_TEXT)
        return;
    snprintf(ending, sizeof ending, " %s\n", text);
    if (r->kept && strstr(r->kept, ending))
        return;
    keep(r, line, (size_t)snprintf(line, sizeof line, "C %" PRId64 "%s", local, ending));
}

static void write_hex(char hex[2 * RECORD_BYTES + 1], const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * size] = 0;
}

void record_bytes(struct recording *r, int source, int64_t local, const void *bytes, size_t size)
{
    char hex[2 * RECORD_BYTES + 1], line[LINE];
    const uint8_t *from = bytes;
    if (!r || !r->listeners)
        return;
    for (size_t part; size; from += part, size -= part) {
        part = size < RECORD_BYTES ? size : RECORD_BYTES;
        write_hex(hex, from, part);
        int n = snprintf(line, sizeof line, "B %" PRId64 " %d %s\n", local, source, hex);
        tell(r, line, (size_t)n);
    }
}

void record_request(struct recording *r, int64_t local, const union address *to, uint64_t origin)
{
    char name[INET6_ADDRSTRLEN], line[LINE];
    put(r, line,
        snprintf(line, sizeof line, "Q %" PRId64 " %s %d %016" PRIx64 "\n", local,
                 address_text(to, name, sizeof name), address_port(to), origin));
}

void record_packet(struct recording *r, int64_t local, int64_t left, const union address *from,
                   const void *bytes, size_t size)
{
    char name[INET6_ADDRSTRLEN], hex[2 * RECORD_BYTES + 1], line[LINE];
    if (!record_wanted(r) || !size)
        return;
    write_hex(hex, bytes, size < RECORD_BYTES ? size : RECORD_BYTES);
    put(r, line,
        snprintf(line, sizeof line, "N %" PRId64 " %" PRId64 " %s %d %s\n", local, left,
                 address_text(from, name, sizeof name), address_port(from), hex));
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
    if (r)
        free(r->kept);
    free(r);
}
