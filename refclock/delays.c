/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/delays.h"

#include <math.h>
#include <string.h>

#include "refclock/civil.h"

#define WHOLE_S 0.25 /* a difference that is nearer to a whole number of seconds */

void delays_remember(struct refclock *r, const struct memory_delay *from, int count)
{
    for (int i = 0; i < r->count; i++)
        for (int k = 0; k < count; k++)
            if (!strcmp(r->receiver[i].config.name, from[k].name))
                recall_init(&r->receiver[i].recall, &from[k]);
}

int delays_memory(const struct refclock *r, struct memory_delay to[MEMORY_DELAYS])
{
    int count = 0;
    for (int i = 0; i < r->count && count < MEMORY_DELAYS; i++) {
        const struct recall *c = &r->receiver[i].recall;
        bool kept = c->verdict != RECALL_NOTHING && c->verdict != RECALL_FORGOTTEN;
        if (r->receiver[i].removed || (!kept && !*c->learned.name))
            continue;
        to[count] = *c->learned.name ? c->learned : c->from;
        if (*c->model)
            memcpy(to[count].model, c->model, sizeof c->model);
        count++;
    }
    return count;
}

static void say(const struct refclock *r, const struct receiver *one)
{
    char sentence[256];
    enum log_level level =
        one->recall.verdict == RECALL_DOUBTFUL ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE;
    recall_sentence(&one->recall, sentence, sizeof sentence);
    if (*sentence)
        log_say(r->log, level, "%s: %s", one->config.name, sentence);
}

void delays_model(struct refclock *r, int who, const char *model)
{
    struct receiver *one = &r->receiver[who];
    bool used = recall_tells(&one->recall);
    if (!recall_model(&one->recall, model))
        return;
    log_say(
        r->log, LOG_LEVEL_NOTICE,
        "%s is another receiver than before the restart: the delay of its messages is forgotten",
        one->config.name);
    if (used)
        numbering_reset(&one->numbering);
}

/* By the estimate, where others make it; else by what the clock has shown since the start. */
static struct recall_moment moment(const struct refclock *r, int who, const struct timelabel *l)
{
    int64_t reading = clock_now(r->clock), ahead = reading - clock_local(r->clock, reading);
    struct recall_moment m = {.synced = r->state == REFCLOCK_LOCKED && r->leader >= 0 &&
                                        r->leader != who && r->discipline.started};
    struct estimate e = {.shift = ahead};
    if (m.synced)
        discipline_estimate(&r->discipline, l->local, &e);
    m.clock = (double)(l->local + e.shift - l->second * NS_PER_S) * 1e-9 + e.offset;
    return m;
}

bool delays_label(struct refclock *r, int who, struct timelabel *l)
{
    struct receiver *one = &r->receiver[who];
    enum recall_verdict before = one->recall.verdict;
    struct recall_moment m = moment(r, who, l);
    bool use = recall_label(&one->recall, &one->numbering, &m, l);
    if (one->recall.verdict != before)
        say(r, one);
    return use;
}

double delays_number_off(const struct refclock *r, const struct numbering *n)
{
    struct estimate e;
    discipline_estimate(&r->discipline, n->anchor, &e);
    int64_t named = (n->number + n->anchor_index) * NS_PER_S;
    return (double)(named - n->anchor - e.shift) * 1e-9 - e.offset;
}

/* The second is known to it by more than a delay. */
static bool knows(const struct receiver *one)
{
    return one->numbering.state == NUMBERING_NUMBERED &&
           (testimony_tells(&one->testimony) || recall_tells(&one->recall));
}

/* Somebody else whose second is known agrees with the estimate. */
static bool is_vouched(const struct refclock *r, int who)
{
    if (r->state != REFCLOCK_LOCKED || r->leader < 0 || !r->discipline.started)
        return false;
    for (int i = 0; i < r->count; i++) {
        const struct receiver *one = &r->receiver[i];
        enum verdict_of_source v = r->selected.of[i].verdict;
        if (i != who && !one->removed && (v == VERDICT_LEADS || v == VERDICT_STANDBY) &&
            (one->config.peer || knows(one)) && witness_speaks(&one->witness, loop_now(r->loop)))
            return true;
    }
    return false;
}

void delays_learn(struct refclock *r, int who)
{
    struct receiver *one = &r->receiver[who];
    const struct numbering *n = &one->numbering;
    double off = 0;
    if (n->late || (n->state != NUMBERING_NUMBERED && n->state != NUMBERING_AMBIGUOUS))
        return;
    if (is_vouched(r, who))
        off = delays_number_off(r, n);
    else if (!knows(one))
        return;
    if (fabs(off - rint(off)) < WHOLE_S)
        recall_learn(&one->recall, one->config.name, n, -rint(off));
}
