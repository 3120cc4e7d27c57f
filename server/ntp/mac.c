/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntp/mac.h"

#include <nettle/memops.h>
#include <string.h>
#include <strings.h>

static const struct mac_algorithm algorithms[] = {
    {.name = "AES-128",
     .also = {"AES128", "AES128CMAC", "AES-128-CMAC", "AES"},
     .secret = AES128_KEY_SIZE},
    {.name = "AES-256",
     .also = {"AES256", "AES256CMAC", "AES-256-CMAC"},
     .secret = AES256_KEY_SIZE},
    {.name = "SHA1", .also = {"SHA", "SHA-1"}, .hash = &nettle_sha1},
    {.name = "SHA224", .also = {"SHA-224"}, .hash = &nettle_sha224},
    {.name = "SHA256", .also = {"SHA-256"}, .hash = &nettle_sha256},
    {.name = "SHA384", .also = {"SHA-384"}, .hash = &nettle_sha384},
    {.name = "SHA512", .also = {"SHA-512"}, .hash = &nettle_sha512},
    {.name = "SHA3-224", .hash = &nettle_sha3_224},
    {.name = "SHA3-256", .hash = &nettle_sha3_256},
    {.name = "SHA3-384", .hash = &nettle_sha3_384},
    {.name = "SHA3-512", .hash = &nettle_sha3_512},
    {.name = "MD5", .also = {"M"}, .hash = &nettle_md5, .weak = true},
};

const struct mac_algorithm *mac_find(const char *name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        const struct mac_algorithm *a = &algorithms[i];
        if (!strcasecmp(a->name, name))
            return a;
        for (size_t k = 0; k < sizeof a->also / sizeof *a->also && a->also[k]; k++)
            if (!strcasecmp(a->also[k], name))
                return a;
    }
    return NULL;
}

void mac_key_set(struct mac_key *key, const struct mac_algorithm *algorithm, const uint8_t *secret,
                 size_t size)
{
    key->algorithm = algorithm;
    if (algorithm->hash) {
        algorithm->hash->init(&key->state);
        algorithm->hash->update(&key->state, size, secret);
    } else if (size == AES128_KEY_SIZE)
        cmac_aes128_set_key(&key->state.aes128, secret);
    else
        cmac_aes256_set_key(&key->state.aes256, secret);
}

static size_t whole(const struct mac_key *key)
{
    return key->algorithm->hash ? key->algorithm->hash->digest_size : CMAC128_DIGEST_SIZE;
}

size_t mac_size(const struct mac_key *key)
{
    return whole(key) < MAC_DIGEST_LONG ? whole(key) : MAC_DIGEST_LONG;
}

void mac_make(const struct mac_key *key, const uint8_t *bytes, size_t size, uint8_t *digest,
              size_t digest_size)
{
    union mac_state s = key->state; /* the key is shared, and stays as it is */
    const struct nettle_hash *hash = key->algorithm->hash;
    if (hash) {
        hash->update(&s, size, bytes);
        hash->digest(&s, digest_size, digest);
    } else if (key->algorithm->secret == AES128_KEY_SIZE) {
        cmac_aes128_update(&s.aes128, size, bytes);
        cmac_aes128_digest(&s.aes128, digest_size, digest);
    } else {
        cmac_aes256_update(&s.aes256, size, bytes);
        cmac_aes256_digest(&s.aes256, digest_size, digest);
    }
    explicit_bzero(&s, sizeof s);
}

bool mac_right(const struct mac_key *key, const uint8_t *bytes, size_t size, const uint8_t *digest,
               size_t digest_size)
{
    uint8_t mine[MAC_DIGEST_MAX];
    if (digest_size != mac_size(key) && digest_size != whole(key))
        return false;
    mac_make(key, bytes, size, mine, digest_size);
    return memeql_sec(mine, digest, digest_size);
}
