/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CTL_CTL_H
#define TIMEBALL_SERVER_CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "refclock/err.h"

/* The parts of timeballctl. */

enum ctl_exit {
    CTL_OK = 0,
    CTL_ERROR = 1,          /* usage, no daemon, bad answer, bad file */
    CTL_UNSYNCHRONISED = 2, /* status, now: the time is not known well enough to be served */
    CTL_BROKEN = 1,         /* doctor: a link is broken */
    CTL_DOCTOR_USAGE = 2,   /* doctor: wrong usage */
    CTL_POINTS = 2,         /* pool-check: something would cost points, or keep out of the pool */
};

/* What the command line says. */
struct ctl {
    const char *socket;       /* status socket, or control socket; NULL: none is known */
    const char *date;         /* --date, or NULL */
    const char *file;         /* operand, or NULL */
    const char *const *words; /* all operands */
    size_t count;
    const char *length; /* --for, or NULL */
    const char *error;  /* --error, or NULL */
    const char *config; /* --config, or NULL */
    const char *root;   /* --root, or "" */
    bool json;
    FILE *out;
};

/* A connection to the status socket. fd -1: none. */
struct ctl_client {
    int fd;
    char *buffer; /* CTL_LINE_MAX bytes */
    size_t begin, end;
};
#define CTL_LINE_MAX (256 * 1024)

/* Connects; the daemon has 5 s for each answer. 0, or -1 with *err. ctl_close() after either. */
int ctl_connect(struct ctl_client *c, const char *socket, struct err *err);
void ctl_close(struct ctl_client *c);

/* Sends a request, of less than CTL_ASK_MAX bytes. 0, or -1 with *err. */
#define CTL_ASK_MAX 512
int ctl_ask(struct ctl_client *c, const char *word, struct err *err);

/* Reads the next line. It stays valid until the next call. NULL with *err when none came. */
const char *ctl_read(struct ctl_client *c, struct err *err);

/* The next line as an object of the protocol's version, not an error; the caller drops it. NULL
 * with *err. */
json_t *ctl_read_object(struct ctl_client *c, struct err *err);

/* One request and its answer: connects, asks, closes. The caller drops it. NULL with *err. */
json_t *ctl_fetch(const char *socket, const char *word, struct err *err);

/* Views of an answer for a person. */
void ctl_view_status(FILE *out, const json_t *status);
void ctl_view_sources(FILE *out, const json_t *status);
void ctl_view_satellites(FILE *out, const json_t *status);
void ctl_view_clients(FILE *out, const json_t *status);
/* What is not as it should be; nothing where nothing is. */
void ctl_view_alarms(FILE *out, const json_t *status);
/* Whether an alarm's sentence is the status's first line: it need not stand there twice. */
bool ctl_said_above(const json_t *status, const char *sentence);
/* The whole status in one line, without the newline. */
void ctl_view_line(FILE *out, const json_t *status);

/* CTL_OK, or CTL_UNSYNCHRONISED. */
int ctl_judge(const json_t *status);

/* Where true time lies, from an answer to `now` that took `trip` seconds to come. */
struct ctl_now {
    bool known;               /* false: there is no bound */
    int64_t time;             /* ns, middle */
    int64_t earliest, latest; /* ns */
    double bound;             /* s, half the width */
};
struct ctl_now ctl_now_from(const json_t *answer, double trip);

/* The commands. Return an enum ctl_exit; -1 with *err. */
int ctl_status(const struct ctl *ctl, struct err *err);
int ctl_sources(const struct ctl *ctl, struct err *err);
int ctl_satellites(const struct ctl *ctl, struct err *err);
int ctl_clients(const struct ctl *ctl, struct err *err);
int ctl_watch(const struct ctl *ctl, struct err *err);
int ctl_now(const struct ctl *ctl, struct err *err);
int ctl_wait(const struct ctl *ctl, struct err *err);
int ctl_epochs(const struct ctl *ctl, struct err *err);
int ctl_receiver(const struct ctl *ctl, struct err *err);
int ctl_reload(const struct ctl *ctl, struct err *err);
int ctl_alarm(const struct ctl *ctl, struct err *err);
int ctl_record(const struct ctl *ctl, struct err *err);
int ctl_doctor(const struct ctl *ctl, struct err *err);
int ctl_pool(const struct ctl *ctl, struct err *err);

#endif
