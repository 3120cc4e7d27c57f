/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ntp/keys.h"

static struct keys *read_keys(const char *text, const struct keys_want *more, struct err *err)
{
    struct keys *k = NULL;
    struct keys_want want = more ? *more : (struct keys_want){0};
    want.path = "test.keys";
    return keys_parse(&k, &want, text, strlen(text), err) ? NULL : k;
}

/* Whether key `id` signs like `type` with that secret. */
static bool signs_like(const struct keys *k, uint32_t id, const char *type, const char *secret,
                       size_t size)
{
    uint8_t digest[MAC_DIGEST_MAX];
    struct mac_key same;
    const struct key *key = keys_find(k, id);
    if (!key)
        return false;
    mac_key_set(&same, mac_find(type), (const uint8_t *)secret, size);
    mac_make(&same, (const uint8_t *)"time", 4, digest, mac_size(&same));
    return mac_right(&key->mac, (const uint8_t *)"time", 4, digest, mac_size(&same));
}

static void files_of_ntpd_and_chrony_are_read(void **state)
{
    (void)state;
    struct err err = {0};
    struct keys_want weak = {.weak = true};
    struct keys *k = read_keys("# ntpkey_SHA1\n"
                               "; chrony\n! too\n% and so\n\n"
                               " 1 M oldpassword # a comment\r\n"
                               "2\tSHA1\t0123456789abcdef0123456789ABCDEF01234567\n"
                               "3 AES128CMAC 0123456789abcdef\n"
                               "65536 SHA256 HEX:00ff\n"
                               "4294967295 AES256 HEX:"
                               "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
                               "7 sha512 ASCII:a very long password without blanks\n"
                               "8 SHA1 exactly20characters!",
                               &weak, &err);
    assert_null(k); /* "very" is a word too many */
    assert_string_equal(err.thing, "test.keys:11");
    k = read_keys("1 M oldpassword # a comment\r\n"
                  "2\tSHA1\t0123456789abcdef0123456789ABCDEF01234567\n"
                  "3 AES128CMAC 0123456789abcdef\n"
                  "65536 SHA256 HEX:00ff\n"
                  "7 sha512 ASCII:a_very_long_password_indeed\n"
                  "8 SHA1 exactly20characters!",
                  &weak, &err);
    assert_non_null(k);
    assert_int_equal(keys_count(k), 6);
    assert_null(keys_note(k, 0));
    assert_true(signs_like(k, 1, "MD5", "oldpassword", 11));
    assert_true(signs_like(k, 2, "SHA1",
                           "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef\x01"
                           "\x23\x45\x67",
                           20));
    assert_true(signs_like(k, 3, "AES-128", "0123456789abcdef", 16));
    assert_true(signs_like(k, 65536, "SHA256", "\x00\xff", 2));
    assert_true(signs_like(k, 7, "SHA512", "a_very_long_password_indeed", 27));
    assert_true(signs_like(k, 8, "SHA1", "exactly20characters!", 20));
    assert_null(keys_find(k, 4));
    assert_null(keys_find(k, 0));
    assert_null(keys_find(NULL, 1));
    keys_free(k);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"x SHA1 secret", "does not begin with a number"},
        {"0 SHA1 secret", "does not begin with a number"},
        {"4294967296 SHA1 secret", "does not begin with a number"},
        {"99999999999999999999 SHA1 secret", "does not begin with a number"},
        {"-1 SHA1 secret", "does not begin with a number"},
        {"5", "type and key are missing"},
        {"5 SHA1", "the key is missing"},
        {"5 secret # chrony's short form", "the key is missing"},
        {"5 SHA1 secret 192.0.2.1", "a word after the key"},
        {"5 SHA1 HEX:", "the key is empty"},
        {"5 SHA1 ASCII:", "the key is empty"},
        {"5 SHA1 HEX:abc", "odd number"},
        {"5 SHA1 HEX:zz", "no hexadecimal digit"},
        {"5 SHA1 HEX:0123456789abc", "odd number"},
        {"5 SHA1 this-is-longer-than-20letters", "no hexadecimal digit"},
        {"5 AES-128 short", "has 5 octets, and AES-128 takes 16"},
        {"5 AES-256 0123456789abcdef", "has 16 octets, and AES-256 takes 32"},
        {"4 SHA1 secret", "key 4 is given twice (line 2)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        struct err err = {0};
        snprintf(text, sizeof text, "# keys\n4 SHA1 other\n%s\n", cases[i].line);
        assert_null(read_keys(text, NULL, &err));
        if (!strstr(err.why, cases[i].why) || strcmp(err.thing, "test.keys:3") != 0 || !*err.todo)
            fail_msg("%s: %s: %s; %s", cases[i].line, err.thing, err.why, err.todo);
    }
}

static void md5_and_unknown_types_are_left_out_with_a_note(void **state)
{
    (void)state;
    struct err err = {0};
    struct keys *k = read_keys("1 MD5 secret\n2 RIPEMD160 secret\n3 SHA1 secret\n", NULL, &err);
    assert_non_null(k);
    assert_int_equal(keys_count(k), 1);
    assert_null(keys_find(k, 1));
    assert_non_null(strstr(keys_note(k, 0)->why, "MD5 is not safe"));
    assert_non_null(strstr(keys_note(k, 0)->todo, "allowmd5"));
    assert_non_null(strstr(keys_note(k, 1)->why, "'RIPEMD160' is not known"));
    assert_null(keys_note(k, 2));
    keys_free(k);
}

