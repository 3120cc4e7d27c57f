/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/ubx/ubx_report.h"

#include <math.h>
#include <string.h>

#include "drivers/ubx/ubx_field.h"

#define U1(at) ubx_number(p + (at), UBX_U1)
#define U2(at) ubx_number(p + (at), UBX_U2)
#define U4(at) ubx_number(p + (at), UBX_U4)
#define I2(at) ubx_number(p + (at), UBX_I2)
#define I4(at) ubx_number(p + (at), UBX_I4)

#define TEXT_SIZE    30 /* of MON-VER's software version and extensions */
#define HARDWARE_AT  30
#define HARDWARE_END 40

void ubx_report_init(struct ubx_report *u)
{
    *u = (struct ubx_report){0};
}

/* ---- what it is ---- */

/* Chips by the hardware version of MON-VER, for those that do not name the module. */
static const struct {
    const char *hardware, *model;
} models[] = {
    {"00040005", "u-blox 5"}, {"00040007", "u-blox 6"}, {"00070000", "u-blox 7"},
    {"00080000", "u-blox 8"}, {"00190000", "u-blox 9"}, {"000A0000", "u-blox 10"},
};

static void take_model(struct receiver_report *r, const uint8_t *hardware)
{
    receiver_report_text(r->model, sizeof r->model, hardware, HARDWARE_END - HARDWARE_AT);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(r->model, models[i].hardware))
            receiver_report_text(r->model, sizeof r->model, models[i].model,
                                 strlen(models[i].model));
}

static bool take_version(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                         size_t length)
{
    const struct {
        const char *prefix;
        char *to;
        size_t size;
    } texts[] = {
        {"FWVER=", r->firmware, sizeof r->firmware},
        {"MOD=", r->model, sizeof r->model},
        {"PROTVER=", r->protocol, sizeof r->protocol},
        {"PROTVER ", r->protocol, sizeof r->protocol},
    };
    (void)u;
    receiver_report_text(r->firmware, sizeof r->firmware, p, TEXT_SIZE);
    take_model(r, p + HARDWARE_AT);
    for (size_t at = HARDWARE_END; at + TEXT_SIZE <= length; at += TEXT_SIZE)
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            size_t skip = strlen(texts[i].prefix);
            if (!memcmp(p + at, texts[i].prefix, skip))
                receiver_report_text(texts[i].to, texts[i].size, p + at + skip, TEXT_SIZE - skip);
        }
    return true;
}

/* ---- antenna and radio ---- */

/* aStatus: init, do not know, OK, short, open. */
static int antenna_of(const struct ubx_report *u, int64_t status)
{
    static const int states[] = {ANTENNA_UNKNOWN, ANTENNA_NOT_MONITORED, ANTENNA_OK, ANTENNA_SHORT,
                                 ANTENNA_OPEN};
    int antenna = status < 5 ? states[status] : ANTENNA_UNKNOWN;
    return antenna == ANTENNA_OK && u->antenna_fed_only ? ANTENNA_NOT_MONITORED : antenna;
}

/* jammingState, spoofDetState and their like: 0 is off or unknown. */
static int interference_of(int64_t state)
{
    static const int states[] = {INTERFERENCE_NOT_MONITORED, INTERFERENCE_NONE,
                                 INTERFERENCE_WARNING, INTERFERENCE_CRITICAL};
    return state < 4 ? states[state] : INTERFERENCE_UNKNOWN;
}

static bool take_hw(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                    size_t length)
{
    r->antenna = antenna_of(u, U1(20));
    if (!u->sec_sig)
        r->jamming = interference_of(U1(22) >> 2 & 3);
    r->jam_level = (int)(length >= 68 ? U1(53) : U1(45)); /* after 25 or 17 pin numbers */
    return true;
}

static bool take_rf(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                    size_t length)
{
    int antenna = 0, jamming = 0, level = -1;
    for (size_t at = 4; at < length; at += 24) {
        int this_antenna = antenna_of(u, U1(at + 2));
        int this_jamming = interference_of(U1(at + 1) & 3), this_level = (int)U1(at + 16);
        antenna = at == 4 ? this_antenna : receiver_report_worse(antenna, this_antenna);
        jamming = at == 4 ? this_jamming : receiver_report_worse(jamming, this_jamming);
        level = this_level > level ? this_level : level;
    }
    if (level < 0)
        return true; /* no block */
    r->antenna = antenna;
    r->jam_level = level;
    if (!u->sec_sig)
        r->jamming = jamming;
    return true;
}

