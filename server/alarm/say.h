/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ALARM_SAY_H
#define TIMEBALL_SERVER_ALARM_SAY_H

#include "server/alarm/alarm.h"

#define ALARM_JOURNAL "/run/systemd/journal/socket"

/* What goes with every event, from the last status; "" is not known. */
struct alarm_about {
    char host[72];
    char time[48]; /* ISO instant of that status */
};

/* An event's variables, by name: for the hook's environment and the fields of the journal. */
struct alarm_field {
    char text[ALARM_SENTENCE + 48]; /* "TIMEBALL_EVENT=locked" */
};
#define ALARM_FIELDS 9 /* MESSAGE_ID, PRIORITY, TIMEBALL_EVENT, _CHANGE, _THING, _SENTENCE, ... */
void alarm_fields(const struct alarm_event *event, const struct alarm_about *about,
                  struct alarm_field fields[ALARM_FIELDS]);

/* How bad it is: the end of anything is a notice. */
enum log_level alarm_level(const struct alarm_event *event);

/* The line for a person, "antenna begins: nmea /dev/ttyS0: its antenna is open: ...". Returns buf.
 */
const char *alarm_line(const struct alarm_event *event, char *buf, size_t size);

/*
 * Sends the event to the journal as `program`, a datagram of its native protocol at the socket
 * `path`. 0, or -1 with *err, and the caller prints the line.
 */
int alarm_journal(const char *path, const char *program, const struct alarm_event *event,
                  const struct alarm_field fields[ALARM_FIELDS], struct err *err);

#endif
