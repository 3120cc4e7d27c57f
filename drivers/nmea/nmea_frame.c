/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/nmea/nmea_frame.h"

#include <stdbool.h>
#include <string.h>

enum state { HUNT, BODY, FIRST_DIGIT, SECOND_DIGIT };

void nmea_framer_reset(struct nmea_framer *f)
{
    memset(f, 0, sizeof *f);
}

static int hex_value(uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF0123456789abcdef";
    const char *at = byte ? strchr(digits, byte) : NULL;
    return at ? (int)(at - digits) % 16 : -1;
}

/* Five capital letters and a comma: without them it was noise behind a stray `$`, not a loss. */
static bool looks_like_sentence(const struct nmea_framer *f)
{
    for (size_t i = 0; i < 5; i++)
        if (i >= f->length || f->text[i] < 'A' || f->text[i] > 'Z')
            return false;
    return f->length > 5 && f->text[5] == ',';
}

static enum nmea_frame give_up(struct nmea_framer *f, enum nmea_frame why)
{
    f->state = HUNT;
    return looks_like_sentence(f) ? why : NMEA_FRAME_NONE;
}

static enum nmea_frame begin(struct nmea_framer *f, int64_t local)
{
    enum nmea_frame lost = f->state == HUNT ? NMEA_FRAME_NONE : give_up(f, NMEA_FRAME_BROKEN);
    f->state = BODY;
    f->local = local;
    f->length = 0;
    f->sum = f->given = 0;
    return lost;
}

static enum nmea_frame body_byte(struct nmea_framer *f, uint8_t byte)
{
    if (byte == '*') {
        f->text[f->length] = 0;
        f->state = FIRST_DIGIT;
        return NMEA_FRAME_NONE;
    }
    if (byte == '\r' || byte == '\n')
        return give_up(f, NMEA_FRAME_NO_CHECKSUM);
    if (byte < ' ' || byte > '~' || f->length + 1 >= sizeof f->text)
        return give_up(f, NMEA_FRAME_BROKEN);
    f->text[f->length++] = (char)byte;
    f->sum ^= byte;
    return NMEA_FRAME_NONE;
}

static enum nmea_frame digit_byte(struct nmea_framer *f, uint8_t byte)
{
    int value = hex_value(byte);
    if (value < 0)
        return give_up(f, NMEA_FRAME_NO_CHECKSUM);
    f->given = (uint8_t)(f->given << 4 | value);
    if (f->state++ == FIRST_DIGIT)
        return NMEA_FRAME_NONE;
    return f->given == f->sum ? (f->state = HUNT, NMEA_FRAME_SENTENCE)
                              : give_up(f, NMEA_FRAME_BAD_CHECKSUM);
}

enum nmea_frame nmea_frame_byte(struct nmea_framer *f, uint8_t byte, int64_t local)
{
    if (byte == '$')
        return begin(f, local);
    if (f->state == HUNT)
        return NMEA_FRAME_NONE;
    return f->state == BODY ? body_byte(f, byte) : digit_byte(f, byte);
}
