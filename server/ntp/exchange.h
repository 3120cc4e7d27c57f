/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTP_EXCHANGE_H
#define TIMEBALL_SERVER_NTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/rng.h"
#include "refclock/sample.h"
#include "server/ntp/keys.h"
#include "server/ntp/wire.h"

/*
 * The client's side of one association as packets: requests out, answers judged, offset and delay
 * measured (RFC 5905 sections 8 and 9.2; data minimisation and random transmit timestamps as in RFC
 * 9109 and the practice it describes; interleaved mode: RFC 9769 section 2). Pure: no socket, no
 * clock. An answer that is not the one to the outstanding request, or that is not signed as it must
 * be, changes nothing.
 */
enum exchange_verdict {
    EXCHANGE_MEASURED,
    EXCHANGE_SHORT,          /* less than a header */
    EXCHANGE_MODE,           /* no server's answer, or of another version than asked */
    EXCHANGE_BOGUS,          /* its origin is not our transmit timestamp: off path, or spoofed */
    EXCHANGE_DUPLICATE,      /* a second answer, or one to an earlier request */
    EXCHANGE_UNSIGNED,       /* not signed, and it must be */
    EXCHANGE_KEY,            /* signed with another key, or not by who has the key */
    EXCHANGE_NAK,            /* crypto-NAK: the server does not know the key, or says so */
    EXCHANGE_KISS_RATE,      /* kiss of death RATE: ask less often */
    EXCHANGE_KISS_DENY,      /* DENY or RSTR: do not ask again */
    EXCHANGE_KISS_OTHER,     /* another kiss code: said, nothing else */
    EXCHANGE_UNSYNCHRONISED, /* leap indicator 3, or stratum 16 and above */
    EXCHANGE_HEADER,         /* a field that cannot be: no time, a reference in the future */
    EXCHANGE_DISTANCE,       /* root distance of 1.5 s or more (RFC 5905 MAXDIST) */
    EXCHANGE_DELAY,          /* received before it was sent */
    EXCHANGE_LOOP,           /* it follows us */
    EXCHANGE_VERDICTS
};

/* Name in the status and one sentence, by verdict. */
struct exchange_row {
    const char *name, *help;
};
extern const struct exchange_row exchange_rows[EXCHANGE_VERDICTS];

/* What one exchange measured. */
struct exchange_sample {
    int64_t local; /* half way between request sent and answer received, local scale, ns */
    int64_t truth; /* half way between their stamps at the server, ns POSIX */
    double delay;  /* s, > 0 */
    double root_delay, root_dispersion; /* s, of the server */
    uint32_t refid;
    uint8_t stratum; /* 1..15 */
    enum leap leap;
    int8_t precision; /* log2 s, of the server */
    bool interleaved;
};

/* A request under way, and what was kept of the one before. */
struct exchange_pair {
    bool sent, answered;
    int64_t left;      /* local scale when the request left, ns */
    int64_t arrived;   /* ... when its answer came, ns */
    uint64_t received; /* the server's receive timestamp */
};

struct exchange {
    uint8_t version;
    bool xleave;
    uint64_t basic;       /* the origin that a basic answer must have */
    uint64_t interleaved; /* ... an interleaved one; 0: none is expected */
    uint64_t past;        /* the last answered origin */
    struct exchange_pair now, before;
};

/* `version`: 1..4; `xleave`: asks for interleaved answers. */
void exchange_init(struct exchange *x, uint8_t version, bool xleave);

/*
 * Writes the next request into `out`. `poll`: log2 s. It counts as sent at `local` until
 * exchange_left() knows better. An unanswered one is given up.
 */
void exchange_request(struct exchange *x, struct rng *rng, int poll, int64_t local,
                      uint8_t out[WIRE_SIZE]);

/* The kernel says that the outstanding request left at `local`. */
void exchange_left(struct exchange *x, int64_t local);

/* What an answer is held against. */
struct exchange_answer {
    const uint8_t *bytes;
    size_t size;
    int64_t local;       /* local scale when it came, ns */
    int64_t pivot;       /* ns POSIX, true time to 68 years */
    const uint32_t *own; /* reference identifiers of our own addresses */
    size_t own_count;
    double precision;      /* s, of our own stamps */
    const struct key *key; /* that it must be signed with; NULL: none */
};

/* Judges an answer; *s is filled on EXCHANGE_MEASURED, and `code` (5 bytes) gets the text of a
 * kiss. */
enum exchange_verdict exchange_answer(struct exchange *x, const struct exchange_answer *a,
                                      struct exchange_sample *s, char code[5]);

#endif
