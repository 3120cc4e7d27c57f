/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/replay.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "refclock/civil.h"
#include "refclock/refclock.h"
#include "server/sim/recorded.h"
#include "server/sim/replay_report.h"

#define FETCHED_NS 1000000 /* a pulse is delivered so long after it */
#define CHECK_EACH (3600 * NS_PER_S)
#define CHECK_NS   (600 * NS_PER_S)
#define CHECK_LATE (60 * NS_PER_S)

/* A prediction that is being held against what comes. */
struct check {
    bool running;
    int64_t begun;           /* local, ns; 0: none yet */
    struct discipline alone; /* gets no pulses */
    int made, held;
    double worst; /* error as a share of the bound */
};

struct replay {
    FILE *out;
    bool json;
    struct sim_survey survey;
    struct sim_recording recording;
    struct sim_recorded world;
    const struct source *led; /* pulses of the source that leads ... */
    uint64_t used;            /* ... and how many of them were used before this event */
    double innovations;       /* of used pulses ... */
    double square;            /* ... the sum of their squares, s^2 */
    struct check check;
};

/* ---- the promise in hold-over ---- */

static void finish_check(struct replay *r, int64_t now)
{
    const struct refclock *refclock = &r->world.daemon->refclock;
    struct check *c = &r->check;
    struct estimate alone, known;
    c->running = false;
    if (refclock->state != REFCLOCK_LOCKED || now - c->begun > CHECK_NS + CHECK_LATE)
        return; /* nothing came that it could be held against */
    discipline_estimate(&c->alone, now, &alone);
    discipline_estimate(&refclock->discipline, now, &known);
    double off = fabs(alone.offset - known.offset), promise = alone.stat + known.stat;
    c->made++;
    c->held += off <= promise;
    c->worst = fmax(c->worst, off / promise);
    if (!r->json)
        sim_replay_print_check(r->out, c->made, (double)(c->begun - r->survey.first) * 1e-9, off,
                               promise);
}

static void look_at_check(struct replay *r)
{
    const struct refclock *refclock = &r->world.daemon->refclock;
    struct check *c = &r->check;
    int64_t now = loop_now(&r->world.loop.loop);
    if (c->running && now - c->begun >= CHECK_NS)
        finish_check(r, now);
    if (refclock->state != REFCLOCK_LOCKED || r->led->used < 600)
        return;
    if (!c->running && (c->begun == 0 || now - c->begun >= CHECK_EACH)) {
        c->running = true;
        c->begun = now;
        c->alone = refclock->discipline;
    }
}

/* ---- events ---- */

static void note(struct replay *r)
{
    const struct receiver *leads = refclock_leader(&r->world.daemon->refclock);
    const struct source *s = leads ? &leads->pulses : NULL;
    bool same = s == r->led;
    if (!s || (same && s->used == r->used))
        return;
    r->led = s;
    r->used = s->used;
    if (!same)
        return;
    r->innovations++;
    r->square += s->offset * s->offset;
    look_at_check(r);
}

static int play(struct replay *r, struct err *err)
{
    const struct sim_steering *steering = &r->recording.steering;
    struct record_event e;
    int got;
    while ((got = sim_recording_next(&r->recording, &e, err)) > 0) {
        int64_t at = sim_steering_free(steering, e.local);
        sim_recorded_run(&r->world, at + (e.kind == RECORD_EDGE ? FETCHED_NS : 0));
        sim_recorded_deliver(&r->world, &e, steering);
        if (e.kind == RECORD_TEMPERATURE && r->check.running)
            discipline_temperature(&r->check.alone, e.celsius, loop_now(&r->world.loop.loop));
        note(r);
    }
    sim_recorded_run(&r->world, r->world.loop.truth + 1); /* bytes of the last line */
    return got;
}

/* ---- what it showed ---- */

/* True time when the recorded clock showed `last`, ns; 0: not known. */
static int64_t true_time(const struct replay *r)
{
    const struct refclock *refclock = &r->world.daemon->refclock;
    struct estimate e;
    int64_t free = sim_steering_free(&r->recording.steering, r->recording.last);
    if (refclock->state == REFCLOCK_STARTING)
        return 0;
    discipline_estimate(&refclock->discipline, free, &e);
    return free + e.shift + llrint(e.offset * 1e9);
}

static void take_noise(const struct replay *r, struct sim_replay_report *to)
{
    const struct source *p = r->led;
    const struct noise *n = &r->world.daemon->refclock.discipline.noise;
    if (!p || !p->used)
        return;
    double all = (double)(p->used + p->late + p->early);
    to->used = (double)p->used;
    to->late = (double)p->late / all;
    to->early = (double)p->early / all;
    to->late_mean = p->late ? p->late_mean : NAN;
    to->innovation = r->innovations ? sqrt(r->square / r->innovations) : NAN;
    to->noise_pulse = noise_pulse(n);
    to->noise_white_fm = noise_white_fm(n);
    to->noise_walk_fm = noise_walk_fm(n);
}

static struct sim_replay_report sum_up(struct replay *r)
{
    struct daemon *d = r->world.daemon;
    const uint64_t *count = r->survey.count;
    struct estimate e = {.stat = NAN, .freq = NAN};
    (void)refclock_estimate(&d->refclock, &e);
    struct sim_replay_report report = {
        .state = refclock_state_name(d->refclock.state),
        .why = d->refclock.selection.why,
        .status = daemon_status(d),
        .time = true_time(r),
        .span = (double)(r->recording.last - r->recording.first) * 1e-9,
        .pulses = (double)count[RECORD_EDGE],
        .messages = (double)count[RECORD_LABEL],
        .temperatures = (double)count[RECORD_TEMPERATURE],
        .pieces = (double)count[RECORD_STREAM],
        .packets = (double)count[RECORD_PACKET],
        .late_mean = NAN,
        .innovation = NAN,
        .noise_pulse = NAN,
        .noise_white_fm = NAN,
        .noise_walk_fm = NAN,
        .freq = e.freq,
        .stat = e.stat,
        .checks = r->check.made,
        .held = r->check.held,
        .worst = r->check.made ? r->check.worst : NAN,
    };
    take_noise(r, &report);
    return report;
}

static int replay(struct replay *r, FILE *in, const char *name, const struct log *log,
                  struct err *err)
{
    if (sim_survey_take(&r->survey, in, name, err) ||
        sim_recorded_open(&r->world, &r->survey, name, log, err))
        return -1;
    sim_recording_start(&r->recording, in, name);
    int bad = play(r, err);
    if (!bad) {
        struct sim_replay_report report = sum_up(r);
        (r->json ? sim_replay_json : sim_replay_print)(r->out, &report);
    }
    sim_recorded_close(&r->world);
    return bad;
}

int sim_replay(FILE *in, const char *name, bool json, const struct log *log, FILE *out,
               struct err *err)
{
    struct replay *r = calloc(1, sizeof *r);
    if (!r)
        return err_errno(err, name, "", "replaying", ENOMEM);
    r->out = out;
    r->json = json;
    int bad = replay(r, in, name, log, err);
    sim_survey_free(&r->survey);
    free(r);
    return bad;
}

int sim_replay_file(const char *path, bool json, const struct log *log, FILE *out, struct err *err)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return err_errno(err, path,
                         "name a file that `timeballctl record` or the directive `record` wrote",
                         "opening", errno);
    int bad = sim_replay(in, path, json, log, out, err);
    fclose(in);
    return bad;
}
