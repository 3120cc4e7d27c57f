/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/utc.h"

#include <math.h>

const struct option_row sim_utc_options[] = {
    {.word = "leap",
     .type = OPTION_INT,
     .offset = offsetof(struct sim_utc, leap),
     .min = -1,
     .max = 1,
     .unit = "",
     .initial = "0",
     .help = "a leap second: 1 inserts 23:59:60, -1 leaves 23:59:59 out"},
    {.word = "leap_at",
     .type = OPTION_SECONDS,
     .offset = offsetof(struct sim_utc, leap_at),
     .min = 0,
     .max = 4e7,
     .unit = "s",
     .initial = "0",
     .help = "from the start to the midnight that it comes before"},
    {.word = NULL},
};

void sim_utc_start(struct sim_utc *u, int64_t start)
{
    u->start = start;
    u->midnight = start + llrint(u->leap_at);
}

int sim_utc_behind(const struct sim_utc *u, int64_t second)
{
    if (u->leap > 0)
        return second >= u->midnight;
    return u->leap < 0 && second >= u->midnight - 1 ? -1 : 0;
}

struct sim_name sim_utc_name(const struct sim_utc *u, int64_t second)
{
    if (u->leap > 0 && second == u->midnight)
        return (struct sim_name){.posix = second, .leap60 = true};
    return (struct sim_name){.posix = second - sim_utc_behind(u, second)};
}
