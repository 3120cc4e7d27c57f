/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIPHASH_H
#define TIMEBALL_SERVER_SIPHASH_H

#include <stdint.h>

/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) of a message of 8
 * octets: where an address stands in a table, for nobody to foresee who has not the key. The
 * libraries that timeball uses have none.
 */
struct siphash_key {
    uint64_t k[2]; /* of the 16 octets, little-endian */
};

/* `word`: the message, little-endian. */
uint64_t siphash_word(const struct siphash_key *key, uint64_t word);

#endif
