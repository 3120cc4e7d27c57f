/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/nmea/nmea_decode.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/nmea/nmea_fields.h"
#include "refclock/civil.h"

/* A whole field of 1 .. 4 digits (a fraction is cut off) in 0 .. max; `other` when it is not. */
static int small_number(const char *field, int max, int other)
{
    size_t digits = strspn(field, "0123456789");
    if (digits < 1 || digits > 4 || (field[digits] && field[digits] != '.'))
        return other;
    int value = nmea_number(field, (int)digits);
    return value <= max ? value : other;
}

/* A single letter of `letters`. */
static bool letter_of(const char *field, const char *letters)
{
    return field[0] && !field[1] && strchr(letters, field[0]);
}

/* hhmmss[.f...]; empty is not given. False when it is no time of day. */
static bool take_time(const char *field, struct nmea_tod *tod)
{
    *tod = (struct nmea_tod){0};
    if (!*field)
        return true;
    int hour = nmea_number(field, 2), minute = hour < 0 ? -1 : nmea_number(field + 2, 2);
    int second = minute < 0 ? -1 : nmea_number(field + 4, 2);
    if (second < 0 || hour > 23 || minute > 59 || second > 60)
        return false;
    tod->leap60 = second == 60;
    if (tod->leap60 && (hour != 23 || minute != 59))
        return false;
    tod->given = true;
    tod->ns = (hour * 3600 + minute * 60 + second) * NS_PER_S;
    tod->unit = NS_PER_S;
    field += 6;
    if (!*field)
        return true;
    if (*field++ != '.')
        return false;
    for (; *field; field++) {
        if (*field < '0' || *field > '9')
            return false;
        tod->unit /= 10;
        tod->ns += (*field - '0') * tod->unit;
    }
    if (!tod->unit)
        tod->unit = 1;
    return true;
}

