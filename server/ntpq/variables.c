/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntpq/variables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "refclock/leap.h"
#include "server/ntp/verdict.h"

#define IN(number, type, member) .base = number, .offset = offsetof(struct type, member)
#define STATUS(member)           IN(NTPQ_OF_STATUS, status, member)
#define SOURCE(member)           IN(NTPQ_OF_SOURCE, status_source, member)
#define SYSTEM(member)           IN(NTPQ_DERIVED, ntpq_system, member)
#define PEER(member)             IN(NTPQ_DERIVED, ntpq_source, member)
#define CLOCK(member)            IN(NTPQ_DERIVED, ntpq_clock, member)
#define ASKED                    .asked = true

const struct ntpq_row ntpq_system_rows[] = {
    {"version", NTPQ_STRING, SYSTEM(version)},
    {"processor", NTPQ_STRING, SYSTEM(processor)},
    {"system", NTPQ_STRING, SYSTEM(system)},
    {"leap", NTPQ_INT, STATUS(clock.leap)},
    {"stratum", NTPQ_INT, STATUS(clock.stratum)},
    {"precision", NTPQ_INT, STATUS(clock.precision)},
    {"rootdelay", NTPQ_MS, STATUS(clock.root_delay)},
    {"rootdisp", NTPQ_MS, STATUS(clock.root_dispersion)},
    {"rootdist", NTPQ_MS, SYSTEM(rootdist), ASKED},
    {"refid", NTPQ_WORD, SYSTEM(refid)},
    {"reftime", NTPQ_INSTANT, STATUS(clock.reftime)},
    {"clock", NTPQ_INSTANT, STATUS(time)},
    {"peer", NTPQ_INT, SYSTEM(peer)},
    {"peeradr", NTPQ_WORD, SYSTEM(peeradr), ASKED},
    {"peermode", NTPQ_INT, SYSTEM(peermode), ASKED},
    {"tc", NTPQ_INT, SYSTEM(tc)},
    {"mintc", NTPQ_INT, SYSTEM(mintc)},
    {"offset", NTPQ_MS, STATUS(clock.offset)},
    {"frequency", NTPQ_PPM, STATUS(clock.frequency)},
    {"sys_jitter", NTPQ_MS, SYSTEM(sys_jitter)},
    {"clk_jitter", NTPQ_MS, STATUS(clock.noise_pulse)},
    {"clk_wander", NTPQ_PPM, STATUS(clock.noise_walk_fm)},
    {"tai", NTPQ_NATURAL, STATUS(leap.tai)},
    {"leapsec", NTPQ_MINUTE, STATUS(leap.at)},
    {"expire", NTPQ_MINUTE, SYSTEM(expire)},
    {"authdelay", NTPQ_MS, SYSTEM(authdelay), ASKED},
    {"ss_uptime", NTPQ_SECONDS, STATUS(process.uptime), ASKED},
    {"ss_reset", NTPQ_SECONDS, STATUS(process.uptime), ASKED},
    {"ss_numctlreq", NTPQ_COUNT, SYSTEM(control), ASKED},
    {"ss_received", NTPQ_COUNT, SYSTEM(received), ASKED},
    {"ss_thisver", NTPQ_COUNT, SYSTEM(thisver), ASKED},
    {"ss_oldver", NTPQ_COUNT, SYSTEM(oldver), ASKED},
    {"ss_badformat", NTPQ_COUNT, SYSTEM(badformat), ASKED},
    {"ss_badauth", NTPQ_COUNT, SYSTEM(badauth), ASKED},
    {"ss_declined", NTPQ_COUNT, SYSTEM(declined), ASKED},
    {"ss_restricted", NTPQ_COUNT, SYSTEM(restricted), ASKED},
    {"ss_limited", NTPQ_COUNT, SYSTEM(limited), ASKED},
    {"ss_kodsent", NTPQ_COUNT, SYSTEM(kodsent), ASKED},
    {"ss_processed", NTPQ_COUNT, SYSTEM(processed), ASKED},
    {.name = NULL},
};

/* reftime before rec: ntpq takes the last that it sees for when the source was heard */
const struct ntpq_row ntpq_peer_rows[] = {
    {"srcadr", NTPQ_WORD, PEER(srcadr)},
    {"srcport", NTPQ_INT, PEER(srcport)},
    {"srchost", NTPQ_STRING, PEER(srchost)},
    {"dstadr", NTPQ_WORD, PEER(dstadr)},
    {"dstport", NTPQ_INT, PEER(dstport)},
    {"leap", NTPQ_INT, PEER(leap)},
    {"stratum", NTPQ_INT, PEER(stratum)},
    {"precision", NTPQ_INT, PEER(precision)},
    {"rootdelay", NTPQ_MS, SOURCE(peer.root_delay)},
    {"rootdisp", NTPQ_MS, SOURCE(peer.root_dispersion)},
    {"refid", NTPQ_WORD, PEER(refid)},
    {"reftime", NTPQ_INSTANT, PEER(rec), ASKED},
    {"rec", NTPQ_INSTANT, PEER(rec)},
    {"reach", NTPQ_HEX, SOURCE(reach)},
    {"unreach", NTPQ_INT, PEER(unreach)},
    {"hmode", NTPQ_INT, PEER(hmode)},
    {"pmode", NTPQ_INT, PEER(pmode)},
    {"hpoll", NTPQ_INT, PEER(hpoll)},
    {"ppoll", NTPQ_INT, PEER(ppoll)},
    {"offset", NTPQ_MS, SOURCE(offset)},
    {"delay", NTPQ_MS, SOURCE(peer.delay)},
    {"dispersion", NTPQ_MS, PEER(dispersion)},
    {"jitter", NTPQ_MS, SOURCE(jitter)},
    {"flash", NTPQ_HEX, PEER(flash)},
    {"headway", NTPQ_INT, PEER(headway)},
    {"keyid", NTPQ_INT, PEER(keyid)},
    {"filtdelay", NTPQ_WORD, PEER(filtdelay)},
    {"filtoffset", NTPQ_WORD, PEER(filtoffset)},
    {"filtdisp", NTPQ_WORD, PEER(filtdisp)},
    {.name = NULL},
};

