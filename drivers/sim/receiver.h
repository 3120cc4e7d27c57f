/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SIM_RECEIVER_H
#define TIMEBALL_DRIVERS_SIM_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "drivers/option.h"
#include "drivers/sim/pulse_model.h"
#include "refclock/rng.h"

/*
 * A simulated GPS receiver: each true second a pulse, stamped by the loop's clock with noise, and
 * later NMEA bytes. It lives on the loop's timers, in virtual or in real time; `truth` tells it the
 * true time.
 */
#define SIM_SPANS 16
enum sim_jitter { SIM_GAUSS, SIM_UNIFORM, SIM_ONE_SIDED };

struct sim_span {
    double from, to; /* s since the start */
};

struct sim_receiver_config {
    struct sim_pulse_config pulse;
    double message_delay;  /* s, from the true second to the first byte */
    double message_jitter; /* s, its standard deviation, half width (uniform) or mean (one-sided) */
    int message_jitter_kind;           /* enum sim_jitter */
    double message_drift;              /* s per s, of the delay */
    double corrupt;                    /* share of sentences with a damaged byte */
    double first_fix;                  /* s until the receiver has its first fix */
    struct sim_span outage[SIM_SPANS]; /* neither pulses nor messages */
    struct sim_span no_fix[SIM_SPANS]; /* status V, pulses go on */
    struct sim_span no_pulse[SIM_SPANS];
    struct sim_span wrong[SIM_SPANS]; /* messages one second wrong */
};

/* Option rows of the above, offsets into struct sim_receiver_config. */
extern const struct option_row sim_receiver_options[];

struct sim_receiver;

/* The messages of one second on their way. */
struct sim_message {
    struct sim_receiver *receiver;
    struct loop_timer timer;
    int64_t second; /* POSIX s that they name */
};

struct sim_receiver {
    struct sim_receiver_config config;
    struct loop *loop;
    struct clock *clock;
    int64_t (*truth)(void *arg);
    void *arg;
    bool *written;         /* set when bytes were written (loop_virtual); may be NULL */
    int write_fd, read_fd; /* pipe or pty */
    struct sim_pulse_model pulse_model;
    struct rng message_rng;
    struct loop_timer pulse_timer;
    struct sim_message
        message[2];        /* of even and odd seconds: a delay may be longer than a second */
    int64_t start, second; /* truth at the start; the second of the next pulse, ns */
    struct pulse_stamp now, before;
    double stamped; /* s, this second's stamp less the true second; NAN: no pulse */
    uint64_t lost_bytes;
};

/*
 * Starts it. `truth` as for clock_virtual_init(). `use_pty`: the bytes go through a pseudo
 * terminal, whose path is written to `path` (of `size`); else through a pipe that
 * sim_receiver_port() opens. 0, or -1 with *err.
 */
int sim_receiver_start(struct sim_receiver *r, struct loop *loop, int64_t (*truth)(void *),
                       void *arg, uint64_t seed, bool use_pty, char *path, size_t size,
                       struct err *err);

/* Forgets what was written and nobody has read: a port drops it while it is closed. */
void sim_receiver_flush(struct sim_receiver *r);

/* Cancels its timers and closes its descriptors; not before the daemon was closed. */
void sim_receiver_stop(struct sim_receiver *r);

/* Whether the receiver gives no pulses `t` seconds after the start, by plan (outage, no_pulse). */
bool sim_receiver_silent(const struct sim_receiver_config *c, double t);

/* For struct driver_env, whose `arg` is the receiver: the byte port (pipe) and the pulse line. */
int sim_receiver_port(const struct driver_env *env, const char *path, int baud, struct port **out,
                      struct err *err);
int sim_receiver_pulse(const struct driver_env *env, const char *path, bool clear,
                       struct pulse **out, struct err *err);

#endif
