/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTPQ_NTPQ_H
#define TIMEBALL_SERVER_NTPQ_NTPQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/ntpq/nonce.h"
#include "server/ntpq/sources.h"
#include "server/ntpq/text.h"
#include "server/ntpq/variables.h"
#include "server/access/ratelimit.h"

/*
 * Control messages of NTP (mode 6, RFC 9327), read only: what ntpq asks, answered from one status.
 * Pure: no socket, no clock, no state. It only reads: whatever would change something, and every
 * other opcode, is answered with error 3. Who may ask at all is the caller's to know: answers are
 * longer than requests.
 */
#define NTPQ_HEADER      12
#define NTPQ_PACKET_MAX  (NTPQ_HEADER + NTPQ_DATA_MAX)
#define NTPQ_REQUEST_MAX 576 /* octets: a header, data, a key and a digest */

enum ntpq_opcode {
    NTPQ_READSTAT = 1,
    NTPQ_READVAR = 2,
    NTPQ_READCLOCK = 4,
    NTPQ_READ_MRU = 10,
    NTPQ_REQ_NONCE = 12,
};

/* RFC 9327 section 3.4 */
enum ntpq_error {
    NTPQ_OK = -1,
    NTPQ_ERROR_FORMAT = 2,
    NTPQ_ERROR_OPCODE = 3,
    NTPQ_ERROR_ASSOCIATION = 4,
    NTPQ_ERROR_VARIABLE = 5,
    NTPQ_ERROR_VALUE = 6,
};

/* Fills up to `most` clients, those heard last, the newest first, with clock readings. Returns
 * their number. */
typedef size_t ntpq_clients(void *arg, struct ratelimit_client *to, size_t most);
#define NTPQ_CLIENTS_MAX 64

/* What answers are made of. */
struct ntpq_world {
    const struct status *status;
    const struct ntpq_associations *associations; /* of that status */
    struct ntpq_machine machine;
    uint8_t key[NTPQ_KEY_SIZE]; /* for nonces; secret */
    int64_t now;                /* ns, steady: the age of nonces */
    ntpq_clients *clients;      /* NULL: no clients are remembered */
    void *clients_arg;
};

/* Is it a control request: of versions 1 to 4, with a whole header, not itself an answer, and not
 * longer than NTPQ_REQUEST_MAX? What is none gets no answer, not even an error. */
bool ntpq_is_request(const uint8_t *request, size_t size);

/* An answer, to be sent in so many packets. */
struct ntpq_answer {
    uint8_t first, opcode; /* octets 0 and 1 of the header, without the bits R, E, M */
    uint16_t sequence, status, association;
    bool error;
    int packets; /* 0: no answer */
    struct ntpq_text text;
};

/* Answers a request from that address. */
void ntpq_answer(const struct ntpq_world *w, const union address *from, const uint8_t *request,
                 size_t size, struct ntpq_answer *a);

/* Writes packet 0 .. a->packets - 1, padded to 4 octets. Returns its size, at most
 * NTPQ_PACKET_MAX. */
size_t ntpq_packet(const struct ntpq_answer *a, int index, uint8_t out[NTPQ_PACKET_MAX]);

#endif
