/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTPQ_SOURCES_H
#define TIMEBALL_SERVER_NTPQ_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "server/status/status.h"

/*
 * The sources of the status as associations (RFC 9327 section 2): each has a number, and reference
 * clocks have an address 127.127.TYPE.UNIT and a name like "NMEA(0)", by which ntpq and scripts
 * know them. The types are those of ntpd's drivers.
 */

/* What of an association outlives a status; one for each source, in the same order. */
struct ntpq_association {
    char key[160]; /* tells the same source in the next status */
    uint16_t id;   /* 1..65535, never that of another source of the last status */
    uint8_t type;  /* 127.127.type.unit; 0: a network server */
    uint8_t unit;
};
struct ntpq_associations {
    int count;
    uint16_t last; /* id given last */
    struct ntpq_association of[STATUS_SOURCES_MAX];
};

/*
 * Makes the list anew for a status: a source that was there keeps its number and unit, a new one
 * (also a pool's server at a new address) gets the next. The unit is the number at the end of the
 * device's path where that is free.
 */
void ntpq_associations_update(struct ntpq_associations *a, const struct status *s);

/* What is told of a source beyond its status. */
struct ntpq_source {
    int status; /* peer status word */
    char srcadr[64], srchost[96], dstadr[64], refid[16];
    int srcport, dstport;
    int hmode, pmode;
    int stratum, hpoll, ppoll;
    int leap;
    int unreach;
    int precision;     /* log2 s */
    int64_t rec;       /* ns true time, 0: nothing came yet */
    double dispersion; /* s */
    /* the filter's eight stages, ms; only the newest measurement is in the status */
    char filtdelay[96], filtoffset[96], filtdisp[96];
    int flash, headway, keyid; /* RFC 5905 section 7.2 peer flashers: unreachable or none */
    bool clock;                /* a reference clock */
};
void ntpq_source_describe(const struct ntpq_associations *a, const struct status *s, int index,
                          struct ntpq_source *to);

/*
 * Peer status word, RFC 9327 section 3.2: configured and reachable as they are, and what selection
 * made of it: system peer, PPS peer, candidate, outlier, falseticker or reject. Events are not
 * kept: their fields are 0.
 */
uint16_t ntpq_peer_status(const struct status_source *s);

/* The source that the clock follows, one with pulses first; -1: none. */
int ntpq_system_peer(const struct status *s);

/* System status word, RFC 9327 section 3.1; event fields 0. */
uint16_t ntpq_system_status(const struct status *s);

/* Clock status word, RFC 9327 section 3.3: 0 in service, 1 time-out, 3 device error. */
uint16_t ntpq_clock_status(const struct status_source *s);

#endif
