/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/access/ratelimit.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "refclock/civil.h"
#include "refclock/rng.h"
#include "server/access/ratelimit_entry.h"
#include "server/zeroed.h"

#define KOD_LONGEST 250 /* s */
#define HUGE_PAGE   ((size_t)2 << 20)

struct ratelimit {
    /* fixed once it is open */
    struct bucket *table;
    void *memory;     /* the table lies in it, aligned */
    uint32_t buckets; /* a power of two */
    struct siphash_key key;
    uint64_t cost[2];  /* ticks of one request: of an address or /64, of a /48 */
    uint64_t depth[2]; /* ticks that a bucket may be ahead of now, for one more to pass */
    uint64_t minimum;  /* ticks */
    unsigned kod;      /* s */
    uint64_t leak;
    /* the owner's */
    bool started;
    int64_t reading, elapsed; /* ns */
    uint64_t tick;
    struct rng rng;
    _Atomic int64_t shift; /* for others: reading less elapsed, ns */
    /* the lister's, in a cache line that the owner does not use: where it goes on */
    _Alignas(64) uint32_t scan;
};

/* ---- open ---- */

static double within(double value, double least, double most)
{
    return value >= least ? fmin(value, most) : least; /* NAN: least */
}

static void configure(struct ratelimit *r, const struct ratelimit_config *c)
{
    double burst = within((double)c->burst, 1, 255);
    double average = within(c->average, 1.0 / TICKS, 4096);
    uint64_t cost = (uint64_t)llrint(average * TICKS);
    uint64_t most = AHEAD_MAX / (uint64_t)burst;
    cost = cost > most ? most : cost;
    r->cost[0] = cost;
    r->cost[1] = cost / RATELIMIT_SITE ? cost / RATELIMIT_SITE : 1;
    r->depth[0] = cost * (uint64_t)(burst - 1);
    r->depth[1] = r->cost[1] * (uint64_t)(burst * RATELIMIT_SITE - 1);
    /* as ntpd rounds it: 1.5 s are 2 */
    r->minimum = (uint64_t)llrint(within(c->minimum - 0.5, 0, 65535) * TICKS);
    r->kod = (unsigned)within((double)c->kod, 1, KOD_LONGEST);
    r->leak = c->leak > 0 ? (uint64_t)c->leak : 0;
}

static struct bucket *allocate(size_t size, bool late)
{
    size_t alignment = size < HUGE_PAGE ? sizeof(struct bucket) : HUGE_PAGE;
    struct bucket *table = zeroed_new(size, alignment);
    if (!table)
        return NULL;
    if (late)
        return table;
    if (alignment == HUGE_PAGE)
        (void)madvise(table, size, MADV_HUGEPAGE);
    memset(table, 0, size);
    return table;
}

int ratelimit_open(struct ratelimit **out, const struct ratelimit_config *config,
                   const uint8_t key[16], struct err *err)
{
    double clients = within((double)config->clients, WAYS, RATELIMIT_MOST);
    struct ratelimit *r = NULL;
    if (!posix_memalign((void **)&r, 64, sizeof *r)) {
        memset(r, 0, sizeof *r);
        r->buckets = 1;
        while ((double)r->buckets * WAYS < clients)
            r->buckets *= 2;
        r->table = allocate(r->buckets * sizeof *r->table, config->late);
    }
    if (!r || !r->table) {
        free(r);
        return err_errno(err, "ratelimit", "let it remember fewer clients", "", ENOMEM);
    }
    memcpy(&r->key, key, sizeof r->key);
    r->rng = rng_seeded(siphash_word(&r->key, 0), 0);
    configure(r, config);
    *out = r;
    return 0;
}

void ratelimit_free(struct ratelimit *r)
{
    if (r)
        zeroed_free(r->table);
    free(r);
}

size_t ratelimit_size(const struct ratelimit *r)
{
    return r->buckets * sizeof *r->table;
}

/* ---- requests ---- */

