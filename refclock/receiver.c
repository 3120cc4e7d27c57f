/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/receiver.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROW_DOUBTS    4    /* outliers in a row that say something about the estimate */
#define SAMPLE_LIFE_S 64   /* a source of samples may be silent for so long ... */
#define INTERVALS     4    /* ... or a server for so many of its intervals */
#define OWN_INTERVALS 8    /* one of this machine that sends often is missed sooner, ... */
#define OWN_LIFE_S    10   /* ... but not before */
#define OWN_MEMORY    8    /* samples that its interval is known from */
#define SPREADS       3.0  /* of nine measurements around their median, in an error interval */
#define LEAST_BOUND   1e-9 /* s */
#define ACCORD_S      0.03 /* less than the length of a pulse */

void receiver_init(struct receiver *r, const struct receiver_config *config)
{
    memset(r, 0, sizeof *r);
    r->config = *config;
    numbering_init(&r->numbering);
    edge_check_init(&r->edge);
    testimony_init(&r->testimony);
}

double receiver_age(int64_t last, int64_t now)
{
    return last ? (double)(now - last) * 1e-9 : INFINITY;
}

static double sample_life(const struct receiver *r)
{
    if (r->config.peer)
        return fmax(SAMPLE_LIFE_S, INTERVALS * r->remote.interval);
    return r->intervals < OWN_MEMORY
               ? SAMPLE_LIFE_S
               : fmin(SAMPLE_LIFE_S, fmax(OWN_LIFE_S, OWN_INTERVALS * r->interval));
}

void receiver_heard(struct receiver *r, int64_t local)
{
    double gap = fmin(SAMPLE_LIFE_S, receiver_age(r->messages.last, local));
    if (r->messages.last && gap > 0)
        r->interval += (gap - r->interval) / fmin(++r->intervals, OWN_MEMORY);
    r->messages.last = local;
}

static struct fitness sampler_fitness(const struct receiver *r, const struct receiver_moment *m)
{
    struct fitness f = {.choice = FITNESS_PULSE, .why = "samples whose second is known"};
    if (r->config.peer)
        snprintf(f.why, sizeof f.why, "a network server, its answers weighed by their delays");
    if (r->refused != 0) {
        f.choice = FITNESS_NOTHING;
        snprintf(f.why, sizeof f.why,
                 "it says that the clock is %+.0f s off, more than a running clock is moved by; if "
                 "it is right, restart timeballd",
                 r->refused);
    } else if (m->doubt) {
        f.choice = FITNESS_NOTHING;
        snprintf(f.why, sizeof f.why,
                 "another program moved the clock; waiting for the second to be confirmed");
    } else if (!m->arriving && receiver_age(r->messages.last, m->now) > sample_life(r)) {
        f.choice = FITNESS_NOTHING;
        snprintf(f.why, sizeof f.why,
                 r->config.peer
                     ? "it has not answered for four of its polls; it is used again when "
                       "it does"
                     : "no sample comes; see `timeballctl sources`");
    }
    return f;
}

static struct fitness inverted(const struct receiver *r)
{
    struct fitness f = {.choice = FITNESS_NOTHING};
    snprintf(f.why, sizeof f.why,
             "the pulse is taken at its wrong end: %.100s; add `edge %s` to its refclock line",
             r->edge.why, r->edge.falling ? "assert" : "clear");
    return f;
}

/* Who says the same to better than a pulse is long, and rests on no pulse of the same kind. */
static bool accords(const struct receiver *mine, const struct receiver *other, int64_t now)
{
    return !other->config.pulses && !other->config.messages &&
           witness_speaks(&mine->witness, now) && witness_speaks(&other->witness, now) &&
           receiver_bound(other) < ACCORD_S &&
           fabs(other->witness.median - mine->witness.median) < ACCORD_S;
}

bool receiver_check_edge(struct receiver *all, int count, int who, int64_t now)
{
    struct receiver *mine = &all[who];
    struct edge_moment m = {.delay = mine->numbering.median};
    for (int i = 0; i < count; i++)
        m.accordance = m.accordance || (i != who && accords(mine, &all[i], now));
    return edge_check_judge(&mine->edge, &m);
}

