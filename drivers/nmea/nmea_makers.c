/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The makers' own sentences, after their protocol specifications. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "drivers/nmea/nmea_talk.h"

#define TAI_GPS       19
#define LEAPS_MOST    100  /* GPS - UTC, s: far more than there can be */
#define SAWTOOTH_MOST 1e-6 /* s */

static bool copy(char *to, size_t size, const char *from)
{
    bool word = (*from >= 'A' && *from <= 'Z') || (*from >= 'a' && *from <= 'z');
    if (!word || !strncmp(from, "ERROR", 5))
        return false;
    receiver_report_text(to, size, from, strlen(from));
    return true;
}

/* ---- versions ---- */

static bool take_firmware(const struct nmea_talk *t)
{
    return copy(t->r->firmware, sizeof t->r->firmware, t->f->at[1]);
}

/* PQTMVER,1,MODULE,LG290P03AANR01A03S,... */
static bool take_pqtmver(const struct nmea_talk *t)
{
    return !strcmp(t->f->at[2], "MODULE") &&
           copy(t->r->firmware, sizeof t->r->firmware, t->f->at[3]);
}

/* PQTMQVER,OK,1,MODULE,LC29HCANR11A07S,... */
static bool take_pqtmqver(const struct nmea_talk *t)
{
    return !strcmp(t->f->at[3], "MODULE") &&
           copy(t->r->firmware, sizeof t->r->firmware, t->f->at[4]);
}

/* PGRMT,model and version,tests of ROM, receiver, data, clock, oscillator: F fails (Garmin). */
static bool take_pgrmt(const struct nmea_talk *t)
{
    static const char failed[] = "its self-test fails";
    static const int tests[] = {2, 3, 6};
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (!strcmp(t->f->at[tests[i]], "F"))
            receiver_report_text(t->r->notice, sizeof t->r->notice, failed, strlen(failed));
    return copy(t->r->model, sizeof t->r->model, t->f->at[1]);
}

/* ---- starts, answers and texts ---- */

/* PMTK010,001: what was said before the start need not hold. */
static bool take_start(const struct nmea_talk *t)
{
    static const char started[] = "the receiver has started";
    if (strcmp(t->f->at[1], "001") != 0)
        return false;
    t->r->antenna = ANTENNA_UNKNOWN;
    t->r->jamming = INTERFERENCE_UNKNOWN;
    t->n->jamming[0] = t->n->jamming[1] = INTERFERENCE_UNKNOWN;
    receiver_report_text(t->r->notice, sizeof t->r->notice, started, strlen(started));
    return true;
}

/* PMTK001,251,3 or PAIR001,864,0: how a command fared, that another program sent. */
static bool take_answer(const struct nmea_talk *t, const char *const *words, int count)
{
    const char *command = t->f->at[1];
    char text[64];
    int result = nmea_digit(t->f->at[2]);
    if (result < 0 || result >= count || strlen(command) != 3 || nmea_number(command, 3) < 0)
        return false;
    snprintf(text, sizeof text, "command %.4s%s: %s", t->f->at[0], command, words[result]);
    receiver_report_text(t->r->notice, sizeof t->r->notice, text, strlen(text));
    return true;
}

static bool take_pmtk_answer(const struct nmea_talk *t)
{
    static const char *const words[] = {"invalid", "not supported", "failed", "done"};
    return take_answer(t, words, 4);
}

static bool take_pair_answer(const struct nmea_talk *t)
{
    static const char *const words[] = {"done",          "under way",       "failed",
                                        "not supported", "wrong parameter", "busy"};
    return take_answer(t, words, 6);
}

/* PQTMTXT,version,total,number,kind,text */
static bool take_pqtmtxt(const struct nmea_talk *t)
{
    return nmea_talk_text(t, 5);
}

/* ---- antenna and jamming ---- */

static bool take_antenna(const struct nmea_talk *t, int value, const enum antenna *states,
                         int count)
{
    if (value < 0 || value >= count)
        return false;
    t->r->antenna = states[value];
    return true;
}

/* PGTOP,11,n: 1 short, 2 the internal antenna is in use, 3 the active one. */
static bool take_pgtop(const struct nmea_talk *t)
{
    static const enum antenna states[] = {ANTENNA_UNKNOWN, ANTENNA_SHORT, ANTENNA_OK, ANTENNA_OK};
    static const char internal[] = "the internal antenna is in use";
    int value = nmea_digit(t->f->at[2]);
    if (strcmp(t->f->at[1], "11") != 0)
        return false;
    if (value == 2)
        receiver_report_text(t->r->notice, sizeof t->r->notice, internal, strlen(internal));
    return take_antenna(t, value, states, 4);
}

