/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any control request to a status with all kinds of sources; a nonce that is good is put in. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/ntpq/ntpq.h"
#include "tests/fuzz/fuzz.h"

#define NOW (INT64_C(1795521600) * NS_PER_S)

struct world {
    struct status status;
    struct ntpq_associations list;
    struct ntpq_world ntpq;
    struct ntpq_answer answer;
    union address from;
};

static void add(struct world *w, const char *driver, const char *path)
{
    struct status_source *s = &w->status.source[w->status.source_count++];
    snprintf(s->name, sizeof s->name, "%s %s", driver, path);
    snprintf(s->driver, sizeof s->driver, "%s", driver);
    snprintf(s->path, sizeof s->path, "%s", path);
    snprintf(s->verdict, sizeof s->verdict, "leads");
    s->used = w->status.source_count == 1;
    s->age = 1;
}

static size_t clients(void *arg, struct ratelimit_client *to, size_t most)
{
    const struct world *w = arg;
    for (size_t i = 0; i < most; i++)
        to[i] = (struct ratelimit_client){.address = w->from, .last = NOW, .count = UINT64_MAX};
    return most;
}

static struct world *new_world(void)
{
    struct world *w = calloc(1, sizeof *w);
    REQUIRE(w);
    status_init(&w->status);
    w->status.time = NOW;
    for (int i = 0; i < STATUS_SOURCES_MAX / 4; i++) {
        add(w, "pps", "/dev/pps0");
        add(w, "nmea", "/dev/ttyS99999999999");
        add(w, "server", "ntp.example.net");
        add(w, "pool", "\"\xff\n");
    }
    w->from.v4.sin_family = AF_INET;
    ntpq_associations_update(&w->list, &w->status);
    w->ntpq = (struct ntpq_world){.status = &w->status,
                                  .associations = &w->list,
                                  .now = NS_PER_S,
                                  .clients = clients,
                                  .clients_arg = w};
    return w;
}

static void check(const struct ntpq_answer *a)
{
    uint8_t packet[NTPQ_PACKET_MAX];
    size_t end = 0;
    REQUIRE(a->packets <= NTPQ_PACKETS_MAX);
    for (int i = 0; i < a->packets; i++) {
        size_t size = ntpq_packet(a, i, packet), count = (size_t)packet[10] << 8 | packet[11];
        REQUIRE(size <= 480 && size >= 12 + count && size % 4 == 0);
        REQUIRE((packet[0] & 7) == 6 && packet[1] & 0x80);
        REQUIRE(!(packet[1] & 0x20) == (i == a->packets - 1));
        end += count;
    }
    REQUIRE(end == (a->packets ? a->text.size : 0));
    REQUIRE(!a->packets || !a->error || !a->text.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "nonce=@"; /* becomes one that is good */
    uint8_t request[NTPQ_REQUEST_MAX + 64];
    char nonce[NTPQ_NONCE_SIZE];
    struct world *w = new_world();
    if (size > NTPQ_REQUEST_MAX)
        size = NTPQ_REQUEST_MAX;
    memcpy(request, data, size);
    if (size >= NTPQ_HEADER + sizeof mark - 1 &&
        !memcmp(data + NTPQ_HEADER, mark, sizeof mark - 1)) {
        ntpq_nonce_make(w->ntpq.key, &w->from, w->ntpq.now, nonce);
        size_t head = NTPQ_HEADER + sizeof mark - 2, tail = size - head - 1;
        memcpy(request + head, nonce, NTPQ_NONCE_SIZE - 1);
        memcpy(request + head + NTPQ_NONCE_SIZE - 1, data + head + 1, tail);
        size += NTPQ_NONCE_SIZE - 2;
        request[10] = (uint8_t)((size - NTPQ_HEADER) >> 8);
        request[11] = (uint8_t)(size - NTPQ_HEADER);
    }
    ntpq_answer(&w->ntpq, &w->from, request, size, &w->answer);
    check(&w->answer);
    free(w);
    return 0;
}
