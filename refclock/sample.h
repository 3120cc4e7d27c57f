/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_SAMPLE_H
#define TIMEBALL_REFCLOCK_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

/* Leap indicator, RFC 5905 figure 9. */
enum leap { LEAP_NONE = 0, LEAP_INSERT = 1, LEAP_DELETE = 2, LEAP_UNKNOWN = 3 };

/* A pulse, not yet numbered. */
struct edge {
    int64_t
        local; /* local scale (clock.h) of the true second: the stamp less the stated latency, ns */
    double uncertainty; /* of that latency, s, +- */
    double width; /* s, from this kind of edge on to the line's next opposite one, as the last whole
                     pulse showed it; 0: not known, the line captures one kind only */
    bool falling; /* the kind */
};

/*
 * What a receiver says of its next pulse (UBX-TIM-TP qErr): how far its clock's granularity puts
 * the pulse from where it should be. It belongs to that pulse alone.
 */
struct sawtooth {
    int64_t local;  /* local scale when it was said, ns: the pulse is the first one after it */
    int64_t second; /* POSIX, of that pulse; INT64_MIN: not known */
    double error;   /* s, with the sign that the receiver sends */
};

/* What a source knows of leap seconds. */
#define LEAP_COUNT_UNKNOWN (-1)
struct leap_claim {
    int tai;          /* TAI - UTC now, s; LEAP_COUNT_UNKNOWN */
    bool confirmed;   /* received, not a default of the firmware */
    enum leap change; /* that is announced; LEAP_UNKNOWN: it does not say */
    int64_t at;       /* POSIX s of the first second after that change; 0: not said */
};

/* What a message claims: "the second `second` (+ nsec) began some time before `local`". */
struct timelabel {
    int64_t second;   /* POSIX */
    bool leap60;      /* the second is 23:59:60; `second` is then the one that follows 23:59:59 */
    int32_t nsec;     /* fraction of the epoch, 0 .. 999999999 */
    int64_t local;    /* local scale at the first byte of the epoch's first message, ns */
    double delay_min; /* s, from the true second to that byte, where the user stated it; else NAN */
    double delay_max;
    enum leap leap; /* announced by the receiver; LEAP_UNKNOWN: it does not say */
};

/* A numbered measurement: at local time `local` the true time was `truth` + `fraction` seconds. */
struct sample {
    int64_t local;   /* ns */
    int64_t truth;   /* ns POSIX */
    double fraction; /* s, on top of `truth`: sawtooth, bias */
    double error; /* s, standard error where it is known beforehand; 0: estimated from the samples,
                     which then come a second apart or nearly so */
    double uncertainty; /* s, constant and unknowable from the samples: latency of the pulse, half
                           the delay span */
    enum leap leap;
    bool pulse; /* from an edge; false: from a message alone */
};

#endif
