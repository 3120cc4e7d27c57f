/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/ntp.h"

#include <stddef.h>
#include <string.h>

#include "server/config/config.h"
#include "server/config/servers.h"
#include "server/options.h"

#define NO_AUTOKEY   "there is no Autokey; symmetric keys are there"
#define NO_BROADCAST "there is no broadcast, multicast or manycast; servers and pools are asked"
#define NO_SMEAR     "leap seconds are never smeared"
#define LISTS        "a list of clients of a fixed size is kept"
#define ESTIMATOR    "the clock's noise is measured, and nothing is left to be tuned"
#define MAJORITY     "a majority of the servers decides, and each server's part by its own error"

/*
 * `tos` and `tinker` have no other words than these, so they have no directive either: what is left
 * of their lines is an unknown word.
 */
const struct config_ntp_row config_ntp_rows[] = {
    {"autokey", .why = NO_AUTOKEY},
    {"automax", .why = NO_AUTOKEY},
    {"autoreset", .why = NO_AUTOKEY},
    {"crypto", .why = NO_AUTOKEY},
    {"keysdir", .why = NO_AUTOKEY},
    {"revoke", .why = NO_AUTOKEY},
    {"broadcast", .why = NO_BROADCAST},
    {"broadcastclient", .why = NO_BROADCAST},
    {"broadcastdelay", .why = NO_BROADCAST},
    {"manycastclient", .why = NO_BROADCAST},
    {"manycastserver", .why = NO_BROADCAST},
    {"multicastclient", .why = NO_BROADCAST},
    {"ttl", .why = NO_BROADCAST},
    {"mdnstries", .why = "servers are not announced by mDNS"},
    {"phone", .why = "there is no modem driver"},
    {"calldelay", .why = "there is no modem driver"},
    {"leapsmearinterval", .why = NO_SMEAR},
    {"ntpsigndsocket", .why = "answers are not signed for Windows domains"},
    {"trap", .why = "there are no traps; `timeballctl watch` and the status socket tell"},
    {"requestkey", .why = "there is no mode 7"},
    {"controlkey", .why = "nothing can be changed over the network"},
    {"saveconfigdir", .why = "nothing can be changed over the network"},
    {"setvar", .why = "ntpq shows the variables that there are"},
    {"reset", .why = "counters begin with the start"},
    {"mru", .why = LISTS},
    {"qos", .why = "the system's marks on packets are left as they are"},
    {"dscp", .why = "the system's marks on packets are left as they are"},
    {"rlimit", .why = "memory does not grow, and the service manager sets limits"},
    {"pidfile", .why = "the service manager knows the process"},
    {"logconfig", .why = "the level says what is logged", .todo = "log PATH level LEVEL"},
    {"nonvolatile", .why = "the drift file is written once an hour"},
    {"tick", .why = "the system's tick is left as it is"},
    {"nts", .why = "there is no Network Time Security"},
    {"end", .why = "the whole file is read", .todo = "delete what follows, if it is not meant"},
    {"tos", "beacon", 1, .why = NO_BROADCAST},
    {"tos", "basedate", 1, .why = "dates are taken near the release and the drift file's date"},
    {"tos", "bcpollbstep", 1, .why = NO_BROADCAST},
    {"tos", "ceiling", 1, .why = MAJORITY},
    {"tos", "cohort", 1, .why = NO_BROADCAST},
    {"tos", "floor", 1, .why = MAJORITY},
    {"tos", "maxclock", 1, .why = "each pool line has its own number of servers",
     .todo = "pool NAME maxsources N"},
    {"tos", "maxdisp", 1, .why = MAJORITY},
    {"tos", "maxdist", 1, .why = MAJORITY},
    {"tos", "maxhop", 1, .why = MAJORITY},
    {"tos", "minclock", 1, .why = MAJORITY},
    {"tos", "mindist", 1, .why = MAJORITY},
    {"tos", "minsane", 1, .why = MAJORITY},
    {"tos", "orphan", 1,
     .why = "who has lost all sources serves on while the error bound allows it",
     .todo = "local stratum N, for an island"},
    {"tos", "orphanwait", 1, .why = "see tos orphan"},
    {"tinker", "allan", 1, .why = ESTIMATOR},
    {"tinker", "dispersion", 1, .why = ESTIMATOR},
    {"tinker", "freq", 1, .why = "the drift file has the frequency"},
    {"tinker", "huffpuff", 1, .why = ESTIMATOR},
    {"tinker", "panic", 1,
     .why = "at the start a step of any size is made once the time is certain, later one of more "
            "than 1000 s is refused"},
    {"tinker", "step", 1, .why = "see steplimit", .todo = "steplimit S"},
    {"tinker", "stepback", 1, .why = "see steplimit", .todo = "steplimit S"},
    {"tinker", "stepfwd", 1, .why = "see steplimit", .todo = "steplimit S"},
    {"tinker", "stepout", 1, .why = "evidence decides when a step is made, not a delay"},
    {"tinker", "tick", 1, .why = "the system's tick is left as it is"},
    {"enable", "auth", .why = "a server with a key is believed only when it used the key"},
    {"enable", "bclient", .why = NO_BROADCAST},
    {"enable", "calibrate", .why = "there is no calibration by another clock"},
    {"enable", "kernel", .why = "the frequency is set, and the kernel's loop is left out"},
    {"enable", "mode7", .why = "there is no mode 7"},
    {"enable", "monitor", .why = LISTS},
    {"enable", "ntp", .why = "that is so"},
    {"enable", "stats", .why = "that is so where statistics are named"},
    {"enable", "pps", .why = "the frequency is set, and the kernel's loop is left out"},
    {"disable", "auth", .why = "a server with a key is believed only when it used the key"},
    {"disable", "bclient", .why = "that is so"},
    {"disable", "calibrate", .why = "that is so"},
    {"disable", "kernel", .why = "that is so"},
    {"disable", "mode7", .why = "that is so"},
    {"disable", "monitor", .why = LISTS},
    {"disable", "pps", .why = "that is so"},
    {"server", "autokey", .why = NO_AUTOKEY},
    {"server", "bias", 1, .why = "an asymmetric path is in the error, and is not corrected"},
    {"server", "mode", 1, .why = "only a refclock has modes"},
    {"server", "preempt", .why = "a server that is named stays"},
    {"server", "ttl", 1, .why = NO_BROADCAST},
    {"server", "minjitter", 1, .why = ESTIMATOR},
    {"pool", "autokey", .why = NO_AUTOKEY},
    {"pool", "mode", 1, .why = "only a refclock has modes"},
    {"pool", "preempt", .why = "servers of a pool are replaced when they go away"},
    {"pool", "ttl", 1, .why = NO_BROADCAST},
    {"server", "nts", .why = "there is no Network Time Security",
     .todo = "delete nts to ask that server without it, or name another one", .refused = true},
    {"pool", "nts", .why = "there is no Network Time Security",
     .todo = "delete nts to ask those servers without it, or name others", .refused = true},
    {"leapfile", "checkhash", .why = "the hash is always checked"},
    {"leapfile", "ignorehash", .why = "the hash is always checked"},
    {NULL},
};

