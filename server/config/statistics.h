/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_STATISTICS_H
#define TIMEBALL_SERVER_CONFIG_STATISTICS_H

#include <stdbool.h>
#include <stdio.h>

#include "drivers/option.h"
#include "refclock/err.h"

/* The directives `statsdir`, `statistics`, `filegen` and `disable` of ntp.conf. */

enum config_statistics_set { STATISTICS_LOOP, STATISTICS_PEER, STATISTICS_CLOCK, STATISTICS_SETS };

/* When a new file is begun; the suffix of its name: ".20261128" and so on. */
enum config_statistics_type {
    STATISTICS_NONE, /* never */
    STATISTICS_PID,  /* at each start */
    STATISTICS_DAY,
    STATISTICS_MONTH,
    STATISTICS_YEAR,
};

struct config_statistics {
    char folder[OPTION_TEXT_SIZE]; /* "": nothing is written */
    bool off;                      /* `disable stats` */
    struct config_statistics_file {
        bool on, unlinked;           /* `nolink` */
        int type;                    /* enum config_statistics_type, by default DAY */
        char file[OPTION_TEXT_SIZE]; /* name in the folder, before the suffix */
    } set[STATISTICS_SETS];
};

struct config;
struct config_line;

/* What each set is before the first line. */
void config_statistics_initial(struct config_statistics *s);

/* "loopstats" and so on. */
const char *config_statistics_name(enum config_statistics_set set);

/* Reads such a line: 0, or -1 with *err. */
int config_statistics_take(struct config *c, const struct config_line *line, struct err *err);
int config_filegen_take(struct config *c, const struct config_line *line, struct err *err);
int config_disable_take(struct config *c, const struct config_line *line, struct err *err);

/* Prints the lines for --check. */
void config_statistics_print(FILE *out, const struct config *c);
void config_filegen_print(FILE *out, const struct config *c);
void config_disable_print(FILE *out, const struct config *c);

#endif
