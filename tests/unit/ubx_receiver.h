/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_UBX_RECEIVER_H
#define TIMEBALL_TESTS_UBX_RECEIVER_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ubx/ubx_frame.h"
#include "refclock/loop.h"
#include "ubx_bytes.h"

/*
 * A u-blox receiver on a desk: generation 8 (messages) or 9 (keys), which answers what it is asked
 * a moment later, hears nothing at a wrong rate, and refuses what it does not know.
 */
#define RECEIVER_KEYS 64
struct ubx_receiver {
    bool keys;     /* generation 9 */
    bool mute;     /* speaks no UBX at all */
    bool timing;   /* knows CFG-TMODE2 */
    bool broken;   /* dies of a new rate */
    bool stubborn; /* acknowledges, and does not do it */
    int drop;      /* frames that it does not hear; -1: all but one */
    int rate, port_rate;
    int saves, heard, refused;
    struct loop *loop;
    struct loop_timer timer;
    struct bytes out;
    void (*frame)(void *arg, const struct ubx_frame *);
    void *arg;
    struct {
        uint32_t key;
        int64_t value;
    } item[RECEIVER_KEYS];
    size_t items;
    uint8_t tmode2[28], tp5[32], nav5[36], gnss[4 + 3 * 8], prt[20], itfm[8];
    uint8_t message[2][256]; /* rates of F0 and 01; the others go to the first */
};

static inline void receiver_key(struct ubx_receiver *r, uint32_t key, int64_t value)
{
    r->item[r->items].key = key;
    r->item[r->items++].value = value;
}

static inline int64_t *receiver_find(struct ubx_receiver *r, uint32_t key)
{
    for (size_t i = 0; i < r->items; i++)
        if (r->item[i].key == key)
            return &r->item[i].value;
    return NULL;
}

static inline void receiver_deliver(void *arg, int64_t now)
{
    struct ubx_receiver *r = arg;
    struct bytes out = r->out;
    struct ubx_frame f;
    (void)now;
    r->out.length = 0;
    for (size_t at = 0; at < out.length; at += f.length + UBX_OVERHEAD) {
        if (ubx_frame_look(out.at + at, out.length - at, &f) != FRAME_GOOD)
            abort();
        if (r->rate == r->port_rate)
            r->frame(r->arg, &f);
    }
}

static inline void receiver_init(struct ubx_receiver *r, struct loop *loop, bool keys)
{
    memset(r, 0, sizeof *r);
    r->keys = keys;
    r->timing = true;
    r->loop = loop;
    r->rate = r->port_rate = 9600;
    r->timer = (struct loop_timer){
        .name = "receiver", .fire = receiver_deliver, .arg = r, .due = INT64_MAX};
    static const uint32_t known[] = {
        0x20030001, 0x20030002, 0x40030003, 0x40030004, 0x40030005, 0x4003000f, 0x40030010,
        0x40030011, 0x30050001, 0x1005000b, 0x201100a4, 0x1031001f, 0x10310020, 0x10310021,
        0x10310022, 0x10310024, 0x10310025, 0x1041000d, 0x209100bb, 0x209100ca, 0x209100c0,
        0x209100c5, 0x209100ac, 0x209100b1, 0x209100d9, 0x20910007, 0x2091017e, 0x20910061,
        0x2091035a, 0x20910635, 0x20910016, 0x2091001b};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        receiver_key(r, known[i],
                     (known[i] >> 16) == 0x2091 && known[i] >= 0x209100ac &&
                         known[i] <= 0x209100ca);
    receiver_key(r, 0x40520001, 9600);
    *receiver_find(r, 0x201100a4) = 5;
    put(r->nav5, 0, 2, 0xffff);
    put(r->nav5, 12, 1, 5);
    put(r->nav5, 2, 1, 2); /* stationary: to be left alone */
    put(r->prt, 0, 1, 1);
    put(r->prt, 4, 4, 0x8d0);
    put(r->prt, 8, 4, 9600);
    put(r->tp5, 28, 4, 0x77);
    const uint8_t blocks[] = {0, 32, 0xff, 3, 0, 8, 16, 0, 1,  0, 1, 1, 2, 4,
                              8, 0,  0,    0, 1, 1, 6,  8, 14, 0, 1, 0, 1, 1};
    memcpy(r->gnss, blocks, sizeof blocks);
    memset(r->message[0], 1, 6);
}

static inline void receiver_ack(struct ubx_receiver *r, const struct ubx_frame *f, bool good)
{
    uint8_t p[2] = {f->class, f->id};
    r->refused += !good;
    bytes_ubx(&r->out, 5, good, p, 2);
}

static inline int receiver_size(uint32_t key)
{
    static const int sizes[8] = {0, 1, 1, 2, 4, 8, 0, 0};
    return sizes[key >> 28];
}

