/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client of the status socket may ask for. */
#include "server/status/status.h"

static const char *const all_but_clients[] = {
    "version", "release", "host",          "time",    "bound", "bound_ns",
    "clock",   "alarms",  "sources",       "sky",     "feeds", "leap",
    "server",  "socket",  "controlsocket", "process", NULL};
static const char *const clients_names[] = {"version", "time", "clients", "server", NULL};
static const char *const sources_names[] = {"version", "time", "sources", NULL};
static const char *const satellites_names[] = {"version", "time", "sky", NULL};
static const char *const leap_names[] = {"version", "time", "leap", NULL};
static const char *const now_names[] = {"version", "time", "bound", "bound_ns", "clock", NULL};
static const char *const alarms_names[] = {"version", "time", "alarms", NULL};
static const char *const version_names[] = {"version", "release", "host", NULL};

const struct status_request status_requests[] = {
    {"status", "Everything but the clients.", all_but_clients},
    {"sources", "The reference clocks.", sources_names},
    {"satellites", "The satellites that the receiver reports.", satellites_names},
    {"leap", "Leap seconds: what is served, and who says what.", leap_names},
    {"alarms", "What is not as it should be, worst first.", alarms_names},
    {"clients", "Who asks most, and what became of all requests.", clients_names},
    {"now", "The time, made anew for this request, and the clock.", now_names},
    {"version", "Versions of the protocol and of timeball.", version_names},
    {NULL, NULL, NULL},
};
