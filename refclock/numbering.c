/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/numbering.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/leap.h"

#define SECOND INT64_C(1000000000)

/* An edge belongs to the grid within this, and what the oscillator may do to it meanwhile. */
#define GRID_TOLERANCE_NS 20000000
#define GRID_DRIFT        600e-6
#define GRID_LIFE_NS      (300 * SECOND) /* then the grid is too vague to count on */

/* Which delays tell the second without doubt (s), and by how many messages. */
#define DELAY_LEAST       0.019
#define DELAY_LOW         0.810 /* of the quickest message */
#define DELAY_MEDIAN      0.845
#define DELAY_HIGH        0.960
#define LABELS_STATED     3
#define EARLY_MEMORY      64  /* messages after one that came before DELAY_LEAST */
#define DISAGREE_LIMIT    3   /* in a row: a conflict */
#define DISAGREE_RENUMBER 60  /* in a row, all by the same: the receiver corrected itself */
#define AGREED_MOST       900 /* ... or half as many as had agreed before, of these at most */
#define STATED_MARGIN     0.1
#define LATE_NS           (2700 * SECOND) /* receivers that learn late of a leap second */
#define LEAP60_NS         (300 * SECOND)

/*
 * How many messages are enough. A delay just below a second, with a long tail, looks like a short
 * one as long as only the tail is seen: 990 ms and an exponential 50 ms pass the first rows once in
 * 20 000 starts; a tail that reaches 150 ms four times running is ten times rarer still.
 */
static const struct {
    int labels;
    double low, high, span; /* all of them between, and within span; s */
} enough[] = {
    {4, 0.050, 0.700, 0.010},
    {4, 0.150, 0.650, 0.060},
    {5, 0.100, 0.650, 0.200},
    {6, 0.080, 0.650, 0.200},
    {6, 0.050, 0.700, 0.040},
    {12, 0.030, 0.700, 1},
    {NUMBERING_DELAYS, DELAY_LEAST, DELAY_HIGH, 1},
};

void numbering_init(struct numbering *n)
{
    memset(n, 0, sizeof *n);
    n->low = n->median = n->high = n->stated_min = n->stated_max = NAN;
    n->since_early = EARLY_MEMORY;
    n->leap60_local = INT64_MIN;
}

static void forget_number(struct numbering *n)
{
    n->tentative = n->once = false;
    n->delays = n->next = n->disagree = n->agreed = 0;
    n->since_early = EARLY_MEMORY;
    n->low = n->median = n->high = NAN;
    n->state = NUMBERING_EMPTY;
}

void numbering_reset(struct numbering *n)
{
    forget_number(n);
    n->grid = false;
    n->waits = n->off_grid = 0;
}

static int64_t whole_seconds(int64_t ns)
{
    return (ns + (ns < 0 ? -SECOND / 2 : SECOND / 2)) / SECOND;
}

/* Whether `local` lies a whole number of seconds from `from`, as far as an oscillator allows. */
static bool in_step(int64_t from, int64_t local, int64_t *seconds)
{
    int64_t span = local - from;
    *seconds = whole_seconds(span);
    double off = fabs((double)(span - *seconds * SECOND));
    return *seconds > 0 && off <= GRID_TOLERANCE_NS + GRID_DRIFT * fabs((double)span);
}

static void start_grid(struct numbering *n, const struct edge *e)
{
    numbering_reset(n);
    n->grid = true;
    n->anchor = e->local;
    n->anchor_index = 0;
}

/* True when the edge is on the grid; three edges in a row that agree on another grid replace it. */
static bool place(struct numbering *n, const struct edge *e)
{
    int64_t seconds;
    if (!n->grid || e->local - n->anchor > GRID_LIFE_NS)
        start_grid(n, e);
    else if (in_step(n->anchor, e->local, &seconds)) {
        n->anchor = e->local;
        n->anchor_index += seconds;
    } else {
        n->off_grid_edges++;
        n->off_grid =
            n->off_grid && in_step(n->off_anchor, e->local, &seconds) ? n->off_grid + 1 : 1;
        n->off_anchor = e->local;
        if (n->off_grid < 3)
            return false;
        start_grid(n, e);
    }
    n->off_grid = 0;
    return true;
}

static void make_sample(const struct numbering *n, const struct edge *e, struct sample *s)
{
    int64_t index = n->anchor_index + whole_seconds(e->local - n->anchor);
    *s = (struct sample){
        .local = e->local,
        .truth = (n->number + index) * SECOND,
        .uncertainty = e->uncertainty,
        .leap = LEAP_UNKNOWN,
        .pulse = true,
    };
}

int numbering_edge(struct numbering *n, const struct edge *e, struct sample *s)
{
    n->edges++;
    if (!place(n, e))
        return 0;
    if (n->state == NUMBERING_NUMBERED) {
        make_sample(n, e, s);
        return 1;
    }
    if (n->waits == NUMBERING_EDGES)
        memmove(n->waiting, n->waiting + 1, sizeof *n->waiting * (size_t)--n->waits);
    n->waiting[n->waits++] = *e;
    return 0;
}

