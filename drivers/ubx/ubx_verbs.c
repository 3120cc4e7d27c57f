/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of a person for a receiver, and its values as words. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ubx/ubx_setup.h"

/* ---- words in ---- */

static void want(struct ubx_order *o, enum ubx_item i, int64_t value)
{
    o->wanted.known[i] = true;
    o->wanted.value[i] = value;
    o->feature[ubx_items[i].feature] = true;
}

static int number(const char *word, const char *name, double least, double most, double *value,
                  struct err *err)
{
    char *end = NULL;
    *value = 0;
    if (word[strspn(word, "+-.0123456789eE")] == 0)
        *value = strtod(word, &end);
    if (end && end != word && !*end && *value >= least && *value <= most)
        return 0;
    return err_set(err, "receiver", "receiver help lists the verbs",
                   "%s '%.40s' is no number from %g to %g", name, word, least, most);
}

static int usage(const struct ubx_order *o, struct err *err)
{
    char todo[sizeof err->todo];
    snprintf(todo, sizeof todo, "write receiver %s %s", o->verb->word, o->verb->usage);
    return err_set(err, "receiver", todo, "%s: words are missing or too many", o->verb->word);
}

static int take_none(struct ubx_order *o, const char *const *words, size_t count, struct err *err)
{
    (void)words;
    return count ? usage(o, err) : 0;
}

static int take_show(struct ubx_order *o, const char *const *words, size_t count, struct err *err)
{
    for (int f = 0; f < UBX_FEATURES; f++)
        o->feature[f] = true;
    return take_none(o, words, count, err);
}

static int take_survey(struct ubx_order *o, const char *const *words, size_t count, struct err *err)
{
    double seconds, accuracy;
    if (count != 2)
        return usage(o, err);
    if (number(words[0], "seconds", 1, 1e7, &seconds, err) ||
        number(words[1], "accuracy in m", 0.01, 1e4, &accuracy, err))
        return -1;
    want(o, UBX_TMODE_MODE, 1);
    want(o, UBX_SURVEY_TIME, llrint(seconds));
    want(o, UBX_SURVEY_LIMIT, llrint(accuracy * 1000) * 10);
    return 0;
}

/* The place as three words, and the accuracy. */
static int take_place(bool ecef, const char *const *words, double place[3], struct err *err)
{
    static const char *const names[2][3] = {{"latitude", "longitude", "height"}, {"X", "Y", "Z"}};
    static const double most[2][3] = {{90, 180, 20000}, {1e7, 1e7, 1e7}};
    for (int i = 0; i < 3; i++)
        if (number(words[i], names[ecef][i], -most[ecef][i], most[ecef][i], &place[i], err))
            return -1;
    return 0;
}

static int take_fixed(struct ubx_order *o, const char *const *words, size_t count, struct err *err)
{
    bool ecef = count && !strcmp(words[0], "ecef");
    double place[3], at[3], accuracy = 1;
    words += ecef;
    count -= ecef;
    if (count < 3 || count > 4)
        return usage(o, err);
    if (take_place(ecef, words, place, err) ||
        (count == 4 && number(words[3], "accuracy in m", 0.001, 1e4, &accuracy, err)))
        return -1;
    memcpy(at, place, sizeof at);
    if (!ecef)
        ubx_ecef(place[0], place[1], place[2], at);
    double radius = sqrt(at[0] * at[0] + at[1] * at[1] + at[2] * at[2]);
    if (radius < 6.3e6 || radius > 6.4e6)
        return err_set(err, "receiver", "give X, Y and Z in metres", "that is not on the Earth");
    want(o, UBX_TMODE_MODE, 2);
    want(o, UBX_TMODE_LLH, 0);
    for (int i = 0; i < 3; i++)
        want(o, (enum ubx_item)(UBX_TMODE_X + i), llrint(at[i] * 100));
    want(o, UBX_TMODE_ACCURACY, llrint(accuracy * 1000) * 10);
    return 0;
}

static int take_moving(struct ubx_order *o, const char *const *words, size_t count, struct err *err)
{
    want(o, UBX_TMODE_MODE, 0);
    return take_none(o, words, count, err);
}