/* Bit 0: the detector is on; above: its state, 0 unknown. */
static int detector(int64_t bits)
{
    if (!(bits & 1))
        return INTERFERENCE_NOT_MONITORED;
    return bits >> 1 ? interference_of(bits >> 1) : INTERFERENCE_UNKNOWN;
}

/* Version 1 has a word for each of the two detectors, later ones a byte for both, and bands. */
static bool take_sec_sig(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                         size_t length)
{
    int64_t jam, spoof;
    if (U1(0) == 1) {
        if (length < 12)
            return false;
        jam = U1(4) & 7;
        spoof = U1(8) & 15;
    } else {
        if (length != 4 + 4 * (size_t)U1(3))
            return false;
        jam = U1(1) & 7;
        spoof = U1(1) >> 3 & 15;
    }
    u->sec_sig = true;
    r->jamming = detector(jam);
    r->spoofing = detector(spoof);
    return true;
}

static bool take_comms(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                       size_t length)
{
    (void)u;
    r->output_load = -1;
    for (size_t at = 8; at < length; at += 40)
        if (U1(at + 8) > r->output_load)
            r->output_load = (int)U1(at + 8);
    r->output_overflow = U1(2) & 3; /* out of memory, buffer full */
    return true;
}

static bool take_txbuf(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                       size_t length)
{
    (void)u;
    (void)length;
    r->output_load = (int)U1(24);
    r->output_overflow = U1(26) != 0;
    return true;
}

/* ---- site ---- */

static double millimetres(int64_t value)
{
    return (double)value * 1e-3;
}

/* All ones: not known. */
static double nanoseconds(int64_t value)
{
    return value == UINT32_MAX ? (double)NAN : (double)value * 1e-9;
}

static void note_survey(struct ubx_report *u, struct receiver_report *r, bool active, bool valid)
{
    bool fixed = valid || u->time_only;
    if (u->given & 1U << UBX_CONFIG_TIME_MODE)
        fixed |= u->config[UBX_CONFIG_TIME_MODE] == 2;
    r->survey = active ? SURVEY_RUNNING : fixed ? SURVEY_FIXED : SURVEY_OFF;
}

/* A fix of time alone is what a receiver with a fixed position makes. */
static void note_fix(struct ubx_report *u, struct receiver_report *r, int64_t fix, bool ok)
{
    u->time_only = ok && fix == 5;
    u->place = ok && fix != 2; /* a height without a third dimension is an old one */
    if (!u->svin && u->time_only)
        r->survey = SURVEY_FIXED;
    else if (!u->svin && ok && r->survey == SURVEY_FIXED)
        r->survey = SURVEY_OFF;
    r->positioned &= u->place;
}

static bool take_pvt(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                     size_t length)
{
    int64_t fix = U1(20);
    bool ok = U1(21) & 1 && fix >= 2 && fix <= 5;
    (void)length;
    note_fix(u, r, fix, ok);
    r->time_accuracy = nanoseconds(U4(12));
    u->place &= !(U1(78) & 1);
    if (u->place)
        receiver_report_position(r, (double)I4(28) * 1e-7, (double)I4(24) * 1e-7,
                                 millimetres(I4(32)),
                                 hypot(millimetres(U4(40)), millimetres(U4(44))));
    return true;
}

static bool take_status(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                        size_t length)
{
    (void)length;
    note_fix(u, r, U1(4), U1(5) & 1 && U1(4) >= 2 && U1(4) <= 5);
    if (!u->sec_sig)
        r->spoofing = interference_of(U1(7) >> 3 & 3);
    return true;
}

