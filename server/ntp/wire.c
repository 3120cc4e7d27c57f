/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntp/wire.h"

#define FIELD_HEADER 4
#define FIELD_MIN    16 /* RFC 7822 section 7.5.1.1 */
#define MAC_MAX      24 /* RFC 7822 section 7.5: with more left, a field begins */
#define MAC_MAX_OLD  68 /* without fields there is nothing to confuse it with: a whole SHA-512 */
#define ID_SIZE      4

static uint32_t get32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

uint64_t wire_timestamp(const uint8_t *at)
{
    return (uint64_t)get32(at) << 32 | get32(at + 4);
}

static void put32(uint8_t *b, uint32_t v)
{
    b[0] = (uint8_t)(v >> 24);
    b[1] = (uint8_t)(v >> 16);
    b[2] = (uint8_t)(v >> 8);
    b[3] = (uint8_t)v;
}

void wire_put_timestamp(uint8_t *at, uint64_t timestamp)
{
    put32(at, (uint32_t)(timestamp >> 32));
    put32(at + 4, (uint32_t)timestamp);
}

void wire_decode(const uint8_t bytes[WIRE_SIZE], struct ntp_packet *p)
{
    *p = (struct ntp_packet){
        .leap = bytes[0] >> 6,
        .version = (uint8_t)wire_version(bytes[0]),
        .mode = (uint8_t)wire_mode(bytes[0]),
        .stratum = bytes[1],
        .poll = (int8_t)bytes[2],
        .precision = (int8_t)bytes[3],
        .root_delay = get32(bytes + 4),
        .root_dispersion = get32(bytes + 8),
        .refid = get32(bytes + 12),
        .reftime = wire_timestamp(bytes + 16),
        .origin = wire_timestamp(bytes + WIRE_ORIGIN),
        .receive = wire_timestamp(bytes + WIRE_RECEIVE),
        .transmit = wire_timestamp(bytes + WIRE_TRANSMIT),
    };
}

void wire_encode(const struct ntp_packet *p, uint8_t bytes[WIRE_SIZE])
{
    bytes[0] = (uint8_t)((p->leap & 3) << 6 | (p->version & 7) << 3 | (p->mode & 7));
    bytes[1] = p->stratum;
    bytes[2] = (uint8_t)p->poll;
    bytes[3] = (uint8_t)p->precision;
    put32(bytes + 4, p->root_delay);
    put32(bytes + 8, p->root_dispersion);
    put32(bytes + 12, p->refid);
    wire_put_timestamp(bytes + 16, p->reftime);
    wire_put_timestamp(bytes + WIRE_ORIGIN, p->origin);
    wire_put_timestamp(bytes + WIRE_RECEIVE, p->receive);
    wire_put_timestamp(bytes + WIRE_TRANSMIT, p->transmit);
}

struct wire_walk wire_walk(const uint8_t *packet, size_t size)
{
    return (struct wire_walk){
        .at = packet + WIRE_SIZE,
        .left = size - WIRE_SIZE,
        .fields = wire_version(packet[0]) >= 4,
        .tail = WIRE_TAIL_NONE,
    };
}

/*
 * A MAC is a key identifier alone (a crypto-NAK), or with a digest of 16 or 20 octets. Version 3
 * and before also knew one of 8 (DES; RFC 1305 appendix C), and have room for longer ones.
 */
static enum wire_tail tail_of(const struct wire_walk *walk)
{
    size_t left = walk->left;
    if (!left)
        return WIRE_TAIL_NONE;
    bool old = !walk->fields && (left == 12 || (left > MAC_MAX && left <= MAC_MAX_OLD));
    bool usual = left == ID_SIZE || left == 20 || left == MAC_MAX;
    return usual || (old && left % 4 == 0) ? WIRE_TAIL_MAC : WIRE_TAIL_MALFORMED;
}

bool wire_next(struct wire_walk *walk, struct wire_field *field)
{
    walk->tail = tail_of(walk);
    if (!walk->fields || walk->left <= MAC_MAX)
        return false;
    size_t length = get32(walk->at) & 0xffff;
    if (length < FIELD_MIN || length % 4 || length > walk->left)
        return false; /* more than a MAC is left, so the tail is malformed already */
    field->type = (uint16_t)(get32(walk->at) >> 16);
    field->body = walk->at + FIELD_HEADER;
    field->size = length - FIELD_HEADER;
    walk->at += length;
    walk->left -= length;
    return true;
}

enum wire_tail wire_tail(const uint8_t *packet, size_t size, struct wire_mac *mac)
{
    struct wire_walk walk = wire_walk(packet, size);
    struct wire_field field;
    while (wire_next(&walk, &field))
        ;
    if (walk.tail == WIRE_TAIL_MAC)
        *mac = (struct wire_mac){
            .id = get32(walk.at),
            .covers = size - walk.left,
            .digest = walk.at + ID_SIZE,
            .size = walk.left - ID_SIZE,
        };
    return walk.tail;
}