static int take_constellations(struct ubx_order *o, const char *const *words, size_t count,
                               struct err *err)
{
    if (!count)
        return usage(o, err);
    for (int i = UBX_GPS; i <= UBX_GLONASS; i++)
        want(o, (enum ubx_item)i, 0);
    for (size_t w = 0; w < count; w++) {
        int i = UBX_GPS;
        while (i <= UBX_GLONASS && strcmp(ubx_items[i].name, words[w]) != 0)
            i++;
        if (i > UBX_GLONASS)
            return err_set(err, "receiver", "known: gps sbas galileo beidou qzss glonass",
                           "unknown constellation '%.40s'", words[w]);
        want(o, (enum ubx_item)i, 1);
    }
    return 0;
}

static int take_elevation(struct ubx_order *o, const char *const *words, size_t count,
                          struct err *err)
{
    double degrees;
    if (count != 1)
        return usage(o, err);
    if (number(words[0], "degrees", 0, 89, &degrees, err))
        return -1;
    want(o, UBX_ELEVATION, llrint(degrees));
    return 0;
}

static int take_cable(struct ubx_order *o, const char *const *words, size_t count, struct err *err)
{
    double seconds;
    if (count != 1)
        return usage(o, err);
    if (number(words[0], "delay in s", -32e-6, 32e-6, &seconds, err))
        return -1;
    want(o, UBX_CABLE, llrint(seconds * 1e9));
    return 0;
}

static int take_baud(struct ubx_order *o, const char *const *words, size_t count, struct err *err)
{
    static const int rates[] = {4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800};
    double rate;
    if (count != 1)
        return usage(o, err);
    if (number(words[0], "baud rate", rates[0], 460800, &rate, err))
        return -1;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        if (rate == rates[i]) {
            want(o, UBX_BAUD, rates[i]);
            return 0;
        }
    return err_set(err, "receiver", "known: 4800 9600 19200 38400 57600 115200 230400 460800",
                   "no baud rate: '%.40s'", words[0]);
}

static int take_messages(struct ubx_order *o, const char *const *words, size_t count,
                         struct err *err)
{
    if (count != 1 || strcmp(words[0], "trim") != 0)
        return usage(o, err);
    for (int f = UBX_MESSAGE; f < UBX_FEATURES; f++)
        o->feature[f] = true;
    return 0;
}

static int take_jamming(struct ubx_order *o, const char *const *words, size_t count,
                        struct err *err)
{
    if (count != 1 || (strcmp(words[0], "on") != 0 && strcmp(words[0], "off") != 0))
        return usage(o, err);
    want(o, UBX_JAMMING, !strcmp(words[0], "on"));
    return 0;
}

const struct ubx_verb ubx_verbs[] = {
    {"show", "", "what it is, how it fares, how it is set", take_show},
    {"survey", "SECONDS ACCURACY", "time mode: it measures its position until both are reached, m",
     take_survey},
    {"fixed", "LAT LON HEIGHT [ACCURACY] | ecef X Y Z [ACCURACY]",
     "time mode at this position: degrees, m above the ellipsoid", take_fixed},
    {"moving", "", "no time mode", take_moving},
    {"constellations", "NAME ...", "these and no others: gps sbas galileo beidou qzss glonass",
     take_constellations},
    {"elevation", "DEGREES", "satellites below are not used", take_elevation},
    {"cable", "SECONDS", "delay of the antenna's cable, about 5e-9 a metre", take_cable},
    {"baud", "RATE", "of receiver and port; taken back when no answer comes", take_baud},
    {"messages", "trim", "only what timeball uses, as often as the line allows", take_messages},
    {"jamming", "on|off", "the interference monitor", take_jamming},
    {"save", "", "keeps what is set over a loss of power", take_none},
    {"reset-config", "", "forgets all that was ever set and saved", take_none},
    {"help", "", "this list", take_none},
    {0},
};

int ubx_order_take(struct ubx_order *o, const char *const *words, size_t count, struct err *err)
{
    memset(o, 0, sizeof *o);
    o->verb = ubx_verbs;
    while (count && o->verb->word && strcmp(o->verb->word, words[0]) != 0)
        o->verb++;
    if (!count || !o->verb->word)
        return err_set(err, "receiver", "receiver help lists the verbs, and the status its names",
                       count ? "no verb and no receiver: '%.40s'" : "a verb is missing",
                       count ? words[0] : "");
    return o->verb->take(o, words + 1, count - 1, err);
}

