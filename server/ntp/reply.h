/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTP_REPLY_H
#define TIMEBALL_SERVER_NTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/snapshot.h"
#include "server/ntp/keys.h"
#include "server/ntp/verdict.h"
#include "server/ntp/wire.h"

/*
 * From a request to its answer, as a pure function: no socket, no clock, no allocation, no state.
 *
 * Modes 3 and 1 are answered (with 4 and 2), in versions 1 to 4 with the version of the request.
 * Mode 0 never, in version 1 neither (RFC 1059 had no mode yet, and servers guessed it from the
 * port): only what says that it is a request gets an answer.
 * Extension fields are skipped, a malformed tail is ignored. A request that is signed right gets an
 * answer that is signed with the same key, by a digest as long as its own; any other signature gets
 * none (a crypto-NAK would let anybody make clients believe that their key is wrong). An answer is
 * the header and that, so it is never longer than its request.
 */
#define REPLY_SIZE (WIRE_SIZE + MAC_ID_SIZE + MAC_DIGEST_MAX) /* octets of the longest answer */

/* A stamp of a datagram: a reading of the clock, and the generation of the clock it belongs to. */
struct reply_stamp {
    int64_t reading; /* ns */
    uint32_t generation;
    bool known; /* false: the generation is not known */
};

/* What is to be known of a datagram's addresses; a set of bits. */
enum reply_address {
    REPLY_FROM_PORT0 = 1,
    REPLY_FROM_MANY = 2, /* broadcast, multicast or unspecified source */
    REPLY_FROM_SELF = 4, /* the very address and port that it was sent to */
    REPLY_TO_MANY = 8,   /* sent to a broadcast or multicast address */
};

/* log2 s: the least poll interval that a kiss of death asks for, the usual minpoll */
#define REPLY_KISS_POLL 6

struct reply_input {
    const struct snapshot *snapshot;
    const uint8_t *request;
    size_t size; /* octets of the request, any */
    struct reply_stamp receive;
    struct reply_stamp transmit;
    unsigned address;     /* enum reply_address */
    uint64_t interleaved; /* transmit timestamp of the earlier answer that the request names, for an
                             answer in interleaved mode (RFC 9769 section 2); 0: in basic mode */
    uint32_t kiss;        /* kiss code to answer a client's request (mode 3) with, 0: the time */
    const struct keys *keys; /* NULL: none */
};

/*
 * Judges a datagram and writes the answer (RFC 5905 sections 7.3 and 9.2, figure 20 for the
 * fields). Returns the verdict; *size is 0 where there is no answer, and `out` is untouched
 * then. In an answer: origin is the request's transmit timestamp bit for bit; reftime <=
 * receive <= transmit, the receive timestamp odd and the transmit timestamp even (in interleaved
 * mode the origin is the request's receive timestamp, and transmit that of the earlier answer);
 * root dispersion is the snapshot's bound at the transmit stamp, rounded up, never 0. A server that
 * is unsynchronised (or whose snapshot is older than SNAPSHOT_STALE_S, or whose bound reaches 16 s,
 * MAXDISP) answers as well: LI 3, stratum 0, refid INIT until it has been locked once and 0 after
 * that. With a kiss code (RFC 5905 section 7.4) too, whatever the clock is: LI 3, stratum 0, the
 * code as refid, a poll exponent of at least REPLY_KISS_POLL, and no time: reftime 0, receive and
 * transmit those of the request's transmit timestamp.
 */
enum verdict reply_make(const struct reply_input *in, uint8_t out[REPLY_SIZE], size_t *size);

/*
 * Sets the transmit timestamp of an answer anew, to a later reading (ns) of the same clock in the
 * same generation. For answers that carry the time, unsigned and in basic mode.
 */
void reply_restamp(const struct snapshot *s, int64_t reading, uint8_t *answer);

#endif
