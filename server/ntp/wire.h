/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTP_WIRE_H
#define TIMEBALL_SERVER_NTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * NTP packets as bytes: the header of RFC 5905 figure 8, and what may follow it (extension fields
 * and the authenticator of RFC 7822). Knows no socket and no clock.
 */
#define WIRE_SIZE     48 /* octets of the header */
#define WIRE_ORIGIN   24 /* octets at which its timestamps begin */
#define WIRE_RECEIVE  32
#define WIRE_TRANSMIT 40
#define WIRE_VERSION  4 /* the newest version that is spoken */

/* RFC 5905 figure 10. */
enum wire_mode {
    WIRE_MODE_RESERVED,
    WIRE_MODE_ACTIVE,
    WIRE_MODE_PASSIVE,
    WIRE_MODE_CLIENT,
    WIRE_MODE_SERVER,
    WIRE_MODE_BROADCAST,
    WIRE_MODE_CONTROL,
    WIRE_MODE_PRIVATE,
};

/* The header, in host order. Times are NTP timestamps (civil_to_ntp()), root delay and dispersion
 * NTP short format (civil_to_ntp_short()). */
struct ntp_packet {
    uint8_t leap;    /* 0..3 */
    uint8_t version; /* 0..7 */
    uint8_t mode;    /* 0..7, enum wire_mode */
    uint8_t stratum;
    int8_t poll;      /* log2 s */
    int8_t precision; /* log2 s */
    uint32_t root_delay;
    uint32_t root_dispersion;
    uint32_t refid;
    uint64_t reftime;
    uint64_t origin;
    uint64_t receive;
    uint64_t transmit;
};

/* Version and mode stand in the first octet, also of packets that are no NTP header (modes 6, 7).
 */
static inline unsigned wire_version(uint8_t first)
{
    return first >> 3 & 7;
}
static inline unsigned wire_mode(uint8_t first)
{
    return first & 7;
}

/* Reads a header at any address. Every bit pattern is a header. */
void wire_decode(const uint8_t bytes[WIRE_SIZE], struct ntp_packet *p);

/* Writes a header; bits beyond a field's width are cut off. */
void wire_encode(const struct ntp_packet *p, uint8_t bytes[WIRE_SIZE]);

/* One timestamp of a header, at the octet where it begins. */
uint64_t wire_timestamp(const uint8_t *at);
void wire_put_timestamp(uint8_t *at, uint64_t timestamp);

/* One extension field, RFC 7822 section 3. */
struct wire_field {
    uint16_t type;
    const uint8_t *body; /* in the packet */
    size_t size;         /* of the body, without the 4 octets of type and length */
};

/* What stands behind the last field. */
enum wire_tail {
    WIRE_TAIL_NONE,      /* nothing */
    WIRE_TAIL_MAC,       /* a key identifier, with or without a digest (RFC 7822 section 7.5) */
    WIRE_TAIL_MALFORMED, /* octets that are neither field nor MAC */
};

/*
 * A walk over the extension fields of a packet. Each step goes at least 16 octets forward and never
 * past the end.
 */
struct wire_walk {
    const uint8_t *at;
    size_t left;
    bool fields;         /* versions before 4 have none: all that follows the header is a MAC */
    enum wire_tail tail; /* holds once wire_next() has returned false */
};

/* Begins a walk. The packet (size >= WIRE_SIZE) must outlive it. */
struct wire_walk wire_walk(const uint8_t *packet, size_t size);

/* The next field, or false at the end; `walk->tail` then says what is left. */
bool wire_next(struct wire_walk *walk, struct wire_field *field);

/* A MAC at the end of a packet. */
struct wire_mac {
    uint32_t id;           /* key identifier */
    size_t covers;         /* octets before it, which are what it signs */
    const uint8_t *digest; /* in the packet */
    size_t size;           /* octets of the digest; 0: a crypto-NAK */
};

/* What stands behind the fields of a packet (size >= WIRE_SIZE), all fields skipped; *mac is filled
 * on WIRE_TAIL_MAC. */
enum wire_tail wire_tail(const uint8_t *packet, size_t size, struct wire_mac *mac);

#endif
