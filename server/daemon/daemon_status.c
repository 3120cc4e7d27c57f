/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/era.h"
#include "refclock/lead.h"
#include "refclock/civil.h"
#include "server/alarm/find.h"
#include "server/ctl/text.h"
#include "server/daemon/daemon.h"

#define OVERLOAD_SHOWN (60 * NS_PER_S) /* after it was seen last */

static double seconds(const struct daemon *d, int64_t since)
{
    return (double)(loop_now(d->world.loop) - since) * 1e-9;
}

/* The value of a driver's option by its word; false when the driver has no such option. */
static bool option_value(const struct driver *driver, const char *word, double *value)
{
    for (const struct option_row *row = driver->ops->options; row && row->word; row++)
        if (!strcmp(row->word, word) && row->type == OPTION_SECONDS) {
            memcpy(value, (const char *)driver + row->offset, sizeof *value);
            return true;
        }
    return false;
}

/* A length of time with three digits and its unit. */
static const char *in_words(double s, char *buf, size_t size)
{
    const char *unit = s < 1e-6 ? "ns" : s < 1e-3 ? "us" : s < 1 ? "ms" : "s";
    double scale = s < 1e-6 ? 1e9 : s < 1e-3 ? 1e6 : s < 1 ? 1e3 : 1;
    snprintf(buf, size, "%.3g %s", s * scale, unit);
    return buf;
}

/* How long the time is still served when no source comes back, for who is woken at night. */
static void left_in_words(const struct daemon *d, char *buf, size_t size)
{
    char age[48];
    double left = refclock_passes(&d->refclock, refclock_holdover_limit(&d->refclock));
    *buf = 0;
    if (isfinite(left) && left > 0)
        snprintf(buf, size, ", for another %s", ctl_age(left, age, sizeof age));
}

static void clock_sentence(const struct daemon *d, struct status_clock *c)
{
    char bound[32], left[80];
    const char *why = d->refclock.selection.why;
    in_words(c->bound_total, bound, sizeof bound);
    switch (d->refclock.state) {
    case REFCLOCK_LOCKED:
        snprintf(c->sentence, sizeof c->sentence, "true time within %s, from %s%s", bound, why,
                 c->latency_assumed ? "; the pulse's latency is assumed, not measured" : "");
        break;
    case REFCLOCK_HOLDOVER:
        left_in_words(d, left, sizeof left);
        snprintf(c->sentence, sizeof c->sentence,
                 "true time within %s, carried on without a source%s: %s", bound, left, why);
        break;
    case REFCLOCK_ISLAND:
        snprintf(
            c->sentence, sizeof c->sentence,
            "an island (`local stratum`): true time within %s, carried on without a source: %s",
            bound, why);
        break;
    default:
        snprintf(c->sentence, sizeof c->sentence, "not synchronised: %s", why);
    }
}

static enum status_state state_of(const struct refclock *r)
{
    static const enum status_state states[] = {
        [REFCLOCK_STARTING] = STATUS_STARTING,
        [REFCLOCK_LOCKED] = STATUS_LOCKED,
        [REFCLOCK_HOLDOVER] = STATUS_HOLDOVER,
        [REFCLOCK_ISLAND] = STATUS_ISLAND,
        [REFCLOCK_UNSYNCHRONISED] = STATUS_UNSYNCHRONISED,
    };
    const struct receiver *led = refclock_leader(r);
    if (r->state == REFCLOCK_STARTING && led && led->numbering.state != NUMBERING_EMPTY)
        return STATUS_NUMBERING;
    return states[r->state];
}

static int64_t passes(const struct daemon *d, const struct status *s, double limit)
{
    double in = refclock_passes(&d->refclock, limit);
    return in > 0 && isfinite(in) ? s->time + llrint(in * 1e9) : 0;
}

static void fill_promise(const struct daemon *d, struct status *s)
{
    struct status_clock *c = &s->clock;
    c->passes_1us = passes(d, s, 1e-6);
    c->passes_10us = passes(d, s, 1e-5);
    c->passes_100us = passes(d, s, 1e-4);
    c->passes_1ms = passes(d, s, 1e-3);
}

static void fill_allan(const struct allan *a, struct status_clock *c)
{
    for (int i = 0; i < ALLAN_LEVELS && i < STATUS_ALLAN_MAX; i++) {
        double deviation = allan_deviation(a, i);
        if (!isnan(deviation))
            c->allan[c->allan_count++] = (struct status_allan){allan_tau(i), deviation};
    }
}

static void fill_temperature(const struct daemon *d, struct status_clock *c)
{
    const struct thermal *t = &d->refclock.discipline.thermal;
    c->celsius = d->celsius;
    c->thermal = t->on;
    if (t->var_kelvin > 0) {
        c->per_kelvin = t->per_kelvin;
        c->per_kelvin_error = sqrt(t->var_kelvin);
    }
}

