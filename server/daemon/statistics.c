/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/statistics.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "refclock/civil.h"
#include "refclock/err.h"

#define MJD_1970 40587
#define DAY_S    86400
#define POLL     4 /* log2 s, of STATISTICS_NS */
#define TODO     "make the folder of statsdir, let the user of timeballd write there, and see df"

void statistics_init(struct statistics *s, const struct config_statistics *config,
                     const struct log *log, int64_t now)
{
    *s = (struct statistics){.config = config, .log = log, .next = now + STATISTICS_NS};
}

static bool wanted(const struct statistics *s, int set)
{
    return *s->config->folder && !s->config->off && s->config->set[set].on;
}

bool statistics_due(struct statistics *s, int64_t now)
{
    if (now < s->next)
        return false;
    s->next += STATISTICS_NS;
    if (s->next <= now) /* after a suspension */
        s->next = now + STATISTICS_NS;
    for (int set = 0; set < STATISTICS_SETS; set++)
        if (wanted(s, set))
            return true;
    return false;
}

/* ---- files ---- */

const char *statistics_file(const struct config_statistics_file *f, int64_t time, int pid,
                            char *buf, size_t size)
{
    struct civil c = civil_from_posix(time / NS_PER_S);
    if (f->type == STATISTICS_PID)
        snprintf(buf, size, "%s.%d", f->file, pid);
    else if (f->type == STATISTICS_DAY)
        snprintf(buf, size, "%s.%04d%02d%02d", f->file, c.year, c.month, c.day);
    else if (f->type == STATISTICS_MONTH)
        snprintf(buf, size, "%s.%04d%02d", f->file, c.year, c.month);
    else if (f->type == STATISTICS_YEAR)
        snprintf(buf, size, "%s.%04d", f->file, c.year);
    else
        snprintf(buf, size, "%s", f->file);
    return buf;
}

