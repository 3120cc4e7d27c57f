/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/nmea_report.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drivers/nmea_fields.h"

#define TAI_GPS       19
#define SAWTOOTH_MOST 1e-6 /* s */

/* What a handler is given. */
struct talk {
    struct nmea_report *n;
    struct receiver_report *r;
    const struct nmea_fields *f;
    const char *text; /* the whole sentence */
    bool position;
    struct nmea_told *told;
};

void nmea_report_init(struct nmea_report *n)
{
    *n = (struct nmea_report){.error = (double)NAN};
}

/* A field of one digit; -1 when it is none. */
static int digit(const char *field)
{
    return *field && !field[1] ? nmea_number(field, 1) : -1;
}

static bool copy(char *to, size_t size, const char *from)
{
    bool word = (*from >= 'A' && *from <= 'Z') || (*from >= 'a' && *from <= 'z');
    if (!word || !strncmp(from, "ERROR", 5))
        return false;
    receiver_report_text(to, size, from, strlen(from));
    return true;
}

/* ---- positions ---- */

/* (d)ddmm.mmm and its half of the world, degrees; NAN when it is none. */
static double angle(const char *field, const char *half, const char *halves, double most)
{
    double value = nmea_real(field);
    double degrees = floor(value / 100), minutes = value - 100 * degrees;
    bool known = *half && !half[1] && strchr(halves, *half);
    if (!known || !(minutes < 60) || !(value >= 0) || !(degrees + minutes / 60 <= most))
        return (double)NAN;
    return (*half == halves[1] ? -1 : 1) * (degrees + minutes / 60);
}

/* latitude, N/S, longitude, E/W from field 2 on. */
static bool take_position(const struct talk *t, bool fix, double height)
{
    const char *const *at = t->f->at;
    double latitude = angle(at[2], at[3], "NS", 90), longitude = angle(at[4], at[5], "EW", 180);
    if (!t->position)
        return false;
    t->r->positioned = false;
    if (fix && !isnan(latitude) && !isnan(longitude) && fabs(height) < 1e5)
        receiver_report_position(t->r, latitude, longitude, height, t->n->error);
    return true;
}

static bool take_gga(const struct talk *t)
{
    double height = nmea_real(t->f->at[9]) + nmea_real(t->f->at[11]);
    int quality = digit(t->f->at[6]);
    return take_position(t, quality >= 1 && quality <= 5, height);
}

static bool take_gns(const struct talk *t)
{
    double height = nmea_real(t->f->at[9]) + nmea_real(t->f->at[10]);
    return take_position(t, strpbrk(t->f->at[6], "ADFPR"), height);
}

static bool take_gst(const struct talk *t)
{
    double sum = 0;
    for (int i = 6; i < 9; i++)
        sum += pow(nmea_real(t->f->at[i]), 2);
    t->n->error = sqrt(sum);
    return false;
}

/* ---- texts ---- */

static const struct {
    const char *word;
    enum antenna antenna;
} antenna_words[] = {
    {"ANTSTATUS=OK", ANTENNA_OK},        {"ANTSTATUS=OPEN", ANTENNA_OPEN},
    {"ANTSTATUS=SHORT", ANTENNA_SHORT},  {"ANTSTATUS=DONTKNOW", ANTENNA_NOT_MONITORED},
    {"ANTSTATUS=INIT", ANTENNA_UNKNOWN}, {"ANTENNA OK", ANTENNA_OK},
    {"ANTENNA OPEN", ANTENNA_OPEN},      {"ANTENNA SHORT", ANTENNA_SHORT},
};

/* False: it says nothing of the antenna. */
static bool take_antenna_word(const struct talk *t, const char *text)
{
    for (size_t i = 0; i < sizeof antenna_words / sizeof *antenna_words; i++)
        if (!strncasecmp(text, antenna_words[i].word, strlen(antenna_words[i].word))) {
            t->r->antenna = antenna_words[i].antenna;
            return true;
        }
    return false;
}

static bool take_version_word(const struct talk *t, const char *text)
{
    struct receiver_report *r = t->r;
    const struct {
        const char *prefix;
        char *to;
        size_t size;
    } texts[] = {
        {"FWVER=", r->firmware, sizeof r->firmware},   {"SW=", r->firmware, sizeof r->firmware},
        {"MOD=", r->model, sizeof r->model},           {"HW=", r->model, sizeof r->model},
        {"PROTVER=", r->protocol, sizeof r->protocol},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t skip = strlen(texts[i].prefix);
        if (strncmp(text, texts[i].prefix, skip) != 0)
            continue;
        receiver_report_text(texts[i].to, texts[i].size, text + skip, strlen(text + skip));
        return true;
    }
    return false;
}

