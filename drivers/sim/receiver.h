/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SIM_RECEIVER_H
#define TIMEBALL_DRIVERS_SIM_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "drivers/option.h"
#include "drivers/sim/claim.h"
#include "drivers/sim/pulse_model.h"
#include "drivers/sim/utc.h"
#include "refclock/rng.h"

/*
 * A simulated GPS receiver: each true second a pulse, stamped by the loop's clock with noise, and
 * later the bytes of its messages. It lives on the loop's timers, in virtual or in real time;
 * `truth` tells it the true time.
 */
#define SIM_SPANS     16
#define SIM_QERR_SIGN (-1) /* a pulse that comes late has a negative qErr */
enum sim_jitter { SIM_GAUSS, SIM_UNIFORM, SIM_ONE_SIDED };
enum sim_protocol { SIM_NMEA, SIM_UBX, SIM_BOTH };
enum sim_leap_style { SIM_LEAP_60, SIM_LEAP_59, SIM_LEAP_00, SIM_LEAP_LATE };
enum sim_qerr { SIM_QERR_RIGHT, SIM_QERR_REVERSED, SIM_QERR_NONE };

struct sim_span {
    double from, to; /* s since the start */
    double by;       /* how much; its unit is the word's */
    double rate;     /* what is added to it each second */
};

/* Which edge is the second's, and what else the line shows. */
struct sim_edge_config {
    int polarity;  /* 1: the receiver is set to pulse downwards */
    int wire;      /* 1: something between it and the line inverts */
    double width;  /* s */
    int64_t both;  /* the line captures both edges */
    int64_t tells; /* the receiver says its polarity and width (CFG-TP5) */
};

struct sim_receiver_config {
    struct sim_pulse_config pulse;
    struct sim_edge_config edge;
    int protocol;                      /* enum sim_protocol */
    double message_delay;              /* s, from the true second to the first byte */
    double message_jitter;             /* s, its standard deviation, half width (uniform) or mean
                                          (one-sided) */
    int message_jitter_kind;           /* enum sim_jitter */
    double message_drift;              /* s per s, of the delay */
    double corrupt;                    /* share of messages with a damaged byte */
    double first_fix;                  /* s until the receiver has its first fix */
    int64_t cold_date;                 /* dates before that begin at 1980-01-06 */
    int64_t rollover;                  /* dates are so many times 1024 weeks back */
    double leap_known;                 /* s until the leap count is received ... */
    int64_t leap_off;                  /* ... and by what UTC is wrong till then, s */
    int leap_style;                    /* enum sim_leap_style */
    double leap_late;                  /* s, of SIM_LEAP_LATE */
    int64_t false_leap;                /* a change that it announces, and that does not come ... */
    double false_leap_at;              /* ... s since the start */
    double pulse_message_delay;        /* s, from a pulse to TIM-TP of the next one */
    int qerr;                          /* enum sim_qerr */
    double qerr_lost, qerr_invalid;    /* shares of TIM-TP */
    struct sim_span outage[SIM_SPANS]; /* neither pulses nor messages */
    struct sim_span no_fix[SIM_SPANS]; /* status V, pulses go on */
    struct sim_span no_pulse[SIM_SPANS];
    struct sim_span no_message[SIM_SPANS];
    struct sim_span wrong[SIM_SPANS];   /* messages so many s wrong */
    struct sim_span delayed[SIM_SPANS]; /* messages so much later, s */
    struct sim_span pull[SIM_SPANS];    /* its whole time is so far ahead of the truth, s */
    struct sim_span rate[SIM_SPANS];    /* so many edges a second, Hz */
    struct sim_span moved[SIM_SPANS];   /* m */
    struct sim_span cn0[SIM_SPANS];     /* dB */
    struct sim_span jammed[SIM_SPANS];  /* says so */
    struct sim_span spoofed[SIM_SPANS];
};

/* Option rows of the above, offsets into struct sim_receiver_config. */
extern const struct option_row sim_receiver_options[];

struct sim_receiver;

/* The messages of one second on their way. */
struct sim_message {
    struct sim_receiver *receiver;
    struct loop_timer timer, pulse_timer; /* of the epoch's; of TIM-TP, which waits for no fix */
    int64_t second;                       /* of the world's scale, that they are of */
    double qerr; /* s, that the next pulse will be late by its granularity; NAN: not known */
};

struct sim_receiver {
    struct sim_receiver_config config;
    struct loop *loop;
    struct clock *clock;
    int64_t (*truth)(void *arg);
    void *arg;
    const struct sim_utc *utc; /* how seconds are called; borrowed. NULL: no leap second */
    bool *written;             /* set when bytes were written (loop_virtual); may be NULL */
    int write_fd, read_fd;     /* pipe or pty */
    struct sim_pulse_model pulse_model;
    struct rng message_rng;
    struct rng qerr_rng;
    struct loop_timer pulse_timer;
    struct sim_message
        message[2];        /* of even and odd seconds: a delay may be longer than a second */
    int64_t start, second; /* truth at the start; the second of the next pulse, ns */
    struct pulse_stamp now, before; /* of the edges that mark the second */
    double edges;                   /* that follow from the newest one on, a second */
    double stamped;                 /* s, this second's stamp less the true second; NAN: no pulse */
    uint64_t lost_bytes;
    uint64_t told_bytes; /* written to it */
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

/* The span that `t` seconds after the start lie in, or NULL. */
const struct sim_span *sim_span_at(const struct sim_span *spans, double t);

/* How far the receiver's time is ahead of the truth then, s. */
double sim_receiver_ahead(const struct sim_receiver_config *c, double t);

/* What it says of a second of the world's scale. */
struct sim_claim sim_receiver_claim(struct sim_receiver *r, const struct sim_message *m);

/* Whether the receiver gives no pulses `t` seconds after the start, by plan (outage, no_pulse). */
bool sim_receiver_silent(const struct sim_receiver_config *c, double t);

/* For struct driver_env, whose `arg` is the receiver: the byte port (pipe) and the pulse line. */
int sim_receiver_port(const struct driver_env *env, const char *path, int baud, struct port **out,
                      struct err *err);
int sim_receiver_pulse(const struct driver_env *env, const char *path,
                       const struct pulse_want *want, struct pulse **out, struct err *err);

#endif
