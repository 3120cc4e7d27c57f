/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_DRIVER_H
#define TIMEBALL_DRIVERS_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/option.h"
#include "drivers/phc/phc_device.h"
#include "drivers/port/port.h"
#include "drivers/pulse/pulse.h"
#include "drivers/receiver_report.h"
#include "refclock/clock.h"
#include "refclock/err.h"
#include "refclock/log.h"
#include "refclock/loop.h"
#include "refclock/sample.h"

/* How a driver fares; it says each change through its sink. */
enum health {
    HEALTH_CLOSED, /* device is not open: *err says why and what to do; it is tried again */
    HEALTH_SILENT, /* open, and nothing usable comes */
    HEALTH_NO_FIX, /* the receiver speaks, and says that its time is not to be used */
    HEALTH_OK,
};

/* One satellite as the receiver reports it. */
struct satellite {
    char system;   /* RINEX letter: G GPS, R GLONASS, E Galileo, C BeiDou, J QZSS, I NavIC, S SBAS,
                      '?' */
    int id;        /* number in its system as sent */
    int elevation; /* degrees, -1: unknown */
    int azimuth;   /* degrees, -1: unknown */
    int cn0;       /* dB-Hz, 0: not tracked */
    bool used;
};
#define SKY_MAX 96
struct sky {
    int count, used;
    int fix;           /* 0 none or unknown, 2 2D, 3 3D */
    double pdop, hdop; /* NAN: unknown */
    struct satellite satellite[SKY_MAX];
};

/*
 * All that a driver may call back. Calls come from the loop's handlers, in its thread; arguments
 * are the driver's. Those after `health` may be NULL.
 */
struct driver_sink {
    void (*edge)(void *arg, const struct edge *);       /* a pulse, not yet numbered */
    void (*label)(void *arg, const struct timelabel *); /* a message's time: its fix was valid */
    void (*sample)(void *arg, const struct sample *);   /* already numbered */
    void (*sky)(void *arg, const struct sky *);         /* satellites, once an epoch */
    void (*health)(void *arg, enum health, const struct err *); /* err may be NULL */
    void (*sawtooth)(void *arg, const struct sawtooth *);       /* of the next pulse */
    void (*leap)(void *arg, const struct leap_claim *);         /* when it was said */
    void (*report)(void *arg, const struct receiver_report *);  /* once an epoch, or on change */
    void (*bytes)(void *arg, const void *bytes, size_t size,
                  int64_t local); /* as a receiver sent them, before they are looked at */
};

/* The world that a driver lives in: the machine, or a simulation. */
struct driver_env {
    struct loop *loop;
    struct clock *clock;
    const struct log *log;
    int64_t era_pivot; /* POSIX s: receivers' dates are judged by it, see era.h */
    /* Opens a byte port / a pulse line by the path in the configuration. 0, or -1 with *err. */
    int (*open_port)(const struct driver_env *, const char *path, int baud, struct port **,
                     struct err *);
    int (*open_pulse)(const struct driver_env *, const char *path, const struct pulse_want *,
                      struct pulse **, struct err *);
    /* A PTP hardware clock; NULL: the machine's, phc_device_open(). */
    int (*open_phc)(const struct driver_env *, const char *path, struct phc **, struct err *);
    void *arg;
};

/* A counter of the driver for the status: a uint64_t at `offset` of its state. */
struct counter_row {
    const char *name; /* NULL ends the table */
    size_t offset;
    const char *help;
};

struct driver;

/* What a driver can deliver; driver_ops.gives. */
enum {
    DRIVER_PULSES = 1,   /* edges */
    DRIVER_MESSAGES = 2, /* labels */
    DRIVER_SAMPLES = 4,  /* samples, whose second is known already */
    DRIVER_PERHAPS = 8,  /* whether there are pulses shows itself with the first */
};

/*
 * A request of a person to a receiver, from the control socket: words in, lines of text out, maybe
 * much later. `reply` is called once a line, the last time with `last`; `failed` says how it ended.
 * The words are borrowed for the call, `reply` and `arg` until the last line or driver_ops.close.
 */
struct driver_command {
    const char *const *words;
    size_t count;
    void (*reply)(void *arg, const char *line, bool last, bool failed);
    void *arg;
};

struct driver_ops {
    const char *name; /* the word after `refclock` */
    const char *help; /* one line for the manual and the status */
    const char *path; /* that stands for a path left out; NULL: it may not be left out */
    unsigned gives;   /* DRIVER_PULSES and so on */
    const struct option_row *options;   /* offsets into the driver's state */
    const struct counter_row *counters; /* offsets into the driver's state */
    size_t size; /* of the state; it begins with struct driver; zeroed by the caller */
    int (*open)(struct driver *,
                struct err *); /* 0, or -1 with *err; a device that may come later is no error */
    void (*close)(struct driver *); /* also after a failed open() */
    /* One sentence for the status: what was found, and why that was taken; "" for nothing. May be
     * NULL. */
    void (*describe)(const struct driver *, char *buf, size_t size);
    /* Takes a request: 0, and the reply comes; or -1 with *err. NULL: there is nothing to set up.
     */
    int (*command)(struct driver *, const struct driver_command *, struct err *);
};

/* Base of every driver's state. The caller fills it, then the option values, then calls ops->open.
 */
struct driver {
    const struct driver_ops *ops;
    const struct driver_env *env;
    const struct driver_sink *sink;
    void *sink_arg;
    char path[OPTION_TEXT_SIZE]; /* the word after the driver's name */
    enum health said;            /* the last that the sink was told, and why */
    struct err said_err;
};

/* Tells the sink how the driver fares, and why (NULL: nothing to say), once each change of them. */
void driver_say(struct driver *d, enum health health, const struct err *err);

/* An error is the device's: fills err->thing (err NULL: nothing) with the driver's path. */
void driver_blame(const struct driver *d, struct err *err);

/* The only list of drivers, ends with NULL. */
extern const struct driver_ops *const driver_table[];

/* NULL when there is none of that name. */
const struct driver_ops *driver_find(const char *name);

#endif
