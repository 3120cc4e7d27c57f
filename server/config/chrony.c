/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/chrony.h"

#include <stddef.h>
#include <string.h>

#define DELETE    "delete the line: "
#define ESTIMATED DELETE "frequency and noise are estimated with their errors"
#define MAJORITY  DELETE "a majority decides, and each server counts by its own error"
#define NO_NTS    DELETE "there is no Network Time Security"
#define SOCKETS   DELETE "commands go over a Unix socket, never over the network"
#define NO_FOLDER "write the servers into this file, or `includefile PATH`"

const struct config_chrony_row config_chrony_rows[] = {
    {"allow", NULL,
     "write `restrict default ignore`, then `restrict NET limited noquery` and a line each for "
     "127.0.0.1 and ::1; to serve everybody, delete the line"},
    {"bindaddress", NULL, "write `listen ADDRESS`"},
    {"bindcmdaddress", NULL, SOCKETS},
    {"clientloglimit", NULL, "write `ratelimit CLIENTS`: so many clients are remembered"},
    {"cmdallow", NULL, SOCKETS},
    {"cmddeny", NULL, SOCKETS},
    {"cmdport", NULL, SOCKETS},
    {"combinelimit", NULL, MAJORITY},
    {"confdir", NULL, NO_FOLDER},
    {"corrtimeratio", NULL, ESTIMATED},
    {"deny", NULL, "write `restrict NET ignore`"},
    {"dumpdir", NULL, DELETE "the drift file has all that is kept"},
    {"hwclockfile", NULL, DELETE "the hardware clock is left to the kernel"},
    {"hwtimestamp", NULL,
     DELETE "a card's stamps are used where they are on: `hwstamp_ctl -i eth0 -r 1 -t 1`"},
    {"include", NULL, "write `includefile PATH`"},
    {"initstepslew", NULL, DELETE "the clock is stepped once at the start, when time is certain"},
    {"keyfile", NULL, "write `keys PATH`: it reads chrony's file; only needed if keys are used"},
    {"leapsecmode", NULL, DELETE "the kernel inserts the second"},
    {"leapsectz", NULL, DELETE "the system's leap-seconds.list is read; another: `leapfile PATH`"},
    {"leapseclist", NULL, "write `leapfile PATH`"},
    {"lock_all", NULL, "write `lock_memory on`"},
    {"logchange", NULL, DELETE "each step of the clock is logged"},
    {"logdir", NULL, "write `statsdir PATH` and `statistics loopstats peerstats clockstats`"},
    {"log", "tracking", "write `statistics loopstats` with `statsdir PATH`"},
    {"log", "measurements", "write `statistics peerstats clockstats` with `statsdir PATH`"},
    {"log", "statistics", "write `statistics peerstats clockstats` with `statsdir PATH`"},
    {"log", "refclocks", "write `statistics clockstats` with `statsdir PATH`"},
    {"mailonchange", NULL, DELETE "timeball-alarm tells of changes"},
    {"makestep", NULL,
     DELETE "the clock is stepped once at the start, when time is certain, later only above "
            "`steplimit`"},
    {"maxchange", NULL, DELETE "a step of more than 1000 s after the start is always refused"},
    {"maxclockerror", NULL, ESTIMATED},
    {"maxdistance", NULL, MAJORITY},
    {"maxdrift", NULL, ESTIMATED},
    {"maxjitter", NULL, MAJORITY},
    {"maxslewrate", NULL, ESTIMATED},
    {"maxupdateskew", NULL, ESTIMATED},
    {"minsources", NULL, MAJORITY},
    {"noclientlog", NULL, DELETE "a list of clients of a fixed size is kept"},
    {"ntsdumpdir", NULL, NO_NTS},
    {"ntsport", NULL, NO_NTS},
    {"ntsservercert", NULL, NO_NTS},
    {"ntsserverkey", NULL, NO_NTS},
    {"ntstrustedcerts", NULL, NO_NTS},
    {"port", NULL, "write `listen ADDRESS port N`; for port 0 `listen none`"},
    {"ratelimit", "interval",
     "write `ratelimit 65536 average S burst N leak N`: S is 2 to the "
     "power of chrony's interval, and leak too"},
    {"ratelimit", "burst", "write `ratelimit 65536 average S burst N leak N`"},
    {"refclock", "PHC", "write `refclock phc PATH`"},
    {"refclock", "PPS",
     "write `refclock pps PATH`, with `latency S` for chrony's offset; refid, lock and precision "
     "go away"},
    {"refclock", "SHM",
     "with gpsd behind it write `refclock nmea PATH`, the receiver itself; else `refclock shm N`"},
    {"refclock", "SOCK",
     "with gpsd behind it write `refclock pps PATH`, the pulse itself; else `refclock sock PATH`"},
    {"reselectdist", NULL, MAJORITY},
    {"rtcdevice", NULL, DELETE "the hardware clock is left to the kernel"},
    {"rtcfile", NULL, DELETE "the hardware clock is left to the kernel"},
    {"rtconutc", NULL, DELETE "the hardware clock is left to the kernel"},
    {"rtcsync", NULL, DELETE "the kernel is always told that the time is good"},
    {"smoothtime", NULL, DELETE "leap seconds are never smeared, nor is the time smoothed"},
    {"sourcedir", NULL, NO_FOLDER},
    {"stratumweight", NULL, MAJORITY},
    {"tempcomp", NULL, "write `temperature PATH`: how the frequency follows it is learned"},
    {NULL},
};

static const struct config_chrony_row *find(const struct config_line *line)
{
    for (const struct config_chrony_row *row = config_chrony_rows; row->word; row++)
        if (!strcmp(row->word, line->word[0]) &&
            (!row->option || (line->count > 1 && !strcmp(row->option, line->word[1]))))
            return row;
    return NULL;
}

int config_chrony_refuse(const struct config_line *line, struct err *err)
{
    const struct config_chrony_row *row = find(line);
    return row ? err_set(err, line->thing, row->todo, "%s%s%s is of chrony.conf", row->word,
                         row->option ? " " : "", row->option ? row->option : "")
               : 0;
}