static void fill_latency(const struct daemon *d, struct status_clock *c)
{
    for (size_t i = 0; i < d->opened; i++) {
        const struct config_refclock *r = d->source[i].config;
        if (&d->refclock.receiver[d->source[i].who] != refclock_leader(&d->refclock) ||
            !option_value(r->driver, "latency", &c->latency))
            continue;
        (void)option_value(r->driver, "uncertainty", &c->latency_uncertainty);
        c->latency_assumed = !config_refclock_given(r, "latency");
        return;
    }
}

static void fill_numbering(const struct receiver *r, struct status_clock *c)
{
    const struct numbering *n = &r->numbering;
    snprintf(c->numbering, sizeof c->numbering, "%s", numbering_state_name(n->state));
    receiver_evidence(r, c->evidence, sizeof c->evidence);
    c->delay = n->median;
    c->delay_low = n->low;
    c->delay_high = n->high;
    c->margin = fmin(n->low, 1 - n->high);
    status_count(&c->counters, "edges", n->edges);
    status_count(&c->counters, "edges_off_grid", n->off_grid_edges);
    status_count(&c->counters, "labels", n->labels);
    status_count(&c->counters, "label_conflicts", n->conflicts);
    status_count(&c->counters, "renumbered", n->renumbered);
}

static void fill_steps(const struct refclock *r, struct status_clock *c)
{
    c->generation = r->clock->generation;
    c->steps = r->steps;
    c->foreign_steps = r->foreign_steps;
    c->last_step_at = r->last_step.truth;
    c->last_step = r->last_step.truth ? r->last_step.amount : NAN;
    if (r->last_step.truth)
        snprintf(c->last_step_by, sizeof c->last_step_by, "%s",
                 r->last_step.foreign ? "another program" : "timeball");
    c->foreign_step_at = r->foreign_step.truth;
    c->foreign_step = r->foreign_step.truth ? r->foreign_step.amount : NAN;
    status_count(&c->counters, "foreign_frequencies", r->foreign_freqs);
    status_count(&c->counters, "refused_offsets", r->refused);
}

static void fill_clock(struct daemon *d, struct status *s)
{
    const struct refclock *r = &d->refclock;
    struct status_clock *c = &s->clock;
    struct snapshot snap;
    snapshot_read(&d->latch, &snap);
    int64_t reading = clock_now(d->world.loop->clock);
    s->time = snapshot_truth(&snap, reading);
    s->bound = snap.reftime ? snapshot_bound(&snap, reading) : NAN; /* nothing is known yet */
    era_window(d->world.era_pivot, &c->era_from, &c->era_until);
    c->era_from *= NS_PER_S;
    c->era_until *= NS_PER_S;
    c->state = state_of(r);
    c->steering = d->world.steering;
    c->stratum = snap.stratum;
    c->refid = snap.refid;
    c->leap = snap.leap;
    c->precision = snap.precision;
    c->bound_stat = snap.stat;
    c->bound_total = s->bound;
    c->root_delay = snap.root_delay;
    c->root_dispersion = s->bound;
    c->reftime = snap.reftime;
    struct estimate e;
    if (refclock_estimate(r, &e)) {
        c->offset = (double)(s->time - reading) * 1e-9;
        c->rate = e.rate;
        c->frequency = e.freq;
        c->frequency_error = e.freq_sigma;
        c->noise_pulse = noise_pulse(&r->discipline.noise);
        c->noise_white_fm = noise_white_fm(&r->discipline.noise);
        c->noise_walk_fm = noise_walk_fm(&r->discipline.noise);
    }
    fill_promise(d, s);
    fill_temperature(d, c);
    fill_allan(&d->refclock.discipline.allan, c);
    fill_latency(d, c);
    if (refclock_leader(r))
        fill_numbering(refclock_leader(r), c);
    fill_steps(r, c);
    clock_sentence(d, c);
}

/* Of a receiver's messages, where its pulses are the source. */
static void messages_sentence(const struct receiver *mine, enum verdict_of_source verdict,
                              const char *why, struct status_source *to)
{
    if (mine->numbering.state != NUMBERING_NUMBERED)
        snprintf(to->sentence, sizeof to->sentence, "%s",
                 "gives the time of day; the clock waits for numbered pulses");
    else if (verdict == VERDICT_FALSE || verdict == VERDICT_UNDECIDED) {
        char text[sizeof to->sentence];
        snprintf(text, sizeof text, "numbers pulses that are not used: %.220s", why);
        status_text(to->sentence, sizeof to->sentence, text);
    } else
        snprintf(to->sentence, sizeof to->sentence, "%s", "numbers the pulses");
}

