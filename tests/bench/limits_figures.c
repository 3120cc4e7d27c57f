/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rules and rate limit cost a request, in processor time of one thread, beside the least that
 * can be done: one read of a random cache line of a table as large, fetched ahead in the same way.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "refclock/rng.h"
#include "server/access/access.h"
#include "server/access/ratelimit.h"

#define ROUNDS  5
#define ASKED   65536
#define BATCHES 20000
#define BATCH   32
#define LINE    64

static double spent(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static union address address_of(int family, uint64_t bits)
{
    union address a = {.any.sa_family = (sa_family_t)family};
    if (family == AF_INET)
        memcpy(&a.v4.sin_addr, &bits, sizeof a.v4.sin_addr);
    else
        memcpy(&a.v6.sin6_addr, &bits, sizeof bits);
    return a;
}

static void *need(void *memory)
{
    if (!memory)
        exit(1);
    return memory;
}

/* ---- rules ---- */

/* The least time of a look-up over the rounds, ns. */
static double time_look_ups(const struct access *a, const union address *asked)
{
    double least = 1e9;
    unsigned sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double before = spent();
        for (int i = 0; i < ASKED; i++)
            sum += access_of(a, &asked[i]);
        double took = (spent() - before) / ASKED;
        least = took < least ? took : least;
    }
    return sum == 1 ? 0 : least * 1e9; /* so that nothing is left out */
}

/* Rules strewn over all addresses, and every other request from one of them. */
static double measure_rules(int family, uint8_t length, size_t count, double of_one)
{
    struct rng rng = rng_seeded(count, length);
    struct access_rule *rules = need(calloc(count, sizeof *rules));
    union address *asked = need(calloc(ASKED, sizeof *asked));
    struct access *a;
    struct err err;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = rng_u64(&rng);
        rules[i] = (struct access_rule){
            .family = (sa_family_t)family, .length = length, .flags = ACCESS_LIMITED};
        memcpy(rules[i].prefix, &bits, sizeof bits);
    }
    for (int i = 0; i < ASKED; i++) {
        uint64_t bits = rng_u64(&rng);
        if (i & 1)
            memcpy(&bits, rules[bits % count].prefix, sizeof bits);
        asked[i] = address_of(family, bits);
    }
    if (access_build(&a, rules, count, &err))
        exit(1);
    double took = time_look_ups(a, asked);
    printf("| %zu x IPv%d /%d | %.0f | %.1f | %.1f |\n", count, family == AF_INET ? 4 : 6, length,
           took, of_one > 0 ? took / of_one : 1, (double)access_size(a) / 1e6);
    access_free(a);
    free(asked);
    free(rules);
    return took;
}

/* ---- clients ---- */

static void ask_batch(struct ratelimit *r, struct rng *rng, uint64_t clients, bool ahead)
{
    struct ratelimit_place place[BATCH];
    union address from[BATCH];
    for (int i = 0; i < BATCH; i++) {
        from[i] = address_of(AF_INET, rng_u64(rng) % clients + 1);
        if (ahead)
            ratelimit_place(r, &from[i], &place[i]);
    }
    for (int i = 0; i < BATCH; i++) {
        if (!ahead)
            ratelimit_place(r, &from[i], &place[i]);
        struct ratelimit_request q = {
            .place = &place[i], .mode = 3, .version = 4, .limited = true, .kod = true};
        ratelimit_take(r, &q);
    }
}

static double time_table(struct ratelimit *r, uint64_t clients, bool ahead)
{
    struct rng rng = rng_seeded(clients, 1);
    double least = 1e9;
    int64_t now = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double before = spent();
        for (int i = 0; i < BATCHES; i++) {
            ratelimit_now(r, now += 1000000);
            ask_batch(r, &rng, clients, ahead);
        }
        double took = (spent() - before) / (BATCHES * BATCH);
        least = took < least ? took : least;
    }
    return least * 1e9;
}

static double time_bare(volatile uint64_t *table, size_t lines)
{
    struct rng rng = rng_seeded(lines, 2);
    double least = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double before = spent();
        for (int i = 0; i < BATCHES; i++) {
            size_t at[BATCH];
            for (int k = 0; k < BATCH; k++) {
                at[k] = rng_u64(&rng) % lines * (LINE / sizeof *table);
                __builtin_prefetch((const void *)&table[at[k]], 1);
            }
            for (int k = 0; k < BATCH; k++)
                table[at[k]]++;
        }
        double took = (spent() - before) / (BATCHES * BATCH);
        least = took < least ? took : least;
    }
    return least * 1e9;
}

static void measure_clients(int64_t clients)
{
    static const uint8_t key[16] = {1, 2, 3};
    struct ratelimit_config config = RATELIMIT_DEFAULTS;
    struct ratelimit *r;
    struct ratelimit_client list[32];
    struct err err;
    config.clients = clients;
    if (ratelimit_open(&r, &config, key, &err))
        exit(1);
    size_t size = ratelimit_size(r);
    uint64_t *table = need(calloc(1, size));
    double bare = time_bare(table, size / LINE);
    double single = time_table(r, (uint64_t)clients, false);
    double ahead = time_table(r, (uint64_t)clients, true);
    double before = spent();
    ratelimit_list(r, RATELIMIT_BUSIEST, list, 0, 32);
    printf("| %lld | %.1f | %.0f | %.0f | %.0f | %.1f | %.1f |\n", (long long)clients,
           (double)size / 1e6, bare, single, ahead, ahead / bare, (spent() - before) * 1e3);
    free(table);
    ratelimit_free(r);
}

int main(void)
{
    static const size_t counts[] = {1, 10000, 1000000};
    puts("| rules | ns a look-up | of one rule's | MB |\n|---|---|---|---|");
    for (int v6 = 0; v6 < 2; v6++) {
        double of_one = 0;
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            double took = measure_rules(v6 ? AF_INET6 : AF_INET, v6 ? 48 : 24, counts[i], of_one);
            of_one = i ? of_one : took;
        }
    }
    puts("\n| clients | MB | ns bare | ns one by one | ns by batch | of bare | ms a list of 32 |\n"
         "|---|---|---|---|---|---|---|");
    measure_clients(65536);
    measure_clients(4 << 20);
    return 0;
}
