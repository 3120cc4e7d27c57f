/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/peer/peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/servers.h"
#include "server/net/names.h"
#include "server/net/own_addresses.h"

#define RETRY_FIRST (2 * INT64_C(1000000000))
#define RETRY_MOST  (3600 * INT64_C(1000000000))
#define OWN_EVERY   (60 * INT64_C(1000000000))
#define GROUPS      (2 * CONFIG_SERVER_MAX) /* some may still wait for a name that nobody needs */
#define DENIED_MAX  32

/* A place for one server: its own, or one of a pool's. */
struct place {
    struct peers_member member;
    struct peer peer;
    struct group *group; /* NULL: the place is free */
    bool silent;         /* its server does not answer: another one is taken if there is one */
};

/* A line of the configuration. */
struct group {
    struct peers *peers; /* NULL: free */
    struct config_server config;
    struct loop_timer retry;
    int64_t wait; /* ns, before the next look-up */
    bool asking;  /* on_found() will come, also after the group was removed */
    struct log_limit limit;
};

struct peers {
    struct refclock *refclock;
    struct loop *loop;
    const struct log *log;
    struct net *net;
    struct net_udp udp;
    struct names *names;
    struct rng rng;
    struct own_addresses own;
    int64_t own_read; /* local, ns */
    const struct keys *keys;
    struct group group[GROUPS];
    struct place place[PEERS_MAX];
    union address denied[DENIED_MAX]; /* that do not want to be asked: the newest of them */
    size_t denials;
};

static void on_found(void *arg, const union address *addresses, size_t count,
                     const struct err *err);

/* ---- what the servers say ---- */

static struct place *place_of(struct peer *peer)
{
    return (struct place *)((char *)peer - offsetof(struct place, peer));
}

/* What it says against the estimate. How far the path's judgement can be held against that: only
 * while it is good. */
static void judge(struct peers *p, struct peer *peer, const struct exchange_sample *s, double error)
{
    struct estimate e = {0};
    bool known = refclock_estimate(p->refclock, &e);
    double off = (double)(s->truth - s->local - e.shift) * 1e-9 - e.offset;
    struct clock_filter_stage stage = {
        .offset = off,
        .delay = s->delay,
        .dispersion = peer->precision + exp2(s->precision) + CLOCK_FILTER_PHI * s->delay,
        .local = s->local,
    };
    clock_filter_add(&peer->filter, &stage);
    if (known && p->refclock->state == REFCLOCK_LOCKED)
        peer_judged(peer, off, e.sigma, error);
}

static void on_sample(void *arg, struct peer *peer, const struct exchange_sample *s, double error)
{
    struct peers *p = arg;
    struct place *place = place_of(peer);
    place->silent = false;
    struct sample sample = {
        .local = s->local,
        .truth = s->truth,
        .error = error,
        .uncertainty = path_least(&peer->path) / 2 + s->root_delay / 2 + s->root_dispersion,
        .leap = s->leap,
    };
    struct receiver_remote remote = {
        .stratum = s->stratum,
        .refid = address_refid(&peer->address),
        .root_delay = s->root_delay + path_least(&peer->path),
        .interval = exp2(peer->poll),
    };
    judge(p, peer, s, error);
    refclock_remote(p->refclock, place->member.who, &remote);
    refclock_sample(p->refclock, place->member.who, &sample);
}

static void look_up_later(struct group *g)
{
    loop_after(g->peers->loop, &g->retry, g->wait);
    g->wait = g->wait < RETRY_MOST / 2 ? 2 * g->wait : RETRY_MOST;
}

static void refuse_place(struct place *place)
{
    err_set(&place->member.error, place->group->config.host, "name another server",
            "it does not want to be asked (kiss of death DENY or RSTR)");
}

/* Another address is wanted for the place. */
static void replace(struct place *place, const char *why)
{
    struct group *g = place->group;
    struct peers *p = g->peers;
    char name[INET6_ADDRSTRLEN + 8];
    if (log_allowed(&g->limit, loop_now(p->loop), NULL))
        log_say(p->log, LOG_LEVEL_WARNING, "server %s (%s): %s; another address is looked for",
                g->config.host, address_text(&place->peer.address, name, sizeof name), why);
    if (g->retry.due == INT64_MAX && !g->asking)
        look_up_later(g);
}

/* The line in the log; the status has it as long as it lasts. */
static void on_unsure(void *arg, struct peer *peer, enum exchange_verdict how)
{
    struct peers *p = arg;
    char name[sizeof peer->error.thing], line[560];
    const char *host = place_of(peer)->group->config.host;
    unsigned key = peer->config.key;
    snprintf(name, sizeof name, "server %.100s", host);
    if (how == EXCHANGE_UNSIGNED)
        err_set(&peer->error, name, "is the key in the server's key file, and trusted there?",
                "wrong key: it answers without the signature of key %u", key);
    else
        err_set(&peer->error, name,
                "make number, type and secret of the key the same in both key files",
                how == EXCHANGE_NAK
                    ? "wrong key: it does not know key %u, or not as we do (crypto-NAK)"
                    : "wrong key: its answers are not signed with our key %u",
                key);
    log_say(p->log, LOG_LEVEL_WARNING, "%s", err_line(&peer->error, line, sizeof line));
}

