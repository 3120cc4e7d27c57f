/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DOCTOR_DOCTOR_H
#define TIMEBALL_SERVER_DOCTOR_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "drivers/find/find.h"
#include "server/doctor/boot.h"

/*
 * Which link of the chain from the receiver's port to the clients is broken, and what mends it?
 * Everything is gathered first (files below a root, what the daemon says of itself, what listening
 * and asking brought); then each link is a function from that to a finding. Nothing is set and
 * nothing is written to a device.
 */
enum doctor_state {
    DOCTOR_OK,
    DOCTOR_BROKEN,
    DOCTOR_UNKNOWN,    /* it cannot be seen from here, or another link must be mended first */
    DOCTOR_NOT_NEEDED, /* this configuration or machine does without it */
};

struct doctor_finding {
    enum doctor_state state;
    char saw[400];  /* one sentence: what was seen */
    char todo[480]; /* what to do, with the exact line or command; "": nothing */
};

/* The links, in the order in which they depend on each other. */
enum doctor_link {
    DOCTOR_PORT,
    DOCTOR_RIGHTS,
    DOCTOR_OVERLAY,
    DOCTOR_PPS,
    DOCTOR_PULSE,
    DOCTOR_EDGE,
    DOCTOR_BAUD,
    DOCTOR_SENTENCES,
    DOCTOR_FIX,
    DOCTOR_DAEMON,
    DOCTOR_NUMBERING,
    DOCTOR_RIVALS,
    DOCTOR_DISCIPLINE,
    DOCTOR_PORT_123,
    DOCTOR_FIREWALL,
    DOCTOR_LINKS
};

/* What the kernel has counted of a PPS device (/sys/class/pps/ppsN). */
struct doctor_edges {
    bool has_assert, has_clear;     /* the device can capture it */
    uint64_t assert_seq, clear_seq; /* 0: none yet */
    int64_t assert_at, clear_at;    /* ns, reading of the system clock */
};

/* How the receiver's bytes fare: as the daemon says, or as listening showed. */
struct doctor_receiver {
    enum { DOCTOR_HEARD_NOT, DOCTOR_HEARD_DAEMON, DOCTOR_HEARD_HERE } by;
    int health;      /* enum health */
    char found[512]; /* "NMEA at 9600 baud, found by listening" */
    char error[512]; /* what is wrong, "" */
    int satellites, used;
};

/* An NTP request of our own to one of the daemon's addresses. */
#define DOCTOR_ASKED_MAX 12
struct doctor_asked {
    char address[64];
    int port;
    bool answered;
    int stratum;  /* of the answer; 0: it does not know the time yet */
    char why[96]; /* where it was not answered */
};

/* What the configuration (or the running daemon) makes necessary. */
struct doctor_wants {
    bool port, pulse;         /* a serial receiver; a PPS device */
    bool found_by_itself;     /* `refclock auto`: what belongs together is not written down */
    bool steers;              /* the system clock */
    bool serves;              /* NTP */
    bool clear;               /* the clear edge is said to mark the second */
    char device[64], pps[64]; /* named ones; "": none is named */
    char config[128];         /* the file; "": none was found */
    char error[400];          /* why it cannot be used; "" */
    int listen_port;
};

struct doctor {
    const char *root; /* "" on the machine */
    struct find find;
    const struct find_port *chosen; /* in find; NULL: there is no candidate */
    const struct find_pulse *pulse; /* in find; NULL: there is none */
    struct doctor_boot boot;
    struct doctor_wants wants;
    bool asked;           /* a daemon was asked for its status ... */
    const json_t *status; /* ... and this is it; NULL: it did not answer */
    char no_answer[400];  /* why not */
    bool waited;          /* two readings were taken `seconds` apart */
    double seconds;
    struct doctor_edges before, now;
    struct doctor_receiver receiver;
    struct doctor_asked ask[DOCTOR_ASKED_MAX];
    int asks;
    struct doctor_finding link[DOCTOR_LINKS]; /* filled by doctor_run() */
};

/* One of the chain's links. */
struct doctor_row {
    const char *name; /* "pulse": in the output and in JSON */
    const char *what; /* "a pulse a second is seen" */
    struct doctor_finding (*look)(const struct doctor *);
};
extern const struct doctor_row doctor_rows[DOCTOR_LINKS];

/* Looks below the root: candidates, boot files, PPS device. wants and status must be set. */
void doctor_look(struct doctor *d);

/* Fills d->link, one after the other: a link may look at those before it. */
void doctor_run(struct doctor *d);

/* The first broken link, or -1. */
int doctor_first(const struct doctor *d);

/* ---- for the links ---- */

/* A finding; `saw` is a printf format. */
struct doctor_finding doctor_says(enum doctor_state state, const char *todo, const char *saw, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what waits for an earlier link to be mended. */
struct doctor_finding doctor_waits(enum doctor_link for_link);

/* The daemon's source of one of these drivers (NULL-terminated); NULL: it has none. */
const json_t *doctor_source(const struct doctor *d, const char *const *drivers);

/* A member's text; "" where it is absent or no text: what comes from a socket may be anything. */
const char *doctor_text(const json_t *object, const char *name);

/* Is it a Raspberry Pi, by its device tree or its boot files? */
bool doctor_is_pi(const struct doctor *d);

/* The pin that the pulse is on: the overlay's, the HAT's, or the usual one. -1: on none. */
int doctor_pin(const struct doctor *d);

/* Reads what the kernel has counted of /dev/ppsN. False: nothing is told. */
bool doctor_edges_read(const char *root, const char *device, struct doctor_edges *e);

/* ---- the links ---- */

/* Is the receiver's port there, and does nobody else have it? */
struct doctor_finding doctor_port(const struct doctor *d);

/* May the daemon's user open the devices? */
struct doctor_finding doctor_rights(const struct doctor *d);

/* Is the pulse's input set up when the machine boots, and can its kernel do it? */
struct doctor_finding doctor_overlay(const struct doctor *d);

/* Which PPS device is the receiver's? */
struct doctor_finding doctor_pps(const struct doctor *d);

/* Does a pulse a second come? */
struct doctor_finding doctor_pulse(const struct doctor *d);

/* Is the edge that is taken for the second the one that marks it? */
struct doctor_finding doctor_edge(const struct doctor *d);

/* Is the baud rate found? */
struct doctor_finding doctor_baud(const struct doctor *d);

/* Do messages with a time come? */
struct doctor_finding doctor_sentences(const struct doctor *d);

/* Does the receiver vouch for its time? */
struct doctor_finding doctor_fix(const struct doctor *d);

/* Does the daemon run, and can its configuration be used? */
struct doctor_finding doctor_daemon(const struct doctor *d);

/* Have the pulses their seconds, by which margin? */
struct doctor_finding doctor_numbering(const struct doctor *d);

/* Does another daemon steer the clock, or will it at the next boot? */
struct doctor_finding doctor_rivals(const struct doctor *d);

/* Does the clock follow? */
struct doctor_finding doctor_discipline(const struct doctor *d);

/* Are NTP requests answered, and if no daemon runs: who has the port? */
struct doctor_finding doctor_port_123(const struct doctor *d);

/* Does this machine drop requests? */
struct doctor_finding doctor_firewall(const struct doctor *d);

#endif
