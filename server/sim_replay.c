/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim_replay.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "refclock/refclock.h"
#include "server/record.h"
#include "server/sim_replay_report.h"

#define FETCHED_NS 1000000        /* a pulse is delivered so long after it */
#define STEERINGS  8              /* a late event belongs to one of so many */
#define BACK_NS    (5 * NS_PER_S) /* events may be out of order by this */
#define AHEAD_NS   (30 * 86400 * NS_PER_S)
#define GAP_NS     (600 * NS_PER_S) /* more without any event is passed over ... */
#define GAP_END_NS (60 * NS_PER_S)  /* ... but for this */
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
    const char *name;
    FILE *in, *out;
    bool json;
    int line;
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct snapshot_latch latch;
    struct refclock refclock;
    struct {
        int64_t since;
        double freq, sum;  /* ns that steering did before */
    } steering[STEERINGS]; /* newest first */
    bool started;
    int64_t first, last; /* local times as recorded, ns */
    uint64_t count[RECORD_STREAM + 1];
    uint64_t used; /* pulses, before this event */
    double square; /* of innovations, s^2 */
    struct check check;
};

/* ---- the recorded clock without its steering ---- */

static double steered_until(const struct replay *r, int64_t local)
{
    int i = 0;
    while (i < STEERINGS - 1 && local < r->steering[i].since)
        i++;
    double freq = r->steering[i].freq;
    return r->steering[i].sum + freq / (1 + freq) * (double)(local - r->steering[i].since);
}

static int64_t free_time(const struct replay *r, int64_t local)
{
    return local - llrint(steered_until(r, local));
}

static void take_freq(struct replay *r, int64_t local, double freq)
{
    double sum = steered_until(r, local);
    memmove(r->steering + 1, r->steering, sizeof *r->steering * (STEERINGS - 1));
    r->steering[0].since = local;
    r->steering[0].freq = freq;
    r->steering[0].sum = sum;
}

/* ---- time ---- */

static double no_error(void *arg, int64_t second)
{
    (void)arg;
    (void)second;
    return 0;
}

static void start(struct replay *r, int64_t local, bool pulses, const struct log *log)
{
    struct refclock_config config = {
        .refid = SNAPSHOT_REFID('P', 'P', 'S', 0),
        .refid_message = SNAPSHOT_REFID('G', 'P', 'S', 0),
        .steplimit = 0.5,
        .holdover_limit = 1e-3,
    };
    r->started = true;
    r->first = r->last = local;
    for (int i = 0; i < STEERINGS; i++)
        r->steering[i].since = local;
    r->loop.truth = local;
    clock_virtual_init(&r->clock, loop_virtual_truth, no_error, &r->loop, 0);
    loop_virtual_init(&r->loop, &r->clock.clock, local);
    r->clock.clock.steerable = false;
    r->loop.loop.now = local;
    snapshot_latch_init(&r->latch);
    refclock_init(&r->refclock, &config, &r->loop.loop, log, &r->latch);
    (void)refclock_add(&r->refclock, &(struct receiver_config){
                                         .name = "recording", .pulses = pulses, .messages = true});
    refclock_start(&r->refclock);
}

static void go_to(struct replay *r, int64_t truth)
{
    if (truth - r->loop.truth > GAP_NS)
        r->loop.truth = truth - GAP_END_NS;
    while (r->loop.truth < truth && !loop_turn(&r->loop.loop, truth))
        ;
}

/* ---- the promise in hold-over ---- */

static void finish_check(struct replay *r, int64_t now)
{
    struct check *c = &r->check;
    struct estimate alone, known;
    c->running = false;
    if (r->refclock.state != REFCLOCK_LOCKED || now - c->begun > CHECK_NS + CHECK_LATE)
        return; /* nothing came that it could be held against */
    discipline_estimate(&c->alone, now, &alone);
    discipline_estimate(&r->refclock.discipline, now, &known);
    double off = fabs(alone.offset - known.offset), promise = alone.stat + known.stat;
    c->made++;
    c->held += off <= promise;
    c->worst = fmax(c->worst, off / promise);
    if (!r->json)
        sim_replay_print_check(r->out, c->made, (double)(c->begun - r->first) * 1e-9, off, promise);
}

static void look_at_check(struct replay *r)
{
    struct check *c = &r->check;
    int64_t now = loop_now(&r->loop.loop);
    if (c->running && now - c->begun >= CHECK_NS)
        finish_check(r, now);
    if (r->refclock.state != REFCLOCK_LOCKED || r->refclock.receiver[0].pulses.used < 600)
        return;
    if (!c->running && (c->begun == 0 || now - c->begun >= CHECK_EACH)) {
        c->running = true;
        c->begun = now;
        c->alone = r->refclock.discipline;
    }
}

/* ---- events ---- */

static void deliver(struct replay *r, const struct record_event *e)
{
    struct edge edge = e->edge;
    struct timelabel label = e->label;
    int64_t at = free_time(r, e->local);
    go_to(r, at + (e->kind == RECORD_EDGE ? FETCHED_NS : 0));
    switch (e->kind) {
    case RECORD_EDGE:
        edge.local = at;
        refclock_edge(&r->refclock, 0, &edge);
        break;
    case RECORD_LABEL:
        label.local = at;
        refclock_label(&r->refclock, 0, &label);
        break;
    case RECORD_TEMPERATURE:
        refclock_temperature(&r->refclock, e->celsius);
        if (r->check.running)
            discipline_temperature(&r->check.alone, e->celsius, loop_now(&r->loop.loop));
        break;
    case RECORD_FREQ:
        take_freq(r, e->local, e->freq);
        break;
    default: /* bytes: their messages stand beside them */
        break;
    }
}