static void on_denied(void *arg, struct peer *peer)
{
    struct peers *p = arg;
    struct place *place = place_of(peer);
    p->denied[p->denials++ % DENIED_MAX] = peer->address;
    place->member.addressed = false;
    refuse_place(place);
    replace(place, "it does not want to be asked (kiss of death DENY or RSTR)");
}

static void on_silent(void *arg, struct peer *peer)
{
    struct place *place = place_of(peer);
    union address number;
    (void)arg;
    place->silent = true;
    if (!names_number(place->group->config.host, place->group->config.family, &number))
        replace(place, "it has not answered eight times");
}

/* ---- names ---- */

static void look_up(void *arg, int64_t now)
{
    struct group *g = arg;
    (void)now;
    g->asking = true;
    names_ask(g->peers->names, g->config.host, g->config.family, on_found, g);
}

static bool is_asked(const struct peers *p, const union address *a)
{
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (p->place[i].member.addressed && address_same(&p->place[i].peer.address, a))
            return true;
    return false;
}

/* RFC 5905 section 7.4: who says DENY is not asked any more. */
static bool is_denied(const struct peers *p, const union address *a)
{
    for (size_t i = 0; i < p->denials && i < DENIED_MAX; i++)
        if (address_same(&p->denied[i], a))
            return true;
    return false;
}

/* The address for a place: one that nobody else has. NULL: none. */
static const union address *choose(const struct peers *p, const union address *addresses,
                                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const union address *a = &addresses[i];
        if (!is_asked(p, a) && !is_denied(p, a) && !own_addresses_has(&p->own, a))
            return a;
    }
    return NULL;
}

static void begin(struct place *place, const union address *address)
{
    struct group *g = place->group;
    char name[INET6_ADDRSTRLEN + 8];
    union address to = *address;
    address_set_port(&to, (uint16_t)g->config.port);
    place->member.addressed = true;
    place->silent = false;
    place->member.error = (struct err){0};
    refclock_forget(g->peers->refclock, place->member.who);
    if (strcmp(address_text(&to, name, sizeof name), g->config.host) != 0)
        log_say(g->peers->log, LOG_LEVEL_INFO, "server %s is %s", g->config.host, name);
    peer_start(&place->peer, &to);
}

static void say_why_empty(struct place *place, const union address *addresses, size_t count)
{
    const struct peers *p = place->group->peers;
    if (count && is_denied(p, &addresses[0])) {
        refuse_place(place);
        return;
    }
    err_set(&place->member.error, place->group->config.host, "name another server", "%s",
            !count                                      ? "its name has no address"
            : own_addresses_has(&p->own, &addresses[0]) ? "it is this machine itself"
                                                        : "another line asks it already, under "
                                                          "another name");
}

/* Fills the group's empty places, and those whose server is silent where there is another one.
 * Number of those that stay empty. */
static int fill(struct group *g, const union address *addresses, size_t count)
{
    struct peers *p = g->peers;
    int empty = 0;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct place *place = &p->place[i];
        bool keeps = place->member.addressed && !place->silent;
        if (place->group != g || keeps)
            continue;
        const union address *a = choose(p, addresses, count);
        if (a)
            begin(place, a);
        if (a || place->member.addressed)
            continue;
        empty++;
        say_why_empty(place, addresses, count);
    }
    return empty;
}

static void on_found(void *arg, const union address *addresses, size_t count, const struct err *err)
{
    struct group *g = arg;
    struct peers *p = g->peers;
    char line[560];
    g->asking = false;
    if (!p)
        return; /* removed while its name was looked up */
    net_own(p->net, &p->own);
    int empty = fill(g, addresses, count);
    if (err) {
        for (size_t i = 0; i < PEERS_MAX; i++)
            if (p->place[i].group == g && !p->place[i].member.addressed)
                p->place[i].member.error = *err;
        if (log_allowed(&g->limit, loop_now(p->loop), NULL))
            log_say(p->log, LOG_LEVEL_WARNING, "%s; tried again later",
                    err_line(err, line, sizeof line));
    }
    /* a pool with fewer servers than places is asked again in an hour */
    if (empty && count)
        g->wait = RETRY_MOST;
    if (empty)
        look_up_later(g);
    else
        g->wait = RETRY_FIRST;
}

/* ---- from outside ---- */

static struct place *free_place(struct peers *p)
{
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (!p->place[i].group)
            return &p->place[i];
    return NULL;
}

