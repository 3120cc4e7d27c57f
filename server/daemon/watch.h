/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_WATCH_H
#define TIMEBALL_SERVER_DAEMON_WATCH_H

#include "drivers/driver.h"

struct daemon_source;

/*
 * Watches the integrity of a receiver: what its line of the configuration reports, and what other
 * sources say, to refclock/integrity.h, and the verdict to the clock (refclock_trust()).
 */

/* Nothing was reported yet; `site` by the configuration. */
void watch_init(struct daemon_source *s);

/* The satellites that the next report is judged with. */
void watch_sky(struct daemon_source *s, const struct sky *sky);

/* An epoch's report. */
void watch_report(struct daemon_source *s, const struct receiver_report *report);

/* Nothing comes from it any more: what it said of antenna, jamming and spoofing is not known now.
 */
void watch_silent(struct daemon_source *s);

#endif
