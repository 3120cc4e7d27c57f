/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_STABILITY_H
#define TIMEBALL_SERVER_SIM_STABILITY_H

#include <stddef.h>

/*
 * How stable a clock is, from its phase x (s) once a second; NAN: not known in that second.
 */

/*
 * Overlapping Allan deviation over m seconds (Riley, "Handbook of Frequency Stability Analysis",
 * NIST SP 1065, section 5.2.4). NAN where n is too small.
 */
double sim_stability_adev(const double *x, size_t n, size_t m);

/*
 * Maximum time interval error (ITU-T G.810): the largest difference between two values at most 2^k
 * seconds apart, for k = 0, 1, ... below `octaves`, in mtie[k]; NAN where n is too small. Takes
 * each octave from the one below (Bregni, IEEE Trans. Instrum. Meas. 45, 1996). Returns 0, or -1
 * without memory.
 */
int sim_stability_mtie(const double *x, size_t n, double *mtie, size_t octaves);

#endif
