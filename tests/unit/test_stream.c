/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of UBX and RTCM 3, and the stream in which they lie between sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/receiver/rtcm_frame.h"
#include "drivers/receiver/stream.h"
#include "ubx_bytes.h"

#define MS INT64_C(1000000)

struct heard {
    struct stream stream;
    char text[65536];
    size_t text_length;
    int frames;
    uint8_t id[512];
    size_t payload[512];
    int64_t local, burst, text_local;
};

static void on_text(void *arg, uint8_t byte, int64_t local, int64_t burst)
{
    struct heard *h = arg;
    (void)burst;
    h->text[h->text_length++] = (char)byte;
    h->text_local = local;
}

static void on_ubx(void *arg, const struct ubx_frame *f, int64_t local, int64_t burst)
{
    struct heard *h = arg;
    assert_true(h->frames < 512);
    h->id[h->frames] = f->id;
    h->payload[h->frames++] = f->length;
    h->local = local;
    h->burst = burst;
}

static const struct stream_sink sink = {.text = on_text, .ubx = on_ubx};

struct world {
    struct heard heard;
    struct bytes bytes;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    stream_init(&w->heard.stream, &sink, &w->heard);
    *state = w;
    return w ? 0 : -1;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void feed(struct world *w, size_t portion)
{
    for (size_t at = 0; at < w->bytes.length; at += portion) {
        size_t rest = w->bytes.length - at;
        stream_feed(&w->heard.stream, w->bytes.at + at, rest < portion ? rest : portion, 0);
    }
    stream_flush(&w->heard.stream);
    assert_false(stream_pending(&w->heard.stream));
}

static void a_frame_from_the_specification(void **state)
{
    (void)state;
    /* the poll of CFG-RATE, as every u-blox example prints it */
    static const uint8_t poll[] = {0xb5, 0x62, 0x06, 0x08, 0x00, 0x00, 0x0e, 0x30};
    struct ubx_frame f;
    for (size_t n = 0; n < sizeof poll; n++)
        assert_int_equal(ubx_frame_look(poll, n, &f), FRAME_SHORT);
    assert_int_equal(ubx_frame_look(poll, sizeof poll, &f), FRAME_GOOD);
    assert_int_equal(f.class, 6);
    assert_int_equal(f.id, 8);
    assert_int_equal(f.length, 0);
    for (size_t n = 0; n < sizeof poll; n++) { /* every single flipped bit is noticed */
        uint8_t bad[sizeof poll];
        for (int bit = 0; bit < 8; bit++) {
            memcpy(bad, poll, sizeof poll);
            bad[n] ^= (uint8_t)(1 << bit);
            assert_int_not_equal(ubx_frame_look(bad, sizeof bad, &f), FRAME_GOOD);
        }
    }
}

static void an_rtcm_frame_from_the_standard(void **state)
{
    (void)state;
    /* the example of RTCM 10403.1, section 4.2: message 1005 */
    static const uint8_t frame[] = {0xd3, 0x00, 0x13, 0x3e, 0xd7, 0xd3, 0x02, 0x02, 0x98,
                                    0x0e, 0xde, 0xef, 0x34, 0xb4, 0xbd, 0x62, 0xac, 0x09,
                                    0x41, 0x98, 0x6f, 0x33, 0x36, 0x0b, 0x98};
    uint8_t bad[sizeof frame];
    size_t whole = 0;
    for (size_t n = 0; n < sizeof frame; n++)
        assert_int_equal(rtcm_frame_look(frame, n, &whole), FRAME_SHORT);
    assert_int_equal(rtcm_frame_look(frame, sizeof frame, &whole), FRAME_GOOD);
    assert_int_equal(whole, sizeof frame);
    memcpy(bad, frame, sizeof frame);
    bad[9] ^= 1;
    assert_int_equal(rtcm_frame_look(bad, sizeof bad, &whole), FRAME_DAMAGED);
    bad[1] = 4; /* the six bits are 0 */
    assert_int_equal(rtcm_frame_look(bad, sizeof bad, &whole), FRAME_NONE);
}

static void c1_a_length_of_65535_is_no_frame(void **state)
{
    struct world *w = *state;
    static const uint8_t head[] = {0xb5, 0x62, 0x01, 0x07, 0xff, 0xff};
    struct ubx_frame f;
    assert_int_equal(ubx_frame_look(head, sizeof head, &f), FRAME_NONE);
    memcpy(w->bytes.at, head, sizeof head);
    w->bytes.length = sizeof head;
    bytes_eoe(&w->bytes, 1);
    feed(w, 65536);
    assert_int_equal(w->heard.frames, 1); /* the one behind it */
    assert_int_equal(w->heard.id[0], 0x61);
}

static void c1_the_longest_payload(void **state)
{
    struct world *w = *state;
    static const uint8_t payload[UBX_PAYLOAD_MAX + 1];
    bytes_ubx(&w->bytes, 2, 0x15, payload, UBX_PAYLOAD_MAX);
    bytes_ubx(&w->bytes, 2, 0x15, payload, UBX_PAYLOAD_MAX + 1);
    bytes_eoe(&w->bytes, 1);
    feed(w, 1000);
    assert_int_equal(w->heard.frames, 2);
    assert_int_equal(w->heard.payload[0], UBX_PAYLOAD_MAX);
    assert_int_equal(w->heard.id[1], 0x61);
}

/* Headers with every length, each cut off by the next: each costs at least a byte, none a frame. */
static void c2_every_byte_brings_progress(void **state)
{
    struct world *w = *state;
    for (int length = 0; length < 4200; length += 7) {
        uint8_t head[] = {0xb5, 0x62, 1, 7, (uint8_t)length, (uint8_t)(length >> 8), 0xd3, 3};
        memcpy(w->bytes.at + w->bytes.length, head, sizeof head);
        w->bytes.length += sizeof head;
    }
    size_t noise = w->bytes.length;
    bytes_eoe(&w->bytes, 1);
    bytes_text(&w->bytes, "$GPRMC,120001,A,,,,,,,241126*26\r\n");
    feed(w, 50);
    assert_int_equal(w->heard.frames, 1);
    assert_int_equal(w->heard.text_length, noise + 1 + 33); /* a frame's first byte is text too */
    assert_memory_equal(w->heard.text, w->bytes.at, noise);
}

static void c7_nothing_begins_inside_a_payload(void **state)
{
    static const size_t portions[] = {1, 3, 64, 4096, 65536};
    struct world *w = *state;
    static const char sentence[] = "$GPRMC,120001,A,,,,,,,241126*26\r\n";
    uint8_t mixed[300] = {0};
    struct bytes inner = {0};
    bytes_eoe(&inner, 7);
    memcpy(mixed, sentence, sizeof sentence - 1);
    memcpy(mixed + 60, inner.at, inner.length);
    mixed[100] = 0xd3;
    for (size_t i = 0; i < sizeof portions / sizeof *portions; i++) {
        memset(&w->bytes, 0, sizeof w->bytes);
        w->heard.frames = 0;
        w->heard.text_length = 0;
        bytes_text(&w->bytes, sentence);
        bytes_ubx(&w->bytes, 2, 0x13, mixed, sizeof mixed);
        bytes_rtcm(&w->bytes, mixed, sizeof mixed);
        bytes_text(&w->bytes, sentence);
        bytes_rtcm(&w->bytes, mixed, 0);
        bytes_ubx(&w->bytes, 1, 7, mixed, 92);
        bytes_text(&w->bytes, sentence);
        feed(w, portions[i]);
        w->heard.text[w->heard.text_length] = 0;
        int sentences = 0;
        for (const char *at = w->heard.text; (at = strchr(at, '$')); at++)
            sentences++;
        assert_int_equal(sentences, 3);
        assert_int_equal(w->heard.frames, 2);
        assert_int_equal(w->heard.id[0], 0x13);
        assert_int_equal(w->heard.id[1], 7);
        assert_int_equal(w->heard.stream.counts.rtcm, 2 * (i + 1));
        assert_int_equal(w->heard.stream.counts.ubx_damaged, 0);
    }
}

static void c7_a_broken_frame_hides_nothing(void **state)
{
    struct world *w = *state;
    static const char sentence[] = "$GPRMC,120001,A,,,,,,,241126*26\r\n";
    uint8_t payload[60] = {0};
    bytes_ubx(&w->bytes, 1, 7, payload, sizeof payload);
    w->bytes.length -= 40; /* bytes were lost here: what follows falls into its length */
    bytes_text(&w->bytes, sentence);
    bytes_eoe(&w->bytes, 1);
    bytes_rtcm(&w->bytes, payload, 30);
    w->bytes.length -= 20; /* and here */
    bytes_eoe(&w->bytes, 2);
    bytes_text(&w->bytes, sentence);
    feed(w, 65536);
    assert_int_equal(w->heard.frames, 2);
    const char *text = w->heard.text, *end = text + w->heard.text_length;
    const char *first = memmem(text, w->heard.text_length, sentence, sizeof sentence - 1);
    assert_non_null(first);
    assert_non_null(memmem(first + 1, (size_t)(end - first - 1), sentence, sizeof sentence - 1));
    assert_int_equal(w->heard.stream.counts.ubx_damaged, 1);
    assert_int_equal(w->heard.stream.counts.rtcm, 0);
}

static void local_times_are_of_the_first_byte(void **state)
{
    struct world *w = *state;
    struct stream *s = &w->heard.stream;
    bytes_eoe(&w->bytes, 1);
    stream_feed(s, w->bytes.at, 1, 1000 * MS);
    stream_feed(s, w->bytes.at + 1, 10, 1050 * MS);
    stream_feed(s, w->bytes.at + 11, 1, 1060 * MS);
    assert_int_equal(w->heard.frames, 1);
    assert_true(w->heard.local == 1000 * MS && w->heard.burst == 1000 * MS);
    stream_feed(s, w->bytes.at, w->bytes.length, 1100 * MS); /* no pause: the same burst */
    assert_true(w->heard.local == 1100 * MS && w->heard.burst == 1000 * MS);
    stream_feed(s, "\xd3", 1, 1900 * MS); /* is no frame, and begins no burst */
    stream_feed(s, "$", 1, 1950 * MS);
    assert_true(w->heard.text_local == 1950 * MS);
    stream_feed(s, w->bytes.at, w->bytes.length, 1980 * MS);
    assert_true(w->heard.local == 1980 * MS && w->heard.burst == 1950 * MS);
}

static void a_frame_that_does_not_end_is_given_up(void **state)
{
    struct world *w = *state;
    struct stream *s = &w->heard.stream;
    static const uint8_t head[] = {0xb5, 0x62, 0x01, 0x07, 0x00, 0x10};
    stream_feed(s, head, sizeof head, 0);
    bytes_eoe(&w->bytes, 1);
    stream_feed(s, w->bytes.at, w->bytes.length, 1000 * MS);
    assert_int_equal(w->heard.frames, 0);
    assert_true(stream_pending(s));
    stream_tick(s, 1999 * MS);
    assert_int_equal(w->heard.frames, 0);
    stream_tick(s, 2000 * MS);
    assert_int_equal(w->heard.frames, 1);
    assert_true(w->heard.local == 1000 * MS); /* not when it was found */
    assert_false(stream_pending(s));
}

int main(void)
{
#define STREAM_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_from_the_specification),
        cmocka_unit_test(an_rtcm_frame_from_the_standard),
        STREAM_TEST(c1_a_length_of_65535_is_no_frame),
        STREAM_TEST(c1_the_longest_payload),
        STREAM_TEST(c2_every_byte_brings_progress),
        STREAM_TEST(c7_nothing_begins_inside_a_payload),
        STREAM_TEST(c7_a_broken_frame_hides_nothing),
        STREAM_TEST(local_times_are_of_the_first_byte),
        STREAM_TEST(a_frame_that_does_not_end_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
