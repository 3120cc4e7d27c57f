/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_REPLAY_H
#define TIMEBALL_SERVER_SIM_REPLAY_H

#include <stdbool.h>
#include <stdio.h>

#include "refclock/err.h"
#include "refclock/log.h"

/*
 * Plays what a daemon recorded (record.h) to a whole daemon in virtual time, whose clock nobody
 * steers, and prints to `out` what it shows: what is used, noise, late pulses, the bound, and
 * whether the promise holds in hold-over: each hour the next ten minutes are predicted as if no
 * pulse had come, and held against what came. 0, or -1 with *err.
 */
int sim_replay_file(const char *path, bool json, const struct log *log, FILE *out, struct err *err);

/* The same from an open file; `name` stands for it in errors. */
int sim_replay(FILE *in, const char *name, bool json, const struct log *log, FILE *out,
               struct err *err);

#endif
