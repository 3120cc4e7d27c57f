/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_RELOAD_H
#define TIMEBALL_SERVER_DAEMON_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/log.h"
#include "refclock/loop.h"

/*
 * The configuration and the keys read again while the daemon works. What can change at run time
 * does, of the rest each word is named; the estimator, the receivers, the sockets and the servers
 * that stay notice nothing. Of a file with an error nothing is taken.
 */
struct daemon;
struct config;

struct reload {
    struct loop_timer timer; /* for those who ask too often */
    int64_t next;            /* local, ns: not before */
};

/* Gets each line of what came of it, beside the log. */
typedef void reload_say(void *arg, enum log_level level, const char *line);

/* Reads again, now. 0; or -1 when nothing was changed because of an error. `say` may be NULL. */
int reload_now(struct daemon *d, reload_say *say, void *arg);

/* The same, as soon as a second has passed since the last time: whoever asks
 * a thousand times gets it once or twice. */
void reload_soon(struct daemon *d);

/* Nothing fires any more. */
void reload_stop(struct daemon *d);

/* Whether a reload applies what that word of the configuration says. */
bool reload_applies(const char *word);

#endif