static void add_place(struct peers *p, struct group *g, int number)
{
    static const struct peer_listener listener = {
        .sample = on_sample, .denied = on_denied, .silent = on_silent, .unsure = on_unsure};
    const struct config_server *c = &g->config;
    struct place *place = free_place(p);
    struct receiver_config as = {
        .peer = true,
        .samples = true,
        .noselect = c->noselect,
        .prefer = c->prefer,
        .trusted = c->trust,
    };
    struct peer_config peer = {
        .minpoll = (int)c->minpoll,
        .maxpoll = (int)c->maxpoll,
        .version = (int)c->version,
        .iburst = c->iburst || c->pool,
        .burst = c->burst,
        .xleave = c->xleave,
        .key = c->key > 0 ? (uint32_t)c->key : 0,
    };
    if (c->pool)
        snprintf(as.name, sizeof as.name, "pool %.70s %d", c->host, number + 1);
    else
        snprintf(as.name, sizeof as.name, "server %.80s", c->host);
    int who = place ? refclock_add(p->refclock, &as) : -1;
    if (who < 0) {
        log_say(p->log, LOG_LEVEL_WARNING, "%s: there are too many sources, this one is left out",
                as.name);
        return;
    }
    *place = (struct place){.member = {.config = c, .peer = &place->peer, .who = who}, .group = g};
    peer_init(&place->peer, &peer, p->net, p->loop, &p->rng, &listener, p);
    place->peer.keys = p->keys;
}

static void add_group(struct peers *p, const struct config_server *c)
{
    struct group *g = p->group;
    while (g < p->group + GROUPS && (g->peers || g->asking))
        g++;
    if (g == p->group + GROUPS) {
        log_say(p->log, LOG_LEVEL_WARNING,
                "server %s: too many names are being looked up; reload again in a minute", c->host);
        return;
    }
    *g = (struct group){.peers = p, .config = *c, .wait = RETRY_FIRST};
    g->retry = (struct loop_timer){.name = "look up", .fire = look_up, .arg = g, .due = INT64_MAX};
    for (int i = 0; i < (c->pool ? (int)c->maxsources : 1); i++)
        add_place(p, g, i);
    loop_after(p->loop, &g->retry, 0);
}

static void remove_group(struct peers *p, struct group *g)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct place *place = &p->place[i];
        if (place->group != g)
            continue;
        peer_stop(&place->peer);
        refclock_remove(p->refclock, place->member.who);
        *place = (struct place){0};
    }
    loop_cancel(p->loop, &g->retry);
    g->peers = NULL;
}

/* Whether two lines say the same; where they stand does not count. */
static bool same_server(const struct config_server *a, const struct config_server *b)
{
    return !strcmp(a->host, b->host) && a->pool == b->pool && a->family == b->family &&
           !config_servers_differ(a, b);
}

static struct group *find_group(struct peers *p, const struct config_server *c)
{
    for (struct group *g = p->group; g < p->group + GROUPS; g++)
        if (g->peers && same_server(&g->config, c))
            return g;
    return NULL;
}

static bool is_wanted(const struct group *g, const struct config *config)
{
    for (size_t i = 0; i < config->server_count; i++)
        if (same_server(&g->config, &config->server[i]))
            return true;
    return false;
}

void peers_apply(struct peers *p, const struct config *config, const struct keys *keys)
{
    p->keys = keys;
    for (size_t i = 0; i < PEERS_MAX; i++)
        peer_keys(&p->place[i].peer, keys);
    for (struct group *g = p->group; g < p->group + GROUPS; g++)
        if (g->peers && !is_wanted(g, config))
            remove_group(p, g);
    for (size_t i = 0; i < config->server_count; i++) {
        struct group *g = find_group(p, &config->server[i]);
        if (g)
            g->config.line = config->server[i].line;
        else
            add_group(p, &config->server[i]);
    }
}

int peers_open(struct peers **out, struct refclock *refclock, struct net *net,
               const struct rng *rng, const struct log *log, struct err *err)
{
    struct peers *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return err_errno(err, "server", "", "", ENOMEM);
    p->refclock = refclock;
    p->loop = refclock->loop;
    p->log = log;
    net_udp_init(&p->udp, p->loop);
    p->net = net ? net : &p->udp.net;
    p->rng = rng ? *rng : rng_from_kernel();
    if (names_open(&p->names, p->loop, err)) {
        free(p);
        return -1;
    }
    *out = p;
    return 0;
}

void peers_close(struct peers *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (p->place[i].group)
            peer_stop(&p->place[i].peer);
    for (size_t i = 0; i < GROUPS; i++)
        if (p->group[i].peers)
            loop_cancel(p->loop, &p->group[i].retry);
    names_close(p->names);
    net_udp_close(&p->udp);
    free(p);
}

void peers_second(struct peers *p, int64_t truth, bool receiver_leads)
{
    if (!p)
        return;
    int64_t now = loop_now(p->loop);
    if (now - p->own_read >= OWN_EVERY) {
        net_own(p->net, &p->own);
        p->own_read = now;
    }
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *peer = &p->place[i].peer;
        if (!p->place[i].group)
            continue;
        peer->pivot = truth;
        peer->pivot_local = now;
        peer->own = p->own.refid;
        peer->own_count = p->own.count;
        if (peer->calm != receiver_leads)
            peer_calm(peer, receiver_leads);
    }
}

size_t peers_count(const struct peers *p)
{
    size_t count = 0;
    for (size_t i = 0; p && i < PEERS_MAX; i++)
        count += p->place[i].group != NULL;
    return count;
}

const struct peers_member *peers_member(const struct peers *p, size_t index)
{
    const struct place *place = p->place;
    while (!place->group || index--)
        place++;
    return &place->member;
}
