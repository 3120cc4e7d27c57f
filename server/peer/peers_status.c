/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdio.h>

#include "server/peer/peers.h"

/* What RFC 5905 makes of its last exchanges. */
static void fill_filter(const struct peer *p, int64_t now, struct status_peer *to)
{
    struct clock_filter_figures f;
    if (!clock_filter_figures(&p->filter, now, p->precision, &f))
        return;
    to->offset = f.offset;
    to->jitter = f.jitter;
    to->dispersion = f.dispersion;
    to->root_distance = clock_filter_distance(&f, p->last.root_delay, p->last.root_dispersion);
}

static void fill_remote(const struct peer *p, int64_t now, struct status_peer *to)
{
    if (p->address.any.sa_family != AF_UNSPEC)
        address_text(&p->address, to->address, sizeof to->address);
    to->poll = p->poll;
    snprintf(to->kiss, sizeof to->kiss, "%s", p->kiss);
    if (!p->measured)
        return;
    to->stratum = p->last.stratum;
    to->refid = p->last.refid;
    to->delay = p->last.delay;
    to->delay_least = path_least(&p->path);
    to->error = p->last_error;
    to->root_delay = p->last.root_delay;
    to->root_dispersion = p->last.root_dispersion;
    to->interleaved = p->last.interleaved;
    to->sent_by = (int)p->last_by.sent;
    to->received_by = (int)p->last_by.came;
    fill_filter(p, now, to);
}

/* Nothing usable came in the last eight polls: why, as its answers tell. */
static const char *unheard(const struct peer *p, const struct config_server *c, char *buf,
                           size_t size)
{
    if (!p->sent && !p->failed)
        return "it is being asked for the first time";
    if (p->useless != EXCHANGE_MEASURED)
        snprintf(buf, size, "what comes is %.80s; it is used when that ends, else name another",
                 exchange_rows[p->useless].help);
    else
        snprintf(buf, size,
                 "it does not answer; is UDP port %lld open to it, and is it a time server?",
                 (long long)c->port);
    return buf;
}

static void fill_sentence(const struct refclock *r, const struct peers_member *m,
                          struct status_source *to)
{
    const char *why = r->selected.of[m->who].why;
    char text[200];
    const struct err *err = *m->error.why         ? &m->error
                            : *m->peer->error.why ? &m->peer->error
                                                  : NULL;
    if (err)
        err_line(err, to->error, sizeof to->error);
    if (!m->addressed)
        snprintf(to->sentence, sizeof to->sentence, "not used: %s",
                 err ? "there is no address that it could be asked at; its name is looked up again"
                     : "its name is being looked up");
    else if (m->peer->unsure && err)
        snprintf(to->sentence, sizeof to->sentence, "not used: %.120s; %.90s", err->why, err->todo);
    else if (!m->peer->reach && m->peer->config.key && m->peer->useless == EXCHANGE_MEASURED)
        snprintf(to->sentence, sizeof to->sentence,
                 "not used: it does not answer; does it know key %u as we do, and is UDP port %lld "
                 "open to it?",
                 m->peer->config.key, (long long)m->config->port);
    else if (!m->peer->reach)
        snprintf(to->sentence, sizeof to->sentence, "not used: %s",
                 unheard(m->peer, m->config, text, sizeof text));
    else if (r->leader == m->who && r->state != REFCLOCK_LOCKED)
        snprintf(to->sentence, sizeof to->sentence, "not used yet: %s",
                 r->synced_once ? r->selection.why
                                : "the servers are heard five times before one is believed");
    else
        snprintf(to->sentence, sizeof to->sentence, "%s", why);
}

void peers_describe(const struct peers_member *m, const struct refclock *r, int64_t now,
                    struct status_source *to)
{
    const struct receiver *mine = &r->receiver[m->who];
    const struct source *s = &mine->pulses;
    enum verdict_of_source verdict = r->selected.of[m->who].verdict;
    snprintf(to->name, sizeof to->name, "%s", mine->config.name);
    snprintf(to->driver, sizeof to->driver, "%s", m->config->pool ? "pool" : "server");
    snprintf(to->path, sizeof to->path, "%s", m->config->host);
    snprintf(to->receiver, sizeof to->receiver, "%s", mine->config.name);
    to->health = !m->addressed ? HEALTH_CLOSED : m->peer->reach ? HEALTH_OK : HEALTH_SILENT;
    to->used = r->state == REFCLOCK_LOCKED && verdict >= VERDICT_COMBINED;
    snprintf(to->verdict, sizeof to->verdict, "%s", select_verdict_name(verdict));
    to->reach = m->peer->reach;
    to->age = m->peer->measured ? (double)(now - m->peer->heard) * 1e-9 : NAN;
    to->offset = s->used ? s->offset : NAN;
    to->jitter = s->used ? s->jitter : NAN;
    to->trust = (int)mine->trust;
    to->bias = mine->bias;
    if (witness_speaks(&mine->witness, now))
        to->says = mine->witness.median;
    to->bound = mine->witness.count ? receiver_bound(mine) : NAN;
    status_count(&to->counters, "sent", m->peer->sent);
    status_count(&to->counters, "failed", m->peer->failed);
    for (int i = 0; i < EXCHANGE_VERDICTS; i++)
        status_count(&to->counters, exchange_rows[i].name, m->peer->verdict[i]);
    fill_remote(m->peer, now, &to->peer);
    fill_sentence(r, m, to);
}
