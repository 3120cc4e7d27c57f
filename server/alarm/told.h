/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ALARM_TOLD_H
#define TIMEBALL_SERVER_ALARM_TOLD_H

#include "refclock/err.h"
#include "server/alarm/alarm.h"

/*
 * What timeball-alarm has told, in a file from one start to the next: then nothing is told to begin
 * twice, and the end of what was told is told, though it came while nobody watched. Its form is
 * that of `alarms` in the status (timeball-status(7)).
 */

/*
 * 1 with a->told as it was, and the start counts as none; 0: there is no file; -1 with *err when it
 * cannot be used, and *a is untouched.
 */
int alarm_told_read(const char *path, struct alarm *a, struct err *err);

/* Replaces the file. 0, or -1 with *err. */
int alarm_told_write(const char *path, const struct status_alarms *told, struct err *err);

#endif