const char *receiver_evidence(const struct receiver *r, char *buf, size_t size)
{
    if (r->recall.verdict == RECALL_DOUBTFUL && r->numbering.state == NUMBERING_EMPTY)
        return recall_sentence(&r->recall, buf, size);
    const char *known = testimony_tells(&r->testimony) ? "the receiver names its pulses; "
                        : recall_tells(&r->recall)     ? "delay as before the restart; "
                                                       : "";
    bool numbered = r->numbering.state == NUMBERING_NUMBERED;
    size_t n = (size_t)snprintf(buf, size, "%s", numbered ? known : "");
    numbering_evidence(&r->numbering, buf + n, (int)(size - n));
    n = strlen(buf);
    if (r->numbering.state == NUMBERING_NUMBERED && r->edge.verdict == EDGE_UNVERIFIED)
        snprintf(buf + n, size - n, "; edge unverified");
    return buf;
}

struct fitness receiver_fitness(const struct receiver *r, const struct receiver_moment *m)
{
    char evidence[256];
    if (r->edge.verdict == EDGE_WRONG)
        return inverted(r);
    struct fitness_input in = {
        .pulse = r->config.pulses,
        .pulse_age = m->arriving ? 0 : receiver_age(r->pulses.last, m->now),
        .message_age = receiver_age(r->messages.last, m->now),
        .message_uncertainty = r->message_uncertainty,
        .numbering = r->numbering.state,
        .no_fix = r->no_fix,
        .off = r->pulses.in_row >= ROW_DOUBTS ? r->pulses.row_least : 0,
        .doubt = m->doubt,
    };
    if (r->trust == TRUST_REJECTED) {
        struct fitness f = {.choice = FITNESS_NOTHING};
        snprintf(f.why, sizeof f.why, "it is not trusted: %.150s", r->trust_why);
        return f;
    }
    if (r->pulled) {
        struct fitness f = {.choice = FITNESS_NOTHING,
                            .why = "it pulled the clock away from its own course, and other "
                                   "sources contradict it; it is used again when it agrees with "
                                   "that course; see whether it is being spoofed or jammed"};
        return f;
    }
    if (r->count_assumed) {
        struct fitness f = {
            .choice = FITNESS_NOTHING,
            .why = "the receiver only assumes the count of leap seconds; GPS sends it every 12.5 "
                   "minutes, and a valid leap second list confirms it at once"};
        return f;
    }
    if (r->config.samples)
        return sampler_fitness(r, m);
    return fitness_judge(&in, receiver_evidence(r, evidence, sizeof evidence));
}

static double bound_with(const struct receiver *r, double spread)
{
    double own = r->uncertainty + SPREADS * spread;
    return fmax(LEAST_BOUND, r->trust == TRUST_DOUBTFUL ? 2 * own : own);
}

double receiver_bound(const struct receiver *r)
{
    return bound_with(r, r->witness.spread);
}

void receiver_candidate(const struct receiver *r, const struct receiver_moment *m,
                        const struct fitness *fitness, struct candidate *c)
{
    const struct witness *w = &r->witness;
    /* what leads pulls the estimate away, and this source does not move with it */
    bool stays = m->aside != 0 && w->own_spread < w->spread;
    *c = (struct candidate){
        .name = r->config.name,
        .kind = r->config.peer                       ? SELECT_PEERS
                : r->config.samples                  ? SELECT_SAMPLES
                : fitness->choice == FITNESS_MESSAGE ? SELECT_MESSAGES
                                                     : SELECT_PULSES,
        .fit = fitness->choice != FITNESS_NOTHING,
        .why = fitness->why,
        .compared = witness_speaks(&r->witness, m->now),
        .midpoint = stays ? w->own_median + m->aside : w->median,
        .bound = bound_with(r, stays ? w->own_spread : w->spread),
        .noselect = r->config.noselect,
        .prefer = r->config.prefer,
        .trusted = r->config.trusted,
        .doubtful = r->trust == TRUST_DOUBTFUL,
        .jumped = r->pulses.in_row >= ROW_DOUBTS,
    };
}

const char *receiver_trust_name(enum receiver_trust t)
{
    static const char *const names[] = {
        [TRUST_NOT_MONITORED] = "not_monitored",
        [TRUST_TRUSTED] = "trusted",
        [TRUST_DOUBTFUL] = "doubtful",
        [TRUST_REJECTED] = "rejected",
    };
    return names[t];
}