const struct ntpq_row ntpq_clock_rows[] = {
    {"device", NTPQ_STRING, SOURCE(name)},
    {"timecode", NTPQ_STRING, SOURCE(report.said.notice)},
    {"poll", NTPQ_COUNT, CLOCK(poll)},
    {"noreply", NTPQ_COUNT, CLOCK(noreply)},
    {"badformat", NTPQ_COUNT, CLOCK(badformat)},
    {"baddata", NTPQ_COUNT, CLOCK(baddata)},
    {"fudgetime1", NTPQ_MS, CLOCK(latency)},
    {"stratum", NTPQ_INT, CLOCK(stratum)},
    {"refid", NTPQ_WORD, CLOCK(refid)},
    {"flags", NTPQ_INT, CLOCK(flags)},
    {.name = NULL},
};

/* ---- the system ---- */

static uint64_t verdicts(const struct status *s, enum verdict v)
{
    return status_counted(&s->server.verdicts, verdict_table[v].name);
}

static void fill_counters(struct ntpq_system *v, const struct status *s)
{
    for (int i = 0; i < s->server.verdicts.count; i++)
        v->received += s->server.verdicts.item[i].value;
    v->processed = verdicts(s, VERDICT_ANSWERED) + verdicts(s, VERDICT_UNSYNCHRONISED) +
                   verdicts(s, VERDICT_LEAKED);
    v->thisver = v->processed;
    v->oldver = verdicts(s, VERDICT_VERSION);
    v->badformat = verdicts(s, VERDICT_SHORT) + verdicts(s, VERDICT_MODE);
    v->badauth = verdicts(s, VERDICT_KEY);
    v->declined =
        verdicts(s, VERDICT_STEP) + verdicts(s, VERDICT_GENERATION) + verdicts(s, VERDICT_ADDRESS);
    v->restricted = verdicts(s, VERDICT_CONTROL) + verdicts(s, VERDICT_PRIVATE) +
                    verdicts(s, VERDICT_REFUSED) + verdicts(s, VERDICT_IGNORED);
    v->limited = verdicts(s, VERDICT_LIMITED);
    v->kodsent = verdicts(s, VERDICT_KOD);
    v->control = verdicts(s, VERDICT_QUERY);
}

/* Until when the lists of leap seconds hold: the last of them. */
static int64_t expiry(const struct status_leap *l)
{
    int64_t at = 0;
    for (int i = 0; i < l->witness_count; i++)
        if (l->witness[i].kind == LEAP_BY_LIST && l->witness[i].expires > at)
            at = l->witness[i].expires;
    return at;
}

void ntpq_system_fill(struct ntpq_system *v, const struct status *s,
                      const struct ntpq_associations *a, const struct ntpq_machine *m)
{
    *v = (struct ntpq_system){.expire = expiry(&s->leap), .sys_jitter = NAN, .authdelay = NAN};
    snprintf(v->version, sizeof v->version, "timeballd %s", s->release);
    snprintf(v->processor, sizeof v->processor, "%s", m->processor);
    snprintf(v->system, sizeof v->system, "%s", m->system);
    status_refid(s->clock.refid, v->refid, sizeof v->refid);
    if (!s->clock.refid || s->clock.stratum >= 16)
        snprintf(v->refid, sizeof v->refid, "INIT");
    v->rootdist = s->clock.root_delay / 2 + s->clock.root_dispersion;
    fill_counters(v, s);
    int peer = ntpq_system_peer(s);
    snprintf(v->peeradr, sizeof v->peeradr, "0.0.0.0");
    if (peer < 0)
        return;
    struct ntpq_source of;
    ntpq_source_describe(a, s, peer, &of);
    snprintf(v->peeradr, sizeof v->peeradr, "%s", of.srcadr);
    v->peer = a->of[peer].id;
    v->peermode = of.hmode;
    v->tc = of.hpoll;
    v->sys_jitter = s->source[peer].jitter;
}

/* ---- a reference clock ---- */

static uint64_t sum(const struct status_source *s, const char *const *names)
{
    uint64_t n = 0;
    for (; *names; names++)
        n += status_counted(&s->counters, *names);
    return n;
}

void ntpq_clock_fill(struct ntpq_clock *v, const struct status *s, const struct ntpq_source *of,
                     int index)
{
    static const char *const came[] = {"edges", "sentences", "ubx", "samples", "pulses", NULL};
    static const char *const missing[] = {"missed", NULL};
    static const char *const damaged[] = {"bad_checksum", "no_checksum", "broken",
                                          "ubx_damaged",  "short",       NULL};
    static const char *const wrong[] = {"malformed", "ubx_malformed", "invalid", NULL};
    const struct status_source *from = &s->source[index];
    *v = (struct ntpq_clock){
        .poll = sum(from, came),
        .noreply = sum(from, missing),
        .badformat = sum(from, damaged),
        .baddata = sum(from, wrong),
        .latency = from->used ? s->clock.latency : NAN,
    };
    snprintf(v->refid, sizeof v->refid, "%s", of->refid);
}
