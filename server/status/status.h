/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_STATUS_STATUS_H
#define TIMEBALL_SERVER_STATUS_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "refclock/leap.h"

/*
 * One plain copy of all there is to say about the daemon: every view (status socket, timeballctl,
 * log lines, later ntpq and metrics) is made from it, so views never disagree. It holds no pointer
 * into live state. The daemon fills it once a second; the rows of rows.c describe each field.
 *
 * Adding a field: a member here and a row there. Unknown values: NAN for a double, 0 for an
 * instant, "" for a text.
 */
#define STATUS_VERSION      1 /* of the protocol: grows when a field changes its meaning or goes */
#define STATUS_TEXT         256
#define STATUS_SOURCES_MAX  40 /* lines of the configuration, and the servers of pools */
#define STATUS_COUNTERS_MAX 48
#define STATUS_LISTEN_MAX   16
#define STATUS_FEEDS_MAX    8
#define STATUS_ALARMS_MAX   40

enum status_state {
    STATUS_STARTING,       /* nothing measured yet */
    STATUS_NUMBERING,      /* pulses or messages come, their seconds are not numbered yet */
    STATUS_LOCKED,         /* follows a source */
    STATUS_HOLDOVER,       /* the source is gone, the bound is inside the limit */
    STATUS_ISLAND,         /* ... and beyond it: served at the stratum of `local` */
    STATUS_UNSYNCHRONISED, /* nothing that could be believed: LI 3 */
};

enum status_steering { STATUS_STEERS_SYSTEM, STATUS_STEERS_NONE, STATUS_STEERS_VIRTUAL };

struct status_counter {
    char name[32];
    uint64_t value;
};
struct status_counters {
    int count;
    struct status_counter item[STATUS_COUNTERS_MAX];
};

/* Allan deviation of the free-running clock as the pulses show it. */
#define STATUS_ALLAN_MAX 13
struct status_allan {
    double tau;       /* s */
    double deviation; /* dimensionless */
};

struct status_clock {
    int state;                        /* enum status_state */
    char sentence[STATUS_TEXT + 160]; /* for a person: what is used, how sure, what to do */
    int steering;                     /* enum status_steering */
    int stratum;                      /* 1..15; 16: unsynchronised */
    uint32_t refid;                   /* RFC 5905 figure 12; SNAPSHOT_REFID */
    int leap;                         /* enum leap */
    int precision;                    /* log2 s */
    double offset;                    /* s, true minus reading of the clock */
    double rate;                      /* change of offset per second, with the steering in force */
    double frequency;       /* free-running: what the correction should be; positive: clock slow */
    double frequency_error; /* standard error of it */
    double bound_stat;      /* s */
    double bound_total;     /* s */
    double root_delay;      /* s */
    double root_dispersion; /* s, as served */
    int64_t reftime;        /* ns, last measurement used */
    double latency;         /* s, stated: the pulse is stamped this long after the true second */
    double latency_uncertainty; /* s, +- */
    bool latency_assumed;       /* nobody gave it in the configuration */
    uint32_t generation;
    uint64_t steps, foreign_steps;
    int64_t era_from, era_until; /* ns POSIX: receivers' dates that are believed */
    double last_step;            /* s, positive: forward */
    int64_t last_step_at;        /* ns */
    char last_step_by[32];       /* "timeball", "another program" */
    double foreign_step;         /* s, the last that others made */
    int64_t foreign_step_at;     /* ns */
    double noise_pulse;          /* s */
    double noise_white_fm;       /* s, what white frequency noise adds in a second */
    double noise_walk_fm;        /* s, what random-walk frequency noise adds in a second */
    int64_t passes_1us, passes_10us, passes_100us,
        passes_1ms;    /* ns, without a source; 0: unknown */
    double celsius;    /* at the sensor */
    bool thermal;      /* its feed-forward is in use */
    double per_kelvin; /* change of frequency, 1/K */
    double per_kelvin_error;
    char numbering[24]; /* numbering_state_name() */
    char evidence[STATUS_TEXT];
    double delay;                 /* s, from pulse to message, median */
    double delay_low, delay_high; /* s, its spread */
    double margin;                /* s, until the delay would be ambiguous */
    int allan_count;
    struct status_allan allan[STATUS_ALLAN_MAX];
    struct status_counters counters;
};

/* What a receiver says of itself (drivers/receiver_report.h). */
struct status_report {
    struct receiver_report said;
    int pulse_edge;             /* 0 unknown, 1 rising, 2 falling */
    double latitude, longitude; /* degrees, rounded to 0.01; NAN: unknown */
};

/* What is known of a network server; of other sources nothing is. */
struct status_peer {
    char address[64];                   /* that is asked, "" none yet */
    int stratum;                        /* 0: not known */
    uint32_t refid;                     /* its own */
    int poll;                           /* log2 s */
    double delay;                       /* s, of the last exchange */
    double delay_least;                 /* s, of the last day */
    double error;                       /* s, standard error of the last offset, by its delay */
    double root_delay, root_dispersion; /* s, of the server */
    double offset, dispersion, jitter, root_distance; /* s, by RFC 5905 (clock_filter.h) */
    bool interleaved;                                 /* the last exchange was */
    int sent_by, received_by;                         /* enum net_witness: who stamped it */
    char kiss[5];                                     /* last kiss code, "" none */
};

