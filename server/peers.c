/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config_servers.h"
#include "server/names.h"
#include "server/own_addresses.h"

#define RETRY_FIRST (2 * INT64_C(1000000000))
#define RETRY_MOST  (3600 * INT64_C(1000000000))
#define OWN_EVERY   (60 * INT64_C(1000000000))
#define GROUPS      (2 * CONFIG_SERVER_MAX) /* some may still wait for a name that nobody needs */

/* A place for one server: its own, or one of a pool's. */
struct place {
    struct peers_member member;
    struct peer peer;
    struct group *group; /* NULL: the place is free */
    bool left;           /* its server was given up: `was` is not taken again if there is another */
    union address was;
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
};

static void on_found(void *arg, const union address *addresses, size_t count,
                     const struct err *err);

/* ---- what the servers say ---- */

/* How far the path's judgement can be held against the estimate: only while that is good. */
static void judge_path(struct peers *p, struct peer *peer, const struct exchange_sample *s,
                       double error)
{
    struct estimate e;
    if (p->refclock->state != REFCLOCK_LOCKED || !refclock_estimate(p->refclock, &e))
        return;
    double said = (double)(s->truth - s->local - e.shift) * 1e-9;
    peer_judged(peer, said - e.offset, e.sigma, error);
}

static void on_sample(void *arg, struct peer *peer, const struct exchange_sample *s, double error)
{
    struct peers *p = arg;
    const struct place *place =
        (const struct place *)((const char *)peer - offsetof(struct place, peer));
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
    judge_path(p, peer, s, error);
    refclock_remote(p->refclock, place->member.who, &remote);
    refclock_sample(p->refclock, place->member.who, &sample);
}

static void look_up_later(struct group *g)
{
    loop_after(g->peers->loop, &g->retry, g->wait);
    g->wait = g->wait < RETRY_MOST / 2 ? 2 * g->wait : RETRY_MOST;
}

static void on_give_up(void *arg, struct peer *peer, const char *why)
{
    struct peers *p = arg;
    struct place *place = (struct place *)((char *)peer - offsetof(struct place, peer));
    struct group *g = place->group;
    char name[INET6_ADDRSTRLEN + 8];
    place->left = true;
    place->was = peer->address;
    place->member.addressed = false;
    if (log_allowed(&g->limit, loop_now(p->loop), NULL))
        log_say(p->log, LOG_LEVEL_WARNING, "server %s (%s): %s; its name is looked up again",
                g->config.host, address_text(&peer->address, name, sizeof name), why);
    if (g->retry.due == INT64_MAX && !g->asking)
        look_up_later(g);
}

/* The line in the log; the status has it as long as it lasts. */
static void on_unsure(void *arg, struct peer *peer, enum exchange_verdict how)
{
    struct peers *p = arg;
    const struct place *place = (struct place *)((char *)peer - offsetof(struct place, peer));
    char name[sizeof peer->error.thing], line[560];
    const char *host = place->group->config.host;
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

/* The address for a place: one that nobody else has, and not the one that was given up, if there is
 * another. */
static const union address *choose(const struct peers *p, const struct place *place,
                                   const union address *addresses, size_t count)
{
    const union address *old = NULL;
    for (size_t i = 0; i < count; i++) {
        const union address *a = &addresses[i];
        if (is_asked(p, a) || own_addresses_has(&p->own, a))
            continue;
        if (!place->left || !address_same(a, &place->was))
            return a;
        old = a;
    }
    return old;
}

static void begin(struct place *place, const union address *address)
{
    struct group *g = place->group;
    char name[INET6_ADDRSTRLEN + 8];
    union address to = *address;
    address_set_port(&to, (uint16_t)g->config.port);
    place->member.addressed = true;
    place->left = false;
    place->member.error = (struct err){0};
    refclock_forget(g->peers->refclock, place->member.who);
    log_say(g->peers->log, LOG_LEVEL_INFO, "server %s is %s", g->config.host,
            address_text(&to, name, sizeof name));
    peer_start(&place->peer, &to);
}

/* Fills the group's empty places. Number of those that stay empty. */
static int fill(struct group *g, const union address *addresses, size_t count)
{
    struct peers *p = g->peers;
    int empty = 0;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct place *place = &p->place[i];
        if (place->group != g || place->member.addressed)
            continue;
        const union address *a = choose(p, place, addresses, count);
        if (a) {
            begin(place, a);
            continue;
        }
        empty++;
        err_set(&place->member.error, g->config.host, "name another server",
                count ? "it is this machine, or another line names it already"
                      : "its name has no address");
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
        .sample = on_sample, .give_up = on_give_up, .unsure = on_unsure};
    const struct config_server *c = &g->config;
    struct place *place = free_place(p);
    struct receiver_config as = {
        .peer = true, .samples = true, .noselect = c->noselect, .prefer = c->prefer};
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
        p->place[i].peer.keys = keys;
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
               const struct log *log, struct err *err)
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
    p->rng = rng_from_kernel();
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