static void only_trusted_keys_are_trusted(void **state)
{
    (void)state;
    struct err err = {0};
    static const struct keys_range ranges[] = {{2, 2}, {10, 4000000000}, {7, 7}};
    struct keys_want want = {.trusted = ranges, .ranges = 3};
    static const char text[] = "1 SHA1 a\n2 SHA1 b\n9 SHA1 c\n10 SHA1 d\n4000000000 SHA1 e\n";
    struct keys *k = read_keys(text, &want, &err);
    assert_non_null(k);
    assert_false(keys_find(k, 1)->trusted || keys_find(k, 9)->trusted);
    assert_true(keys_find(k, 2)->trusted && keys_find(k, 10)->trusted);
    assert_true(keys_find(k, 4000000000)->trusted);
    assert_non_null(strstr(keys_note(k, 0)->why, "no key 7"));
    assert_null(keys_note(k, 1));
    keys_free(k);
    k = read_keys(text, NULL, &err);
    assert_true(keys_find(k, 1)->trusted);
    keys_free(k);
}

/* The number of slots that a look-up touches stays small, whatever the numbers of the keys. */
static void finding_a_key_costs_the_same_for_one_and_for_all(void **state)
{
    (void)state;
    static const uint32_t steps[] = {1, 2, 10, 100, 256, 1024, 4096, 65536};
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        char text[KEYS_MAX * 24];
        struct err err = {0};
        size_t n = 0;
        for (uint32_t i = 1; i <= KEYS_MAX; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%u SHA1 x\n", i * steps[s]);
        struct keys *k = read_keys(text, NULL, &err);
        assert_non_null(k);
        assert_int_equal(keys_count(k), KEYS_MAX);
        for (uint32_t i = 1; i <= KEYS_MAX; i++) {
            assert_int_equal(keys_find(k, i * steps[s])->id, i * steps[s]);
            assert_null(keys_find(k, i * steps[s] + UINT32_C(0x80000001)));
        }
        keys_free(k);
        snprintf(text + n, sizeof text - n, "77777777 SHA1 x\n");
        assert_null(read_keys(text, NULL, &err));
        assert_non_null(strstr(err.why, "more than 1024 keys"));
    }
}

static void nul_and_long_lines_are_no_key_file(void **state)
{
    (void)state;
    static char text[3000];
    struct keys *k;
    struct err err = {0};
    struct keys_want want = {.path = "test.keys"};
    memset(text, 'a', sizeof text);
    assert_int_equal(keys_parse(&k, &want, text, sizeof text, &err), -1);
    assert_int_equal(keys_parse(&k, &want, "1 SHA1 a\0b\n", 11, &err), -1);
    assert_string_equal(err.thing, "test.keys:1");
    assert_int_equal(keys_parse(&k, &want, "", 0, &err), 0);
    assert_int_equal(keys_count(k), 0);
    keys_free(k);
}

static void who_may_read_and_write_the_file_counts(void **state)
{
    (void)state;
    char path[] = "/tmp/timeball-keys-XXXXXX";
    int fd = mkstemp(path);
    struct keys *k;
    struct err err = {0};
    struct keys_want want = {.path = path};
    assert_int_equal(write(fd, "1 SHA1 secret\n", 14), 14);
    static const struct {
        mode_t mode;
        int result, notes;
    } cases[] = {{0600, 0, 0}, {0640, 0, 0}, {0660, 0, 0}, {0644, 0, 1}, {0602, -1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(fchmod(fd, cases[i].mode), 0);
        assert_int_equal(keys_load(&k, &want, &err), cases[i].result);
        if (cases[i].result) {
            assert_non_null(strstr(err.why, "anybody on this machine may write"));
            continue;
        }
        assert_int_equal(keys_count(k), 1);
        assert_true(!keys_note(k, 0) == !cases[i].notes);
        keys_free(k);
    }
    close(fd);
    unlink(path);
    assert_int_equal(keys_load(&k, &want, &err), -1);
    assert_non_null(strstr(err.todo, "make the key file"));
    want.path = "/tmp";
    assert_int_equal(keys_load(&k, &want, &err), -1);
    assert_non_null(strstr(err.why, "is not a file"));
}

static void a_packet_is_signed_behind_its_end(void **state)
{
    (void)state;
    struct err err = {0};
    struct keys *k = read_keys("16909060 SHA256 secret\n", NULL, &err);
    uint8_t packet[48 + 24 + 1] = {[72] = 0x77};
    const struct key *key = keys_find(k, 0x01020304);
    assert_int_equal(keys_sign(key, packet, 48, mac_size(&key->mac)), 72);
    assert_memory_equal(packet + 48, "\x01\x02\x03\x04", 4);
    assert_true(mac_right(&key->mac, packet, 48, packet + 52, 20));
    assert_int_equal(packet[72], 0x77);
    keys_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_ntpd_and_chrony_are_read),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(md5_and_unknown_types_are_left_out_with_a_note),
        cmocka_unit_test(only_trusted_keys_are_trusted),
        cmocka_unit_test(finding_a_key_costs_the_same_for_one_and_for_all),
        cmocka_unit_test(nul_and_long_lines_are_no_key_file),
        cmocka_unit_test(who_may_read_and_write_the_file_counts),
        cmocka_unit_test(a_packet_is_signed_behind_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
