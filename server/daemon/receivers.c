/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/receivers.h"

#include <stdio.h>
#include <string.h>

/* The line's pair among those without a word: the one at the same place in the row of the other
 * kind. -1: none. */
static int pair_of(const struct config *c, size_t line)
{
    unsigned kind = c->refclock[line].ops->gives;
    unsigned other = kind ^ (DRIVER_PULSES | DRIVER_MESSAGES);
    int place = 0;
    if (kind != DRIVER_PULSES && kind != DRIVER_MESSAGES)
        return -1;
    for (size_t i = 0; i < line; i++)
        place += !*c->refclock[i].receiver && c->refclock[i].ops->gives == kind;
    for (size_t i = 0; i < c->refclock_count; i++)
        if (!*c->refclock[i].receiver && c->refclock[i].ops->gives == other && place-- == 0)
            return (int)i;
    return -1;
}

/* An earlier line of the same receiver; -1: none. */
static int earlier(const struct config *c, size_t line)
{
    const char *word = c->refclock[line].receiver;
    for (size_t i = 0; *word && i < line; i++)
        if (!strcmp(c->refclock[i].receiver, word))
            return (int)i;
    int pair = *word ? -1 : pair_of(c, line);
    return pair >= 0 && (size_t)pair < line ? pair : -1;
}

static int begin(struct receivers *out, const struct config_refclock *r)
{
    struct receiver_config *new = &out->of[out->count];
    *new = (struct receiver_config){0};
    if (*r->receiver)
        snprintf(new->name, sizeof new->name, "%.90s", r->receiver);
    else
        snprintf(new->name, sizeof new->name, "%.12s %.80s", r->ops->name, r->driver->path);
    return out->count++;
}

void receivers_of(const struct config *c, struct receivers *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < c->refclock_count; i++) {
        const struct config_refclock *r = &c->refclock[i];
        int before = earlier(c, i);
        out->line[i] = before >= 0 ? out->line[before] : begin(out, r);
        struct receiver_config *one = &out->of[out->line[i]];
        one->pulses |= (r->ops->gives & (DRIVER_PULSES | DRIVER_PERHAPS)) == DRIVER_PULSES;
        one->messages |= r->ops->gives & DRIVER_MESSAGES;
        one->samples |= r->ops->gives & DRIVER_SAMPLES;
        one->noselect |= r->noselect;
        one->prefer |= r->prefer;
        one->trusted |= r->trust;
    }
}
