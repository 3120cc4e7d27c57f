/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_REPLY_EXCHANGE_H
#define TIMEBALL_TESTS_REPLY_EXCHANGE_H

/* A request before a snapshot of a clock, and the reply that is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/ntp/reply.h"

#define NOW        INT64_C(1795521600123456789) /* reading, 2026-11-24 */
#define GENERATION 7
#define INIT       SNAPSHOT_REFID('I', 'N', 'I', 'T')
#define RATE       SNAPSHOT_REFID('R', 'A', 'T', 'E')
#define PPS        SNAPSHOT_REFID('P', 'P', 'S', 0)

/* Locked, the clock 2 ms slow and losing 10 ppm. */
static inline struct snapshot locked(void)
{
    return (struct snapshot){
        .reference = NOW - NS_PER_S / 2,
        .offset = 2e-3,
        .rate = 1e-5,
        .stat = 1e-6,
        .total = 25e-6,
        .drift = 1e-6,
        .reftime = NOW - NS_PER_S / 2 + 2000000,
        .refid = PPS,
        .generation = GENERATION,
        .stratum = 1,
        .leap = LEAP_NONE,
        .precision = -24,
        .locked_once = true,
    };
}

struct exchange {
    struct snapshot snapshot;
    struct reply_input in;
    uint8_t request[2048];
    uint8_t out[REPLY_SIZE];
    size_t size;
    enum verdict verdict;
    struct ntp_packet answer;
};

static inline void begin(struct exchange *x, int version, int mode)
{
    memset(x, 0, sizeof *x);
    x->snapshot = locked();
    x->in = (struct reply_input){
        .snapshot = &x->snapshot,
        .request = x->request,
        .size = WIRE_SIZE,
        .receive = {NOW - 40000, GENERATION, true},
        .transmit = {NOW, GENERATION, true},
    };
    x->request[0] = (uint8_t)(version << 3 | mode);
    for (int i = 40; i < 48; i++)
        x->request[i] = (uint8_t)(0xa0 + i);
}

static inline enum verdict ask(struct exchange *x)
{
    memset(x->out, 0x5a, sizeof x->out);
    x->verdict = reply_make(&x->in, x->out, &x->size);
    wire_decode(x->out, &x->answer);
    return x->verdict;
}

static const char key_file[] = "1 AES-128 HEX:2b7e151628aed2a6abf7158809cf4f3c\n2 SHA1 secret\n"
                               "3 SHA512 secret\n4 MD5 secret\n5 SHA1 untrusted\n";

/* Keys 1 to 4 are trusted, 5 is not. To be freed. */
static inline struct keys *some_keys(void)
{
    static const struct keys_range trusted = {1, 4};
    struct keys_want want = {.path = "keys", .weak = true, .trusted = &trusted, .ranges = 1};
    struct keys *k = NULL;
    assert_int_equal(keys_parse(&k, &want, key_file, sizeof key_file - 1, NULL), 0);
    return k;
}

/* Signs the request as a client with that key does. */
static inline void sign(struct exchange *x, const struct keys *k, uint32_t id, size_t digest)
{
    x->in.keys = k;
    x->in.size = keys_sign(keys_find(k, id), x->request, x->in.size, digest);
}

#endif
