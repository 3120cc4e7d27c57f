/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far do the receiver's bytes get: baud rate, messages, fix? */
#include <stdio.h>
#include <string.h>

#include "drivers/receiver/nmea_driver.h"
#include "server/doctor/doctor.h"

/* How far they get. */
enum stage {
    STAGE_UNHEARD, /* nobody listened */
    STAGE_CLOSED,
    STAGE_WAITING, /* open, and nothing is said of it yet */
    STAGE_NOTHING,
    STAGE_NOISE,
    STAGE_NO_TIME,
    STAGE_NO_FIX,
    STAGE_OK,
};

static enum stage stage_of(const struct doctor_receiver *r)
{
    if (r->by == DOCTOR_HEARD_NOT)
        return STAGE_UNHEARD;
    if (r->health == HEALTH_CLOSED)
        return STAGE_CLOSED;
    if (r->health == HEALTH_OK)
        return STAGE_OK;
    if (r->health == HEALTH_NO_FIX)
        return STAGE_NO_FIX;
    if (strstr(r->error, NMEA_WHY_NOISE))
        return STAGE_NOISE;
    if (strstr(r->error, NMEA_WHY_NO_TIME))
        return STAGE_NO_TIME;
    return *r->error ? STAGE_NOTHING : STAGE_WAITING;
}

static const char *who(const struct doctor *d)
{
    return d->receiver.by == DOCTOR_HEARD_DAEMON ? "timeballd" : "listened to here";
}

/* What keeps every one of the three from being told; false: they can be. */
static bool untold(const struct doctor *d, struct doctor_finding *f)
{
    enum stage stage = stage_of(&d->receiver);
    bool barred = d->link[DOCTOR_PORT].state == DOCTOR_BROKEN;
    if (!d->wants.port)
        *f = doctor_says(DOCTOR_NOT_NEEDED, "", "no serial receiver is configured");
    else if (stage > STAGE_WAITING)
        return false;
    else if (barred)
        *f = doctor_waits(DOCTOR_PORT);
    else if (stage == STAGE_CLOSED && *d->receiver.error)
        *f = doctor_says(DOCTOR_BROKEN, "mend that, and run this again",
                         "%s: the port cannot be "
                         "opened: %s",
                         who(d), d->receiver.error);
    else if (stage == STAGE_WAITING)
        *f = doctor_says(DOCTOR_UNKNOWN, "run this again in 10 s",
                         "%s: the port was opened just now", who(d));
    else
        *f = doctor_says(DOCTOR_UNKNOWN, "", "nobody listens to the receiver%s",
                         *d->root ? ": a tree is looked at" : "");
    return true;
}

/* The part on the rate of what was found: parts are set off by "; ". */
static const char *rate_part(const char *found, char *buf, size_t size)
{
    const char *at = strstr(found, " baud"), *begin = found;
    if (!at)
        return "messages with right checksums come";
    for (const char *next; (next = strstr(begin, "; ")) && next < at;)
        begin = next + 2;
    snprintf(buf, size, "%.*s", (int)strcspn(begin, ";"), begin);
    return buf;
}

struct doctor_finding doctor_baud(const struct doctor *d)
{
    struct doctor_finding f;
    char part[160];
    if (untold(d, &f))
        return f;
    switch (stage_of(&d->receiver)) {
    case STAGE_NOTHING:
        return doctor_says(DOCTOR_UNKNOWN, "", "no byte comes, so there is no rate to be found");
    case STAGE_NOISE:
        return doctor_says(
            DOCTOR_BROKEN,
            "leave `baud` out of the refclock line: it is then found by listening; if "
            "it is not, set the receiver to NMEA at 9600 baud by its maker's program",
            "%s: %s", who(d), NMEA_WHY_NOISE);
    default:
        return doctor_says(DOCTOR_OK, "", "%s: %s", who(d),
                           rate_part(d->receiver.found, part, sizeof part));
    }
}

struct doctor_finding doctor_sentences(const struct doctor *d)
{
    struct doctor_finding f;
    if (untold(d, &f))
        return f.state == DOCTOR_BROKEN ? doctor_waits(DOCTOR_BAUD) : f;
    switch (stage_of(&d->receiver)) {
    case STAGE_NOTHING:
        return doctor_says(DOCTOR_BROKEN,
                           "is the receiver powered (its light)? is its TX wired to this port's RX "
                           "(pin 10 of a Pi's header), and is it the right port?",
                           "%s: %s", who(d), d->receiver.error);
    case STAGE_NOISE:
        return doctor_waits(DOCTOR_BAUD);
    case STAGE_NO_TIME:
        return doctor_says(DOCTOR_BROKEN,
                           "switch RMC, GGA and ZDA on in the receiver; a u-blox: `timeballctl "
                           "receiver messages trim`",
                           "%s: %s", who(d), NMEA_WHY_NO_TIME);
    default:
        return doctor_says(DOCTOR_OK, "", "%s: messages with a time come", who(d));
    }
}

struct doctor_finding doctor_fix(const struct doctor *d)
{
    struct doctor_finding f;
    char with[40] = "";
    if (untold(d, &f))
        return f.state == DOCTOR_BROKEN ? doctor_waits(DOCTOR_BAUD) : f;
    switch (stage_of(&d->receiver)) {
    case STAGE_NO_FIX:
        return doctor_says(DOCTOR_BROKEN,
                           "give the antenna a free view of the sky and 15 minutes; `timeballctl "
                           "satellites` shows what it receives",
                           "%s: %s (%d satellites seen, %d used)", who(d),
                           *d->receiver.error ? d->receiver.error : "the receiver has no fix",
                           d->receiver.satellites, d->receiver.used);
    case STAGE_OK:
        if (d->receiver.used > 0)
            snprintf(with, sizeof with, ", with %d satellites", d->receiver.used);
        return doctor_says(DOCTOR_OK, "", "%s: the receiver vouches for its time%s", who(d), with);
    default:
        return doctor_waits(stage_of(&d->receiver) == STAGE_NOISE ? DOCTOR_BAUD : DOCTOR_SENTENCES);
    }
}
