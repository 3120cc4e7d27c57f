/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_SCENARIO_H
#define TIMEBALL_SERVER_SIM_SCENARIO_H

#include <stdint.h>

#include "drivers/sim/climate.h"
#include "drivers/sim/oscillator.h"
#include "drivers/sim/receiver.h"
#include "server/config/config.h"
#include "server/sim/network.h"

/*
 * What timeball-sim plays: a text file of the configuration's form, a directive a line. Its words
 * are those of the option rows of the structs below, and
 *   class pi|tcxo|ocxo                      values of such an oscillator; later lines override
 *   temp_step AT K [RAMP]                   the temperature changes (repeatable)
 *   outage|no_fix|... FROM..TO [BY [RATE]]  spans of seconds since the start (repeatable)
 *   receiver N WORD ...                     a line of the receivers' words for the Nth receiver
 *   receivers N                             so many receivers, 0 to 4 (1)
 *   server N|all WORD ...                   a network server's words: it is there, and is asked
 *   disturb AT OFFSET                       somebody else steps the clock (repeatable)
 *   pause|freeze AT S                       the machine sleeps for S s, its clock runs on or stands
 *                                           still (repeatable)
 *   restart AT [AWAY]                       the daemon is stopped, and started AWAY s later (10;
 *                                           repeatable)
 *   conf DIRECTIVE ...                      a line of the daemon's configuration (repeatable)
 */
#define SCENARIO_DISTURBS 16
#define SCENARIO_RESTARTS 16
#define SCENARIO_PAUSES   16
#define SCENARIO_SOURCES  4 /* receivers */
#define SCENARIO_CONF     4096

struct scenario {
    double length; /* s */
    double settle; /* s that do not count for RMS and maximum */
    int64_t seed;
    char start[OPTION_TEXT_SIZE]; /* YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS */
    double offset;                /* s, clock minus truth at the start */
    struct oscillator oscillator;
    struct climate climate;
    struct sim_sensor sensor;
    struct sim_utc utc;
    struct sim_receiver_config receiver[SCENARIO_SOURCES];
    int receivers; /* of those */
    struct sim_server_config server[SIM_SERVERS];
    int servers; /* of those */
    struct {
        double at, offset; /* s */
    } disturb[SCENARIO_DISTURBS];
    int disturbs;
    struct {
        double at, away; /* s */
    } restart[SCENARIO_RESTARTS];
    int restarts;
    struct {
        double at, length; /* s */
        bool frozen;       /* its clock stands still meanwhile */
    } pause[SCENARIO_PAUSES];
    int pauses;
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

/* The true time at the start, POSIX s. 0, or -1: it is not written as it should be. */
int scenario_begin(const struct scenario *s, int64_t *posix);

/* A word whose lines are FROM..TO, and for most BY and RATE: where the receiver has its spans. */
struct scenario_span_word {
    const char *word; /* NULL ends the table */
    size_t spans;     /* offset into struct sim_receiver_config */
    double by;        /* where none is given; 0 in a word that takes an amount: it must be */
    bool amount;      /* BY may be given ... */
    bool rate;        /* ... and RATE */
    const char *help; /* for the manual */
};
extern const struct scenario_span_word scenario_span_words[];

/* The same for network servers: `spans` are offsets into struct sim_server_config. */
extern const struct scenario_span_word scenario_server_spans[];

#endif
