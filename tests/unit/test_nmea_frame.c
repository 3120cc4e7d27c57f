/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/nmea/nmea_frame.h"
#include "refclock/rng.h"

#define GOOD "$GPGLL,5057.970,N,00146.110,E,142451,A*27" /* checksum from the NMEA 0183 FAQ */
#define BODY "GPGLL,5057.970,N,00146.110,E,142451,A"

struct seen {
    int count[NMEA_FRAME_BROKEN + 1];
    char last[NMEA_TEXT_SIZE];
    int64_t local;
};

static struct seen frame(const void *bytes, size_t size)
{
    struct nmea_framer f;
    struct seen s = {0};
    nmea_framer_reset(&f);
    for (size_t i = 0; i < size; i++) {
        enum nmea_frame got = nmea_frame_byte(&f, ((const uint8_t *)bytes)[i], (int64_t)i);
        s.count[got]++;
        if (got == NMEA_FRAME_SENTENCE) {
            memcpy(s.last, f.text, sizeof s.last);
            s.local = f.local;
        }
    }
    return s;
}

static struct seen frame_text(const char *text)
{
    return frame(text, strlen(text));
}

static void a_sentence_with_its_local_time(void **state)
{
    (void)state;
    struct seen s = frame_text("\r\n" GOOD "\r\n");
    assert_int_equal(s.count[NMEA_FRAME_SENTENCE], 1);
    assert_string_equal(s.last, BODY);
    assert_int_equal(s.local, 2); /* of the `$` */
}

static void c3_lower_case_digits(void **state)
{
    (void)state;
    assert_int_equal(frame_text("$GPTXT,n*0C").count[NMEA_FRAME_BAD_CHECKSUM], 1);
    assert_int_equal(frame_text("$GPTXT,n*0d").count[NMEA_FRAME_SENTENCE], 1);
    assert_int_equal(frame_text("$GPTXT,n*0D").count[NMEA_FRAME_SENTENCE], 1);
}

static void c3_damage_is_counted_by_kind(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum nmea_frame kind;
    } cases[] = {
        {"$GPGLL,5057.971,N,00146.110,E,142451,A*27\r\n", NMEA_FRAME_BAD_CHECKSUM},
        {"$GPGLL,5057.970,N,00146.110,E,142451,A\r\n", NMEA_FRAME_NO_CHECKSUM},
        {"$GPGLL,5057.970,N,00146.110,E,142451,A*\r\n", NMEA_FRAME_NO_CHECKSUM},
        {"$GPGLL,5057.970,N,00146.110,E,142451,A*2\r\n", NMEA_FRAME_NO_CHECKSUM},
        {"$GPGLL,5057.970,N,00146.110,E,142451,A*G7\r\n", NMEA_FRAME_NO_CHECKSUM},
        {"$GPGLL,5057.970,N,001$", NMEA_FRAME_BROKEN},
        {"$GPGLL,5057.970,N,001\x01", NMEA_FRAME_BROKEN},
        {"$GPGLL,5057.970,N,001\xff", NMEA_FRAME_BROKEN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen s = frame_text(cases[i].text);
        assert_int_equal(s.count[cases[i].kind], 1);
        assert_int_equal(s.count[NMEA_FRAME_SENTENCE], 0);
    }
}

static void a_cut_off_sentence_does_not_take_the_next_with_it(void **state)
{
    (void)state;
    struct seen s = frame_text("$GPGGA,030130" GOOD);
    assert_int_equal(s.count[NMEA_FRAME_BROKEN], 1);
    assert_int_equal(s.count[NMEA_FRAME_SENTENCE], 1);
    s = frame_text("$" GOOD);
    assert_int_equal(s.count[NMEA_FRAME_BROKEN], 0);
    assert_int_equal(s.count[NMEA_FRAME_SENTENCE], 1);
    s = frame_text("$GPGGA,0301*4" GOOD);
    assert_int_equal(s.count[NMEA_FRAME_SENTENCE], 1);
}

static void c3_a_line_without_end_is_bounded(void **state)
{
    (void)state;
    size_t size = 1 << 20;
    char *line = malloc(size);
    memset(line, 'A', size);
    for (size_t i = 0; i < 7; i++)
        line[i] = "$GPRMC,"[i];
    memcpy(line + size - (sizeof GOOD - 1), GOOD, sizeof GOOD - 1);
    struct seen s = frame(line, size);
    free(line);
    assert_int_equal(s.count[NMEA_FRAME_BROKEN], 1);
    assert_int_equal(s.count[NMEA_FRAME_SENTENCE], 1);
}

static void the_longest_sentence_fits(void **state)
{
    (void)state;
    char text[NMEA_TEXT_SIZE + 8] = "$GPTXT,";
    unsigned sum = 0;
    memset(text + 7, 'x', NMEA_TEXT_SIZE - 1 - 6);
    for (const char *p = text + 1; *p; p++)
        sum ^= (unsigned char)*p;
    size_t length = strlen(text);
    assert_int_equal(length - 1, NMEA_TEXT_SIZE - 1);
    snprintf(text + length, sizeof text - length, "*%02X", sum);
    assert_int_equal(frame_text(text).count[NMEA_FRAME_SENTENCE], 1);
    memmove(text + 8, text + 7, length - 7);
    snprintf(text + length + 1, sizeof text - length - 1, "*%02X", sum ^ 'x');
    assert_int_equal(frame_text(text).count[NMEA_FRAME_BROKEN], 1);
}

/* Binary protocols between sentences: payloads hold '$', '*', sync bytes of anything. */
static void binary_between_sentences(void **state)
{
    (void)state;
    struct rng r = rng_seeded(7, 1);
    char stream[sizeof GOOD + 600];
    for (int round = 0; round < 2000; round++) {
        size_t length = (size_t)(rng_u64(&r) % 500);
        for (size_t i = 0; i < length; i++) {
            static const char telling[] = "$*\xb5\x62\xd3,A\n";
            uint64_t v = rng_u64(&r);
            stream[i] = v % 3 ? (char)(v >> 8) : telling[(v >> 8) % (sizeof telling - 1)];
        }
        memcpy(stream + length, GOOD, sizeof GOOD);
        struct seen s = frame(stream, length + sizeof GOOD);
        assert_true(s.count[NMEA_FRAME_SENTENCE] >= 1);
        assert_string_equal(s.last, BODY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_with_its_local_time),
        cmocka_unit_test(c3_lower_case_digits),
        cmocka_unit_test(c3_damage_is_counted_by_kind),
        cmocka_unit_test(a_cut_off_sentence_does_not_take_the_next_with_it),
        cmocka_unit_test(c3_a_line_without_end_is_bounded),
        cmocka_unit_test(the_longest_sentence_fits),
        cmocka_unit_test(binary_between_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