/* PCD,11,n: 1 internal, 2 external, 3 short (CDTop) */
static bool take_pcd(const struct nmea_talk *t)
{
    static const enum antenna states[] = {ANTENNA_UNKNOWN, ANTENNA_OK, ANTENNA_OK, ANTENNA_SHORT};
    return !strcmp(t->f->at[1], "11") && take_antenna(t, nmea_digit(t->f->at[2]), states, 4);
}

/* PQTMANTENNASTATUS,version,n: 0 unknown, 1 normal, 2 open, 3 short. */
static bool take_pqtm_antenna(const struct nmea_talk *t)
{
    static const enum antenna states[] = {ANTENNA_UNKNOWN, ANTENNA_OK, ANTENNA_OPEN, ANTENNA_SHORT};
    return take_antenna(t, nmea_digit(t->f->at[2]), states, 4);
}

/* PSTMANTENNASTATUS,n: -1 not yet known, 0 normal, 1 open, 2 short. */
static bool take_pstm_antenna(const struct nmea_talk *t)
{
    static const enum antenna states[] = {ANTENNA_OK, ANTENNA_OPEN, ANTENNA_SHORT};
    return take_antenna(t, nmea_digit(t->f->at[1]), states, 3);
}

/* 0 off or unknown, 1 none, 2 warning, 3 critical. */
static bool take_jamming(const struct nmea_talk *t, int band, const char *field)
{
    static const int states[] = {INTERFERENCE_NOT_MONITORED, INTERFERENCE_NONE,
                                 INTERFERENCE_WARNING, INTERFERENCE_CRITICAL};
    int value = nmea_digit(field);
    if (value < 0 || value > 3)
        return false;
    int other = t->n->jamming[!band];
    t->n->jamming[band] = states[value];
    t->r->jamming =
        other == INTERFERENCE_UNKNOWN ? states[value] : receiver_report_worse(states[value], other);
    return true;
}

static bool take_pairspf(const struct nmea_talk *t)
{
    return take_jamming(t, 0, t->f->at[1]);
}

static bool take_pairspf5(const struct nmea_talk *t)
{
    return take_jamming(t, 1, t->f->at[1]);
}

static bool take_pqtm_jamming(const struct nmea_talk *t)
{
    return take_jamming(t, 0, t->f->at[2]);
}

/* ---- leap seconds ---- */

#define WEEKS_BYTE 256 /* the week of a change is sent in 8 bits (IS-GPS-200, 20.3.3.5.2.4) */
#define GPS_EPOCH  INT64_C(315964800)
#define DAY_S      INT64_C(86400)
#define GPS        1 /* whom the figures are of: weeks and days are counted as theirs */
#define GALILEO    3

/* The end of day `day` (1..7) of the week with that last byte, nearest to `now`; 0: none. */
static int64_t change_at(int now, int byte, int day)
{
    int ahead = ((byte - now) % WEEKS_BYTE + WEEKS_BYTE) % WEEKS_BYTE;
    if (now < 0 || byte < 0 || byte >= WEEKS_BYTE || day < 1 || day > 7)
        return 0;
    int week = now + (ahead < WEEKS_BYTE / 2 ? ahead : ahead - WEEKS_BYTE);
    return GPS_EPOCH + (week * INT64_C(7) + day) * DAY_S;
}

/* A whole field of 1..4 digits; -1 when it is none. */
static int count_of(const char *field)
{
    size_t digits = strspn(field, "0123456789");
    return digits >= 1 && digits <= 4 && !field[digits] ? nmea_number(field, (int)digits) : -1;
}

/*
 * PQTMLS,1,tow,who says the count (0: nobody, it is the firmware's),week,count,a change is
 * known,who says it,,its week,its day,count after it
 */
