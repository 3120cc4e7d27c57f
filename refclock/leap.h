/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_LEAP_H
#define TIMEBALL_REFCLOCK_LEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/sample.h"

/*
 * Who says what about leap seconds, and what is made of it. Pure: claims and the time in, a verdict
 * out. False announcements have put whole pools a second off (2012-07-31, 2021-11-27), so:
 *
 * The leap indicator 1 or 2 is served on 30 June or 31 December only (ITU-R TF.460), on that day
 * alone, and if (a) a leap second list that has not expired says so; or (b) there is no such list,
 * the receivers that know of leap seconds announce that date (by name, or by a flag that has stood
 * for an hour), and no majority of three or more servers denies it; or (c) no receiver knows of
 * leap seconds and a majority of the servers announces it.
 *
 * All times are POSIX seconds. Of a change, `at` is the first second after it: a midnight.
 */
enum leap_kind {
    LEAP_BY_LIST,     /* leap-seconds.list */
    LEAP_BY_ZONE,     /* the time zone database's own table */
    LEAP_BY_RECEIVER, /* a satellite receiver, gpsd, a driver that others feed */
    LEAP_BY_SERVER,   /* an NTP server's leap indicator */
    LEAP_BY_KERNEL,   /* what the kernel was told; shown, and never believed */
};

#define LEAP_WITNESSES_MAX 32
#define LEAP_NAME_SIZE     96

/* One who says something. */
struct leap_witness {
    enum leap_kind kind;
    char name[LEAP_NAME_SIZE]; /* "refclock nmea /dev/ttyS0" */
    struct leap_claim claim;
    int64_t from;    /* a list: when it was made, 0: not said */
    int64_t expires; /* a list: how long it holds, 0: not said */
    int64_t since;   /* when it began to say of the change what it says */
    int64_t heard;   /* when it said so last */
};

struct leap_table {
    int count;
    struct leap_witness witness[LEAP_WITNESSES_MAX];
};

/* Whether a witness counts now. */
enum leap_standing {
    LEAP_COUNTS,
    LEAP_MUTE,       /* says nothing of a change */
    LEAP_EXPIRED,    /* a list past its end */
    LEAP_TOO_NEW,    /* a list that was made later than now */
    LEAP_OLD,        /* said too long ago */
    LEAP_WRONG_DAY,  /* a change on a day that has none */
    LEAP_NOT_STEADY, /* a flag without a date, for less than an hour */
    LEAP_SHOWN_ONLY, /* the kernel */
};

/* What is to be served. */
struct leap_verdict {
    enum leap change; /* that comes next as far as is known: LEAP_NONE, INSERT or DELETE */
    int64_t at;       /* of that change; 0: none */
    enum leap served; /* the leap indicator now, of a synchronised server */
    int tai;          /* TAI - UTC now, s; LEAP_COUNT_UNKNOWN */
    char rule;        /* 'a', 'b', 'c' of the above; 0: nobody knows */
    char why[200];    /* one sentence */
};

/*
 * Notes what a witness says at `now`; the same kind and name are the same witness, and what a
 * receiver leaves unsaid stays as it was. `from` and `expires` are of a list, else 0. One too many
 * is left out.
 */
void leap_say(struct leap_table *t, enum leap_kind kind, const char *name,
              const struct leap_claim *claim, int64_t from, int64_t expires, int64_t now);

/* Forgets a witness; one that is not there is no error. */
void leap_forget(struct leap_table *t, enum leap_kind kind, const char *name);

/* Whether and why not a witness counts at `now`. */
enum leap_standing leap_standing(const struct leap_witness *w, int64_t now);

/* What is to be served at `now`. */
void leap_judge(const struct leap_table *t, int64_t now, struct leap_verdict *v);

/*
 * Whether the seconds that a receiver counts are UTC: false while it says itself that its leap
 * count is only assumed (a cold start: GPS sends the count every 12.5 minutes) and no list that
 * holds has the same count. A receiver that says nothing of its count is taken at its word.
 */
bool leap_count_confirmed(const struct leap_table *t, const struct leap_claim *c, int64_t now);

/* Whether the receiver of that name has said that its count is only assumed, and nothing since that
 * confirms it. */
bool leap_count_assumed(const struct leap_table *t, const char *name, int64_t now);

/* Whether a change can be at `at`: the midnight after 30 June or 31 December. */
bool leap_possible(int64_t at);

/*
 * True time before and after: seconds that are to be added to a time that was counted on through a
 * change at `at`, once it is past. A second inserted is the one that begins at `at` (on the NTP
 * scale it repeats the one before); of a deleted one, that before `at` is left out.
 */
static inline int leap_step(enum leap change)
{
    return change == LEAP_INSERT ? -1 : change == LEAP_DELETE ? 1 : 0;
}

/* The first second, as counted on, that is another on the NTP scale. */
static inline int64_t leap_begins(enum leap change, int64_t at)
{
    return change == LEAP_DELETE ? at - 1 : at;
}

/* One word for status and log. */
const char *leap_kind_name(enum leap_kind kind);
const char *leap_name(enum leap change);
/* Half a sentence. */
const char *leap_standing_name(enum leap_standing s);

#endif