struct status_source {
    char name[96]; /* "pps /dev/pps0" */
    char driver[24];
    char path[OPTION_TEXT_SIZE];
    char receiver[96]; /* that the line belongs to */
    int health;        /* enum health */
    bool used;
    char verdict[24]; /* select_verdict_name() of the receiver */
    int trust;        /* enum receiver_trust */
    double says;      /* s, true time minus the estimate, by this receiver */
    double bound;     /* s, how far it may be wrong in that, by its own account */
    double bias;      /* s, of that, not taken over yet */
    char numbering[24];
    char evidence[STATUS_TEXT];
    char edge[16]; /* edge_verdict_name() of its pulse, "" none */
    char edge_why[STATUS_TEXT];
    char sawtooth[STATUS_TEXT];  /* what is made of what it says of its pulses, "" nothing */
    char sentence[STATUS_TEXT];  /* why used or not, what would change it */
    char found[STATUS_TEXT * 2]; /* what was found out about the device and why it was taken, "" */
    char error[STATUS_TEXT * 2]; /* what is wrong with the device and what to do, "" */
    double offset;               /* s, last innovation */
    double jitter;               /* s, RMS */
    int reach;                   /* 8 bits, RFC 5905 */
    double age;                  /* s since the last sample */
    char trust_why[STATUS_TEXT]; /* of its integrity */
    struct status_report report;
    struct status_peer peer;
    struct status_counters counters;
};

struct status_sky {
    char source[96]; /* name of the source that reports it; "" when none does */
    double age;      /* s since the report */
    struct sky sky;
};

struct status_feed {
    char name[OPTION_TEXT_SIZE + 16]; /* "shm 2" */
    bool working;                     /* the last sample was taken */
    uint64_t written, failed;
    char error[STATUS_TEXT * 2]; /* why it was not, and what to do, "" */
};

/* What one witness says of leap seconds. */
struct status_leap_witness {
    int kind; /* enum leap_kind */
    char name[LEAP_NAME_SIZE];
    int says;   /* enum leap */
    int64_t at; /* ns, the first second after it; 0: not said */
    int tai;    /* TAI - UTC, s; -1 unknown */
    bool confirmed;
    int64_t expires; /* ns, a list's; 0: none */
    char standing[STATUS_TEXT];
};

struct status_leap {
    int served;   /* enum leap */
    int change;   /* enum leap: the next that is known */
    int64_t at;   /* ns, the first second after it; 0: none */
    int tai;      /* TAI - UTC, s; -1 unknown */
    char rule[2]; /* "a", "b", "c"; "": nobody knows */
    char why[STATUS_TEXT];
    int witness_count;
    struct status_leap_witness witness[LEAP_WITNESSES_MAX];
};

/* What is not as it should be, and what to do. */
struct status_alarm {
    int event;      /* enum alarm_kind */
    int level;      /* enum log_level: error, warning, notice */
    char thing[96]; /* a source, a list, a feed; "" */
    char sentence[STATUS_TEXT * 2 + 128];
    int64_t since; /* ns */
};
struct status_alarms {
    int count; /* one too many is left out */
    struct status_alarm item[STATUS_ALARMS_MAX];
};

struct status_listen {
    char address[64]; /* "192.0.2.1", "::" */
    int port;
};

struct status_server {
    int threads; /* 0: all in one thread */
    int listen_count;
    struct status_listen listen[STATUS_LISTEN_MAX];
    struct status_counters verdicts; /* by verdict_table's names */
    struct status_counters modes, versions;
    uint64_t stamped, unstamped, by_card, contradicted;
    uint64_t dropped;
    bool overloaded;
    uint64_t receive_errors, send_errors, measured;
    double latency; /* s; NAN: not known */
};

/* Who asks most. */
#define STATUS_CLIENTS_MAX 32
struct status_client {
    char address[64];           /* an address, or an IPv6 network with its prefix */
    int port;                   /* that it asked from last */
    uint64_t requests, dropped; /* dropped: over the rate limit */
    double rate;                /* requests a second, NAN unknown */
    int64_t first, last;        /* ns */
    int mode, version;          /* of the last request */
    bool limited, kod;          /* the last request was */
};
struct status_clients {
    uint64_t room, memory; /* clients that can be remembered; octets */
    int count;
    struct status_client client[STATUS_CLIENTS_MAX];
};

struct status_socket_counts {
    int clients;            /* connected now */
    uint64_t accepted;      /* connections */
    uint64_t refused;       /* connections over the limit */
    uint64_t requests;      /* answered with an object */
    uint64_t unknown;       /* requests that are not known */
    uint64_t oversize;      /* request lines that were too long */
    uint64_t timeouts;      /* clients dropped because they were silent */
    uint64_t slow;          /* clients dropped because they did not read */
    uint64_t displaced;     /* clients dropped for new ones, because they kept us waiting */
    uint64_t accept_errors; /* connections that had to wait for a descriptor or memory */
};