static bool take_pqtmls(const struct nmea_talk *t)
{
    const char *const *at = t->f->at;
    int by = nmea_digit(at[3]), count = count_of(at[5]), after = count_of(at[11]);
    int change_by = nmea_digit(at[7]);
    bool known = nmea_digit(at[6]) == 1 && (change_by == GPS || change_by == GALILEO);
    struct leap_claim c = {.tai = count + TAI_GPS, .confirmed = by >= GPS, .change = LEAP_UNKNOWN};
    if (strcmp(at[1], "1") != 0 || by < 0 || count < 0 || count > LEAPS_MOST)
        return false;
    if (known && after == count)
        c.change = LEAP_NONE;
    else if (known && (after == count + 1 || after == count - 1))
        c.at = change_at(count_of(at[4]), count_of(at[9]), count_of(at[10]));
    if (c.at)
        c.change = after > count ? LEAP_INSERT : LEAP_DELETE;
    t->told->leap_given = true;
    t->told->leap = c;
    return true;
}

/* ---- time modes and clocks ---- */

/* PQTMEPE,2,north,east,down,horizontal,of the position: m */
static bool take_pqtmepe(const struct nmea_talk *t)
{
    if (!strcmp(t->f->at[1], "2"))
        t->n->error = nmea_real(t->f->at[6]);
    return false;
}

static bool take_survey(const struct nmea_talk *t, int value)
{
    static const enum survey states[] = {SURVEY_OFF, SURVEY_RUNNING, SURVEY_FIXED};
    if (value < 0 || value > 2)
        return false;
    t->r->survey = states[value];
    return true;
}

/* PQTMSVINSTATUS,version,tow,0 off 1 running 2 done,,,observations,duration,x,y,z,accuracy */
static bool take_pqtm_survey(const struct nmea_talk *t)
{
    t->r->survey_accuracy = nmea_real(t->f->at[11]);
    return take_survey(t, nmea_digit(t->f->at[3]));
}

/* PSTI,00,mode,survey length,quantisation error of the next pulse in ns */
static bool take_psti(const struct nmea_talk *t)
{
    double error = nmea_real(t->f->at[4]) * 1e-9;
    if (strcmp(t->f->at[1], "00") != 0)
        return false;
    t->told->sawtooth_given = fabs(error) < SAWTOOTH_MOST;
    t->told->sawtooth = t->told->sawtooth_given ? error : 0;
    take_survey(t, nmea_digit(t->f->at[2]));
    return true;
}

/* PUBX,04,time,date,tow,week,leap count with D: the firmware's,bias in ns,drift in ns/s,... */
static bool take_pubx(const struct nmea_talk *t)
{
    const char *leap = t->f->at[6];
    size_t digits = strspn(leap, "0123456789");
    bool received = !leap[digits], known = received || !strcmp(leap + digits, "D");
    if (strcmp(t->f->at[1], "04") != 0)
        return false;
    t->told->leap_given = digits >= 1 && digits <= 2 && known;
    t->told->leap = (struct leap_claim){.tai = nmea_number(leap, (int)digits) + TAI_GPS,
                                        .confirmed = received,
                                        .change = LEAP_UNKNOWN};
    t->r->clock_bias = nmea_real(t->f->at[7]) * 1e-9;
    t->r->clock_drift = nmea_real(t->f->at[8]) * 1e-9;
    return true;
}

const struct nmea_talk_row nmea_maker_rows[] = {
    {"PMTK001", take_pmtk_answer},
    {"PMTK010", take_start},
    {"PMTK705", take_firmware},
    {"PMTKSPF", take_pairspf},
    {"PGTOP", take_pgtop},
    {"PCD", take_pcd},
    {"PAIR001", take_pair_answer},
    {"PAIR020", take_firmware},
    {"PAIR021", take_firmware},
    {"PAIRSPF", take_pairspf},
    {"PAIRSPF5", take_pairspf5},
    {"PQTMVERNO", take_firmware},
    {"PQTMVER", take_pqtmver},
    {"PQTMQVER", take_pqtmqver},
    {"PQTMTXT", take_pqtmtxt},
    {"PQTMANTENNASTATUS", take_pqtm_antenna},
    {"PQTMJAMMINGSTATUS", take_pqtm_jamming},
    {"PQTMSVINSTATUS", take_pqtm_survey},
    {"PQTMEPE", take_pqtmepe},
    {"PQTMLS", take_pqtmls},
    {"PSTMVER", take_firmware},
    {"PSTMANTENNASTATUS", take_pstm_antenna},
    {"PSTI", take_psti},
    {"PUBX", take_pubx},
    {"PGRMT", take_pgrmt},
    {0},
};
