/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_DAEMON_H
#define TIMEBALL_SERVER_DAEMON_DAEMON_H

#include <stdint.h>

#include "drivers/driver.h"
#include "refclock/integrity.h"
#include "refclock/log.h"
#include "refclock/loop.h"
#include "refclock/refclock.h"
#include "server/alarm/say.h"
#include "server/config/config.h"
#include "server/daemon/control.h"
#include "server/daemon/feed.h"
#include "server/daemon/notify.h"
#include "server/peer/peers.h"
#include "server/leap/leap_watch.h"
#include "server/daemon/limits.h"
#include "server/ntpq/service.h"
#include "server/record/record.h"
#include "server/record/net.h"
#include "server/daemon/reload.h"
#include "server/responder/responder.h"
#include "server/rights/rights.h"
#include "server/daemon/sensor.h"
#include "server/daemon/statistics.h"
#include "server/status/status.h"
#include "server/status/socket.h"

/*
 * The whole daemon, without a process around it: it lives on a loop and a clock that are given, the
 * machine's or simulated ones, and two of them can live in one process.
 */
struct daemon_world {
    struct loop *loop;
    const struct log *log;
    enum status_steering steering; /* what the loop's clock is */
    uint32_t refid;                /* of pulses; 0: "PPS" */
    int64_t era_pivot;             /* POSIX s, see driver.h */
    /* as in struct driver_env; NULL: the machine's */
    int (*open_port)(const struct driver_env *, const char *, int, struct port **, struct err *);
    int (*open_pulse)(const struct driver_env *, const char *, const struct pulse_want *,
                      struct pulse **, struct err *);
    struct notify *notify; /* the service manager; NULL: none */
    struct rights *rights; /* are settled once all is open and bound; NULL: left as they are */
    void *arg;
    struct net *net;       /* to network servers; NULL: the machine's */
    const struct rng *rng; /* copied at the start; NULL: seeded by the kernel */
    /* for a reload: the configuration as it stands in its file now, and how much is logged; NULL:
     * cannot be. 0, or -1 with what is wrong */
    int (*read_config)(void *arg, struct config *, struct config_errors *);
    int (*change_log)(void *arg, int level, struct err *);
    /* something to tell a person; NULL: nobody listens */
    void (*event)(void *arg, const struct alarm_event *, const struct alarm_about *);
    double (*temperature)(void *arg); /* Celsius; NAN: cannot be read now; NULL: no sensor */
};

struct daemon;

/* One driver with what it last said of itself. */
struct daemon_source {
    struct daemon *daemon;
    const struct config_refclock *config;
    int who; /* its receiver in the refclock */
    enum health health;
    struct err error; /* why is empty: none */
    struct receiver_report report;
    bool reported; /* there was one */
    struct integrity integrity;
    struct strength_satellite satellite[SKY_MAX]; /* since the last report ... */
    int satellites;                               /* ... so many; -1: no news */
};

struct daemon {
    struct daemon_world world;
    struct config *config;
    struct driver_env env;
    struct snapshot_latch latch;
    struct refclock refclock;
    struct daemon_source source[CONFIG_REFCLOCK_MAX];
    size_t opened; /* of the sources */
    struct feed feed[CONFIG_FEED_MAX];
    size_t fed;          /* of the feeds, opened */
    struct peers *peers; /* NULL: none was ever configured */
    struct limits limits;
    struct shared_table keys;
    struct reload reload;
    struct responder *responder;
    struct ntpq_service *ntpq; /* answers to ntpq */
    struct status_socket *socket;
    struct control *control; /* NULL: none */
    struct loop_timer tick, warmth;
    struct sensor sensor;
    struct leap_watch leap;
    double celsius; /* NAN: not known */
    struct status status;
    struct status_alarms alarms; /* found last */
    struct alarm alarm;          /* told */
    int64_t alarm_test_until;    /* local, ns */
    struct sky sky;
    int sky_source;  /* index of the source that reported it; -1: none */
    int64_t sky_at;  /* local, ns */
    int64_t started; /* local, ns */
    struct recording *recording;
    int64_t recorded; /* steering up to this local time is in it, ns */
    struct net_udp udp;
    struct record_net net;                     /* that the peers ask: the world's, or `udp` */
    union address recorded_address[PEERS_MAX]; /* of the servers, as in the recording */
    struct statistics statistics;
    const char *drift_path; /* that is written; "": none */
    int64_t drift_next;     /* local time of the next writing of the drift file, ns */
};

/*
 * Opens everything that the configuration names and begins to work on the loop: drivers, clock
 * discipline, responder, status socket. `config` is borrowed, must outlive the daemon, and is what
 * a reload changes. Returns 0, or -1 with *err, with nothing left open.
 */
int daemon_open(struct daemon **out, struct config *config, const struct daemon_world *world,
                struct err *err);

/* Writes the drift file, stops and frees. NULL is allowed. */
void daemon_close(struct daemon *d);

/* Fills the daemon's status from its parts, and returns it. Valid until the next call. */
const struct status *daemon_status(struct daemon *d);

#endif
