/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_NMEA_NMEA_EPOCH_H
#define TIMEBALL_DRIVERS_NMEA_NMEA_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/nmea/nmea_decode.h"

/*
 * From the sentences of one epoch to a time that can be vouched for. Pure.
 *
 * An epoch is the run of sentences with the same time of day. RMC, GGA, GNS and PGRMF are its
 * witnesses: one must say that the fix is valid and none of the sentences may deny it. GLL and ZDA
 * stand only beside a witness; GLL also for one that arrived damaged, where the epoch before was
 * vouched for. Sentences that say no word of a fix are an epoch of their own only where they are
 * not those of one that was vouched for, come late.
 *
 * The date comes from RMC, PGRMF or ZDA, or goes on from the last epoch that was vouched for (GGA
 * before RMC at midnight, GGA at 10 Hz).
 *
 * The verdict falls as soon as the witnesses that spoke in the epoch before have spoken again, at
 * the latest with the first sentence of the next epoch or by nmea_epochs_tick().
 *
 * Dates by the rules of era.h.
 */
enum nmea_verdict {
    NMEA_VOUCHED,
    NMEA_NO_FIX,
    NMEA_NO_WORD,       /* none of its witnesses spoke, and nobody denied the fix */
    NMEA_NO_DATE,       /* fix, but neither this epoch nor an earlier one has a date */
    NMEA_CONTRADICTION, /* two dates in one epoch */
    NMEA_NO_UTC,        /* fix, but the receiver says that it does not yet know UTC (UBX only) */
};

struct nmea_epoch {
    enum nmea_verdict verdict;
    bool dated;     /* false: the time is not known; the next three are 0 */
    int64_t second; /* POSIX */
    bool leap60;    /* 23:59:60; `second` is the one that follows 23:59:59 */
    int32_t nsec;
    bool era_moved; /* the receiver's date was whole eras away */
    int64_t local;  /* at the first byte of its burst, ns */
};

/* How long after its last sentence an epoch waits for a usual witness. */
#define NMEA_EPOCH_WAIT_NS INT64_C(300000000)

/* The epoch at hand. */
struct nmea_open_epoch {
    struct nmea_tod tod;
    int64_t local, last; /* first byte of the burst; last sentence */
    unsigned seen;       /* kinds of sentences, bits of 1 << enum nmea_kind */
    bool valid, denied;  /* by a witness; by any sentence */
    bool gll_valid, damaged;
    bool dated, two_dates, era_moved;
    int64_t midnight; /* POSIX, of the date it names */
    bool decided;
};

struct nmea_epochs {
    int64_t pivot;
    void (*emit)(void *arg, const struct nmea_epoch *);
    void *arg;
    bool open;
    struct nmea_open_epoch epoch;
    unsigned usual;      /* witnesses of the epoch before */
    bool damage;         /* since the last verdict */
    bool have_past;      /* an epoch was vouched for: */
    int64_t past_second; /*   its time ... */
    int32_t past_nsec;
    bool past_leap60;
    int64_t past_local; /*   ... and when it came */
};

/* pivot: POSIX s. emit is called once an epoch, from the functions below. */
void nmea_epochs_init(struct nmea_epochs *g, int64_t pivot,
                      void (*emit)(void *arg, const struct nmea_epoch *), void *arg);

/* Would this sentence go to the epoch at hand? (A GSA or GSV always does.) */
bool nmea_epochs_same(const struct nmea_epochs *g, const struct nmea_message *m);

/*
 * Takes a sentence (GSA and GSV are passed over) whose `$` came at `local`, in a burst that began
 * at `burst`. False when it names a date that cannot be; it is left out then.
 */
bool nmea_epochs_add(struct nmea_epochs *g, const struct nmea_message *m, int64_t local,
                     int64_t burst);

/* A sentence was lost to damage here. */
void nmea_epochs_damaged(struct nmea_epochs *g);

/* Time goes on without a sentence. */
void nmea_epochs_tick(struct nmea_epochs *g, int64_t now);

/* True while an epoch waits for its verdict. */
bool nmea_epochs_pending(const struct nmea_epochs *g);

/* Decides what is pending: the bytes have ended. */
void nmea_epochs_flush(struct nmea_epochs *g);

#endif
