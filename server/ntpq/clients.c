/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntpq/clients.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for the end of the list, "last.newest=, now=" and a line's end. */
#define END_SIZE 96

/* Bits of rs, as ntpd numbers them. */
#define RS_LIMITED 0x20
#define RS_KOD     0x400

struct wanted {
    bool proven; /* the nonce is good */
    size_t clients, packets;
};

static size_t at_most(const struct ntpq_item *item, size_t now)
{
    char text[12] = "";
    memcpy(text, item->value, item->value_size < sizeof text ? item->value_size : sizeof text - 1);
    long value = strtol(text, NULL, 10);
    return value > 0 && (size_t)value < now ? (size_t)value : now;
}

static struct wanted read_wanted(const struct ntpq_world *w, const union address *from,
                                 const char *data, size_t size)
{
    struct wanted wanted = {.clients = NTPQ_CLIENTS_MAX, .packets = NTPQ_PACKETS_MAX};
    struct ntpq_item item;
    while (ntpq_next_item(&data, &size, &item)) {
        if (ntpq_item_is(&item, "nonce"))
            wanted.proven = ntpq_nonce_good(w->key, from, w->now, item.value, item.value_size);
        else if (ntpq_item_is(&item, "recent") || ntpq_item_is(&item, "limit"))
            wanted.clients = at_most(&item, wanted.clients);
        else if (ntpq_item_is(&item, "frags"))
            wanted.packets = at_most(&item, wanted.packets);
    }
    return wanted;
}

static void put_client(struct ntpq_text *t, const struct ratelimit_client *c, int64_t shift,
                       int index)
{
    char name[16], host[64];
    bool v6 = c->address.any.sa_family == AF_INET6;
#define NAMED(word) (snprintf(name, sizeof name, word ".%d", index), name)
    address_text(&c->address, host, sizeof host);
    ntpq_put(t, NAMED("addr"), "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
             address_port(&c->address));
    ntpq_put_instant(t, NAMED("last"), c->last + shift);
    ntpq_put_instant(t, NAMED("first"), c->first + shift);
    ntpq_put(t, NAMED("ct"), "%llu", (unsigned long long)c->count);
    ntpq_put(t, NAMED("mv"), "%u", (unsigned)c->version << 3 | c->mode);
    ntpq_put(t, NAMED("rs"), "0x%x", (c->limited ? RS_LIMITED : 0u) | (c->kod ? RS_KOD : 0u));
    ntpq_put(t, NAMED("dr"), "%llu", (unsigned long long)c->dropped);
#undef NAMED
}

/* How many of the newest fit into so many octets. */
static size_t fitting(const struct ratelimit_client *clients, size_t count, size_t room)
{
    struct ntpq_text one;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        one.size = 0;
        put_client(&one, &clients[i], 0, NTPQ_CLIENTS_MAX);
        used += one.size + 2;
        if (used > room)
            return i;
    }
    return count;
}

enum ntpq_error ntpq_clients_put(const struct ntpq_world *w, const union address *from,
                                 const char *data, size_t size, struct ntpq_text *t)
{
    struct ratelimit_client clients[NTPQ_CLIENTS_MAX] = {0};
    struct wanted wanted = read_wanted(w, from, data, size);
    if (!wanted.proven)
        return NTPQ_ERROR_VALUE;
    /* from readings of the clock to true time */
    double offset = w->status->clock.offset;
    int64_t shift = isfinite(offset) ? llrint(offset * 1e9) : 0;
    size_t count = w->clients ? w->clients(w->clients_arg, clients, wanted.clients) : 0;
    count = fitting(clients, count, wanted.packets * NTPQ_DATA_MAX - END_SIZE);
    for (size_t i = 0; i < count; i++)
        put_client(t, &clients[count - 1 - i], shift, (int)i);
    if (count)
        ntpq_put_instant(t, "last.newest", clients[0].last + shift);
    ntpq_put_instant(t, "now", w->status->time);
    return NTPQ_OK;
}
