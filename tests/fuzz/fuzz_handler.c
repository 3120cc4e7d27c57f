/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A course of datagrams through rules and rate limit. Two octets are the flags of the rule for
 * everybody, the third chooses the table's size and the leak; then for each datagram: its source,
 * the time that has passed, what is odd about its addresses, its length, and so many octets.
 */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/responder/handler.h"
#include "tests/fuzz/fuzz.h"

#define START (INT64_C(1795521600) * NS_PER_S)

struct world {
    struct clock clock;
    int64_t now;
    struct snapshot_latch latch;
    struct handler handler;
    struct shared_table rules;
    struct ratelimit *limit;
    uint8_t receive[8]; /* timestamp of the last answer */
    uint64_t datagrams, kisses;
};

static int64_t world_now(struct clock *c)
{
    return ((struct world *)c)->now;
}

static const struct clock_ops ops = {.name = "fuzz", .now = world_now};

static void begin(struct world *w, const uint8_t choice[3])
{
    static const uint8_t key[16] = {7};
    uint16_t flags = (uint16_t)((choice[0] << 8 | choice[1]) & 0x3fff);
    const struct access_rule rules[] = {
        {.family = AF_INET, .flags = flags},
        {.family = AF_INET6, .flags = flags},
        {.family = AF_INET, .prefix = {10, 1}, .length = 16, .flags = ACCESS_NTPPORT},
    };
    struct ratelimit_config config = RATELIMIT_DEFAULTS;
    config.clients = choice[2] & 0x3f;
    config.leak = choice[2] >> 6;
    struct access *access;
    struct err err;
    *w = (struct world){.clock.ops = &ops, .now = START};
    snapshot_latch_init(&w->latch);
    handler_init(&w->handler, &w->latch, &w->clock);
    shared_init(&w->rules, access_release);
    REQUIRE(!access_build(&access, rules, sizeof rules / sizeof *rules, &err));
    shared_swap(&w->rules, access_share(access));
    REQUIRE(!ratelimit_open(&w->limit, &config, key, &err));
    handler_share_access(&w->handler, &w->rules, w->limit);
    w->handler.interleave = interleave_new(1, NULL);
    REQUIRE(w->handler.interleave);
}

static union address source(uint8_t choice)
{
    union address a = {.any.sa_family = choice & 1 ? AF_INET : choice & 2 ? AF_INET6 : AF_UNSPEC};
    if (choice & 1)
        a.v4.sin_addr.s_addr = htonl(UINT32_C(0x0a000000) | (uint32_t)choice << 12);
    else
        memcpy(a.v6.sin6_addr.s6_addr,
               (const uint8_t[]){0x20, 1, 0xd, 0xb8, 0, choice >> 6, 0, choice}, 8);
    address_set_port(&a, choice & 4 ? 123 : 4000);
    return a;
}

static void publish(struct world *w)
{
    struct snapshot s = {.reference = w->now,
                         .total = 1e-5,
                         .reftime = w->now,
                         .stratum = 1,
                         .refid = SNAPSHOT_REFID('P', 'P', 'S', 0)};
    snapshot_publish(&w->latch, &s);
}

/* One datagram; returns the octets that it took of the input. */
static size_t one(struct world *w, const uint8_t *data, size_t left)
{
    size_t length = data[3] < left - 4 ? data[3] : left - 4;
    uint8_t out[REPLY_SIZE], bytes[UINT8_MAX];
    struct datagram d = {.bytes = bytes, .size = length, .from = source(data[0])};
    memcpy(bytes, data + 4, length);
    if (data[2] & 2 && length >= WIRE_SIZE)
        memcpy(bytes + WIRE_ORIGIN, w->receive, sizeof w->receive); /* as in interleaved mode */
    w->now += (int64_t)(int8_t)data[1] * (NS_PER_S / 16);           /* back, too */
    d.received = w->now;
    d.address = data[2] > 240 ? data[2] & 15 : 0;
    publish(w);
    handler_look(&w->handler);
    if (data[2] & 1)
        handler_prepare(&w->handler, &d);
    size_t size = handler_answer(&w->handler, &d, out);
    handler_rest(&w->handler);
    w->datagrams++;
    REQUIRE(size <= d.size && size <= sizeof out && !(size && d.address));
    if (size)
        memcpy(w->receive, out + 32, sizeof w->receive);
    if (size) /* an answer names the request's transmit, or in interleaved mode receive timestamp */
        REQUIRE(!memcmp(out + 24, d.bytes + (w->handler.kept ? 32 : 40), 8));
    if (size && out[1] == 0) {
        REQUIRE(wire_mode(d.bytes[0]) == WIRE_MODE_CLIENT && out[0] >> 6 == 3);
        REQUIRE(!memcmp(out + 12, "RATE", 4) && !memcmp(out + 24, d.bytes + 40, 8));
        w->kisses++;
    }
    return 4 + length;
}

static void check(struct world *w)
{
    uint64_t sum = 0;
    for (int i = 0; i < VERDICT_COUNT; i++)
        sum += atomic_load(&w->handler.tally.verdict[i]);
    REQUIRE(sum == w->datagrams);
    REQUIRE(atomic_load(&w->handler.tally.verdict[VERDICT_KOD]) == w->kisses);
    struct ratelimit_client list[8];
    size_t count = ratelimit_list(w->limit, RATELIMIT_BUSIEST, list, 0, 8);
    for (size_t i = 0; i < count; i++)
        REQUIRE(list[i].count > 0 && list[i].dropped <= list[i].count &&
                list[i].first <= list[i].last && (!i || list[i].count <= list[i - 1].count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;
    if (size < 3)
        return 0;
    begin(&w, data);
    for (size_t at = 3; at + 4 <= size;)
        at += one(&w, data + at, size - at);
    check(&w);
    shared_close(&w.rules);
    ratelimit_free(w.limit);
    interleave_free(w.handler.interleave);
    return 0;
}