/* Of those of the socket `unknown` and `displaced` stay 0. */
struct status_control {
    struct status_socket_counts socket;
    uint64_t strangers; /* connections of users who may not */
    uint64_t failed;    /* requests that were not carried out */
};

struct status_process {
    int pid;
    double uptime;   /* s */
    int64_t started; /* ns, true time as far as known */
    uint64_t wakeups;
    char user[64];         /* "" not known, as all that follows */
    char capabilities[64]; /* words with blanks between */
    int sandbox;           /* enum sandbox */
    int sched_priority;    /* of SCHED_FIFO; 0: none */
    bool memory_locked;
    double cpu_latency; /* s, in which processors must wake up; NAN: as the machine likes */
};

struct status {
    int version;      /* STATUS_VERSION */
    char release[24]; /* of timeball */
    char host[72];
    int64_t time; /* ns, estimated true time at which this was made */
    double bound; /* s: |time - true time| is below it */
    struct status_clock clock;
    struct status_alarms alarms;
    int source_count;
    struct status_source source[STATUS_SOURCES_MAX];
    struct status_sky sky;
    int feed_count;
    struct status_feed feed[STATUS_FEEDS_MAX];
    struct status_leap leap;
    struct status_server server;
    struct status_clients clients; /* only for those who ask for them */
    struct status_socket_counts socket;
    struct status_control control;
    struct status_process process;
};

/* Zero, with unknown for all that has an unknown; version, release and state are set. */
void status_init(struct status *s);

/* Copies a text, cut to fit. */
void status_text(char *to, size_t size, const char *from);

/* A reference identifier as text: its up to 4 letters, or a dotted quad. buf of at least 16 bytes.
 * Returns buf. */
const char *status_refid(uint32_t refid, char *buf, size_t size);

/* Appends a counter; one too many is left out. */
void status_count(struct status_counters *c, const char *name, uint64_t value);

/* The counter of that name; 0 when there is none. */
uint64_t status_counted(const struct status_counters *c, const char *name);

/* Appends all counters of a driver, by its rows. */
void status_count_driver(struct status_counters *c, const struct driver *d);

/* How a row's value is stored, written to JSON, and shown to people. */
enum status_type {
    STATUS_TYPE_TEXT,     /* char[]; JSON string, "" is null */
    STATUS_TYPE_BOOL,     /* bool; `names`: what people see for false (NULL: nothing) and true */
    STATUS_TYPE_INT,      /* int */
    STATUS_TYPE_COUNT,    /* uint64_t */
    STATUS_TYPE_COUNT32,  /* uint32_t */
    STATUS_TYPE_SECONDS,  /* double, s; people see its sign */
    STATUS_TYPE_SIZE,     /* double, s, never negative */
    STATUS_TYPE_AGE,      /* double, s; people see days, hours, minutes */
    STATUS_TYPE_BOUND,    /* double, s; people see it rounded up, with +- */
    STATUS_TYPE_NS,       /* double, s; JSON integer of ns, rounded up */
    STATUS_TYPE_NUMBER,   /* double */
    STATUS_TYPE_PPM,      /* double, dimensionless; JSON number of ppm; people see its sign */
    STATUS_TYPE_PPM_SIZE, /* the same, never negative */
    STATUS_TYPE_INSTANT,  /* int64_t ns; ISO string with 9 decimals, 0 is null */
    STATUS_TYPE_NAME,     /* int, index into `names` */
    STATUS_TYPE_REFID,    /* uint32_t; text of up to 4 letters, or a dotted quad */
    STATUS_TYPE_REACH,    /* int of 8 bits; people see it octal */
    STATUS_TYPE_LETTER,   /* char; JSON string of one letter */
    STATUS_TYPE_COUNTERS, /* struct status_counters; JSON object */
    STATUS_TYPE_OBJECT,   /* a struct with rows of its own */
    STATUS_TYPE_LIST,     /* an array of structs with rows of their own */
};

struct status_row {
    const char *name;              /* in JSON; NULL ends the table */
    size_t offset;                 /* in the struct that the table belongs to */
    const char *label;             /* for people; NULL: not shown to them */
    const char *help;              /* one sentence for the documentation */
    const char *const *names;      /* NAME: one for each value, NULL-terminated */
    const struct status_row *rows; /* OBJECT, LIST */
    size_t count_offset;           /* LIST: where the int with the number of elements is */
    size_t size;                   /* LIST: of an element */
    int max;                       /* LIST: room for so many */
    enum status_type type;
};

/* The rows of struct status. */
extern const struct status_row status_rows[];

/* The row of that name, or NULL. */
const struct status_row *status_find(const struct status_row *rows, const char *name);

/* What a client may ask for, and which rows of status_rows the answer has. */
struct status_request {
    const char *word; /* NULL ends the table */
    const char *help;
    const char *const *names; /* rows, NULL-terminated; NULL: all */
};
extern const struct status_request status_requests[];

#endif
