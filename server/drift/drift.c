/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/drift/drift.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/drift/drift_delays.h"
#include "server/options.h"
#include "server/replace.h"

#define HEAD        "# timeball drift file, version 1\n"
#define FILE_MOST   8192
#define TODO_REMOVE "remove the file, or name another one with `driftfile`"
#define DAY_S       86400.0
#define YEAR_S      (365 * DAY_S)
/* of another's number, which has no error and no age: what a day's temperature does to a crystal */
#define NUMBER_ERROR 1e-6

/* A line a number: its word, its place, its range, and the factor from file to memory. */
#define ROW(word, field, least, most, scale)                     \
    {                                                            \
        word, offsetof(struct memory, field), least, most, scale \
    }
static const struct {
    const char *word;
    size_t offset;
    double least, most, scale;
} rows[] = {
    ROW("frequency_ppm", freq, -500, 500, 1e-6),
    ROW("error_ppm", freq_error, 1e-9, 500, 1e-6),
    ROW("pulse_noise_us", pulse, 1e-6, 1e5, 1e-6),
    ROW("gain_phase", k1, 1e-6, 0.999, 1),
    ROW("gain_frequency", k2, 0, 2, 1),
    ROW("gain_drift", k3, 0, 2, 1),
    ROW("walk_fm", walk_fm, 0, 1e-4, 1),
};
#define NEEDED (sizeof rows / sizeof *rows)

/* The sums of the temperature fit; all of them or none. */
static const struct {
    const char *word;
    size_t offset;
    double least, most, scale;
} thermal_rows[] = {
    ROW("celsius", celsius, -80, 150, 1),   ROW("fit_kk", sums.kk, 0, 1e12, 1),
    ROW("fit_ks", sums.ks, -1e12, 1e12, 1), ROW("fit_ss", sums.ss, 0, 1e12, 1),
    ROW("fit_kf", sums.kf, -1e6, 1e6, 1),   ROW("fit_sf", sums.sf, -1e6, 1e6, 1),
    ROW("fit_ff", sums.ff, 0, 1, 1),        ROW("fit_blocks", sums.blocks, 0, 1e6, 1),
};
#define THERMAL (sizeof thermal_rows / sizeof *thermal_rows)

static int refuse(const char *path, const char *why, struct err *err)
{
    return err_set(err, path, TODO_REMOVE, "%s", why);
}

/* The value of the line that begins with `word`: 1; 0 when there is none, -1 when it is no number.
 */
static int value_of(const char *text, const char *word, double *value)
{
    char head[40], number[64];
    int n = snprintf(head, sizeof head, "\n%s ", word);
    const char *line = strstr(text, head);
    if (!line)
        return 0;
    if (sscanf(line + n, "%63s", number) != 1 || number_double(number, value))
        return -1;
    return 1;
}

static double *place(struct memory *m, size_t offset)
{
    return (double *)((char *)m + offset);
}

/* 1: taken; 0: absent; -1: not a number, or out of range. */
static int take(struct memory *m, const char *text, const char *word, size_t offset, double least,
                double most, double scale)
{
    double value;
    int found = value_of(text, word, &value);
    if (found <= 0)
        return found;
    if (!(value >= least && value <= most))
        return -1;
    *place(m, offset) = value * scale;
    return 1;
}

static int parse(const char *path, const char *text, struct drift *d, struct err *err)
{
    struct drift new = {.memory.known = true};
    double written;
    size_t fit = 0;
    if (strncmp(text, HEAD, strlen(HEAD)) != 0)
        return refuse(path, "is not a timeball drift file", err);
    if (text[strlen(text) - 1] != '\n')
        return refuse(path, "is torn: its last line has no end", err);
    if (value_of(text, "written", &written) != 1 || !(written >= 0 && written <= 9e9))
        return refuse(path, "is torn: it does not say when it was written", err);
    for (size_t i = 0; i < NEEDED; i++)
        if (take(&new.memory, text, rows[i].word, rows[i].offset, rows[i].least, rows[i].most,
                 rows[i].scale) != 1)
            return err_set(err, path, TODO_REMOVE, "%s is missing or a value that no clock has",
                           rows[i].word);
    for (size_t i = 0; i < THERMAL; i++) {
        int found = take(&new.memory, text, thermal_rows[i].word, thermal_rows[i].offset,
                         thermal_rows[i].least, thermal_rows[i].most, thermal_rows[i].scale);
        if (found < 0)
            return err_set(err, path, TODO_REMOVE, "%s is a value that no clock has",
                           thermal_rows[i].word);
        fit += (size_t)found;
    }
    new.memory.thermal = fit == THERMAL;
    new.written = (int64_t)written *NS_PER_S;
    drift_delays_parse(text, &new);
    *d = new;
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

/* ---- another daemon's file ---- */

/* ntpd writes one number and a newline; chronyd's two numbers have another meaning. */
static bool lone_number(const char *text, double *value)
{
    char number[64];
    int used = 0;
    return sscanf(text, "%63s %n", number, &used) == 1 && !text[used] &&
           !number_double(number, value) && fabs(*value) <= 500;
}

/* Whether a file can be made where there is none. */
static bool can_be_made(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash)
        return !access(".", W_OK | X_OK);
    if (slash - path >= (ptrdiff_t)sizeof folder)
        return false;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return !access(*folder ? folder : "/", W_OK | X_OK);
}

