/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_RECORDING_H
#define TIMEBALL_SERVER_SIM_RECORDING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/record/record.h"
#include "server/sim/steering.h"

/* A recording (record.h) as it is read, from any hands: an event at a time, and what is in it. */

struct sim_recording {
    FILE *in; /* can be read twice */
    const char *name;
    int line;
    bool begun;
    int64_t first, last;          /* local, ns: of the first event, and the latest so far */
    struct sim_steering steering; /* so far */
};

/* Begins with the file's first line; the file is borrowed. */
void sim_recording_start(struct sim_recording *r, FILE *in, const char *name);

/*
 * The next event, comments passed over: 1; 0 at the end; -1 with *err: a line that is none, or time
 * that jumps. The steering is as of this event.
 */
int sim_recording_next(struct sim_recording *r, struct record_event *e, struct err *err);

/* A request as it was recorded. */
struct sim_asked {
    int64_t at; /* steering taken out, ns */
    int server; /* index into the addresses */
};

/* What there is in a recording. */
#define SIM_RECORDED_SERVERS 32
struct sim_survey {
    int64_t first, pivot;                      /* local, ns; POSIX s, INT64_MIN: not said */
    uint64_t count[RECORD_KINDS];              /* events of each kind */
    uint64_t of[RECORD_SOURCES][RECORD_KINDS]; /* ... of a source */
    char *conf;                                /* lines for the daemon, without its servers */
    size_t conf_size;
    char *servers_conf; /* ... lines of those */
    size_t servers_conf_size;
    union address server[SIM_RECORDED_SERVERS]; /* that were asked */
    int servers;
    struct sim_asked *asked; /* in order */
    size_t asked_count, asked_room;
};

/* Reads all of it: 0, or -1 with *err. sim_survey_free() either way. */
int sim_survey_take(struct sim_survey *s, FILE *in, const char *name, struct err *err);
void sim_survey_free(struct sim_survey *s);

/* Index of a server among those that were asked; -1: none of them. */
int sim_survey_server(const struct sim_survey *s, const union address *a);

#endif
