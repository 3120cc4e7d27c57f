/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SCENARIO_H
#define TIMEBALL_SERVER_SCENARIO_H

#include <stdint.h>

#include "drivers/sim/climate.h"
#include "drivers/sim/oscillator.h"
#include "drivers/sim/receiver.h"
#include "server/config.h"

/*
 * What timeball-sim plays: a text file of the configuration's form, a directive a line. Its words
 * are those of the option rows of the structs below, and
 *   class pi|tcxo|ocxo                      values of such an oscillator; later lines override
 *   temp_step AT K [RAMP]                   the temperature changes (repeatable)
 *   outage|no_fix|no_pulse|wrong FROM..TO   spans of seconds since the start (repeatable)
 *   disturb AT OFFSET                       somebody else steps the clock (repeatable)
 *   restart AT [AWAY]                       the daemon is stopped, and started AWAY s later (10;
 *                                           repeatable)
 *   conf DIRECTIVE ...                      a line of the daemon's configuration (repeatable)
 */
#define SCENARIO_DISTURBS 16
#define SCENARIO_RESTARTS 16
#define SCENARIO_CONF     4096

struct scenario {
    double length; /* s */
    double settle; /* s that do not count for RMS and maximum */
    int64_t seed;
    char start[OPTION_TEXT_SIZE]; /* YYYY-MM-DD */
    double offset;                /* s, clock minus truth at the start */
    struct oscillator oscillator;
    struct climate climate;
    struct sim_sensor sensor;
    struct sim_receiver_config receiver;
    struct {
        double at, offset; /* s */
    } disturb[SCENARIO_DISTURBS];
    int disturbs;
    struct {
        double at, away; /* s */
    } restart[SCENARIO_RESTARTS];
    int restarts;
    char conf[SCENARIO_CONF]; /* lines */
};

/* Rows of the plain words, offsets into struct scenario. */
extern const struct option_row scenario_options[];

/* The defaults: a Raspberry Pi's crystal, 1 us of pulse noise, an hour. */
void scenario_default(struct scenario *s);

/* Reads the file at `path` over the defaults. 0, or -1 with errors, as config_load(). */
int scenario_load(struct scenario *s, const char *path, struct config_errors *errors);

/* One line of such a file. 0, or -1 with *err. */
int scenario_line(struct scenario *s, const struct config_line *line, struct err *err);

#endif
