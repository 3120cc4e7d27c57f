/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/select.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BETTER 0.5 /* of the leader's bound: a smaller one is worth a change */

struct ends {
    double low, high;
};

static void say(struct selected *out, int i, enum verdict_of_source v, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void say(struct selected *out, int i, enum verdict_of_source v, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    out->of[i].verdict = v;
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(out->of[i].why, sizeof out->of[i].why, format, ap);
    va_end(ap);
}

/* How many of the intervals hold the point. */
static int holders(const struct candidate *const *c, int n, double point)
{
    int held = 0;
    for (int i = 0; i < n; i++)
        held += c[i]->midpoint - c[i]->bound <= point && point <= c[i]->midpoint + c[i]->bound;
    return held;
}

/*
 * The points that most intervals hold begin at the low end of one of them and end at the high end
 * of one. Returns how many hold them; *at: from the lowest such point to the highest.
 */
static int intersect(const struct candidate *const *c, int n, struct ends *at)
{
    int most = 0;
    *at = (struct ends){INFINITY, -INFINITY};
    for (int i = 0; i < n; i++)
        for (int side = -1; side <= 1; side += 2) {
            double point = c[i]->midpoint + side * c[i]->bound;
            int held = holders(c, n, point);
            if (held < most)
                continue;
            if (held > most)
                *at = (struct ends){INFINITY, -INFINITY};
            most = held;
            at->low = fmin(at->low, point);
            at->high = fmax(at->high, point);
        }
    return most;
}

static bool overlaps(const struct candidate *c, const struct ends *at)
{
    return c->midpoint - c->bound <= at->high && c->midpoint + c->bound >= at->low;
}

/* Below zero: a is to be preferred to b, whatever their bounds. */
static int order(const struct candidate *a, const struct candidate *b)
{
    if (a->doubtful != b->doubtful)
        return a->doubtful - b->doubtful;
    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    return b->prefer - a->prefer;
}

static int best_of(const struct candidate *c, const struct selected *out, int count, int leader)
{
    int best = -1;
    for (int i = 0; i < count; i++) {
        if (out->of[i].verdict != VERDICT_STANDBY)
            continue;
        int by = best < 0 ? -1 : order(&c[i], &c[best]);
        if (by < 0 || (by == 0 && c[i].bound < c[best].bound))
            best = i;
    }
    bool leads = leader >= 0 && out->of[leader].verdict == VERDICT_STANDBY;
    if (leads && best != leader && order(&c[best], &c[leader]) == 0 &&
        c[best].bound > BETTER * c[leader].bound)
        return leader;
    return best;
}

/* A length of time for people, with its unit. */
static const char *length(double s, char *buf, size_t size)
{
    double a = fabs(s) * 1.0005; /* 999.9 us is 1 ms */
    const char *unit = a < 1e-6 ? "ns" : a < 1e-3 ? "us" : a < 1 ? "ms" : "s";
    double scale = a < 1e-6 ? 1e9 : a < 1e-3 ? 1e6 : a < 1 ? 1e3 : 1;
    snprintf(buf, size, a < 1000 ? "%.3g %s" : "%.0f %s", s * scale, unit);
    return buf;
}

static void unfit(const struct candidate *c, struct selected *out, int i)
{
    if (!c->fit)
        say(out, i, VERDICT_UNFIT, "not used: %s", c->why);
    else if (c->noselect)
        say(out, i, VERDICT_WATCHED,
            "only watched: its line says noselect; without that word it could be used");
    else
        say(out, i, VERDICT_NEW,
            "not used yet: it must be held against the clock for %d measurements first", 5);
}

/* No majority: whoever did not jump stays; what the clock itself would say decides between a leader
 * that jumped and others. */
static void dispute(const struct candidate *c, const int *of, int n, int leader, double own,
                    struct selected *out)
{
    char by[32];
    bool jumped = leader >= 0 && c[leader].jumped;
    bool stays = leader >= 0 && !jumped && !c[leader].doubtful && isfinite(own);
    out->disputed = true;
    for (int k = 0; k < n; k++) {
        int i = of[k];
        bool with_clock = fabs(c[i].midpoint) <= c[i].bound + own;
        length(c[i].midpoint - (leader >= 0 ? c[leader].midpoint : 0), by, sizeof by);
        if (i == leader && stays)
            say(out, i, VERDICT_STANDBY,
                "leads: it did not jump, though another source contradicts it and no third one "
                "decides; add a source");
        else if (jumped && i != leader && with_clock && isfinite(own))
            say(out, i, VERDICT_STANDBY,
                "leads: it agrees with the clock's own course, and the source that led jumped");
        else if (i == leader && jumped)
            say(out, i, VERDICT_FALSE,
                "not used: it jumped away from the clock's own course; see whether its antenna or "
                "cable changed");
        else
            say(out, i, VERDICT_UNDECIDED,
                "not used: it differs by %s from another source and no majority decides; add a "
                "third source, or mend the one that is wrong",
                by);
    }
}

static void falseticker(const struct candidate *c, double off, bool trust, struct selected *out,
                        int i)
{
    char by[32], bound[32];
    say(out, i, VERDICT_FALSE, "not used: it is %s off what %s, more than its bound of %s; %s",
        length(off, by, sizeof by), trust ? "the trusted sources say" : "the majority says",
        length(c->bound, bound, sizeof bound),
        c->kind == SELECT_PEERS ? "it is used again when it agrees, else name another server"
                                : "check its latency, its edge and its receiver");
}

static void truechimers(const struct candidate *c, const int *of, int n, const struct ends *at,
                        bool trust, struct selected *out)
{
    for (int k = 0; k < n; k++) {
        const struct candidate *one = &c[of[k]];
        double off = one->midpoint < at->low ? one->midpoint - at->low : one->midpoint - at->high;
        if (overlaps(one, at))
            say(out, of[k], VERDICT_STANDBY, "%s", "");
        else
            falseticker(one, off, trust, out, of[k]);
    }
}

/* Those who decide among the voters: the trusted ones, or all. How many. */
static int electors(const struct candidate *const *voter, int n, const struct candidate **elector)
{
    int m = 0;
    bool trusted = false;
    for (int i = 0; i < n; i++)
        trusted |= voter[i]->trusted;
    for (int i = 0; i < n; i++)
        if (voter[i]->trusted == trusted)
            elector[m++] = voter[i];
    return m;
}

/* How those that agree with the leader are used. */
static void rank(const struct candidate *c, int count, struct selected *out)
{
    const struct candidate *leads = &c[out->leader];
    for (int i = 0; i < count; i++) {
        bool peers = c[i].kind == SELECT_PEERS && leads->kind == SELECT_PEERS;
        if (out->of[i].verdict != VERDICT_STANDBY || i == out->leader)
            continue;
        if (peers)
            say(out, i, VERDICT_COMBINED,
                "used: its measurements count beside those of %.60s, each by its error; it is left "
                "out when the others contradict it",
                leads->name);
        else
            say(out, i, VERDICT_STANDBY,
                "stands by: it agrees with %.60s, which leads; it takes over when that is lost%s",
                leads->name,
                c[i].kind == SELECT_PEERS ? " and the error bound has passed `holdover`" : "");
    }
}

/* Nobody could be compared with anybody: the first of the best kind begins. */
static int begins(const struct candidate *c, int count)
{
    int best = -1;
    for (int i = 0; i < count; i++)
        if (c[i].fit && !c[i].noselect && (best < 0 || order(&c[i], &c[best]) < 0))
            best = i;
    return best;
}

void select_leader(const struct candidate *c, int count, int leader, double own,
                   struct selected *out)
{
    const struct candidate *voter[SELECT_MOST] = {NULL};
    int of[SELECT_MOST], n = 0;
    memset(out, 0, sizeof *out);
    out->leader = -1;
    if (leader >= 0 && (leader >= count || !c[leader].fit || c[leader].noselect))
        leader = -1;
    for (int i = 0; i < count; i++) {
        if (c[i].fit && !c[i].noselect && (c[i].compared || i == leader)) {
            voter[n] = &c[i];
            of[n++] = i;
        } else
            unfit(&c[i], out, i);
    }
    struct ends at;
    const struct candidate *elector[SELECT_MOST];
    int m = electors(voter, n, elector);
    if (n == 0)
        out->leader = begins(c, count);
    else if (n == 1)
        say(out, of[0], VERDICT_STANDBY, "%s", "");
    else if (2 * intersect(elector, m, &at) > m)
        truechimers(c, of, n, &at, elector[0]->trusted, out);
    else
        dispute(c, of, n, leader, own, out);
    if (n > 0)
        out->leader = best_of(c, out, count, leader);
    if (out->leader < 0)
        return;
    out->of[out->leader].verdict = VERDICT_LEADS;
    if (out->disputed)
        return;
    say(out, out->leader, VERDICT_LEADS, "leads: %s", c[out->leader].why);
    rank(c, count, out);
}

void select_hold(struct selected *s, int count)
{
    s->leader = -1;
    for (int i = 0; i < count; i++)
        if (s->of[i].verdict >= VERDICT_STANDBY)
            say(s, i, VERDICT_STANDBY,
                "stands by: the clock's own course since the receiver was lost is surer; it takes "
                "over when the error bound has passed `holdover`");
}

const char *select_verdict_name(enum verdict_of_source v)
{
    static const char *const names[] = {
        [VERDICT_UNFIT] = "unfit",
        [VERDICT_WATCHED] = "watched",
        [VERDICT_NEW] = "new",
        [VERDICT_FALSE] = "falseticker",
        [VERDICT_UNDECIDED] = "undecided",
        [VERDICT_STANDBY] = "standby",
        [VERDICT_COMBINED] = "combined",
        [VERDICT_LEADS] = "leads",
    };
    return names[v];
}
