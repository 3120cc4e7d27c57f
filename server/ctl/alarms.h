/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CTL_ALARMS_H
#define TIMEBALL_SERVER_CTL_ALARMS_H

#include <jansson.h>

/*
 * What a person should look at: antenna, jamming, falsetickers, errors. Calls `say` for each, the
 * text not yet clean for a terminal.
 */
void ctl_alarms(const json_t *status, void (*say)(void *arg, const char *text), void *arg);

#endif