/* ---- the line ---- */

double ubx_line_share(const struct ubx_values *v, int rate)
{
    double bytes = 0;
    for (int i = UBX_MESSAGE_RATE; i < UBX_ITEMS; i++)
        if (v->known[i] && v->value[i] > 0)
            bytes += (double)ubx_items[i].bytes / (double)v->value[i];
    return rate > 0 ? bytes * 10 / rate : 0;
}

void ubx_trim(const struct ubx_values *known, int rate, struct ubx_values *wanted)
{
    for (int stretch = 1; stretch <= 16; stretch *= 2) {
        for (int i = UBX_MESSAGE_RATE; i < UBX_ITEMS; i++) {
            int each = ubx_items[i].wanted;
            wanted->known[i] = known->known[i];
            wanted->value[i] = each > 1 ? (int64_t)each * stretch : each;
        }
        if (ubx_line_share(wanted, rate) <= 0.5)
            return;
    }
}

/* ---- values out ---- */

const char *ubx_value_text(enum ubx_item i, const struct ubx_values *v, char *buf, size_t size)
{
    static const char *const modes[] = {"off", "survey", "fixed"};
    const struct ubx_item_row *row = &ubx_items[i];
    long long value = (long long)v->value[i];
    if (!v->known[i])
        snprintf(buf, size, "unknown");
    else if (i == UBX_TMODE_MODE && value >= 0 && value <= 2)
        snprintf(buf, size, "%s", modes[value]);
    else if (i == UBX_TMODE_LLH)
        snprintf(buf, size, "%s", value ? "latitude, longitude, height" : "ECEF");
    else if (i == UBX_TMODE_ACCURACY || i == UBX_SURVEY_LIMIT)
        snprintf(buf, size, "%g m", (double)value * 1e-4);
    else if (i >= UBX_TMODE_X && i <= UBX_TMODE_Z && !v->value[UBX_TMODE_LLH])
        snprintf(buf, size, "%.2f m", (double)value * 1e-2);
    else if (i >= UBX_MESSAGE_RATE && value > 1)
        snprintf(buf, size, "every %lld epochs", value);
    else if (i >= UBX_MESSAGE_RATE || row->bits || row->feature == UBX_SIGNAL)
        snprintf(buf, size, "%s", value ? "on" : "off");
    else
        snprintf(buf, size, "%lld%s%s", value, *row->unit ? " " : "", row->unit);
    return buf;
}

/* NULL-safe names of enumerations; out of range: "unknown". */
static const char *word_of(const char *const *words, int count, int value)
{
    return value >= 0 && value < count ? words[value] : "unknown";
}

const char *ubx_report_text(const struct receiver_report *r, int n, char *buf, size_t size)
{
    static const char *const antenna[] = {"unknown", "not monitored", "ok", "short circuit",
                                          "not connected"};
    static const char *const trouble[] = {"unknown", "not monitored", "none seen", "warning",
                                          "critical"};
    static const char *const survey[] = {"unknown", "off", "running", "fixed"};
    *buf = 0;
    switch (n) {
    case 0:
        snprintf(buf, size, "receiver: %s%s%s%s%s", *r->model ? r->model : "unknown model",
                 *r->firmware ? ", firmware " : "", r->firmware, *r->protocol ? ", protocol " : "",
                 r->protocol);
        break;
    case 1:
        snprintf(buf, size, "antenna: %s", word_of(antenna, 5, r->antenna));
        break;
    case 2:
        snprintf(buf, size, "jamming: %s", word_of(trouble, 5, r->jamming));
        break;
    case 3:
        snprintf(buf, size, "spoofing: %s", word_of(trouble, 5, r->spoofing));
        break;
    case 4:
        if (isnan(r->survey_accuracy))
            snprintf(buf, size, "survey: %s", word_of(survey, 4, r->survey));
        else
            snprintf(buf, size, "survey: %s, %.2f m", word_of(survey, 4, r->survey),
                     r->survey_accuracy);
        break;
    case 5:
        if (*r->notice)
            snprintf(buf, size, "its last text: %s", r->notice);
        break;
    default:
        return NULL;
    }
    return buf;
}
