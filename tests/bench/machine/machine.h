/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_BENCH_MACHINE_H
#define TIMEBALL_BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A machine with a bad oscillator, simulated around one program: preloaded (LD_PRELOAD), this takes
 * the place of the C library's clocks, waits and UDP sockets, so that a real time daemon
 * disciplines a clock whose truth is known, over a network with queues. Time passes only while the
 * program waits, and a little with each reading of a clock: a day takes seconds. One thread, one
 * process, no right to set the real clock needed or used.
 *
 * Environment, times in s, frequencies as fractions:
 *   MACHINE_LENGTH, MACHINE_SEED, MACHINE_LOG (a file: each second the clock's error, and that of
 *                   its frequency)
 *   MACHINE_OFFSET  clock minus truth at the start
 *   MACHINE_FREQ, MACHINE_WHITE_FM, MACHINE_WALK_FM, MACHINE_SINE, MACHINE_PERIOD: the oscillator's
 *                   constant error, what noises add a second, a sine
 *   MACHINE_SERVERS how many right NTP servers there are, at 192.168.123.2 and up
 *   MACHINE_DELAY, MACHINE_QUEUE: least time of the path each way, mean of the exponential wait
 */
#define MACHINE_START 1750000000 /* true time at the start, POSIX */

typedef long double seconds;

/* Streams of randomness, one a subject: every daemon meets the same oscillator and queues. */
enum stream { STREAM_OSCILLATOR, STREAM_NETWORK, STREAM_OTHER, STREAMS };

/* A number in (0, 1). */
double machine_uniform(enum stream s);
/* An exponential wait with that mean, s; 0 for 0. */
double machine_exponential(enum stream s, double mean);
/* A number of the environment. */
double machine_setting(const char *name, double otherwise);

/* True time since the start. The first call of all sets the machine up. */
seconds machine_now(void);
/* Lets time pass until `to`; stops on the way at nothing. */
void machine_advance(seconds to);
/* What a clock of clock_gettime(2) shows; CLOCK_REALTIME: POSIX. */
seconds machine_clock(int id);
/* True time at which a clock will show that, as far as can be said now. */
seconds machine_when(int id, seconds shows);
/* The next half second, at which the oscillator changes. */
seconds machine_mark(void);
/* How fast CLOCK_REALTIME is, against true time. */
double machine_rate(void);
/* Counts the times that the program was told to end. */
int machine_ended(void);

/* Is the descriptor one of the simulated network, and has it something to read? */
bool network_has(int fd);
bool network_ready(int fd);
/* True time of the next datagram; INFINITY: none is on its way. */
seconds network_next(void);

/* Waits until one of the simulated sockets is readable; false: a signal came. */
bool machine_wait_for(int fd);

#endif
