/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/fitness.h"

#include <math.h>
#include <stdio.h>

#define PULSE_LIFE_S    5    /* without one for so long, it is holdover */
#define MESSAGE_LIFE_S  3600 /* a number that no message confirmed for so long is not trusted */
#define FIX_LIFE_S      3    /* a fix may be lost for so long */
#define SECOND_OFF      0.4
#define MESSAGE_FRESH_S 10
#define MESSAGE_ALONE   0.5 /* an uncertainty from which a message says nothing about the second */

static struct fitness say(enum fitness_choice choice, const char *why, const char *more)
{
    struct fitness s = {.choice = choice};
    snprintf(s.why, sizeof s.why, "%s%s%s", why, *more ? ": " : "", more);
    return s;
}

static struct fitness without_pulse(const struct fitness_input *in)
{
    if (in->message_age > MESSAGE_FRESH_S)
        return say(FITNESS_NOTHING,
                   "no pulse and no message with a valid fix; see `timeballctl sources`", "");
    if (in->message_uncertainty >= MESSAGE_ALONE)
        return say(FITNESS_NOTHING,
                   "messages without a pulse, their delay unknown; add `refclock pps` or state "
                   "`delay MIN..MAX`",
                   "");
    return say(FITNESS_MESSAGE, "messages alone, with the stated delay", "");
}

static struct fitness with_pulse(const struct fitness_input *in, const char *evidence)
{
    if (in->no_fix && in->message_age > FIX_LIFE_S)
        return say(
            FITNESS_NOTHING,
            "the receiver has no fix, so its pulses run free; check antenna and view of the sky",
            "");
    if (in->numbering == NUMBERING_NUMBERED && fabs(in->off) > SECOND_OFF)
        return say(FITNESS_NOTHING,
                   "the numbered pulses differ from the clock by a second or more; if the receiver "
                   "is right, restart "
                   "timeballd",
                   "");
    if (in->pulse_age > PULSE_LIFE_S && in->numbering == NUMBERING_NUMBERED)
        return say(FITNESS_NOTHING,
                   "no pulse; check the receiver's antenna and fix, see `timeballctl sources`", "");
    if (in->numbering != NUMBERING_NUMBERED)
        return say(FITNESS_NOTHING, "pulses are not numbered", evidence);
    if (in->message_age > MESSAGE_LIFE_S)
        return say(FITNESS_NOTHING, "no message has confirmed the second for an hour", "");
    if (in->doubt)
        return say(FITNESS_NOTHING,
                   "another program moved the clock; waiting for messages to confirm the second",
                   "");
    return say(FITNESS_PULSE, "numbered pulses", evidence);
}

struct fitness fitness_judge(const struct fitness_input *in, const char *evidence)
{
    return in->pulse ? with_pulse(in, evidence) : without_pulse(in);
}