static int open_folder(const struct config_statistics *c)
{
    return open(c->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The name without a suffix becomes a second name of the new file; a file of that name that has no
 * other one is kept. */
static void link_current(int folder, const struct config_statistics_file *f, const char *name,
                         int pid)
{
    struct stat st;
    char kept[OPTION_TEXT_SIZE + 24];
    if (!fstatat(folder, f->file, &st, AT_SYMLINK_NOFOLLOW)) {
        snprintf(kept, sizeof kept, "%s.C%d", f->file, pid);
        if (st.st_nlink == 1)
            (void)renameat(folder, f->file, folder, kept);
        else
            (void)unlinkat(folder, f->file, 0);
    }
    (void)!linkat(folder, name, folder, f->file, 0); /* the link is a help, the file is there */
}

/* A descriptor, or -1 with errno. */
static int open_file(int folder, const struct config_statistics_file *f, int64_t time)
{
    char name[OPTION_TEXT_SIZE + 24];
    int pid = (int)getpid(), flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    statistics_file(f, time, pid, name, sizeof name);
    int fd = openat(folder, name, flags | O_EXCL | O_NONBLOCK, 0644);
    if (fd >= 0 && f->type != STATISTICS_NONE && !f->unlinked)
        link_current(folder, f, name, pid);
    return fd >= 0 || errno != EEXIST ? fd : openat(folder, name, flags | O_NONBLOCK, 0644);
}

/* All of the text or, where the disk is full, nothing of it. 0, or errno. */
static int append(int fd, const char *text, size_t size)
{
    struct stat st;
    if (fstat(fd, &st))
        return errno;
    if (!S_ISREG(st.st_mode))
        return EINVAL;
    ssize_t n = write(fd, text, size);
    if (n == (ssize_t)size)
        return 0;
    int why = n < 0 ? errno : ENOSPC;
    if (n > 0 && ftruncate(fd, st.st_size))
        why = errno;
    return why;
}

/* Appends the text, which ends with its last line. */
static void put(struct statistics *s, int set, int64_t time, const char *text, size_t size)
{
    const struct config_statistics_file *f = &s->config->set[set];
    char line[560], path[2 * OPTION_TEXT_SIZE];
    struct err err;
    if (!size)
        return;
    int folder = open_folder(s->config), why = folder < 0 ? errno : 0;
    int fd = folder < 0 ? -1 : open_file(folder, f, time);
    if (fd < 0 && !why)
        why = errno;
    if (fd >= 0)
        why = append(fd, text, size);
    if (fd >= 0 && close(fd) && !why)
        why = errno;
    if (folder >= 0)
        close(folder);
    snprintf(path, sizeof path, "%.200s/%.100s", s->config->folder, f->file);
    if (why && !s->failed[set]) {
        err_errno(&err, path, TODO, "statistics are not written", why);
        log_say(s->log, LOG_LEVEL_WARNING, "%s", err_line(&err, line, sizeof line));
    } else if (!why && s->failed[set])
        log_say(s->log, LOG_LEVEL_NOTICE, "%s: statistics are written again", path);
    s->failed[set] = why;
}

/* ---- lines ---- */

/* Modified Julian day, and the second of that day. */
static void say_time(FILE *to, int64_t time)
{
    const int64_t s = time / NS_PER_S, day = s / DAY_S + MJD_1970;
    fprintf(to, "%" PRId64 " %" PRId64 ".%03" PRId64, day, s % DAY_S, time % NS_PER_S / 1000000);
}

static double known(double v)
{
    return isfinite(v) ? v : 0;
}

static void loop_line(FILE *to, const struct status *st)
{
    const struct status_clock *c = &st->clock;
    if (c->state != STATUS_LOCKED && c->state != STATUS_HOLDOVER)
        return;
    say_time(to, st->time);
    fprintf(to, " %.9f %.6f %.9f %.6f %d\n", known(c->offset), known(c->frequency) * 1e6,
            known(c->noise_pulse), known(c->frequency_error) * 1e6, POLL);
}

/* "PPS(0)" as ntpd names its clocks: the driver, and the number at the end of the path; a server's
 * address. */
static const char *name_of(const struct status_source *s, char *buf, size_t size)
{
    size_t end = strlen(s->path), i = end, n = 0;
    if (*s->peer.address) {
        snprintf(buf, size, "%s", s->peer.address);
        return buf;
    }
    while (i > 0 && isdigit((unsigned char)s->path[i - 1]))
        i--;
    for (; s->driver[n] && n + 1 < size; n++)
        buf[n] = (char)toupper((unsigned char)s->driver[n]);
    snprintf(buf + n, size - n, "(%s)", i < end ? s->path + i : "0");
    return buf;
}

/* RFC 9327 section 3.2: configured, reachable, and the selection status. */
static unsigned status_word(const struct status_source *s)
{
    static const struct {
        const char *verdict;
        unsigned selection;
    } selections[] = {{"falseticker", 1}, {"undecided", 3}, {"new", 3}, {"standby", 4}};
    unsigned selection = 0;
    for (size_t i = 0; i < sizeof selections / sizeof *selections; i++)
        if (!strcmp(selections[i].verdict, s->verdict))
            selection = selections[i].selection;
    if (s->used)
        selection = strcmp(s->driver, "pps") ? 6 : 7;
    return 0x8000U | (s->reach ? 0x1000U : 0) | selection << 8;
}

static bool is_server(const struct status_source *s)
{
    return !driver_find(s->driver);
}

static bool fresh(const struct status_source *s)
{
    return s->age >= 0 && s->age < (double)STATISTICS_NS * 1e-9;
}

static void peer_line(FILE *to, int64_t time, const struct status_source *s)
{
    char name[96];
    if (!fresh(s) || !isfinite(s->says))
        return;
    say_time(to, time);
    fprintf(to, " %s %x %.9f %.9f %.9f %.9f\n", name_of(s, name, sizeof name), status_word(s),
            s->says, is_server(s) ? known(s->peer.delay) : 0, known(s->bound), known(s->jitter));
}

static void clock_line(FILE *to, int64_t time, const struct status_source *s)
{
    char name[96];
    if (is_server(s) || !s->counters.count)
        return;
    say_time(to, time);
    fprintf(to, " %s", name_of(s, name, sizeof name));
    for (int i = 0; i < s->counters.count; i++)
        fprintf(to, " %s=%llu", s->counters.item[i].name,
                (unsigned long long)s->counters.item[i].value);
    fprintf(to, "\n");
}

static void write_lines(FILE *to, int set, const struct status *st)
{
    if (set == STATISTICS_LOOP)
        loop_line(to, st);
    for (int i = 0; set == STATISTICS_PEER && i < st->source_count; i++)
        peer_line(to, st->time, &st->source[i]);
    for (int i = 0; set == STATISTICS_CLOCK && i < st->source_count; i++)
        clock_line(to, st->time, &st->source[i]);
}

void statistics_write(struct statistics *s, const struct status *st)
{
    for (int set = 0; set < STATISTICS_SETS; set++) {
        char *text = NULL;
        size_t size = 0;
        FILE *to = wanted(s, set) ? open_memstream(&text, &size) : NULL;
        if (!to)
            continue;
        write_lines(to, set, st);
        if (!fclose(to))
            put(s, set, st->time, text, size);
        free(text);
    }
}
