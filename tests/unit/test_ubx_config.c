/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ubx/ubx_config.h"

static const struct ubx_dialect keys = {.keys = true, .port = UBX_PORT_UART1};
static const struct ubx_dialect old = {.port = UBX_PORT_UART1};

static int unhex(const char *text, uint8_t *out)
{
    int n = 0;
    for (text += strspn(text, " "); text[0] && text[1]; text += strspn(text, " ")) {
        char byte[] = {text[0], text[1], 0};
        out[n++] = (uint8_t)strtoul(byte, NULL, 16);
        text += 2;
    }
    return n;
}

static void is(const uint8_t *frame, size_t size, const char *text)
{
    uint8_t wanted[512];
    assert_int_equal(size, unhex(text, wanted));
    assert_memory_equal(frame, wanted, size);
}

/* Frames as they stand in many a published set-up of u-blox 6 to 8 receivers. */
static void frames_are_as_others_send_them(void **state)
{
    uint8_t buf[UBX_CONFIG_FRAME], class, id;
    struct ubx_values off = {0};
    struct ubx_payload kept = {0};
    (void)state;
    is(buf, ubx_build(buf, 0x0a, 0x04, NULL, 0), "b562 0a04 0000 0e34");
    is(buf, ubx_config_poll(UBX_UART, &old, buf, &class, &id), "b562 0600 0100 01 0822");
    assert_int_equal(class, 6);
    assert_int_equal(id, 0);
    is(buf, ubx_config_poll(UBX_NAV, &old, buf, &class, &id), "b562 0624 0000 2a84");
    off.known[UBX_MESSAGE_RATE + 1] = off.known[UBX_MESSAGE_RATE + 3] = true;
    is(buf, ubx_config_set((enum ubx_feature)(UBX_MESSAGE + 1), &old, &off, &kept, buf),
       "b562 0601 0300 f00100 fb11");
    is(buf, ubx_config_set((enum ubx_feature)(UBX_MESSAGE + 3), &old, &off, &kept, buf),
       "b562 0601 0300 f00300 fd15");
}

static void keys_are_asked_and_answered(void **state)
{
    uint8_t buf[512], class, id;
    struct ubx_values v = {0};
    struct ubx_payload kept = {0};
    (void)state;
    is(buf, ubx_config_poll(UBX_NAV, &keys, buf, &class, &id),
       "b562 068b 0800 00000000 a4001120 6e63");
    assert_int_equal(id, 0x8b);
    uint8_t answer[] = {1, 0, 0, 0, 0xa4, 0x00, 0x11, 0x20, 0xfb};
    struct ubx_frame f = {.class = 6, .id = 0x8b, .length = sizeof answer, .payload = answer};
    assert_true(ubx_config_take(UBX_NAV, &keys, &f, &v, &kept));
    assert_int_equal(v.value[UBX_ELEVATION], -5);                /* I1 */
    assert_false(ubx_config_take(UBX_TP, &keys, &f, &v, &kept)); /* another feature's */
    f.length--;
    assert_false(ubx_config_take(UBX_NAV, &keys, &f, &v, &kept)); /* cut off */
    answer[0] = 0;
    f.length++;
    assert_false(ubx_config_take(UBX_NAV, &keys, &f, &v, &kept)); /* a request, not an answer */
    v.value[UBX_ELEVATION] = 10;
    is(buf, ubx_config_set(UBX_NAV, &keys, &v, &kept, buf),
       "b562 068a 0900 00010000 a4001120 0a 79e2");
}

/* A set message differs from the one that was read in what was wanted alone. */
static void the_rest_of_a_message_stays(void **state)
{
    uint8_t payload[32], buf[UBX_CONFIG_FRAME];
    struct ubx_frame f = {.class = 6, .id = 0x31, .length = 32, .payload = payload};
    struct ubx_values v = {0}, wanted = {0};
    struct ubx_payload kept = {0};
    (void)state;
    for (int i = 0; i < 32; i++)
        payload[i] = (uint8_t)(0x80 + i);
    assert_true(ubx_config_take(UBX_TP, &old, &f, &v, &kept));
    assert_int_equal(v.value[UBX_CABLE], (int16_t)0x8584);
    assert_int_equal(v.value[UBX_RISING], 0x9c >> 6 & 1);
    wanted.known[UBX_CABLE] = true;
    wanted.value[UBX_CABLE] = -50;
    assert_int_equal(ubx_config_set(UBX_TP, &old, &wanted, &kept, buf), 40);
    payload[4] = 0xce;
    payload[5] = 0xff;
    assert_memory_equal(buf + 6, payload, 32);
    f.length = 31;
    assert_false(ubx_config_take(UBX_TP, &old, &f, &v, &kept));
}

static void saving_names_all_that_keeps(void **state)
{
    uint8_t buf[UBX_CONFIG_FRAME];
    (void)state;
    assert_int_equal(ubx_config_save(buf), 21);
    assert_int_equal(buf[18], 0x17);
    assert_memory_equal(buf + 6, "\0\0\0\0\x1f\x1f\0\0\0\0\0\0", 12);
    ubx_config_reset(buf);
    assert_memory_equal(buf + 6, "\x1f\x1f\0\0\0\0\0\0\x1f\x1f\0\0", 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_as_others_send_them),
        cmocka_unit_test(keys_are_asked_and_answered),
        cmocka_unit_test(the_rest_of_a_message_stays),
        cmocka_unit_test(saving_names_all_that_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
