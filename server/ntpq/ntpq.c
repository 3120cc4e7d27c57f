/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntpq/ntpq.h"

#include <string.h>

#include "server/ntpq/clients.h"
#include "server/ntp/wire.h"

#define RESPONSE 0x80
#define ERROR    0x40
#define MORE     0x20
#define OPCODE   0x1f

struct request {
    const struct ntpq_world *world;
    const union address *from;
    uint16_t association;
    const char *data;
    size_t size;
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

bool ntpq_is_request(const uint8_t *request, size_t size)
{
    if (size < NTPQ_HEADER || size > NTPQ_REQUEST_MAX)
        return false;
    unsigned version = wire_version(request[0]);
    return wire_mode(request[0]) == WIRE_MODE_CONTROL && version >= 1 && version <= WIRE_VERSION &&
           !(request[1] & ~OPCODE);
}

/* Index of an association's source, -1: there is none. */
static int source_of(const struct ntpq_world *w, uint16_t id)
{
    for (int i = 0; i < w->associations->count && i < w->status->source_count; i++)
        if (w->associations->of[i].id == id)
            return i;
    return -1;
}

static enum ntpq_error put_variables(const struct request *r, const struct ntpq_row *rows,
                                     const void *const *bases, struct ntpq_text *t)
{
    if (!r->size)
        ntpq_put_default(t, rows, bases);
    else if (ntpq_put_named(t, rows, bases, r->data, r->size))
        return NTPQ_ERROR_VARIABLE;
    return NTPQ_OK;
}

static enum ntpq_error read_peer(const struct request *r, struct ntpq_answer *a)
{
    const struct status *s = r->world->status;
    struct ntpq_source source;
    int i = source_of(r->world, r->association);
    if (i < 0)
        return NTPQ_ERROR_ASSOCIATION;
    ntpq_source_describe(r->world->associations, s, i, &source);
    const void *bases[NTPQ_BASES] = {s, &s->source[i], &source};
    a->status = (uint16_t)source.status;
    return put_variables(r, ntpq_peer_rows, bases, &a->text);
}

static enum ntpq_error read_variables(const struct request *r, struct ntpq_answer *a)
{
    const struct status *s = r->world->status;
    struct ntpq_system system;
    if (r->association)
        return read_peer(r, a);
    ntpq_system_fill(&system, s, r->world->associations, &r->world->machine);
    const void *bases[NTPQ_BASES] = {s, NULL, &system};
    a->status = ntpq_system_status(s);
    return put_variables(r, ntpq_system_rows, bases, &a->text);
}

/* Without an association: all of them, binary. With one: the same as its variables. */
static enum ntpq_error read_status(const struct request *r, struct ntpq_answer *a)
{
    const struct ntpq_world *w = r->world;
    if (r->association)
        return read_peer(r, a);
    a->status = ntpq_system_status(w->status);
    for (int i = 0; i < w->associations->count && i < w->status->source_count; i++) {
        uint8_t pair[4];
        put16(pair, w->associations->of[i].id);
        put16(pair + 2, ntpq_peer_status(&w->status->source[i]));
        ntpq_put_bytes(&a->text, pair, sizeof pair);
    }
    return NTPQ_OK;
}

/* Without an association: the clock that is followed, else the first one. */
static int clock_of(const struct request *r)
{
    const struct status *s = r->world->status;
    int i = r->association ? source_of(r->world, r->association) : ntpq_system_peer(s);
    for (int k = 0; !r->association && i < 0 && k < r->world->associations->count; k++)
        if (r->world->associations->of[k].type)
            i = k;
    return i >= 0 && r->world->associations->of[i].type ? i : -1;
}

static enum ntpq_error read_clock(const struct request *r, struct ntpq_answer *a)
{
    const struct status *s = r->world->status;
    struct ntpq_source source;
    struct ntpq_clock clock;
    int i = clock_of(r);
    if (i < 0)
        return NTPQ_ERROR_ASSOCIATION;
    ntpq_source_describe(r->world->associations, s, i, &source);
    ntpq_clock_fill(&clock, s, &source, i);
    const void *bases[NTPQ_BASES] = {s, &s->source[i], &clock};
    a->status = ntpq_clock_status(&s->source[i]);
    return put_variables(r, ntpq_clock_rows, bases, &a->text);
}

static enum ntpq_error request_nonce(const struct request *r, struct ntpq_answer *a)
{
    char nonce[NTPQ_NONCE_SIZE];
    ntpq_nonce_make(r->world->key, r->from, r->world->now, nonce);
    a->status = ntpq_system_status(r->world->status);
    ntpq_put(&a->text, "nonce", "%s", nonce);
    return NTPQ_OK;
}

static enum ntpq_error read_clients(const struct request *r, struct ntpq_answer *a)
{
    a->status = ntpq_system_status(r->world->status);
    return ntpq_clients_put(r->world, r->from, r->data, r->size, &a->text);
}

static enum ntpq_error carry_out(const struct request *r, struct ntpq_answer *a)
{
    switch (a->opcode) {
    case NTPQ_READSTAT:
        return read_status(r, a);
    case NTPQ_READVAR:
        return read_variables(r, a);
    case NTPQ_READCLOCK:
        return read_clock(r, a);
    case NTPQ_REQ_NONCE:
        return request_nonce(r, a);
    case NTPQ_READ_MRU:
        return read_clients(r, a);
    default:
        return NTPQ_ERROR_OPCODE;
    }
}

void ntpq_answer(const struct ntpq_world *w, const union address *from, const uint8_t *request,
                 size_t size, struct ntpq_answer *a)
{
    a->packets = 0;
    if (!ntpq_is_request(request, size))
        return;
    size_t count = get16(request + 10);
    struct request r = {
        .world = w,
        .from = from,
        .association = get16(request + 6),
        .data = (const char *)request + NTPQ_HEADER,
        .size = count,
    };
    a->first = request[0] & 0x3f; /* the leap indicator is not of a request */
    a->opcode = request[1];
    a->sequence = get16(request + 2);
    a->association = r.association;
    a->status = 0;
    a->text.size = 0;
    /* a request in parts is not for reading, and one that is shorter than it says is none */
    bool whole = !get16(request + 8) && count <= size - NTPQ_HEADER && count <= NTPQ_DATA_MAX;
    enum ntpq_error error = whole ? carry_out(&r, a) : NTPQ_ERROR_FORMAT;
    a->error = error != NTPQ_OK;
    if (a->error) {
        a->status = (uint16_t)((unsigned)error << 8);
        a->text.size = 0;
    } else if (a->opcode != NTPQ_READSTAT || a->association) {
        ntpq_put_bytes(&a->text, "\r\n", 2);
    }
    a->packets = a->text.size ? (int)((a->text.size + NTPQ_DATA_MAX - 1) / NTPQ_DATA_MAX) : 1;
}

size_t ntpq_packet(const struct ntpq_answer *a, int index, uint8_t out[NTPQ_PACKET_MAX])
{
    size_t offset = (size_t)index * NTPQ_DATA_MAX;
    size_t count = a->text.size - offset;
    bool more = count > NTPQ_DATA_MAX;
    if (more)
        count = NTPQ_DATA_MAX;
    size_t padded = (count + 3) & ~(size_t)3;
    out[0] = a->first;
    out[1] = (uint8_t)(RESPONSE | (a->error ? ERROR : 0) | (more ? MORE : 0) | a->opcode);
    put16(out + 2, a->sequence);
    put16(out + 4, a->status);
    put16(out + 6, a->association);
    put16(out + 8, (unsigned)offset);
    put16(out + 10, (unsigned)count);
    memset(out + NTPQ_HEADER, 0, padded);
    memcpy(out + NTPQ_HEADER, a->text.bytes + offset, count);
    return NTPQ_HEADER + padded;
}
