/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/nmea/nmea_report.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drivers/nmea/nmea_talk.h"

void nmea_report_init(struct nmea_report *n)
{
    *n = (struct nmea_report){.error = (double)NAN};
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
static bool take_position(const struct nmea_talk *t, bool fix, double height)
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

static bool take_gga(const struct nmea_talk *t)
{
    double height = nmea_real(t->f->at[9]) + nmea_real(t->f->at[11]);
    int quality = nmea_digit(t->f->at[6]);
    return take_position(t, quality >= 1 && quality <= 5, height);
}

static bool take_gns(const struct nmea_talk *t)
{
    double height = nmea_real(t->f->at[9]) + nmea_real(t->f->at[10]);
    return take_position(t, strpbrk(t->f->at[6], "ADFPR"), height);
}

static bool take_gst(const struct nmea_talk *t)
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

static bool take_supervisor(const struct nmea_talk *t, const char *text)
{
    if (strncmp(text, "ANTSUPERV=", 10) != 0)
        return false;
    t->n->antenna_fed_only = !receiver_report_supervised(text);
    if (t->n->antenna_fed_only)
        t->r->antenna = ANTENNA_NOT_MONITORED;
    return true;
}

/* False: it says nothing of the antenna. */
static bool take_antenna_word(const struct nmea_talk *t, const char *text)
{
    for (size_t i = 0; i < sizeof antenna_words / sizeof *antenna_words; i++)
        if (!strncasecmp(text, antenna_words[i].word, strlen(antenna_words[i].word))) {
            bool blind = antenna_words[i].antenna == ANTENNA_OK && t->n->antenna_fed_only;
            t->r->antenna = blind ? ANTENNA_NOT_MONITORED : antenna_words[i].antenna;
            return true;
        }
    return take_supervisor(t, text);
}

/* What it is; a text that another one says better comes only where that one is missing. */
static bool take_version_word(const struct nmea_talk *t, const char *text)
{
    struct receiver_report *r = t->r;
    const struct {
        const char *prefix;
        char *to;
        size_t size;
        bool lesser;
    } texts[] = {
        {"FWVER=", r->firmware, sizeof r->firmware, false},
        {"SW=", r->firmware, sizeof r->firmware, false},
        {"ROM CORE ", r->firmware, sizeof r->firmware, true},
        {"EXT CORE ", r->firmware, sizeof r->firmware, true},
        {"MOD=", r->model, sizeof r->model, false},
        {"HW=", r->model, sizeof r->model, false},
        {"IC=", r->model, sizeof r->model, true},
        {"HW UBX-", r->model, sizeof r->model, true},
        {"PROTVER=", r->protocol, sizeof r->protocol, false},
        {"PROTVER ", r->protocol, sizeof r->protocol, false},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t skip = strlen(texts[i].prefix);
        if (strncmp(text, texts[i].prefix, skip) != 0)
            continue;
        if (!texts[i].lesser || !*texts[i].to)
            receiver_report_text(texts[i].to, texts[i].size, text + skip, strlen(text + skip));
        return true;
    }
    return false;
}

/* CASIC's other lines at a start: maker, build, mode, boot loader, flash, chip number. */
static bool is_small_talk(const char *text)
{
    static const char *const prefixes[] = {"MA=", "TB=", "MO=", "BS=", "FI=", "CI="};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(text, prefixes[i], 3))
            return true;
    return false;
}

static void take_notice(const struct nmea_talk *t, const char *text)
{
    t->r->output_overflow |= !strncmp(text, "txbuf alloc", 11); /* u-blox: messages were dropped */
    receiver_report_text(t->r->notice, sizeof t->r->notice, text, strlen(text));
}

bool nmea_talk_text(const struct nmea_talk *t, int field)
{
    const char *text = t->text;
    for (int i = 0; text && i < field; i++) {
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    if (!text || !*text || is_small_talk(text))
        return false;
    if (!take_antenna_word(t, text) && !take_version_word(t, text))
        take_notice(t, text);
    return true;
}

static bool take_txt(const struct nmea_talk *t)
{
    return nmea_talk_text(t, 4);
}

static const struct nmea_talk_row rows[] = {
    {"GGA", take_gga}, {"GNS", take_gns}, {"GST", take_gst}, {"TXT", take_txt}, {0},
};

static const struct nmea_talk_row *find(const struct nmea_talk_row *row, const char *name)
{
    for (; row->address; row++)
        if (!strcmp(row->address, name))
            return row;
    return NULL;
}

bool nmea_report_take(struct nmea_report *n, struct receiver_report *r, const char *text,
                      bool position, struct nmea_told *told)
{
    struct nmea_fields f;
    const struct nmea_talk t = {
        .n = n, .r = r, .f = &f, .text = text, .position = position, .told = told};
    *told = (struct nmea_told){0};
    nmea_split(&f, text);
    bool talker = f.at[0][0] == 'G' || f.at[0][0] == 'B' || f.at[0][0] == 'Q';
    const struct nmea_talk_row *row =
        talker && strlen(f.at[0]) == 5 ? find(rows, f.at[0] + 2) : find(nmea_maker_rows, f.at[0]);
    return row && row->take(&t);
}