void ratelimit_now(struct ratelimit *r, int64_t reading)
{
    if (r->started && reading > r->reading)
        r->elapsed += reading - r->reading;
    r->started = true;
    r->reading = reading;
    r->tick = (uint64_t)(r->elapsed / (NS_PER_S / TICKS));
    atomic_store_explicit(&r->shift, reading - r->elapsed, memory_order_relaxed);
}

static void add_place(const struct ratelimit *r, uint64_t key, struct ratelimit_place *p)
{
    uint32_t bucket = (uint32_t)siphash_word(&r->key, key) & (r->buckets - 1);
    const struct bucket *b = &r->table[bucket];
    __builtin_prefetch(&b->way[0], 1);
    __builtin_prefetch(&b->way[WAYS / 2], 1);
    p->key[p->count] = key;
    p->bucket[p->count++] = bucket;
}

void ratelimit_place(const struct ratelimit *r, const union address *from,
                     struct ratelimit_place *place)
{
    place->count = 0;
    if (from->any.sa_family == AF_INET) {
        add_place(r, entry_key_v4(from->v4.sin_addr), place);
        return;
    }
    add_place(r, entry_key_v6(&from->v6.sin6_addr), place);
    add_place(r, entry_key_site(&from->v6.sin6_addr), place);
}

/* Its entry; a client that is new takes that of one who has the least to be remembered. */
static struct entry *find(struct ratelimit *r, uint64_t key, uint32_t bucket)
{
    struct entry *way = r->table[bucket].way, *coldest = way;
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < WAYS; i++) {
        uint64_t found = entry_get(&way[i].key);
        uint64_t when = found ? entry_get(&way[i].when) : 0;
        uint64_t full = (when >> AHEAD_BITS) + (when & AHEAD_MAX);
        if (found == key)
            return &way[i];
        if (full < least || !found) {
            least = found ? full : 0;
            coldest = &way[i];
        }
    }
    entry_begin(coldest, key, r->tick);
    return coldest;
}

/* Ticks that the bucket is ahead of now. */
static uint64_t ahead_of(const struct ratelimit *r, const struct entry *e)
{
    uint64_t when = entry_get(&e->when), until = (when >> AHEAD_BITS) + (when & AHEAD_MAX);
    return until > r->tick ? until - r->tick : 0;
}

static bool too_early(const struct ratelimit *r, const struct entry *e, int which)
{
    if (ahead_of(r, e) > r->depth[which])
        return true;
    if (which || !r->minimum || !(entry_get(&e->many) & UINT32_MAX))
        return false;
    return r->tick - (entry_get(&e->when) >> AHEAD_BITS) < r->minimum;
}

/* Seconds between two kisses to a client of whom so many requests were dropped: who does not heed
 * them is told ever more seldom. */
static unsigned kiss_interval(const struct ratelimit *r, uint64_t dropped)
{
    unsigned interval = r->kod;
    for (dropped /= 64; dropped && interval < KOD_LONGEST; dropped /= 4)
        interval *= 2;
    return interval < KOD_LONGEST ? interval : KOD_LONGEST;
}

static bool kiss_is_due(const struct ratelimit *r, const struct entry *e)
{
    unsigned last = entry_get(&e->what) & KOD_MASK; /* 0: never; else 1 + s modulo 255 */
    unsigned now = 1 + (unsigned)(r->tick / TICKS % 255);
    uint64_t dropped = entry_get(&e->what) >> DROPPED_SHIFT;
    return !last || (now + 255 - last) % 255 >= kiss_interval(r, dropped);
}

/* What becomes of a request that is over the limit. */
static enum ratelimit_verdict refuse(struct ratelimit *r, struct entry *const e[2],
                                     const struct ratelimit_request *q)
{
    if (r->leak && rng_u64(&r->rng) % r->leak == 0)
        return RATELIMIT_LEAKED;
    bool due = q->kod;
    for (unsigned i = 0; i < q->place->count; i++)
        due = due && kiss_is_due(r, e[i]); /* nor each network of a site in its turn */
    return due ? RATELIMIT_KISS : RATELIMIT_OVER;
}