bool config_ntp_knows(const char *word)
{
    static const char *const lists[] = {"tos", "tinker", "enable", "disable"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!strcmp(lists[i], word))
            return true;
    return false;
}

static bool names_server(const struct config_line *line)
{
    return !strcmp(line->word[0], "server") || !strcmp(line->word[0], "pool");
}

static void warn(struct config *c, const struct config_line *line, const struct config_ntp_row *row)
{
    char todo[120] = "";
    if (row->todo)
        snprintf(todo, sizeof todo, "instead: %s", row->todo);
    err_set(config_warning(c), line->thing, todo, "%s%s%s means nothing here: %s", row->word,
            row->option ? " " : "", row->option ? row->option : "", row->why);
}

static const struct config_ntp_row *find(const char *word, const char *option)
{
    for (const struct config_ntp_row *row = config_ntp_rows; row->word; row++)
        if (!strcmp(row->word, word) &&
            (option ? row->option && !strcmp(row->option, option) : !row->option))
            return row;
    return NULL;
}

bool config_ntp_nothing(struct config *c, const struct config_line *line)
{
    const struct config_ntp_row *row = line->count ? find(line->word[0], NULL) : NULL;
    if (row)
        warn(c, line, row);
    return row;
}

static void take_out(struct config_line *line, size_t at, size_t words)
{
    if (words > line->count - at)
        words = line->count - at;
    line->count -= words;
    for (size_t i = at; i < line->count; i++)
        line->word[i] = line->word[i + words];
}

/* What another daemon calls otherwise. */
static void rename_words(struct config *c, struct config_line *line)
{
    if (!strcmp(line->word[0], "nic"))
        line->word[0] = "interface";
    if (!strcmp(line->word[0], "peer")) {
        err_set(config_warning(c), line->thing, "instead: server NAME",
                "peer is treated as server: it is asked, and does not take our time in return");
        line->word[0] = "server";
    }
    for (size_t i = 2; i < line->count && names_server(line); i++)
        if (!strcmp(line->word[i], "true") && options_find(config_server_rows, "trust"))
            line->word[i] = "trust";
}

int config_ntp_trim(struct config *c, struct config_line *line, struct err *err)
{
    rename_words(c, line);
    for (size_t i = 1; i < line->count;) {
        const struct config_ntp_row *row = find(line->word[0], line->word[i]);
        if (row && row->refused)
            return err_set(err, line->thing, row->todo, "%s %s: %s", row->word, row->option,
                           row->why);
        if (row)
            warn(c, line, row);
        if (row)
            take_out(line, i, (size_t)row->values + 1);
        else
            i++;
    }
    if (line->count == 1 && config_ntp_knows(line->word[0]))
        line->count = 0;
    return 0;
}
