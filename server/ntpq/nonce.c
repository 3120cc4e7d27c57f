/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntpq/nonce.h"

#include <inttypes.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>

#include "refclock/civil.h"

#define DIGEST 16 /* octets of it that are sent */
#define TIME   16 /* hex digits of the time */

static void digest(const uint8_t key[NTPQ_KEY_SIZE], const union address *from, int64_t at,
                   uint8_t out[DIGEST])
{
    struct hmac_sha256_ctx c;
    uint8_t stamp[8];
    for (int i = 0; i < 8; i++)
        stamp[i] = (uint8_t)((uint64_t)at >> 8 * i);
    hmac_sha256_set_key(&c, NTPQ_KEY_SIZE, key);
    hmac_sha256_update(&c, sizeof stamp, stamp);
    if (from->any.sa_family == AF_INET6)
        hmac_sha256_update(&c, sizeof from->v6.sin6_addr, from->v6.sin6_addr.s6_addr);
    else
        hmac_sha256_update(&c, sizeof from->v4.sin_addr, (const uint8_t *)&from->v4.sin_addr);
    hmac_sha256_digest(&c, DIGEST, out);
}

void ntpq_nonce_make(const uint8_t key[NTPQ_KEY_SIZE], const union address *from, int64_t now,
                     char text[NTPQ_NONCE_SIZE])
{
    uint8_t mac[DIGEST];
    digest(key, from, now, mac);
    int n = snprintf(text, NTPQ_NONCE_SIZE, "%016" PRIx64, (uint64_t)now);
    for (int i = 0; i < DIGEST; i++)
        n += snprintf(text + n, NTPQ_NONCE_SIZE - (size_t)n, "%02x", mac[i]);
}

/* The time that a nonce names; false when that is no time. */
static bool read_time(const char *text, int64_t *at)
{
    uint64_t value = 0;
    for (int i = 0; i < TIME; i++) {
        const char *digits = "0123456789abcdef", *digit = strchr(digits, text[i]);
        if (!text[i] || !digit)
            return false;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    *at = (int64_t)value;
    return true;
}

bool ntpq_nonce_good(const uint8_t key[NTPQ_KEY_SIZE], const union address *from, int64_t now,
                     const char *text, size_t size)
{
    char expected[NTPQ_NONCE_SIZE];
    int64_t at;
    if (size != NTPQ_NONCE_SIZE - 1 || !read_time(text, &at))
        return false;
    if (at > now || at < now - NTPQ_NONCE_S * NS_PER_S)
        return false;
    ntpq_nonce_make(key, from, at, expected);
    return nettle_memeql_sec(expected, text, size);
}
