/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver `nmea`: what can be set, and what is counted. */
#include <stddef.h>

#include "drivers/receiver/nmea_state.h"

static const char *const auto_words[] = {"auto", NULL};

const struct option_row nmea_options[] = {
    {
        .word = "baud",
        .type = OPTION_INT,
        .offset = offsetof(struct nmea_driver, baud),
        .min = 4800,
        .max = 921600,
        .unit = "",
        .choices = auto_words,
        .initial = "auto",
        .help = "The port's rate; auto finds it by listening.",
    },
    {
        .word = "delay",
        .type = OPTION_RANGE,
        .offset = offsetof(struct nmea_driver, delay),
        .min = 0,
        .max = 2,
        .unit = "s",
        .help = "From the true second to the first byte of its messages; without it, and "
                "without pulses, the receiver sets no time.",
    },
    {0},
};

#define COUNTER(name, member, help)                      \
    {                                                    \
        name, offsetof(struct nmea_driver, member), help \
    }

const struct counter_row nmea_counters[] = {
    COUNTER("bytes", gnss.stream.counts.bytes, "bytes received"),
    COUNTER("sentences", gnss.nmea.counts.sentences, "NMEA sentences with a right checksum"),
    COUNTER("bad_checksum", gnss.nmea.counts.bad_checksum,
            "sentences with a wrong checksum, not believed"),
    COUNTER("no_checksum", gnss.nmea.counts.no_checksum,
            "sentences without a checksum, not believed"),
    COUNTER("broken", gnss.nmea.counts.broken, "sentences that were cut off"),
    COUNTER("malformed", gnss.nmea.counts.malformed,
            "sentences with a field that cannot be, not believed"),
    COUNTER("ubx", gnss.stream.counts.ubx, "UBX messages with a right checksum"),
    COUNTER("ubx_damaged", gnss.stream.counts.ubx_damaged,
            "what looked like a UBX message and has a wrong checksum"),
    COUNTER("ubx_malformed", gnss.ubx.counts.malformed,
            "UBX messages with a length or a time that cannot be, not believed"),
    COUNTER("ubx_known", gnss.ubx.counts.known, "UBX messages that are known and not used"),
    COUNTER("ubx_unknown", gnss.ubx.counts.unknown, "UBX messages that are not known"),
    COUNTER("sawtooth", gnss.ubx.counts.pulses,
            "pulses announced with a valid sawtooth correction"),
    COUNTER("no_sawtooth", gnss.ubx.counts.no_pulses,
            "pulses announced without a valid sawtooth correction"),
    COUNTER("rtcm", gnss.stream.counts.rtcm, "RTCM 3 messages, passed over"),
    COUNTER("epochs", gnss.counts.epochs, "times that the receiver vouched for"),
    COUNTER("unconfirmed", unconfirmed,
            "of these, times not used because fewer than three in a row agreed"),
    COUNTER("no_fix", gnss.counts.no_fix, "epochs without a valid fix"),
    COUNTER("no_word", gnss.counts.no_word, "epochs whose messages say no word of a fix"),
    COUNTER("no_date", gnss.counts.no_date, "epochs with a fix but without a date"),
    COUNTER("no_utc", gnss.counts.no_utc, "epochs in which the receiver did not know UTC"),
    COUNTER("contradictory", gnss.counts.contradictory, "epochs with two different times"),
    COUNTER("era_moved", gnss.counts.era_moved,
            "epochs whose date was wrong by whole 1024-week eras and was put right"),
    COUNTER("too_early", too_early,
            "epochs with a date before this release or before the time of an earlier run, not "
            "believed"),
    COUNTER("rates", rates, "baud rates that were tried after the first"),
    COUNTER("reopened", reopen.times, "times that the port came back"),
    {0},
};