/* It has no flag of its own: NAV-PVT or NAV-STATUS says whether there is a fix. */
static bool take_ecef(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                      size_t length)
{
    (void)length;
    if (!u->place)
        return true;
    for (size_t i = 0; i < 3; i++)
        r->ecef[i] = (double)I4(4 + 4 * i) * 1e-2;
    r->position_accuracy = (double)U4(16) * 1e-2;
    r->positioned = true;
    return true;
}

static bool take_clock(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                       size_t length)
{
    (void)u;
    (void)length;
    r->clock_bias = (double)I4(4) * 1e-9;
    r->clock_drift = (double)I4(8) * 1e-9;
    r->time_accuracy = nanoseconds(U4(12));
    return true;
}

static bool take_timeutc(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                         size_t length)
{
    (void)u;
    (void)length;
    r->time_accuracy = nanoseconds(U4(4));
    return true;
}

static bool take_nav_svin(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                          size_t length)
{
    (void)length;
    u->svin = true;
    note_survey(u, r, U1(37), U1(36));
    r->survey_age = (double)U4(8);
    r->survey_accuracy = (double)U4(28) * 1e-4;
    return true;
}

static bool take_tim_svin(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                          size_t length)
{
    (void)length;
    u->svin = true;
    note_survey(u, r, U1(25), U1(24));
    r->survey_age = (double)U4(0);
    r->survey_accuracy = sqrt((double)U4(16)) * 1e-3; /* a variance, mm^2 */
    return true;
}

/* ---- settings ---- */

static double pulse_width(int64_t us)
{
    return us > 0 ? (double)us * 1e-6 : (double)NAN;
}

/* The first pulse output; what counts while locked may stand in a second set. */
static bool take_tp5(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                     size_t length)
{
    enum { ACTIVE = 1, LOCKED_OTHER = 4, IS_LENGTH = 16, RISING = 64 };
    int64_t flags = U4(28);
    (void)u;
    (void)length;
    if (U1(0) != 0)
        return true;
    r->cable_delay = (double)I2(4) * 1e-9;
    r->pulse_polarity = !(flags & ACTIVE) ? 0 : flags & RISING ? 1 : -1;
    r->pulse_width = (double)NAN;
    if (flags & IS_LENGTH)
        r->pulse_width = pulse_width(flags & LOCKED_OTHER ? U4(20) : U4(16));
    return true;
}

static const uint32_t keys[UBX_CONFIG_COUNT] = {
    [UBX_CONFIG_POLARITY] = 0x1005000b,   [UBX_CONFIG_LENGTH_IS_TIME] = 0x20050030,
    [UBX_CONFIG_LENGTH] = 0x40050004,     [UBX_CONFIG_LENGTH_LOCKED] = 0x40050005,
    [UBX_CONFIG_USE_LOCKED] = 0x10050009, [UBX_CONFIG_CABLE_DELAY] = 0x30050001,
    [UBX_CONFIG_TIME_MODE] = 0x20030001,
};

/* The values that follow each other up to the end; false when they do not end there. */
static bool take_values(struct ubx_report *u, const uint8_t *p, size_t length)
{
    static const enum ubx_type types[] = {
        [1] = UBX_U1, [2] = UBX_U1, [3] = UBX_I2, [4] = UBX_U4, [5] = UBX_U8};
    for (size_t at = 4; at < length;) {
        if (length - at < 4)
            return false;
        uint32_t key = (uint32_t)U4(at);
        size_t size_code = key >> 28 & 7, size;
        if (size_code < 1 || size_code > 5)
            return false;
        size = (size_t)1 << types[size_code] / 2;
        at += 4;
        if (length - at < size)
            return false;
        for (int i = 0; i < UBX_CONFIG_COUNT; i++)
            if (keys[i] == key) {
                u->config[i] = ubx_number(p + at, types[size_code]);
                u->given |= 1U << i;
            }
        at += size;
    }
    return true;
}

static bool has(const struct ubx_report *u, enum ubx_config what)
{
    return u->given & 1U << what;
}