static void write_down(struct ratelimit *r, struct entry *e, const struct ratelimit_request *q,
                       uint64_t ahead, enum ratelimit_verdict verdict)
{
    uint64_t what = entry_get(&e->what), many = entry_get(&e->many);
    uint64_t dropped = what >> DROPPED_SHIFT, kod = what & KOD_MASK;
    bool lost = verdict == RATELIMIT_OVER || verdict == RATELIMIT_KISS;
    if (verdict == RATELIMIT_KISS)
        kod = 1 + r->tick / TICKS % 255;
    if (lost && dropped < UINT32_MAX)
        dropped++;
    uint64_t packet = (q->mode & 7U) | (q->version & 7U) << 3;
    packet |= (verdict == RATELIMIT_PASS ? 0U : ENTRY_LIMITED) |
              (verdict == RATELIMIT_KISS ? ENTRY_KOD : 0U);
    entry_set(&e->when, r->tick << AHEAD_BITS | ahead);
    entry_set(&e->what, dropped << DROPPED_SHIFT | (uint64_t)q->port << PORT_SHIFT |
                            packet << PACKET_SHIFT | kod);
    if ((many & UINT32_MAX) < UINT32_MAX)
        many++;
    /* last: a reader that sees a count sees the rest */
    atomic_store_explicit(&e->many, many, memory_order_release);
}

enum ratelimit_verdict ratelimit_take(struct ratelimit *r, const struct ratelimit_request *q)
{
    const struct ratelimit_place *p = q->place;
    struct entry *e[2];
    bool over = false;
    for (unsigned i = 0; i < p->count; i++) {
        e[i] = find(r, p->key[i], p->bucket[i]);
        over = over || too_early(r, e[i], (int)i);
    }
    enum ratelimit_verdict verdict =
        over && q->limited && p->count ? refuse(r, e, q) : RATELIMIT_PASS;
    for (unsigned i = 0; i < p->count; i++) {
        uint64_t ahead = ahead_of(r, e[i]);
        if (verdict == RATELIMIT_PASS && q->limited)
            ahead += r->cost[i];
        write_down(r, e[i], q, ahead, verdict);
    }
    return verdict;
}

/* ---- lists ---- */

static bool before(enum ratelimit_order order, const struct ratelimit_client *a,
                   const struct ratelimit_client *b)
{
    if (order == RATELIMIT_BUSIEST && a->count != b->count)
        return a->count > b->count;
    return a->last > b->last;
}

static size_t insert(enum ratelimit_order order, struct ratelimit_client *list, size_t count,
                     size_t most, const struct ratelimit_client *c)
{
    if (count == most && (!most || !before(order, c, &list[most - 1])))
        return count;
    size_t at = count < most ? count : most - 1;
    for (; at > 0 && before(order, c, &list[at - 1]); at--)
        list[at] = list[at - 1];
    list[at] = *c;
    return count < most ? count + 1 : count;
}

size_t ratelimit_list(struct ratelimit *r, enum ratelimit_order order,
                      struct ratelimit_client *list, size_t count, size_t most)
{
    int64_t shift = atomic_load_explicit(&r->shift, memory_order_relaxed);
    uint32_t looks = RATELIMIT_SCAN / WAYS < r->buckets ? RATELIMIT_SCAN / WAYS : r->buckets;
    for (uint32_t i = 0; i < looks; i++) {
        const struct bucket *b = &r->table[r->scan++ & (r->buckets - 1)];
        for (int k = 0; k < WAYS; k++) {
            struct ratelimit_client c;
            if (!entry_read(&b->way[k], shift, &c))
                continue;
            if (order == RATELIMIT_BUSIEST || c.prefix != 48)
                count = insert(order, list, count, most, &c);
        }
    }
    return count;
}