/* The text itself is all after the fourth comma, more commas among it. */
static bool take_txt(const struct talk *t)
{
    const char *text = t->text;
    for (int i = 0; text && i < 4; i++) {
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    if (!text || !*text)
        return false;
    if (!take_antenna_word(t, text) && !take_version_word(t, text))
        receiver_report_text(t->r->notice, sizeof t->r->notice, text, strlen(text));
    return true;
}

/* ---- versions ---- */

static bool take_firmware(const struct talk *t)
{
    return copy(t->r->firmware, sizeof t->r->firmware, t->f->at[1]);
}

/* PQTMVER,1,MODULE,LG290P03AANR01A03S,... */
static bool take_pqtmver(const struct talk *t)
{
    return !strcmp(t->f->at[2], "MODULE") &&
           copy(t->r->firmware, sizeof t->r->firmware, t->f->at[3]);
}

/* ---- antenna and jamming ---- */

static bool take_antenna(const struct talk *t, int value, const enum antenna *states, int count)
{
    if (value < 0 || value >= count)
        return false;
    t->r->antenna = states[value];
    return true;
}

/* PGTOP,11,n: 1 short, 2 the internal antenna is in use, 3 the active one. */
static bool take_pgtop(const struct talk *t)
{
    static const enum antenna states[] = {ANTENNA_UNKNOWN, ANTENNA_SHORT, ANTENNA_OK, ANTENNA_OK};
    static const char internal[] = "the internal antenna is in use";
    int value = digit(t->f->at[2]);
    if (strcmp(t->f->at[1], "11") != 0)
        return false;
    if (value == 2)
        receiver_report_text(t->r->notice, sizeof t->r->notice, internal, strlen(internal));
    return take_antenna(t, value, states, 4);
}

/* PQTMANTENNASTATUS,version,n: 0 unknown, 1 normal, 2 open, 3 short. */
static bool take_pqtm_antenna(const struct talk *t)
{
    static const enum antenna states[] = {ANTENNA_UNKNOWN, ANTENNA_OK, ANTENNA_OPEN, ANTENNA_SHORT};
    return take_antenna(t, digit(t->f->at[2]), states, 4);
}

/* PSTMANTENNASTATUS,n: -1 not yet known, 0 normal, 1 open, 2 short. */
static bool take_pstm_antenna(const struct talk *t)
{
    static const enum antenna states[] = {ANTENNA_OK, ANTENNA_OPEN, ANTENNA_SHORT};
    return take_antenna(t, digit(t->f->at[1]), states, 3);
}

/* 0 off or unknown, 1 none, 2 warning, 3 critical. */
static bool take_jamming(const struct talk *t, int band, const char *field)
{
    static const int states[] = {INTERFERENCE_NOT_MONITORED, INTERFERENCE_NONE,
                                 INTERFERENCE_WARNING, INTERFERENCE_CRITICAL};
    int value = digit(field);
    if (value < 0 || value > 3)
        return false;
    int other = t->n->jamming[!band];
    t->n->jamming[band] = states[value];
    t->r->jamming =
        other == INTERFERENCE_UNKNOWN ? states[value] : receiver_report_worse(states[value], other);
    return true;
}

static bool take_pairspf(const struct talk *t)
{
    return take_jamming(t, 0, t->f->at[1]);
}

static bool take_pairspf5(const struct talk *t)
{
    return take_jamming(t, 1, t->f->at[1]);
}

static bool take_pqtm_jamming(const struct talk *t)
{
    return take_jamming(t, 0, t->f->at[2]);
}

/* ---- time modes and clocks ---- */

static bool take_survey(const struct talk *t, int value)
{
    static const enum survey states[] = {SURVEY_OFF, SURVEY_RUNNING, SURVEY_FIXED};
    if (value < 0 || value > 2)
        return false;
    t->r->survey = states[value];
    return true;
}

/* PQTMSVINSTATUS,version,tow,0 off 1 running 2 done,,,observations,duration,x,y,z,accuracy */
static bool take_pqtm_survey(const struct talk *t)
{
    t->r->survey_accuracy = nmea_real(t->f->at[11]);
    return take_survey(t, digit(t->f->at[3]));
}

/* PSTI,00,mode,survey length,quantisation error of the next pulse in ns */
static bool take_psti(const struct talk *t)
{
    double error = nmea_real(t->f->at[4]) * 1e-9;
    if (strcmp(t->f->at[1], "00") != 0)
        return false;
    t->told->sawtooth_given = fabs(error) < SAWTOOTH_MOST;
    t->told->sawtooth = t->told->sawtooth_given ? error : 0;
    take_survey(t, digit(t->f->at[2]));
    return true;
}

/* PUBX,04,time,date,tow,week,leap count with D: the firmware's,bias in ns,drift in ns/s,... */
static bool take_pubx(const struct talk *t)
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

static const struct {
    const char *address; /* three letters: of any talker */
    bool (*take)(const struct talk *);
} sentences[] = {
    {"GGA", take_gga},
    {"GNS", take_gns},
    {"GST", take_gst},
    {"TXT", take_txt},
    {"PMTK705", take_firmware},
    {"PAIR020", take_firmware},
    {"PAIR021", take_firmware},
    {"PQTMVERNO", take_firmware},
    {"PQTMVER", take_pqtmver},
    {"PSTMVER", take_firmware},
    {"PGTOP", take_pgtop},
    {"PQTMANTENNASTATUS", take_pqtm_antenna},
    {"PSTMANTENNASTATUS", take_pstm_antenna},
    {"PAIRSPF", take_pairspf},
    {"PAIRSPF5", take_pairspf5},
    {"PQTMJAMMINGSTATUS", take_pqtm_jamming},
    {"PQTMSVINSTATUS", take_pqtm_survey},
    {"PSTI", take_psti},
    {"PUBX", take_pubx},
};

bool nmea_report_take(struct nmea_report *n, struct receiver_report *r, const char *text,
                      bool position, struct nmea_told *told)
{
    struct nmea_fields f;
    const struct talk t = {
        .n = n, .r = r, .f = &f, .text = text, .position = position, .told = told};
    *told = (struct nmea_told){0};
    nmea_split(&f, text);
    bool talker = f.at[0][0] == 'G' || f.at[0][0] == 'B' || f.at[0][0] == 'Q';
    const char *name = talker && strlen(f.at[0]) == 5 ? f.at[0] + 2 : f.at[0];
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (!strcmp(sentences[i].address, name))
            return sentences[i].take(&t);
    return false;
}
