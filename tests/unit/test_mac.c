/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors: RFC 4493 section 4, NIST SP 800-38B appendix D.3, RFC 1321, RFC 3174, FIPS 180-4 and 202
 * ("abc", of which the first letter is the secret here). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/ntp/mac.h"

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; *hex; hex += 2) {
        const char digits[3] = {hex[0], hex[1], 0};
        out[n++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}

#define AES_MESSAGE                                                                               \
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0" \
    "a52eff69f2445df4f9b17ad2b417be66c3710"

static const struct cmac_case {
    const char *type, *secret;
    size_t size;
    const char *digest;
} cmacs[] = {
    {"AES-128", "2b7e151628aed2a6abf7158809cf4f3c", 0, "bb1d6929e95937287fa37d129b756746"},
    {"AES-128", "2b7e151628aed2a6abf7158809cf4f3c", 16, "070a16b46b4d4144f79bdd9dd04a287c"},
    {"AES-128", "2b7e151628aed2a6abf7158809cf4f3c", 40, "dfa66747de9ae63030ca32611497c827"},
    {"AES-128", "2b7e151628aed2a6abf7158809cf4f3c", 64, "51f0bebf7e3b9d92fc49741779363cfe"},
    {"AES-256", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", 0,
     "028962f61b7bf89efc6b551f4667d983"},
    {"AES-256", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", 40,
     "aaf3d8f1de5640c232f5b169b9c911e6"},
};

static struct mac_key key_of(const char *type, const uint8_t *secret, size_t size)
{
    struct mac_key key;
    const struct mac_algorithm *a = mac_find(type);
    assert_non_null(a);
    mac_key_set(&key, a, secret, size);
    return key;
}

static void aes_cmac_gives_the_vectors(void **state)
{
    (void)state;
    uint8_t message[64], secret[32], expected[16], digest[16];
    assert_int_equal(from_hex(AES_MESSAGE, message), sizeof message);
    for (size_t i = 0; i < sizeof cmacs / sizeof *cmacs; i++) {
        const struct cmac_case *c = &cmacs[i];
        struct mac_key key = key_of(c->type, secret, from_hex(c->secret, secret));
        from_hex(c->digest, expected);
        assert_int_equal(mac_size(&key), 16);
        mac_make(&key, message, c->size, digest, 16);
        assert_memory_equal(digest, expected, 16);
        assert_true(mac_right(&key, message, c->size, expected, 16));
    }
}

static const struct digest_case {
    const char *type, *digest;
} digests[] = {
    {"MD5", "900150983cd24fb0d6963f7d28e17f72"},
    {"M", "900150983cd24fb0d6963f7d28e17f72"},
    {"SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
    {"SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"SHA384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358b"
               "aeca134c825a7"},
    {"SHA512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836b"
               "a3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {"SHA3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
};

static void digests_are_of_key_and_message_and_cut_in_version_4(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        uint8_t expected[MAC_DIGEST_MAX], digest[MAC_DIGEST_MAX];
        size_t whole = from_hex(digests[i].digest, expected);
        struct mac_key key = key_of(digests[i].type, (const uint8_t *)"a", 1);
        size_t size = mac_size(&key);
        assert_int_equal(size, whole < MAC_DIGEST_LONG ? whole : MAC_DIGEST_LONG);
        for (int again = 0; again < 2; again++) { /* a key is used more than once */
            mac_make(&key, (const uint8_t *)"bc", 2, digest, whole);
            assert_memory_equal(digest, expected, whole);
        }
        assert_true(mac_right(&key, (const uint8_t *)"bc", 2, expected, size));
        assert_true(mac_right(&key, (const uint8_t *)"bc", 2, expected, whole));
    }
}

static void a9_any_other_digest_is_wrong(void **state)
{
    (void)state;
    static const char *const types[] = {"AES-128", "SHA1", "SHA256", "MD5"};
    uint8_t message[48] = {0x23}, digest[MAC_DIGEST_MAX + 1] = {0};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        struct mac_key key = key_of(types[t], (const uint8_t *)"0123456789abcdef", 16);
        struct mac_key other = key_of(types[t], (const uint8_t *)"0123456789abcdeg", 16);
        size_t size = mac_size(&key);
        mac_make(&key, message, sizeof message, digest, size);
        assert_true(mac_right(&key, message, sizeof message, digest, size));
        assert_false(mac_right(&other, message, sizeof message, digest, size));
        for (size_t bit = 0; bit < 8 * size; bit++) {
            digest[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(mac_right(&key, message, sizeof message, digest, size));
            digest[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t n = 0; n <= MAC_DIGEST_MAX; n++) /* shorter and longer ones are none */
            if (n != size && n != 32)
                assert_false(mac_right(&key, message, sizeof message, digest, n));
        message[47] ^= 1;
        assert_false(mac_right(&key, message, sizeof message, digest, size));
        message[47] ^= 1;
    }
}

static void other_names_are_not_known(void **state)
{
    (void)state;
    static const char *const names[] = {"", "S", "DES", "AES-192", "RIPEMD160", "SHA", "AES1288"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(!mac_find(names[i]) == (strcmp(names[i], "SHA") != 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aes_cmac_gives_the_vectors),
        cmocka_unit_test(digests_are_of_key_and_message_and_cut_in_version_4),
        cmocka_unit_test(a9_any_other_digest_is_wrong),
        cmocka_unit_test(other_names_are_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