static inline uint32_t receiver_u4(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline bool receiver_valget(struct ubx_receiver *r, const struct ubx_frame *f)
{
    uint8_t p[1024] = {1};
    size_t n = 4;
    for (size_t at = 4; at + 4 <= f->length; at += 4) {
        uint32_t key = receiver_u4(f->payload + at);
        int64_t *v = receiver_find(r, key);
        if (!v)
            return false;
        put(p, n, 4, key);
        put(p, n + 4, receiver_size(key), *v);
        n += 4 + (size_t)receiver_size(key);
    }
    bytes_ubx(&r->out, 6, 0x8b, p, n);
    return true;
}

static inline bool receiver_valset(struct ubx_receiver *r, const struct ubx_frame *f)
{
    if (f->payload[1] != 1)
        return false; /* RAM alone is to be written */
    for (size_t at = 4; at < f->length;) {
        uint32_t key = receiver_u4(f->payload + at);
        int size = receiver_size(key);
        int64_t *v = receiver_find(r, key), value = 0;
        if (!v)
            return false;
        for (int i = size - 1; i >= 0; i--)
            value = value << 8 | f->payload[at + 4 + (size_t)i];
        if (!r->stubborn)
            *v = value;
        at += 4 + (size_t)size;
    }
    return true;
}

/* The stored message of a CFG id, or NULL. */
static inline uint8_t *receiver_legacy(struct ubx_receiver *r, uint8_t id, size_t *size)
{
    switch (id) {
    case 0x3d:
        *size = sizeof r->tmode2;
        return r->timing ? r->tmode2 : NULL;
    case 0x31:
        *size = sizeof r->tp5;
        return r->tp5;
    case 0x24:
        *size = sizeof r->nav5;
        return r->nav5;
    case 0x3e:
        *size = sizeof r->gnss;
        return r->gnss;
    case 0x00:
        *size = sizeof r->prt;
        return r->prt;
    case 0x39:
        *size = sizeof r->itfm;
        return r->itfm;
    default:
        return NULL;
    }
}

static inline bool receiver_message(struct ubx_receiver *r, const struct ubx_frame *f)
{
    uint8_t *rate = &r->message[f->payload[0] == 1][f->payload[1]];
    uint8_t p[8] = {f->payload[0], f->payload[1]};
    if (f->payload[0] != 0xf0 && f->payload[0] != 1)
        return false;
    if (f->length == 3)
        *rate = f->payload[2];
    p[3] = *rate;
    if (f->length == 2)
        bytes_ubx(&r->out, 6, 1, p, 8);
    return true;
}

static inline bool receiver_set_legacy(struct ubx_receiver *r, const struct ubx_frame *f)
{
    size_t size = 0;
    uint8_t *m = receiver_legacy(r, f->id, &size);
    if (!m)
        return false;
    if (f->length == size && !r->stubborn && f->id == 0x24)
        m[12] = f->payload[0] & 2 ? f->payload[12] : m[12]; /* what the mask names */
    else if (f->length == size && !r->stubborn)
        memcpy(m, f->payload, size);
    else if (f->length <= 1)
        bytes_ubx(&r->out, 6, f->id, m, size);
    else if (!r->stubborn)
        return false;
    return true;
}

static inline void receiver_version(struct ubx_receiver *r)
{
    uint8_t p[40 + 2 * 30] = {0};
    put_text(p, 0, r->keys ? "EXT CORE 1.00 (abc)" : "EXT CORE 3.01 (111141)");
    put_text(p, 30, "00080000");
    put_text(p, 40, r->keys ? "PROTVER=29.20" : "PROTVER=18.00");
    put_text(p, 70, r->keys ? "MOD=ZED-F9T" : "MOD=NEO-M8T");
    bytes_ubx(&r->out, 0x0a, 4, p, sizeof p);
}

static inline void receiver_obey(struct ubx_receiver *r, const struct ubx_frame *f)
{
    bool good = false;
    if (f->class == 0x0a && f->id == 4)
        receiver_version(r);
    if (f->class != 6)
        return;
    if (f->id == 9) {
        good = true;
        r->saves++;
    } else if (r->keys) {
        good = f->id == 0x8b ? receiver_valget(r, f) : f->id == 0x8a && receiver_valset(r, f);
    } else {
        good = f->id == 1 ? receiver_message(r, f) : receiver_set_legacy(r, f);
    }
    receiver_ack(r, f, good);
}

/* What is written to it: whole frames. */
static inline void receiver_hear(struct ubx_receiver *r, const void *bytes, size_t size)
{
    struct ubx_frame f;
    if (ubx_frame_look(bytes, size, &f) != FRAME_GOOD || f.length + UBX_OVERHEAD != size)
        abort();
    r->heard++;
    if (r->drop > 0 || r->mute || r->rate != r->port_rate) {
        r->drop -= r->drop > 0;
        return;
    }
    if (r->drop < 0)
        r->drop = 1000000;
    receiver_obey(r, &f);
    int64_t rate = r->keys ? *receiver_find(r, 0x40520001) : receiver_u4(r->prt + 8);
    if (rate != r->rate) {
        receiver_deliver(r, 0); /* the acknowledgement leaves at the old rate */
        r->rate = r->broken ? -1 : (int)rate;
    }
    loop_after(r->loop, &r->timer, 10000000);
}

#endif
