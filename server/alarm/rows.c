/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/alarm/alarm.h"

/* The numbers were drawn once (RFC 9562 version 4), as sd_journal_print(3) asks for. */
const struct alarm_row alarm_rows[ALARM_KINDS] = {
    [ALARM_LOCKED] = {"locked", "f05e050d50b542baad27c949c9f05100", "The clock follows a source.",
                      LOG_LEVEL_NOTICE, true, true},
    [ALARM_HOLDOVER] = {"holdover", "6075efcd44a54fe0b46c501de2271f90",
                        "Every source is lost, and the error bound is inside the limit.",
                        LOG_LEVEL_WARNING, true, false},
    [ALARM_UNSYNCHRONISED] = {"unsynchronised", "158a435f38064579a978a1cdb1e5e05a",
                              "The time is not known well enough to be served.", LOG_LEVEL_ERROR,
                              true, false},
    [ALARM_GONE] = {"gone", "8ea0d79756a341acb43f65fbb36ca6b0",
                    "timeballd does not answer at its status socket.", LOG_LEVEL_ERROR, false,
                    false},
    [ALARM_FALSETICKER] = {"falseticker", "b6b0f853a817481782ecc51456c78e6e",
                           "A source says another time than the majority.", LOG_LEVEL_WARNING,
                           false, false},
    [ALARM_ANTENNA] = {"antenna", "c7f1282fe49f4f05ac8d8fb0310efd9e",
                       "A receiver says that its antenna is short or open.", LOG_LEVEL_WARNING,
                       false, false},
    [ALARM_JAMMING] = {"jamming", "5e12073ecd9d4a70994b0d5ede880e9e",
                       "A receiver says that it is jammed.", LOG_LEVEL_WARNING, false, false},
    [ALARM_SPOOFING] = {"spoofing", "4ed99cfde1944a628f9abb26f936c44d",
                        "A receiver says that its signals are forged.", LOG_LEVEL_ERROR, false,
                        false},
    [ALARM_LEAP_LIST] =
        {"leap_list", "1f5eaf60f19a4c05a1689ef85df4613d",
         "The list of leap seconds that holds longest expires within 30 days, or has.",
         LOG_LEVEL_WARNING, false, false},
    [ALARM_CLOCK_MOVED] = {"clock_moved", "f08c7386eb034605a6e4924230be4b51",
                           "Another program stepped the clock.", LOG_LEVEL_WARNING, true, true},
    [ALARM_TEST] = {"test", "a80332235c024b19a6d4f2ed28ab1dab",
                    "What `timeball-alarm --test` sends.", LOG_LEVEL_NOTICE, true, false},
};
