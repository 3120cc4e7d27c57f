/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/interleave.h"

#include <stdlib.h>
#include <string.h>

#include "server/responder/apart.h"
#include "server/zeroed.h"

struct entry {
    uint64_t client; /* its address, hashed */
    uint64_t receive, transmit;
    uint64_t age; /* number of the answer; 0: empty */
};

struct interleave {
    _Alignas(APART) uint64_t key;
    uint64_t answers;
    struct entry set[INTERLEAVE_SETS][INTERLEAVE_WAYS];
};

struct interleave *interleave_new(uint64_t key, size_t *size)
{
    struct interleave *t = zeroed_new(sizeof *t, _Alignof(struct interleave));
    if (!t)
        return NULL;
    t->key = key;
    if (size)
        *size = sizeof *t;
    return t;
}

void interleave_free(struct interleave *t)
{
    zeroed_free(t);
}

/* Every bit depends on every bit (Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", 2014). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t hash(const struct interleave *t, const union address *client)
{
    uint64_t half[2] = {0};
    if (client->any.sa_family == AF_INET6)
        memcpy(half, &client->v6.sin6_addr, sizeof half);
    else
        half[0] = client->v4.sin_addr.s_addr;
    return mix(mix(half[0] ^ t->key) + half[1]);
}

static struct entry *find(const struct interleave *t, uint64_t client, uint64_t receive)
{
    const struct entry *set = t->set[client % INTERLEAVE_SETS];
    for (int i = 0; i < INTERLEAVE_WAYS; i++)
        if (set[i].age && set[i].client == client && set[i].receive == receive)
            return (struct entry *)&set[i];
    return NULL;
}

uint64_t interleave_find(const struct interleave *t, const union address *client, uint64_t receive)
{
    const struct entry *e = find(t, hash(t, client), receive);
    return e ? e->transmit : 0;
}

void interleave_keep(struct interleave *t, const union address *client, uint64_t receive,
                     uint64_t transmit)
{
    uint64_t who = hash(t, client);
    struct entry *set = t->set[who % INTERLEAVE_SETS], *oldest = set;
    for (int i = 1; i < INTERLEAVE_WAYS; i++)
        if (set[i].age < oldest->age)
            oldest = &set[i];
    *oldest = (struct entry){who, receive, transmit, ++t->answers};
}

void interleave_left(struct interleave *t, const union address *client, uint64_t receive,
                     uint64_t transmit)
{
    struct entry *e = find(t, hash(t, client), receive);
    if (e)
        e->transmit = transmit;
}