static void apply_values(const struct ubx_report *u, struct receiver_report *r)
{
    const int64_t *c = u->config;
    bool ratio = has(u, UBX_CONFIG_LENGTH_IS_TIME) && !c[UBX_CONFIG_LENGTH_IS_TIME];
    enum ubx_config length = has(u, UBX_CONFIG_USE_LOCKED) && !c[UBX_CONFIG_USE_LOCKED]
                                 ? UBX_CONFIG_LENGTH
                                 : UBX_CONFIG_LENGTH_LOCKED;
    if (has(u, UBX_CONFIG_POLARITY))
        r->pulse_polarity = c[UBX_CONFIG_POLARITY] ? 1 : -1;
    if (has(u, length))
        r->pulse_width = ratio ? (double)NAN : pulse_width(c[length]);
    if (has(u, UBX_CONFIG_CABLE_DELAY))
        r->cable_delay = (double)c[UBX_CONFIG_CABLE_DELAY] * 1e-9;
    if (has(u, UBX_CONFIG_TIME_MODE) && !u->svin)
        r->survey =
            (int[]){SURVEY_OFF, SURVEY_RUNNING,
                    SURVEY_FIXED}[c[UBX_CONFIG_TIME_MODE] <= 2 ? c[UBX_CONFIG_TIME_MODE] : 0];
}

/* An answer from the RAM: what is in force. */
static bool take_valget(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                        size_t length)
{
    struct ubx_report next = *u;
    if (U1(0) != 1)
        return true; /* a question */
    if (!take_values(&next, p, length))
        return false;
    if (U1(1) != 0)
        return true;
    *u = next;
    apply_values(u, r);
    return true;
}

/* ---- texts ---- */

static bool take_text(struct ubx_report *u, struct receiver_report *r, const uint8_t *p,
                      size_t length)
{
    char text[sizeof r->notice];
    receiver_report_text(text, sizeof text, p, length);
    bool supervisor = !strncmp(text, "ANTSUPERV=", 10);
    if (supervisor)
        u->antenna_fed_only = !receiver_report_supervised(text);
    if (supervisor && u->antenna_fed_only)
        r->antenna = ANTENNA_NOT_MONITORED;
    memcpy(r->notice, text, sizeof text);
    return true;
}

/* A longer payload is a newer version of the same message, where nothing is repeated. */
static const struct layout {
    uint8_t class, id, fixed, block, count; /* as in ubx_decode.c */
    bool (*take)(struct ubx_report *, struct receiver_report *, const uint8_t *, size_t length);
} layouts[] = {
    {0x01, 0x01, 20, 0, 0, take_ecef},     {0x01, 0x03, 16, 0, 0, take_status},
    {0x01, 0x07, 84, 0, 0, take_pvt},      {0x01, 0x21, 20, 0, 0, take_timeutc},
    {0x01, 0x22, 20, 0, 0, take_clock},    {0x01, 0x3b, 40, 0, 0, take_nav_svin},
    {0x04, 0x00, 0, 0, 0, take_text},      {0x04, 0x01, 0, 0, 0, take_text},
    {0x04, 0x02, 0, 0, 0, take_text},      {0x06, 0x31, 32, 0, 0, take_tp5},
    {0x06, 0x8b, 4, 0, 0, take_valget},    {0x0a, 0x04, 40, 0, 0, take_version},
    {0x0a, 0x08, 28, 0, 0, take_txbuf},    {0x0a, 0x09, 60, 0, 0, take_hw},
    {0x0a, 0x36, 8, 40, 1, take_comms},    {0x0a, 0x38, 4, 24, 1, take_rf},
    {0x0d, 0x04, 28, 0, 0, take_tim_svin}, {0x27, 0x09, 4, 0, 0, take_sec_sig},
};

static bool length_right(const struct layout *l, const struct ubx_frame *f)
{
    if (f->length < l->fixed)
        return false;
    return !l->block || f->length == l->fixed + (size_t)f->payload[l->count] * l->block;
}

enum ubx_decoded ubx_report_take(struct ubx_report *u, struct receiver_report *r,
                                 const struct ubx_frame *frame)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        const struct layout *l = &layouts[i];
        if (l->class != frame->class || l->id != frame->id)
            continue;
        bool good = length_right(l, frame) && l->take(u, r, frame->payload, frame->length);
        return good ? UBX_DECODED : UBX_MALFORMED;
    }
    return UBX_UNKNOWN;
}
