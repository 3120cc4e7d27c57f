/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_NTP_H
#define TIMEBALL_SERVER_CONFIG_NTP_H

#include <stdbool.h>

#include "server/config/line.h"

/*
 * Words of ntp.conf, ntp.conf(5) of ntpd 4.2.8 and NTPsec 1.2, that are accepted and mean nothing
 * here: one row a word, with the sentence that says so. What has a meaning is a directive.
 */
struct config_ntp_row {
    const char *word;   /* the directive; NULL ends the table */
    const char *option; /* one of its words; NULL: the whole line, whatever follows */
    int values;         /* words that belong to the option */
    const char *why;    /* what timeball does instead, or that it does not; no full stop */
    const char *todo;   /* what to write instead; NULL: nothing */
    bool refused;       /* an error: to go on without it would not be what was asked for */
};
extern const struct config_ntp_row config_ntp_rows[];

struct config;

/* Whether all of the line means nothing; then a warning has been added. */
bool config_ntp_nothing(struct config *c, const struct config_line *line);

/* Takes the options that mean nothing out of a line, each with a warning, and turns words that have
 * another name here into that. No word is left of a line that means nothing at all. 0, or -1 with
 * *err. */
int config_ntp_trim(struct config *c, struct config_line *line, struct err *err);

/* Whether it is a directive of ntp.conf whose words are rows of the table, or have a directive. */
bool config_ntp_knows(const char *word);

#endif
