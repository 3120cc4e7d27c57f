/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/recall.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ALIKE      4 /* messages in a row that decide ... */
#define UNLIKE     8
#define LOOKS_MOST 40   /* ... or so many without such a row */
#define MARGIN_S   0.05 /* around the delays that were kept, and half their span */
#define CLOCK_S    0.4  /* a clock that is nearer than this to one second tells it from the next */
#define COLD_S     0.8  /* what numbering itself takes for the pulse before */
#define KEPT       8    /* delays that are worth keeping */

void recall_init(struct recall *c, const struct memory_delay *from)
{
    c->from = *from;
    c->verdict = RECALL_LOOKING;
    c->alike = c->unlike = c->looked = 0;
}

static bool is_another(const struct recall *c)
{
    return *c->model && *c->from.model && strcmp(c->model, c->from.model) != 0;
}

bool recall_model(struct recall *c, const char *model)
{
    snprintf(c->model, sizeof c->model, "%s", model);
    if (c->verdict == RECALL_NOTHING || c->verdict == RECALL_FORGOTTEN || !is_another(c))
        return false;
    c->verdict = RECALL_FORGOTTEN;
    c->learned.name[0] = 0;
    return true;
}

/* How late the message is, if it is about as late as before the restart; NAN: it is not. */
static double as_before(const struct recall *c, double since)
{
    double middle = (c->from.low + c->from.high) / 2, half = (c->from.high - c->from.low) / 2;
    double delay = since - rint(since - middle);
    return fabs(delay - middle) <= 1.5 * half + MARGIN_S ? delay : (double)NAN;
}

/* Messages as late as before. */
static enum recall_verdict judge_alike(const struct recall *c, double delay,
                                       const struct recall_moment *m)
{
    if (fabs(m->clock - delay) < CLOCK_S)
        return RECALL_AGREES;
    if (m->synced)
        return RECALL_FORGOTTEN;
    return c->from.high < COLD_S ? RECALL_UNUSED : RECALL_DOUBTFUL;
}

/* Messages that are late otherwise: numbered without the memory, unless the clock says that this
 * would be a second early. One that is wrong the other way has messages come before their second.
 */
static enum recall_verdict judge_unlike(double since, const struct recall_moment *m)
{
    double more = m->clock - (since - floor(since));
    return !m->synced && fabs(more - 1) < CLOCK_S ? RECALL_DOUBTFUL : RECALL_FORGOTTEN;
}

static void look(struct recall *c, const struct numbering *n, const struct recall_moment *m,
                 const struct timelabel *l)
{
    double since = (double)(l->local - n->anchor) * 1e-9, delay = as_before(c, since);
    bool alike = !isnan(delay);
    c->looked += c->looked < LOOKS_MOST;
    c->alike = alike ? c->alike + (c->alike < ALIKE) : 0;
    c->unlike = alike ? 0 : c->unlike + (c->unlike < UNLIKE);
    bool undecided = c->verdict == RECALL_LOOKING && c->looked == LOOKS_MOST;
    if (c->alike == ALIKE)
        c->verdict = judge_alike(c, delay, m);
    else if (c->unlike == UNLIKE || undecided)
        c->verdict = judge_unlike(since, m);
}

static void state_delay(struct recall *c, const struct numbering *n, struct timelabel *l)
{
    /* the seconds are counted: a delay that drifts is followed */
    if (n->once && n->state == NUMBERING_NUMBERED && n->high - n->low < MEMORY_SPAN_MAX &&
        n->low >= 0 && n->high <= MEMORY_DELAY_MAX && n->delays >= KEPT) {
        c->from.low = n->low;
        c->from.high = n->high;
    }
    l->delay_min = fmax(0, c->from.low - MARGIN_S);
    l->delay_max = c->from.high + MARGIN_S;
}

bool recall_label(struct recall *c, const struct numbering *n, const struct recall_moment *m,
                  struct timelabel *l)
{
    if (!isnan(l->delay_min) || l->nsec || !n->grid)
        return true;
    if (c->verdict == RECALL_LOOKING || c->verdict == RECALL_DOUBTFUL)
        look(c, n, m, l);
    if (c->verdict == RECALL_AGREES)
        state_delay(c, n, l);
    return c->verdict != RECALL_LOOKING && c->verdict != RECALL_DOUBTFUL;
}

void recall_learn(struct recall *c, const char *name, const struct numbering *n, double later)
{
    double low = n->low + later, high = n->high + later;
    if (n->delays < KEPT || !(low >= 0 && high <= MEMORY_DELAY_MAX) || high - low > MEMORY_SPAN_MAX)
        return;
    c->learned.low = low;
    c->learned.high = high;
    snprintf(c->learned.name, sizeof c->learned.name, "%s", name);
}

bool recall_tells(const struct recall *c)
{
    return c->verdict == RECALL_AGREES;
}

const char *recall_sentence(const struct recall *c, char *buf, size_t size)
{
    *buf = 0;
    if (c->verdict == RECALL_AGREES)
        snprintf(buf, size, "delay as before the restart, and the clock agrees");
    else if (c->verdict == RECALL_FORGOTTEN)
        snprintf(buf, size,
                 "the messages do not come %.0f to %.0f ms after the pulse as before the restart: "
                 "that is forgotten, and seconds are numbered anew",
                 c->from.low * 1e3, c->from.high * 1e3);
    else if (c->verdict == RECALL_DOUBTFUL)
        snprintf(buf, size,
                 "the delay of messages kept from before the restart (%.0f to %.0f ms) and the "
                 "clock do not agree on the second; add a `server`, state `delay MIN..MAX`, or "
                 "remove the drift file",
                 c->from.low * 1e3, c->from.high * 1e3);
    return buf;
}