int numbering_take(struct numbering *n, struct sample *s)
{
    if (n->state != NUMBERING_NUMBERED || n->waits == 0)
        return 0;
    make_sample(n, &n->waiting[0], s);
    memmove(n->waiting, n->waiting + 1, sizeof *n->waiting * (size_t)--n->waits);
    return 1;
}

static bool delay_stated(const struct numbering *n)
{
    return !isnan(n->stated_min);
}

/* How long after the beginning of its second (as numbered) the message came, s. */
static double measured_delay(const struct numbering *n, const struct timelabel *l)
{
    int64_t begin = n->anchor + (l->second - n->number - n->anchor_index) * SECOND;
    return (double)(l->local - begin) * 1e-9;
}

/* The number under which the message belongs to the edge before it (or, with a stated delay, near
 * to that delay). */
static int64_t proposed_number(const struct numbering *n, const struct timelabel *l)
{
    double since = (double)(l->local - n->anchor) * 1e-9;
    double index =
        delay_stated(n) ? rint(since - (n->stated_min + n->stated_max) / 2) : floor(since);
    return l->second - (n->anchor_index + (int64_t)index);
}

static void keep_delay(struct numbering *n, double delay)
{
    double sorted[NUMBERING_DELAYS] = {0};
    n->delay[n->next] = delay;
    n->next = (n->next + 1) % NUMBERING_DELAYS;
    if (n->delays < NUMBERING_DELAYS)
        n->delays++;
    if (n->agreed < AGREED_MOST)
        n->agreed++;
    if (delay < DELAY_LEAST)
        n->since_early = 0;
    else if (n->since_early < EARLY_MEMORY)
        n->since_early++;
    for (int i = 0; i < n->delays; i++) {
        int j = i;
        for (; j > 0 && sorted[j - 1] > n->delay[i]; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = n->delay[i];
    }
    n->low = sorted[0];
    n->median = sorted[n->delays / 2];
    n->high = sorted[n->delays - 1];
}

static void begin_number(struct numbering *n, const struct timelabel *l, int64_t number)
{
    n->tentative = true;
    n->number = number;
    n->delays = n->next = n->disagree = n->agreed = 0;
    n->since_early = EARLY_MEMORY;
    keep_delay(n, measured_delay(n, l));
}

static bool is_enough(const struct numbering *n)
{
    for (size_t i = 0; i < sizeof enough / sizeof *enough; i++)
        if (n->delays >= enough[i].labels && n->low >= enough[i].low && n->high <= enough[i].high &&
            n->high - n->low <= enough[i].span)
            return true;
    return false;
}

static enum numbering_state judge(const struct numbering *n)
{
    if (delay_stated(n)) {
        bool inside =
            n->low > n->stated_min - STATED_MARGIN && n->high < n->stated_max + STATED_MARGIN;
        return n->delays < LABELS_STATED ? NUMBERING_GATHERING
               : inside                  ? NUMBERING_NUMBERED
                                         : NUMBERING_AMBIGUOUS;
    }
    if (n->since_early < EARLY_MEMORY || n->low > DELAY_LOW || n->median > DELAY_MEDIAN ||
        n->high > DELAY_HIGH)
        return NUMBERING_AMBIGUOUS;
    /* what was doubtful must be well inside for all that is remembered before it counts again */
    if (n->state == NUMBERING_AMBIGUOUS && n->delays < NUMBERING_DELAYS)
        return NUMBERING_AMBIGUOUS;
    return is_enough(n) ? NUMBERING_NUMBERED : NUMBERING_GATHERING;
}

/* A contradiction that a leap second would explain that nobody knew of. */
static bool is_like_leap(const struct numbering *n, const struct timelabel *l, int64_t by)
{
    int64_t midnight = (l->second + 43200) / 86400 * 86400;
    bool near = llabs(l->second - midnight) <= 2 && leap_possible(midnight);
    bool named = n->leap60_local != INT64_MIN && l->local - n->leap60_local < LEAP60_NS;
    return llabs(by) == 1 && (near || named);
}

/* A message that contradicts the number by `by` seconds; its own delay would be `delay`. */
static void contradict(struct numbering *n, const struct timelabel *l, int64_t by, double delay)
{
    n->conflicts++;
    bool same = n->disagree && by == n->disagree_by && fabs(delay - n->disagree_delay) < 0.25;
    n->like_leap = same ? n->like_leap : is_like_leap(n, l, by);
    n->disagree = same ? n->disagree + 1 : 1;
    n->disagree_by = by;
    n->disagree_delay = delay;
    if (n->disagree < DISAGREE_LIMIT)
        return;
    if (!n->once) {
        begin_number(n, l, proposed_number(n, l));
        return;
    }
    n->state = NUMBERING_CONFLICT;
    /*
     * A receiver that corrects its leap count jumps by whole seconds and keeps its delay. One whose
     * delay wandered past the second does not: that stays a conflict for a person to judge. Nor is
     * one believed that makes a leap second of its own, or leaves one out, against a list.
     */
    bool against_list = n->leap_listed && (n->like_leap || (n->leap_at && by == -n->leap_step));
    bool outlasted = !against_list && (n->like_leap || n->disagree >= n->agreed / 2);
    if (n->disagree >= DISAGREE_RENUMBER && outlasted && fabs(delay - n->median) < 0.1) {
        begin_number(n, l, n->number + by);
        n->renumbered++;
        n->renumbered_by = n->like_leap ? by : 0;
        n->state = NUMBERING_GATHERING;
    }
}

void numbering_leap(struct numbering *n, int64_t at, int step, int64_t local)
{
    n->number += step;
    n->leap_at = at;
    n->leap_step = step;
    n->late_until = local + LATE_NS;
    n->late = false;
    n->disagree = 0;
}

/* Whether the message is off by just the leap second that was carried through, and may be. */
static bool is_late(const struct numbering *n, const struct timelabel *l)
{
    if (!n->leap_at || !n->tentative || l->local > n->late_until)
        return false;
    return fabs(measured_delay(n, l) - n->median - n->leap_step) < 0.5;
}

/* The message's second on the scale that is counted on: 23:59:60 has a place of its own there, and
 * who does not know of a leap second counts past it. */
static struct timelabel counted(struct numbering *n, const struct timelabel *l)
{
    struct timelabel own = *l;
    if (l->leap60)
        n->leap60_local = l->local;
    if (l->leap60 && l->second == n->leap_at && n->leap_step < 0)
        own.second--;
    n->late = is_late(n, &own);
    if (n->late)
        own.second += n->leap_step;
    return own;
}

enum numbering_state numbering_label(struct numbering *n, const struct timelabel *given)
{
    const struct timelabel own = counted(n, given), *l = &own;
    n->labels++;
    n->stated_min = l->delay_min;
    n->stated_max = l->delay_max;
    n->label_local = l->local;
    if (!n->grid || l->nsec != 0 || l->local - n->anchor > GRID_LIFE_NS)
        return n->state;
    if (!n->tentative) {
        begin_number(n, l, proposed_number(n, l));
        n->state = judge(n);
        return n->state;
    }
    double delay = measured_delay(n, l), off = delay - n->median;
    if (fabs(off) > 0.5) {
        double by = -rint(off); /* under that number the delay would be near the others */
        contradict(n, l, (int64_t)by, delay + by);
        return n->state;
    }
    n->disagree = 0;
    /* no message comes before its second: the first one was late, and took the next pulse for its
     * own */
    if (!n->once && !delay_stated(n) && delay < 0)
        begin_number(n, l, proposed_number(n, l));
    else
        keep_delay(n, delay);
    n->state = judge(n);
    n->once |= n->state == NUMBERING_NUMBERED;
    return n->state;
}

void numbering_message_sample(const struct timelabel *l, struct sample *s)
{
    double low = isnan(l->delay_min) ? 0 : l->delay_min,
           high = isnan(l->delay_max) ? 1 : l->delay_max;
    *s = (struct sample){
        .local = l->local - llrint((low + high) / 2 * 1e9),
        .truth = l->second * SECOND + l->nsec,
        .uncertainty = (high - low) / 2,
        .leap = l->leap,
    };
}

const char *numbering_state_name(enum numbering_state s)
{
    static const char *const names[] = {
        [NUMBERING_EMPTY] = "empty",         [NUMBERING_GATHERING] = "gathering",
        [NUMBERING_AMBIGUOUS] = "ambiguous", [NUMBERING_CONFLICT] = "conflict",
        [NUMBERING_NUMBERED] = "numbered",
    };
    return names[s];
}

const char *numbering_evidence(const struct numbering *n, char *buf, int size)
{
    size_t room = (size_t)size;
    const char *rests = delay_stated(n) ? "stated delay" : "delay only";
    switch (n->state) {
    case NUMBERING_EMPTY:
        snprintf(buf, room, "%s",
                 n->grid ? "pulses, but no message with a valid time"
                         : "no pulses on a grid of seconds");
        break;
    case NUMBERING_GATHERING:
        snprintf(buf, room, "%d messages so far, %.0f ms after the pulse", n->delays,
                 n->median * 1e3);
        break;
    case NUMBERING_AMBIGUOUS:
        snprintf(buf, room,
                 "messages come %.0f to %.0f ms after the pulse: too near a whole second to tell "
                 "which; raise the baud "
                 "rate, switch off sentences, or state `delay MIN..MAX`",
                 n->low * 1e3, n->high * 1e3);
        break;
    case NUMBERING_CONFLICT:
        snprintf(buf, room,
                 "messages differ from the counted seconds by %lld s; if the receiver is right, "
                 "restart timeballd",
                 (long long)n->disagree_by);
        break;
    case NUMBERING_NUMBERED:
        if (n->late) {
            snprintf(buf, room, "%s; the receiver does not know of the leap second yet", rests);
            break;
        }
        snprintf(buf, room, "%s: %d messages %.0f ms after the pulse (%.0f to %.0f)", rests,
                 n->delays, n->median * 1e3, n->low * 1e3, n->high * 1e3);
        break;
    }
    return buf;
}