static bool take_date(struct nmea_date *date, int year, int month, int day)
{
    *date = (struct nmea_date){.given = true, .year = year, .month = month, .day = day};
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* ddmmyy; empty is not given. */
static bool take_short_date(struct nmea_date *date, const char *field)
{
    if (!*field)
        return true;
    if (strlen(field) != 6 || nmea_number(field, 6) < 0)
        return false;
    return take_date(date, nmea_number(field + 4, 2), nmea_number(field + 2, 2),
                     nmea_number(field, 2));
}

/* NMEA mode indicator: autonomous, differential, RTK float, RTK fixed, precise count. */
static enum nmea_claim mode_claim(const char *mode)
{
    if (!*mode)
        return NMEA_SAYS_NOTHING;
    return letter_of(mode, "ADFRP") ? NMEA_SAYS_VALID : NMEA_SAYS_INVALID;
}

/* The status decides; a mode can only deny. */
static enum nmea_claim status_claim(const char *status, enum nmea_claim mode)
{
    return *status == 'A' && mode != NMEA_SAYS_INVALID ? NMEA_SAYS_VALID : NMEA_SAYS_INVALID;
}

/*
 * The mode's place is field 12, after the direction of the magnetic variation. Where a receiver
 * leaves that one out, its mode stands in the place of the direction: it cannot vouch from there (E
 * is east), but letters that are no direction can still deny.
 */
static enum nmea_claim rmc_mode(const struct nmea_fields *f)
{
    if (*f->at[12])
        return mode_claim(f->at[12]);
    return letter_of(f->at[11], "NSM") ? NMEA_SAYS_INVALID : NMEA_SAYS_NOTHING;
}

static bool decode_rmc(const struct nmea_fields *f, struct nmea_message *m)
{
    if (f->count < 10 || !letter_of(f->at[2], "AV") || !take_time(f->at[1], &m->tod))
        return false;
    m->claim = status_claim(f->at[2], rmc_mode(f));
    return take_short_date(&m->date, f->at[9]);
}

/* PGRMF,GPS week,its second,date,time,leap count,latitude,N,longitude,E,mode,fix (0 none, 1, 2) */
static bool decode_pgrmf(const struct nmea_fields *f, struct nmea_message *m)
{
    const char *fix = f->at[11];
    if (!letter_of(fix, "0123") || !take_time(f->at[4], &m->tod))
        return false;
    m->claim = *fix == '0' ? NMEA_SAYS_INVALID : NMEA_SAYS_VALID;
    return take_short_date(&m->date, f->at[3]);
}

static bool decode_gga(const struct nmea_fields *f, struct nmea_message *m)
{
    const char *quality = f->at[6];
    if (f->count < 7 || !take_time(f->at[1], &m->tod))
        return false;
    if (!*quality)
        return true;
    if (!letter_of(quality, "0123456789"))
        return false;
    m->claim = letter_of(quality, "12345") ? NMEA_SAYS_VALID : NMEA_SAYS_INVALID;
    return true;
}

/* A letter for each system: one with a fix is enough. The status of NMEA 4.11 is not looked at: V
 * there says that the equipment does not judge. */
static bool decode_gns(const struct nmea_fields *f, struct nmea_message *m)
{
    const char *modes = f->at[6];
    if (f->count < 8 || !take_time(f->at[1], &m->tod))
        return false;
    if (!*modes)
        return true;
    if (strspn(modes, "ADEFMNPRS") != strlen(modes))
        return false;
    m->claim = strpbrk(modes, "ADFPR") ? NMEA_SAYS_VALID : NMEA_SAYS_INVALID;
    return true;
}

static bool decode_gll(const struct nmea_fields *f, struct nmea_message *m)
{
    if (f->count < 7 || !letter_of(f->at[6], "AV") || !take_time(f->at[5], &m->tod))
        return false;
    m->claim = status_claim(f->at[6], mode_claim(f->at[7]));
    return true;
}

static bool decode_zda(const struct nmea_fields *f, struct nmea_message *m)
{
    const char *day = f->at[2], *month = f->at[3], *year = f->at[4];
    if (f->count < 5 || !take_time(f->at[1], &m->tod))
        return false;
    if (!*day && !*month && !*year)
        return true;
    if (strlen(day) != 2 || strlen(month) != 2 || strlen(year) != 4 || nmea_number(year, 4) < 1980)
        return false;
    return take_date(&m->date, nmea_number(year, 4), nmea_number(month, 2), nmea_number(day, 2));
}

static double dop(const char *field)
{
    char *end;
    double value = strtod(field, &end);
    return end != field && !*end && value > 0 && value < 1000 ? value : (double)NAN;
}

static bool decode_gsa(const struct nmea_fields *f, struct nmea_message *m)
{
    if (f->count < 18)
        return false;
    m->gsa = (struct nmea_gsa){
        .fix = small_number(f->at[2], 3, 0),
        .pdop = dop(f->at[15]),
        .hdop = dop(f->at[16]),
        .system = f->at[18][0] ? (int)strtol(f->at[18], NULL, 16) & 15 : 0,
    };
    for (int i = 3; i < 15; i++) {
        int id = small_number(f->at[i], 999, 0);
        if (id > 0)
            m->gsa.id[m->gsa.count++] = id;
    }
    return true;
}

static bool decode_gsv(const struct nmea_fields *f, struct nmea_message *m)
{
    if (f->count < 4 || small_number(f->at[1], 99, 0) < 1 || small_number(f->at[2], 99, 0) < 1)
        return false;
    m->gsv.count = 0;
    for (int i = 4; i + 3 < f->count && m->gsv.count < 4; i += 4) {
        int id = small_number(f->at[i], 999, 0);
        if (id < 1)
            continue;
        int n = m->gsv.count++;
        m->gsv.satellite[n].id = id;
        m->gsv.satellite[n].elevation = small_number(f->at[i + 1], 90, -1);
        m->gsv.satellite[n].azimuth = small_number(f->at[i + 2], 360, -1);
        m->gsv.satellite[n].cn0 = small_number(f->at[i + 3], 99, 0);
    }
    return true;
}

static const struct {
    const char *name;
    enum nmea_kind kind;
    bool (*decode)(const struct nmea_fields *, struct nmea_message *);
} decoders[] = {
    {"RMC", NMEA_RMC, decode_rmc}, {"GGA", NMEA_GGA, decode_gga}, {"GLL", NMEA_GLL, decode_gll},
    {"ZDA", NMEA_ZDA, decode_zda}, {"GSA", NMEA_GSA, decode_gsa}, {"GSV", NMEA_GSV, decode_gsv},
    {"GNS", NMEA_GNS, decode_gns},
};

static bool known_talker(const char *talker)
{
    static const char talkers[][3] = {"GP", "GN", "GL", "GA", "GB", "BD", "GI", "GQ", "QZ"};
    for (size_t i = 0; i < sizeof talkers / sizeof *talkers; i++)
        if (!strcmp(talker, talkers[i]))
            return true;
    return false;
}

enum nmea_decoded nmea_decode(const char *text, struct nmea_message *m)
{
    struct nmea_fields f;
    nmea_split(&f, text);
    memset(m, 0, sizeof *m);
    if (strlen(f.at[0]) != 5)
        return NMEA_IGNORED;
    memcpy(m->talker, text, 2);
    if (!strcmp(f.at[0], "PGRMF")) {
        m->kind = NMEA_PGRMF;
        return decode_pgrmf(&f, m) ? NMEA_DECODED : NMEA_MALFORMED;
    }
    if (!known_talker(m->talker))
        return NMEA_IGNORED;
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
        if (!strcmp(f.at[0] + 2, decoders[i].name)) {
            m->kind = decoders[i].kind;
            return decoders[i].decode(&f, m) ? NMEA_DECODED : NMEA_MALFORMED;
        }
    return NMEA_IGNORED;
}
