/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/receiver.h"

#define AT(field)                        .offset = offsetof(struct sim_receiver_config, field)
#define NUMBER(name, least, most, start) NAMED(#name, name, least, most, start)
#define NAMED(name, field, least, most, start) \
    .word = name, .type = OPTION_SECONDS, AT(field), .min = least, .max = most, .initial = start

static const char *const kinds[] = {"gauss", "uniform", "one-sided", NULL};

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
    {NUMBER(message_delay, 0.001, 1.5, "0.2"), .unit = "s",
     .help = "from the true second to a message's first byte"},
    {NUMBER(message_jitter, 0, 0.5, "0.01"), .unit = "s", .help = "size of that delay's jitter"},
    {.word = "message_jitter_kind",
     .type = OPTION_CHOICE,
     AT(message_jitter_kind),
     .choices = kinds,
     .initial = "gauss",
     .help = "its distribution"},
    {NUMBER(message_drift, -0.1, 0.1, "0"), .unit = "s/s", .help = "drift of that delay"},
    {NUMBER(corrupt, 0, 1, "0"), .unit = "", .help = "share of sentences with a damaged byte"},
    {NUMBER(first_fix, 0, 1e6, "0"), .unit = "s", .help = "time to the receiver's first fix"},
    {.word = NULL},
};
