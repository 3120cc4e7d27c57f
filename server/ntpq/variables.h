/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTPQ_VARIABLES_H
#define TIMEBALL_SERVER_NTPQ_VARIABLES_H

#include "server/ntpq/sources.h"
#include "server/ntpq/text.h"
#include "server/status/status.h"

/*
 * The variables that ntpq and people's scripts read, under the names that ntpd gives them, all of
 * one status. Offsets: true minus local time.
 */

/* What a variable belongs to, in the order of enum ntpq_base: the rows' `base`. */
enum ntpq_base { NTPQ_OF_STATUS, NTPQ_OF_SOURCE, NTPQ_DERIVED, NTPQ_BASES };

/* Made of a status for the system's variables. */
struct ntpq_system {
    char version[48], processor[65], system[140], refid[16], peeradr[64];
    int tc, mintc, peer, peermode;
    double rootdist, sys_jitter, authdelay;
    int64_t expire;
    uint64_t received, processed, thisver, badformat, badauth, declined, restricted, limited,
        kodsent, oldver, control;
};

/* What the machine is, as uname(2) says. */
struct ntpq_machine {
    char processor[65], system[140];
};

/* Made of a source for its clock's variables. */
struct ntpq_clock {
    char refid[16];
    uint64_t poll, noreply, badformat, baddata;
    double latency;
    int stratum, flags;
};

extern const struct ntpq_row ntpq_system_rows[], ntpq_peer_rows[], ntpq_clock_rows[];

/* Fill them from a status; `a` is its list. */
void ntpq_system_fill(struct ntpq_system *v, const struct status *s,
                      const struct ntpq_associations *a, const struct ntpq_machine *m);
void ntpq_clock_fill(struct ntpq_clock *v, const struct status *s, const struct ntpq_source *of,
                     int index);

#endif
