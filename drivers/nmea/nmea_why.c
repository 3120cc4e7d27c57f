/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/nmea/nmea_why.h"

#include "refclock/civil.h"

void nmea_why_not(enum nmea_verdict verdict, const char *path, struct err *err)
{
    static const struct {
        const char *why, *todo;
    } rows[] = {
        [NMEA_VOUCHED] = {"", ""},
        [NMEA_NO_FIX] = {"the receiver has no fix", "give it time and a free view of the sky"},
        [NMEA_NO_WORD] = {"the receiver does not say whether it has a fix",
                          "switch RMC or GGA on in the receiver"},
        [NMEA_NO_DATE] = {"the receiver has a fix but sends no date",
                          "switch RMC or ZDA on in the receiver"},
        [NMEA_CONTRADICTION] = {"the receiver's messages name different times",
                                "reset the receiver, or update its firmware, if that stays"},
        [NMEA_NO_UTC] = {"the receiver does not know UTC yet",
                         "wait: GPS sends the leap count every 12.5 minutes"},
    };
    err_set(err, path, rows[verdict].todo, "%s", rows[verdict].why);
}

void nmea_why_too_early(int64_t second, const char *path, struct err *err)
{
    char date[36];
    civil_iso(second * NS_PER_S, 0, date, sizeof date);
    date[10] = 0;
    err_set(err, path, "give it an hour of free sky; update its firmware if that stays",
            "the receiver's date, %s, is past already", date);
}