static void note(struct replay *r)
{
    const struct source *s = &r->refclock.receiver[0].pulses;
    if (s->used == r->used)
        return;
    r->used = s->used;
    r->square += s->offset * s->offset;
    look_at_check(r);
}

/* The next line. 1, 0 at the end, or -1 with *err. */
static int next_event(struct replay *r, struct record_event *e, struct err *err)
{
    char line[RECORD_LINE + 2], thing[160];
    if (!fgets(line, sizeof line, r->in))
        return ferror(r->in) ? err_errno(err, r->name, "", "reading", errno) : 0;
    snprintf(thing, sizeof thing, "%.140s:%d", r->name, ++r->line);
    char *end = strchr(line, '\n');
    if (!end) /* a recording whose writer was killed ends within a line */
        return feof(r->in) ? 0 : err_set(err, thing, "", "is too long, or holds a zero byte");
    *end = 0;
    if (r->line == 1 && strcmp(line, RECORD_HEAD) != 0)
        return err_set(err, r->name, "it begins with \"" RECORD_HEAD "\"", "is no recording");
    return record_parse(line, thing, e, err) ? -1 : 1;
}

static int play(struct replay *r, bool pulses, const struct log *log, struct err *err)
{
    struct record_event e = {0};
    char thing[160];
    int got;
    while ((got = next_event(r, &e, err)) > 0) {
        r->count[e.kind]++;
        if (e.kind == RECORD_COMMENT)
            continue;
        if (!r->started)
            start(r, e.local, pulses, log);
        if (e.local < r->last - BACK_NS || e.local > r->last + AHEAD_NS) {
            snprintf(thing, sizeof thing, "%.140s:%d", r->name, r->line);
            return err_set(err, thing, "cut the recording there", "its time jumps");
        }
        r->last = e.local > r->last ? e.local : r->last;
        deliver(r, &e);
        note(r);
    }
    return got;
}

/* Are there pulses in it? 1, 0, or -1 with *err. */
static int has_pulses(struct replay *r, struct err *err)
{
    struct record_event e = {0};
    int got;
    while ((got = next_event(r, &e, err)) > 0)
        if (e.kind == RECORD_EDGE)
            break;
    rewind(r->in);
    r->line = 0;
    return got;
}

static struct sim_replay_report sum_up(const struct replay *r)
{
    const struct source *p = &r->refclock.receiver[0].pulses;
    const struct noise *n = &r->refclock.discipline.noise;
    double all = fmax(1, (double)(p->used + p->late + p->early));
    struct estimate e = {.stat = NAN, .freq = NAN};
    (void)refclock_estimate(&r->refclock, &e);
    return (struct sim_replay_report){
        .state = refclock_state_name(r->refclock.state),
        .why = r->refclock.selection.why,
        .span = (double)(r->last - r->first) * 1e-9,
        .pulses = (double)r->count[RECORD_EDGE],
        .messages = (double)r->count[RECORD_LABEL],
        .temperatures = (double)r->count[RECORD_TEMPERATURE],
        .used = (double)p->used,
        .late = (double)p->late / all,
        .late_mean = p->late ? p->late_mean : NAN,
        .early = (double)p->early / all,
        .innovation = p->used ? sqrt(r->square / (double)p->used) : NAN,
        .noise_pulse = p->used ? noise_pulse(n) : NAN,
        .noise_white_fm = p->used ? noise_white_fm(n) : NAN,
        .noise_walk_fm = p->used ? noise_walk_fm(n) : NAN,
        .freq = e.freq,
        .stat = e.stat,
        .checks = r->check.made,
        .held = r->check.held,
        .worst = r->check.made ? r->check.worst : NAN,
    };
}

int sim_replay(FILE *in, const char *name, bool json, const struct log *log, FILE *out,
               struct err *err)
{
    struct replay *r = calloc(1, sizeof *r);
    if (!r)
        return err_errno(err, name, "", "replaying", ENOMEM);
    r->name = name;
    r->in = in;
    r->out = out;
    r->json = json;
    int pulses = has_pulses(r, err);
    int bad = pulses < 0 ? -1 : play(r, pulses, log, err);
    if (!bad && !r->started)
        bad = err_set(err, name, "", "holds no event");
    if (!bad) {
        struct sim_replay_report report = sum_up(r);
        (json ? sim_replay_json : sim_replay_print)(out, &report);
    }
    if (r->started) {
        refclock_stop(&r->refclock);
        loop_close(&r->loop.loop);
    }
    free(r);
    return bad;
}

int sim_replay_file(const char *path, bool json, const struct log *log, FILE *out, struct err *err)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return err_errno(err, path, "name a file that the directive `record` wrote", "opening",
                         errno);
    int bad = sim_replay(in, path, json, log, out, err);
    fclose(in);
    return bad;
}
