/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ALARM_ALARM_H
#define TIMEBALL_SERVER_ALARM_ALARM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "refclock/log.h"
#include "server/status/status.h"

/*
 * What a person wants to be told of. timeballd finds what holds now (find.h) and puts it into its
 * status; what holds and what was told give the next event, in timeballd for its log and in
 * timeball-alarm for the hook. So what comes and goes while it may not be told is told as it stands
 * afterwards, and nothing piles up.
 */
enum alarm_kind {
    ALARM_LOCKED,
    ALARM_HOLDOVER,
    ALARM_UNSYNCHRONISED,
    ALARM_GONE,
    ALARM_SOURCE,
    ALARM_FALSETICKER,
    ALARM_ANTENNA,
    ALARM_JAMMING,
    ALARM_SPOOFING,
    ALARM_INTEGRITY,
    ALARM_FEED,
    ALARM_LEAP_LIST,
    ALARM_CLOCK_MOVED,
    ALARM_OVERLOAD,
    ALARM_TEST,
    ALARM_KINDS
};

struct alarm_row {
    const char *id;       /* MESSAGE_ID of the journal (128 bits, hexadecimal): never changed */
    const char *help;     /* one sentence */
    enum log_level level; /* when it begins and nothing else is said; its end is a notice */
    bool ends_quietly;    /* its end is not told */
    bool new_only;        /* not told when it held already at the start */
    bool logged;          /* timeballd's log has a line of its own for it */
};
extern const struct alarm_row alarm_rows[ALARM_KINDS];

/* Names, NULL-terminated: TIMEBALL_EVENT by enum alarm_kind, TIMEBALL_LEVEL by enum log_level. */
extern const char *const alarm_words[ALARM_KINDS + 1];
extern const char *const alarm_levels[];

#define ALARM_BURST    5  /* events of a kind at once, then */
#define ALARM_EVERY    60 /* s, one in so many */
#define ALARM_SENTENCE sizeof(((struct status_alarm *)0)->sentence)

/* Appends one; texts are cut to fit and made printable. One too many is left out. */
void alarm_add(struct status_alarms *set, enum alarm_kind kind, enum log_level level,
               const char *thing, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The one of that kind and thing; NULL: it is not among them. */
const struct status_alarm *alarm_in(const struct status_alarms *set, const struct status_alarm *a);

/*
 * The `alarms` of a status of timeballd, and ALARM_LOCKED where it is. What is not known here is
 * left out. False: there are none in it, not even an empty list, and *set is left as it was.
 */
bool alarm_take(struct status_alarms *set, const json_t *status);

/* The daemon does not answer: all that held is kept, for nobody knows, and ALARM_GONE with `why`.
 */
void alarm_gone(struct status_alarms *set, const char *why);

struct alarm_event {
    struct status_alarm item;
    bool begins; /* false: it is over */
};

struct alarm {
    bool started; /* something was found before */
    struct status_alarms told;
    uint64_t changes; /* of `told` so far */
    struct alarm_bucket {
        int64_t full; /* ns, when its row may have ALARM_BURST events again; 0: now */
    } bucket[ALARM_KINDS];
};

/*
 * The next event that may be told at `now` (ns, any steady scale), which counts as told from then
 * on. False: there is none.
 */
bool alarm_next(struct alarm *a, const struct status_alarms *set, int64_t now,
                struct alarm_event *event);

/* The event of a test. */
struct alarm_event alarm_test(void);

#endif