static void source_sentence(const struct daemon *d, const struct daemon_source *from,
                            struct status_source *to)
{
    const struct refclock *r = &d->refclock;
    static const char *const bad[] = {
        [HEALTH_CLOSED] = "not used: the device is not open",
        [HEALTH_SILENT] = "not used: nothing usable comes from it",
        [HEALTH_NO_FIX] = "not used: the receiver has no fix; check antenna and view of the sky",
    };
    const struct receiver *mine = &r->receiver[from->who];
    const char *verdict = r->selected.of[from->who].why;
    bool leads = r->leader == from->who, messages = from->config->ops->gives == DRIVER_MESSAGES;
    bool locked = r->state == REFCLOCK_LOCKED;
    to->used = locked && from->health == HEALTH_OK && leads;
    if (from->health != HEALTH_OK)
        snprintf(to->sentence, sizeof to->sentence, "%s", bad[from->health]);
    else if (messages && mine->config.pulses)
        messages_sentence(mine, r->selected.of[from->who].verdict, verdict, to);
    else if (leads && !locked)
        snprintf(to->sentence, sizeof to->sentence, "not used: %s", r->selection.why);
    else
        status_text(to->sentence, sizeof to->sentence, verdict);
}

/* A position is nobody else's business: about a kilometre is enough to see that it is right. */
static void fill_report(const struct receiver_report *from, struct status_report *to)
{
    double height;
    to->said = *from;
    to->pulse_edge = from->pulse_polarity > 0 ? 1 : from->pulse_polarity < 0 ? 2 : 0;
    if (!from->positioned)
        return;
    receiver_report_geodetic(from->ecef, &to->latitude, &to->longitude, &height);
    to->latitude = round(to->latitude * 100) / 100;
    to->longitude = round(to->longitude * 100) / 100;
}

static void fill_source(const struct daemon *d, const struct daemon_source *from,
                        struct status_source *to)
{
    const struct driver *driver = from->config->driver;
    const struct receiver *mine = &d->refclock.receiver[from->who];
    bool pulse = driver->ops->gives & DRIVER_PERHAPS ? mine->config.pulses
                                                     : driver->ops->gives != DRIVER_MESSAGES;
    const struct source *s = pulse ? &mine->pulses : &mine->messages;
    snprintf(to->name, sizeof to->name, "%s %.80s", driver->ops->name, driver->path);
    snprintf(to->driver, sizeof to->driver, "%s", driver->ops->name);
    snprintf(to->path, sizeof to->path, "%s", driver->path);
    to->health = from->health;
    if (*from->error.why)
        err_line(&from->error, to->error, sizeof to->error);
    if (driver->ops->describe)
        driver->ops->describe(driver, to->found, sizeof to->found);
    to->reach = s->reach;
    to->age = s->last ? seconds(d, s->last) : NAN;
    to->offset = s->used ? s->offset : NAN;
    to->jitter = s->used ? s->jitter : NAN;
    status_count_driver(&to->counters, driver);
    if (pulse) {
        status_count(&to->counters, "used", s->used);
        status_count(&to->counters, "late", s->late);
        status_count(&to->counters, "early", s->early);
        status_count(&to->counters, "reopened", s->reopened);
    }
    status_text(to->receiver, sizeof to->receiver, mine->config.name);
    snprintf(to->verdict, sizeof to->verdict, "%s",
             select_verdict_name(d->refclock.selected.of[from->who].verdict));
    if (mine->config.pulses) {
        snprintf(to->numbering, sizeof to->numbering, "%s",
                 numbering_state_name(mine->numbering.state));
        receiver_evidence(mine, to->evidence, sizeof to->evidence);
    }
    if (mine->config.pulses && pulse) {
        status_text(to->edge, sizeof to->edge, edge_verdict_name(mine->edge.verdict));
        status_text(to->edge_why, sizeof to->edge_why, mine->edge.why);
        sawtooth_sentence(&mine->sawtooth, to->sawtooth, sizeof to->sawtooth);
    }
    const char *why;
    to->trust = (int)lead_trust(&d->refclock, from->who, &why);
    if (to->trust == (int)mine->trust && from->reported)
        why = from->integrity.why; /* where nobody watches: what is missing */
    snprintf(to->trust_why, sizeof to->trust_why, "%s", why);
    if (from->reported)
        fill_report(&from->report, &to->report);
    to->bias = mine->bias;
    if (witness_speaks(&mine->witness, loop_now(d->world.loop)))
        to->says = mine->witness.median;
    to->bound = mine->witness.count ? receiver_bound(mine) : NAN;
    source_sentence(d, from, to);
}

static void fill_sky(const struct daemon *d, struct status_sky *s)
{
    if (d->sky_source < 0)
        return;
    const struct driver *driver = d->source[d->sky_source].config->driver;
    snprintf(s->source, sizeof s->source, "%s %.80s", driver->ops->name, driver->path);
    s->age = seconds(d, d->sky_at);
    s->sky = d->sky;
}

