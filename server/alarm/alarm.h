/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ALARM_ALARM_H
#define TIMEBALL_SERVER_ALARM_ALARM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "refclock/err.h"
#include "refclock/log.h"

/*
 * What a person wants to be told of, from the status. Pure: a status gives the set of what holds
 * now; what holds and what was told give the next event. So what comes and goes while it may not be
 * told is told as it stands afterwards, and nothing piles up.
 */
enum alarm_kind {
    ALARM_LOCKED,
    ALARM_HOLDOVER,
    ALARM_UNSYNCHRONISED,
    ALARM_GONE,
    ALARM_FALSETICKER,
    ALARM_ANTENNA,
    ALARM_JAMMING,
    ALARM_SPOOFING,
    ALARM_LEAP_LIST,
    ALARM_CLOCK_MOVED,
    ALARM_TEST,
    ALARM_KINDS
};

struct alarm_row {
    const char *word;     /* TIMEBALL_EVENT */
    const char *id;       /* MESSAGE_ID of the journal (128 bits, hexadecimal): never changed */
    const char *help;     /* one sentence */
    enum log_level level; /* when it begins; its end is a notice */
    bool ends_quietly;    /* its end is not told */
    bool new_only;        /* not told when it held already at the start */
};
extern const struct alarm_row alarm_rows[ALARM_KINDS];

#define ALARM_LEAP_DAYS 30 /* before a list of leap seconds expires */
#define ALARM_BURST     5  /* events of a kind at once, then */
#define ALARM_EVERY     60 /* s, one in so many */
#define ALARM_ITEMS     64
#define ALARM_SENTENCE  512

struct alarm_item {
    enum alarm_kind kind;
    char thing[96]; /* a source, a list; "" */
    char sentence[ALARM_SENTENCE];
};

struct alarm_set {
    int count; /* one too many is left out */
    struct alarm_item item[ALARM_ITEMS];
};

/*
 * What holds by a status of timeballd; of absent members nothing does. *set is what held before,
 * none at first: of an antenna, jamming or spoofing that the receiver no longer watches it goes on
 * to hold. Texts are printable.
 */
void alarm_find(struct alarm_set *set, const json_t *status);

/* The daemon does not answer: all that held is kept, for nobody knows, and ALARM_GONE with `why`.
 */
void alarm_gone(struct alarm_set *set, const char *why);

struct alarm_event {
    struct alarm_item item;
    bool begins; /* false: it is over */
};

struct alarm {
    bool started; /* something was found before */
    struct alarm_set told;
    struct alarm_bucket {
        int64_t full; /* ns, when its row may have ALARM_BURST events again; 0: now */
    } bucket[ALARM_KINDS];
};

/*
 * The next event that may be told at `now` (ns, any steady scale), which counts as told from then
 * on. False: there is none.
 */
bool alarm_next(struct alarm *a, const struct alarm_set *set, int64_t now,
                struct alarm_event *event);

/* The event of `timeball-alarm --test`. */
struct alarm_event alarm_test(void);

#endif
