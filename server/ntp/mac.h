/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTP_MAC_H
#define TIMEBALL_SERVER_NTP_MAC_H

#include <nettle/cmac.h>
#include <nettle/md5.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <nettle/sha3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Message authentication codes of NTP packets: AES-CMAC (RFC 4493, RFC 8573), and digests of key
 * and message together, as ntpd and chrony make them (RFC 5905 section 7.3 and appendix A). Pure.
 */
#define MAC_ID_SIZE    4  /* octets of the key identifier before the digest */
#define MAC_DIGEST_MAX 64 /* octets */
#define MAC_DIGEST_LONG                                                      \
    20 /* octets: in version 4 a longer digest is cut (RFC 7822 section 7.5) \
        */
#define MAC_SECRET_MAX 128

struct mac_algorithm {
    const char *name;
    const char *also[4];            /* other names for it in key files */
    const struct nettle_hash *hash; /* NULL: AES-CMAC */
    size_t secret;                  /* octets of the secret; 0: 1 to MAC_SECRET_MAX */
    bool weak;                      /* used only where that is allowed */
};

/* The algorithm by a name of a key file, in upper or lower case; NULL: not known. */
const struct mac_algorithm *mac_find(const char *name);

/* A key, ready for messages: what depends on the secret alone is done once. */
struct mac_key {
    const struct mac_algorithm *algorithm;
    union mac_state {
        struct cmac_aes128_ctx aes128;
        struct cmac_aes256_ctx aes256;
        struct md5_ctx md5;
        struct sha1_ctx sha1;
        struct sha256_ctx sha256;
        struct sha512_ctx sha512;
        struct sha3_256_ctx sha3; /* all of that family are the same */
    } state;
};

/* `size` is one that the algorithm takes. */
void mac_key_set(struct mac_key *key, const struct mac_algorithm *algorithm, const uint8_t *secret,
                 size_t size);

/* Octets of the digest in a packet of version 4; version 3 has no fields that a longer one could be
 * taken for, and may have it whole. */
size_t mac_size(const struct mac_key *key);

/* Writes the message's digest, cut to `digest_size` octets: mac_size(), or the whole. */
void mac_make(const struct mac_key *key, const uint8_t *bytes, size_t size, uint8_t *digest,
              size_t digest_size);

/* Whether it is the message's digest, compared in constant time. A size that is neither of those is
 * wrong. */
bool mac_right(const struct mac_key *key, const uint8_t *bytes, size_t size, const uint8_t *digest,
               size_t digest_size);

#endif