static enum drift_found read_ours(const char *path, struct drift *d, struct err *err)
{
    return drift_read(path, d, err) == 1 ? DRIFT_OURS : DRIFT_NONE;
}

enum drift_found drift_find(const char *named, const char *own, struct drift *d, const char **keep,
                            struct err *err)
{
    char text[FILE_MOST] = "";
    double ppm;
    int found = slurp(named, text, err);
    bool ours = found > 0 && (!*text || !strncmp(text, HEAD, strlen(HEAD)));
    err->why[0] = 0;
    bool same = !strcmp(named, own);
    *keep = same || ours || (!found && can_be_made(named)) ? named : own;
    if (same || ours)
        return read_ours(named, d, err);
    if (*keep == named)
        return DRIFT_NONE;
    if (read_ours(own, d, err) == DRIFT_OURS)
        return DRIFT_OURS;
    if (found <= 0 || !lone_number(text, &ppm)) {
        if (found > 0)
            refuse(named, "is not a drift file", err);
        return DRIFT_NONE;
    }
    *d = (struct drift){.memory = {.known = true, .freq = ppm * 1e-6, .freq_error = NUMBER_ERROR}};
    return DRIFT_NUMBER;
}

/* ---- writing ---- */

static const char *todo_for(int errnum)
{
    if (errnum == ENOSPC || errnum == EDQUOT)
        return "make room on its disk; what was learned is written again later";
    if (errnum == EROFS)
        return "name a place that can be written to with `driftfile`";
    return "check that its folder exists and the user of timeballd may write there";
}

static size_t put_row(char *to, size_t room, const struct drift *d, const char *word, size_t offset,
                      double least, double scale)
{
    double value = *(const double *)((const char *)&d->memory + offset) / scale;
    int n = snprintf(to, room, "%s %.12g\n", word, fmax(value, least));
    return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

int drift_write(const char *path, const struct drift *d, struct err *err)
{
    char text[FILE_MOST], iso[40];
    struct drift old;
    char head[FILE_MOST] = "";
    /* what somebody else keeps under this name is not ours to replace; a torn file of ours is */
    int found = slurp(path, head, err);
    if (found < 0 || (found > 0 && *head && drift_read(path, &old, err) < 0 &&
                      strncmp(head, HEAD, strlen(HEAD)) != 0))
        return -1;
    size_t used = (size_t)snprintf(text, sizeof text, HEAD "written %lld\n# %s\n",
                                   (long long)(d->written / NS_PER_S),
                                   civil_iso(d->written, 0, iso, sizeof iso));
    for (size_t i = 0; i < NEEDED; i++)
        used += put_row(text + used, sizeof text - used, d, rows[i].word, rows[i].offset,
                        rows[i].least, rows[i].scale);
    for (size_t i = 0; d->memory.thermal && i < THERMAL; i++)
        used += put_row(text + used, sizeof text - used, d, thermal_rows[i].word,
                        thermal_rows[i].offset, thermal_rows[i].least, thermal_rows[i].scale);
    drift_delays_put(d, text + used, sizeof text - used);
    int bad = replace_file(path, text);
    return bad ? err_errno(err, path, todo_for(bad), "writing", bad) : 0;
}

bool drift_believed(const struct drift *d, int64_t until, int64_t clock)
{
    return d->written < until || clock >= d->written;
}

void drift_age(struct drift *d, int64_t now)
{
    double age = (double)(now - d->written) * 1e-9;
    /* a clock that was not set yet does not know; a day is what a machine is usually off at most */
    if (!(age >= 0))
        age = DAY_S;
    double walked = d->memory.walk_fm * sqrt(fmin(age, YEAR_S));
    d->memory.freq_error = hypot(d->memory.freq_error, walked);
}
