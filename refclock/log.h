/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_LOG_H
#define TIMEBALL_REFCLOCK_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* Severities, in syslog's order (RFC 5424), lower is graver. */
enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

/* Where log lines go. A seam: a simulation collects them, the daemon writes to stderr, a file or
 * syslog. */
struct log {
    enum log_level max; /* lines above are dropped */
    void (*write)(void *arg, enum log_level level,
                  const char *line); /* one line, no newline; may be NULL */
    void *arg;
};

/* Formats one line. Control characters are replaced by '?', so receiver text cannot forge lines.
 * `l` may be NULL. */
void log_say(const struct log *l, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Keeps one cause to one line a minute. */
struct log_limit {
    int64_t until; /* local time before which the cause stays quiet */
    uint64_t held; /* lines kept back since the last one */
};

/*
 * True when the cause may say its line at `now` (ns, any steady scale). `held` (may be NULL) gets
 * the number of lines that were kept back since the last one.
 */
bool log_allowed(struct log_limit *limit, int64_t now, uint64_t *held);

#endif
