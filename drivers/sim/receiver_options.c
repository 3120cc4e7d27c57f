/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/receiver.h"

#define AT(field)                        .offset = offsetof(struct sim_receiver_config, field)
#define NUMBER(name, least, most, start) NAMED(#name, name, least, most, start)
#define NAMED(name, field, least, most, start) \
    .word = name, .type = OPTION_SECONDS, AT(field), .min = least, .max = most, .initial = start

#define CHOICE(name, field, among, first, text)                                             \
    {                                                                                       \
        .word = name, .type = OPTION_CHOICE, AT(field), .choices = among, .initial = first, \
        .help = text                                                                        \
    }
#define WHOLE(name, field, least, most, text)                                               \
    {                                                                                       \
        .word = name, .type = OPTION_INT, AT(field), .min = least, .max = most, .unit = "", \
        .initial = "0", .help = text                                                        \
    }

static const char *const kinds[] = {"gauss", "uniform", "one-sided", NULL};
static const char *const protocols[] = {"nmea", "ubx", "both", NULL};
static const char *const levels[] = {"normal", "inverted", NULL};
static const char *const styles[] = {"60", "59", "00", "late", NULL};
static const char *const signs[] = {"right", "reversed", "none", NULL};

const struct option_row sim_receiver_options[] = {
    {NAMED("pulse_noise", pulse.noise, 0, 0.1, "1e-6"), .unit = "s",
     .help = "standard deviation of a pulse's stamp"},
    {NAMED("late_share", pulse.late_share, 0, 1, "0"), .unit = "",
     .help = "share of pulses that are stamped late"},
    {NAMED("late_mean", pulse.late_mean, 0, 0.1, "500e-6"), .unit = "s",
     .help = "mean lateness of those (exponential)"},
    {NAMED("latency", pulse.latency, -0.1, 0.1, "0"), .unit = "s",
     .help = "constant lateness of every stamp"},
    {NAMED("sawtooth", pulse.sawtooth, 0, 1e-3, "0"), .unit = "s",
     .help = "peak of the sawtooth that the receiver's own clock leaves in its pulses"},
    {NAMED("missing", pulse.missing, 0, 1, "0"), .unit = "",
     .help = "share of pulses that are missing"},
    {NAMED("extra", pulse.extra, 0, 1, "0"), .unit = "",
     .help = "share of seconds whose stamp is a stray pulse's"},
    {NAMED("double", pulse.doubled, 0, 1, "0"), .unit = "",
     .help = "share of pulses that a second one follows"},
    {NAMED("double_after", pulse.doubled_by, 1e-6, 0.4, "50e-6"), .unit = "s",
     .help = "from a pulse to the second one"},
    CHOICE("polarity", edge.polarity, levels, "normal",
           "inverted: the receiver is set to a pulse that begins with the falling edge"),
    CHOICE("wire", edge.wire, levels, "normal",
           "inverted: something between receiver and line inverts the pulse"),
    {NAMED("width", edge.width, 1e-6, 0.999, "0.1"), .unit = "s", .help = "width of the pulse"},
    WHOLE("both_edges", edge.both, 0, 1, "1: the line captures both edges"),
    WHOLE("tells_pulse", edge.tells, 0, 1,
          "1: the receiver says polarity and width of its pulse (UBX-CFG-TP5)"),
    CHOICE("protocol", protocol, protocols, "nmea", "of the messages"),
    {NUMBER(message_delay, 0.001, 1.5, "0.2"), .unit = "s",
     .help = "from the true second to a message's first byte"},
    {NUMBER(message_jitter, 0, 0.5, "0.01"), .unit = "s", .help = "size of that delay's jitter"},
    CHOICE("message_jitter_kind", message_jitter_kind, kinds, "gauss", "its distribution"),
    {NUMBER(message_drift, -0.1, 0.1, "0"), .unit = "s/s", .help = "drift of that delay"},
    {NUMBER(corrupt, 0, 1, "0"), .unit = "", .help = "share of messages with a damaged byte"},
    {NUMBER(first_fix, 0, 1e6, "0"), .unit = "s", .help = "time to the receiver's first fix"},
    WHOLE("cold_date", cold_date, 0, 1, "1: dates before that begin at 1980-01-06"),
    WHOLE("rollover", rollover, 0, 3, "so many times 1024 weeks its dates are back"),
    {NUMBER(leap_known, 0, 1e6, "0"), .unit = "s",
     .help = "time until it has received the count of leap seconds"},
    WHOLE("leap_off", leap_off, -30, 30, "by so many seconds its UTC is wrong till then"),
    CHOICE(
        "leap_style", leap_style, styles, "60",
        "how it calls the second before the midnight of a leap second: 23:59:60, 23:59:59 again, "
        "00:00:00 twice, or as if there were none for leap_late"),
    {NUMBER(leap_late, 1, 1e6, "1200"), .unit = "s", .help = "time until such a one knows better"},
    WHOLE("false_leap", false_leap, -1, 1, "a leap second that it announces and that never comes"),
    {NUMBER(false_leap_at, 0, 4e7, "0"), .unit = "s", .help = "when, from the start"},
    {NUMBER(pulse_message_delay, 0.001, 0.9, "0.06"), .unit = "s",
     .help = "from a pulse to what is said of the next one (UBX-TIM-TP)"},
    CHOICE("qerr", qerr, signs, "right", "sign of its sawtooth corrections (UBX-TIM-TP)"),
    {NUMBER(qerr_lost, 0, 1, "0"), .unit = "", .help = "share of those that are not sent"},
    {NUMBER(qerr_invalid, 0, 1, "0"), .unit = "", .help = "share of those that say they are none"},
    {.word = NULL},
};
