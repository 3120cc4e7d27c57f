/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_MEMORY_H
#define TIMEBALL_REFCLOCK_MEMORY_H

#include <stdbool.h>

/*
 * Sums over differences between neighbouring blocks of time, older ones fading: products of their
 * temperature (k), its slope (s) and the frequency (f); and how many there were.
 */
struct memory_sums {
    double kk, ks, ss, kf, sf, ff, blocks;
};

/*
 * What a clock learned that is worth keeping over a restart. Plain numbers; all finite.
 */
struct memory {
    bool known;              /* false: nothing below means anything */
    double freq, freq_error; /* free-running frequency and its standard error, grown by its age */
    double pulse;            /* s, standard deviation of a pulse; 0: only the frequency is known */
    double k1, k2, k3;       /* gains that suit the noises (noise.h), 0 < k1 < 1 */
    double walk_fm; /* random-walk FM that a second adds, for the error's growth with age */
    bool thermal;   /* the sums below are known (thermal.h), and the temperature of `freq` */
    double celsius;
    struct memory_sums sums;
};

/*
 * How late the messages of a receiver come after their pulses, where something else than that delay
 * said which second they belong to.
 */
#define MEMORY_DELAYS    16
#define MEMORY_DELAY_MAX 3.0 /* s */
#define MEMORY_SPAN_MAX  0.8 /* s: more tells no second */

struct memory_delay {
    char name[96];    /* the receiver_config.name */
    char model[64];   /* as the receiver says it; "": not known */
    double low, high; /* s, 0 <= low <= high <= MEMORY_DELAY_MAX */
};

#endif
