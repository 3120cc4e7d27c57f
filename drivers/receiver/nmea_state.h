/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_RECEIVER_NMEA_STATE_H
#define TIMEBALL_DRIVERS_RECEIVER_NMEA_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/receiver/detect.h"
#include "drivers/driver.h"
#include "drivers/receiver/epoch_gate.h"
#include "drivers/receiver/gnss.h"
#include "drivers/reopen.h"
#include "drivers/ubx/ubx_setup.h"

/* The state of the driver `nmea`, for its own files. */
struct nmea_driver {
    struct driver driver;
    double delay[2]; /* s; 0, 0: not stated */
    int64_t baud;    /* not positive: found by listening */
    int first;       /* the rate to try first, 0: none */
    struct detect detect;
    struct gnss gnss;
    struct ubx_setup setup;
    uint64_t opened_messages; /* count of them when the port was opened */
    struct epoch_gate gate;
    bool moved;        /* it names dates of another era */
    int64_t worded;    /* local: the last epoch that said whether there is a fix */
    struct port *port; /* NULL: closed */
    struct loop_fd fd;
    struct loop_timer verdict, silence, listen;
    struct reopen reopen;
    uint64_t silent_bytes, silent_messages, silent_unchecked; /* counts when the silence began */
    uint64_t too_early, rates;
    uint64_t unconfirmed; /* epochs that were vouched for, and not yet used */
    char notice[96];      /* the last that was logged */
    struct log_limit limit_notice;
};

/* Its rows, offsets into that. */
extern const struct option_row nmea_options[];
extern const struct counter_row nmea_counters[];

#endif
