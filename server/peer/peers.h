/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_PEER_PEERS_H
#define TIMEBALL_SERVER_PEER_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/log.h"
#include "refclock/refclock.h"
#include "server/config/config.h"
#include "server/ntp/keys.h"
#include "server/peer/peer.h"
#include "server/status/status.h"

/*
 * All network servers of a configuration: names become addresses, each address is asked once
 * however many names it has, our own are left out, servers that went away are looked up again and
 * members of a pool replaced. What they measure goes to the engine, each as a source of its own.
 */
#define PEERS_MAX 20

struct peers;

/* One server as others see it. */
struct peers_member {
    const struct config_server *config; /* the peers' own */
    const struct peer *peer;            /* asks nobody while `addressed` is false */
    int who;                            /* index in the engine */
    bool addressed;
    struct err error; /* why it has no address; why is empty: it has, or is looked up */
};

/* Without any server. `net` NULL: the machine's network; `rng` NULL: seeded by the kernel, else
 * copied. The others are borrowed and must outlive it. 0, or -1 with *err. */
int peers_open(struct peers **out, struct refclock *refclock, struct net *net,
               const struct rng *rng, const struct log *log, struct err *err);

/*
 * Makes the servers those of the configuration: new ones are added to the engine and their names
 * looked up, those that are not in it any more are removed, and the others notice nothing. `keys`
 * (NULL: none) are what requests are signed with from now on. The configuration is copied, the keys
 * are borrowed until the next call.
 */
void peers_apply(struct peers *p, const struct config *config, const struct keys *keys);

/* Stops asking, frees. NULL is allowed. */
void peers_close(struct peers *p);

/* Once a second: true time to 68 years is `truth` (ns); `receiver_leads`: the servers are witnesses
 * only, and nobody doubts it: asked seldom. */
void peers_second(struct peers *p, int64_t truth, bool receiver_leads);

/* The servers, in the order in which they were added; a pool's places one after the other. */
size_t peers_count(const struct peers *p);
const struct peers_member *peers_member(const struct peers *p, size_t index);

/* Fills its row of the status; `now` is local time. */
void peers_describe(const struct peers_member *m, const struct refclock *r, int64_t now,
                    struct status_source *to);

#endif
