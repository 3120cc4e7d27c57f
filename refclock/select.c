/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/select.h"

#include <math.h>
#include <stdio.h>

#define PULSE_LIFE_S    5    /* without one for so long, it is holdover */
#define MESSAGE_LIFE_S  3600 /* a number that no message confirmed for so long is not trusted */
#define FIX_LIFE_S      3    /* a fix may be lost for so long */
#define SECOND_OFF      0.4
#define MESSAGE_FRESH_S 10
#define MESSAGE_ALONE   0.5 /* an uncertainty from which a message says nothing about the second */

static struct selection say(enum select_choice choice, const char *why, const char *more)
{
    struct selection s = {.choice = choice};
    snprintf(s.why, sizeof s.why, "%s%s%s", why, *more ? ": " : "", more);
    return s;
}

static struct selection without_pulse(const struct select_input *in)
{
    if (in->message_age > MESSAGE_FRESH_S)
        return say(SELECT_NOTHING,
                   "no pulse and no message with a valid fix; see `timeballctl sources`", "");
    if (in->message_uncertainty >= MESSAGE_ALONE)
        return say(SELECT_NOTHING,
                   "messages without a pulse, their delay unknown; add `refclock pps` or state "
                   "`delay MIN..MAX`",
                   "");
    return say(SELECT_MESSAGE, "messages alone, with the stated delay", "");
}

static struct selection with_pulse(const struct select_input *in, const char *evidence)
{
    if (in->no_fix && in->message_age > FIX_LIFE_S)
        return say(
            SELECT_NOTHING,
            "the receiver has no fix, so its pulses run free; check antenna and view of the sky",
            "");
    if (in->numbering == NUMBERING_NUMBERED && fabs(in->off) > SECOND_OFF)
        return say(SELECT_NOTHING,
                   "the numbered pulses differ from the clock by a second or more; if the receiver "
                   "is right, restart "
                   "timeballd",
                   "");
    if (in->pulse_age > PULSE_LIFE_S && in->numbering == NUMBERING_NUMBERED)
        return say(SELECT_NOTHING,
                   "no pulse; check the receiver's antenna and fix, see `timeballctl sources`", "");
    if (in->numbering != NUMBERING_NUMBERED)
        return say(SELECT_NOTHING, "pulses are not numbered", evidence);
    if (in->message_age > MESSAGE_LIFE_S)
        return say(SELECT_NOTHING, "no message has confirmed the second for an hour", "");
    if (in->doubt)
        return say(SELECT_NOTHING,
                   "another program moved the clock; waiting for messages to confirm the second",
                   "");
    return say(SELECT_PULSE, "numbered pulses", evidence);
}

struct selection select_source(const struct select_input *in, const char *evidence)
{
    return in->pulse ? with_pulse(in, evidence) : without_pulse(in);
}
