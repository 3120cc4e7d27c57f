/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/select.h"

#include <stdio.h>

#define PULSE_LIFE_S    5    /* without one for so long, it is holdover */
#define MESSAGE_LIFE_S  3600 /* a number that no message confirmed for so long is not trusted */
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

struct selection select_source(const struct select_input *in, const char *evidence)
{
    if (!in->pulse)
        return without_pulse(in);
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
