/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_LEAD_H
#define TIMEBALL_REFCLOCK_LEAD_H

#include <stdbool.h>

#include "refclock/refclock.h"

/*
 * Which of a refclock's sources feeds the estimate: the leader's measurements go in, all others are
 * held against it. A change of leader moves neither time nor frequency; what the new one says
 * otherwise is taken over slowly, and is inside the bound until then.
 */

/* Takes stock of all sources; r->leader, selected and selection say what came of it. */
void lead_choose(struct refclock *r);

/*
 * False while network servers speak that have not been held against the others yet: whoever was
 * heard first may be the one that is wrong, and a receiver be a second off. A receiver waits only
 * for servers that are just being asked for several answers.
 */
bool lead_settled(const struct refclock *r);

/* Whether a numbered pulse of source `who` that has just come is to be delivered. */
bool lead_wants(const struct refclock *r, int who);

/* Takes a measurement into the estimate when `who` leads, or holds it against it. True when it was
 * for the estimate. */
bool lead_deliver(struct refclock *r, int who, const struct sample *s);

/* How far `who` can be trusted, by its integrity and by the clock's own course, and why: a
 * sentence,
 * "" when there is nothing to say, until the next change of anything. */
enum receiver_trust lead_trust(const struct refclock *r, int who, const char **why);

/* A second is over: a little of what the leader says otherwise is taken over. */
void lead_second(struct refclock *r);

#endif