static void fill_witness(const struct leap_witness *w, int64_t now, struct status_leap_witness *to)
{
    *to = (struct status_leap_witness){
        .kind = w->kind,
        .says = w->claim.change,
        .at = w->claim.at * NS_PER_S,
        .tai = w->claim.tai,
        .confirmed = w->claim.confirmed,
        .expires = w->expires * NS_PER_S,
    };
    snprintf(to->name, sizeof to->name, "%s", w->name);
    snprintf(to->standing, sizeof to->standing, "%s", leap_standing_name(leap_standing(w, now)));
}

static void fill_leap(const struct daemon *d, struct status_leap *s)
{
    const struct leap_carry *c = &d->refclock.leap;
    const struct leap_verdict *v = &c->verdict;
    int64_t now = leap_carry_time(&d->refclock);
    s->served = d->status.clock.leap;
    s->change = v->change;
    s->at = v->at * NS_PER_S;
    s->tai = v->tai;
    s->rule[0] = v->rule;
    snprintf(s->why, sizeof s->why, "%s", v->why);
    for (int i = 0; i < c->table.count; i++)
        fill_witness(&c->table.witness[i], now, &s->witness[s->witness_count++]);
}

static void fill_server(const struct daemon *d, struct status_server *s)
{
    struct responder_counts counts;
    responder_counts(d->responder, &counts);
    s->threads = responder_threads(d->responder);
    for (size_t i = 0; i < d->config->listen_count; i++) {
        union address bound;
        if (responder_address(d->responder, (int)i, &bound))
            continue;
        struct status_listen *l = &s->listen[s->listen_count++];
        snprintf(l->address, sizeof l->address, "%.63s", d->config->listen[i].address);
        l->port = address_port(&bound);
    }
    for (int i = 0; i < VERDICT_COUNT; i++)
        status_count(&s->verdicts, verdict_table[i].name, counts.verdict[i]);
    for (int i = 0; i < 8; i++) {
        const char digit[] = {(char)('0' + i), 0};
        status_count(&s->modes, digit, counts.mode[i]);
        status_count(&s->versions, digit, counts.version[i]);
    }
    s->stamped = counts.stamped;
    s->unstamped = counts.unstamped;
    s->by_card = counts.by_card;
    s->contradicted = counts.contradicted;
    s->dropped = counts.dropped;
    int64_t ago = clock_now(d->world.loop->clock) - counts.overload;
    s->overloaded = ago >= 0 && ago < OVERLOAD_SHOWN; /* the clock may be stepped back */
    s->receive_errors = counts.receive_errors;
    s->send_errors = counts.send_errors;
    s->measured = counts.measured;
    s->latency = counts.measured ? counts.latency : NAN;
}

static void fill_feed(const struct feed *from, struct status_feed *to)
{
    config_feed_name(from->config, to->name, sizeof to->name);
    to->working = from->working;
    to->written = from->written;
    to->failed = from->failed;
    if (*from->error.why)
        err_line(&from->error, to->error, sizeof to->error);
}

const struct status *daemon_status(struct daemon *d)
{
    struct status *s = &d->status;
    status_init(s);
    fill_clock(d, s);
    for (size_t i = 0; i < d->opened && i < STATUS_SOURCES_MAX; i++)
        fill_source(d, &d->source[i], &s->source[s->source_count++]);
    for (size_t i = 0; i < peers_count(d->peers) && s->source_count < STATUS_SOURCES_MAX; i++)
        peers_describe(peers_member(d->peers, i), &d->refclock, loop_now(d->world.loop),
                       &s->source[s->source_count++]);
    fill_sky(d, &s->sky);
    for (size_t i = 0; i < d->fed && i < STATUS_FEEDS_MAX; i++)
        fill_feed(&d->feed[i], &s->feed[s->feed_count++]);
    fill_leap(d, &s->leap);
    if (d->responder)
        fill_server(d, &s->server);
    if (d->socket)
        status_socket_counts(d->socket, &s->socket);
    if (d->control)
        control_counts(d->control, &s->control);
    if (gethostname(s->host, sizeof s->host))
        *s->host = 0;
    s->host[sizeof s->host - 1] = 0;
    s->process.pid = (int)getpid();
    s->process.uptime = seconds(d, d->started);
    s->process.started = s->time - (int64_t)(s->process.uptime * 1e9);
    s->process.wakeups = d->world.loop->wakeups;
    if (d->world.rights)
        rights_describe(d->world.rights, &s->process);
    alarm_find(&d->alarms, s, loop_now(d->world.loop) < d->alarm_test_until);
    s->alarms = d->alarms;
    return s;
}
