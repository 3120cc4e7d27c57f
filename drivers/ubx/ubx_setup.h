/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_UBX_UBX_SETUP_H
#define TIMEBALL_DRIVERS_UBX_UBX_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "drivers/receiver_report.h"
#include "drivers/ubx/ubx_config.h"
#include "drivers/ubx/ubx_talk.h"

/*
 * The conversation that sets up a u-blox receiver: who are you; how are you set; set in RAM; and
 * read back. Nothing is written to flash but by the verb `save`. A new baud rate that brings no
 * answer within 2 s is taken back, by the receiver and by the port.
 *
 *   show
 *   survey SECONDS ACCURACY             time mode: measure the position, m
 *   fixed LAT LON HEIGHT [ACCURACY]     degrees, m above the ellipsoid, m
 *   fixed ecef X Y Z [ACCURACY]         m
 *   moving                              no time mode
 *   constellations NAME ...             these and no others
 *   elevation DEGREES
 *   cable SECONDS
 *   baud RATE
 *   messages trim
 *   jamming on|off
 *   save, reset-config, help
 */
struct ubx_setup_host {
    ptrdiff_t (*write)(void *arg, const void *bytes, size_t size); /* as in ubx_talk.h */
    int (*set_baud)(void *arg, int baud, struct err *err);         /* the port's; 0 or -1 */
};

/* What a verb's words mean. */
struct ubx_order {
    const struct ubx_verb *verb;
    struct ubx_values wanted;
    bool feature[UBX_FEATURES]; /* to be read before and after */
};

enum ubx_setup_phase {
    UBX_SETUP_IDLE,
    UBX_SETUP_IDENTIFY, /* MON-VER */
    UBX_SETUP_STATE,    /* show: MON-RF, MON-HW, so that the report is fresh */
    UBX_SETUP_READ,
    UBX_SETUP_WRITE,
    UBX_SETUP_CHECK, /* read back */
    UBX_SETUP_KEEP,  /* save, reset-config */
    UBX_SETUP_NEW_RATE,
    UBX_SETUP_OLD_RATE,
};

struct ubx_setup {
    const struct ubx_setup_host *host;
    void *arg;
    struct loop *loop;
    const struct receiver_report *report; /* borrowed: what it says of itself meanwhile */
    int satellites, used;                 /* of its last sky, set by the owner; -1: none came */
    int rate;                             /* of the port, set by the owner; 0: it has none */
    struct ubx_talk talk;
    struct loop_timer pause;
    struct driver_command command; /* reply and its arg alone */
    enum ubx_setup_phase phase;
    struct ubx_order order;
    struct ubx_dialect dialect;
    int step; /* feature or state message at hand */
    int new_rate;
    int silences; /* questions of this command without an answer */
    bool trimmed; /* the rates of messages are worked out */
    struct ubx_values before, now;
    struct ubx_values *into;
    bool refused[UBX_FEATURES];
    struct ubx_payload kept[UBX_MESSAGE];
};

/* All but the owner's fields; `host`, `arg`, `loop` and `report` are borrowed. */
void ubx_setup_init(struct ubx_setup *s, const struct ubx_setup_host *host, void *arg,
                    struct loop *loop, const struct receiver_report *report);

/* Takes a command (driver.h). 0, or -1 with *err when it is none, or another is under way. */
int ubx_setup_command(struct ubx_setup *s, const struct driver_command *c, struct err *err);

/* Every frame that comes. */
void ubx_setup_frame(struct ubx_setup *s, const struct ubx_frame *frame);

/* The port was closed: ends the command that is under way, with a reply. */
void ubx_setup_gone(struct ubx_setup *s);

/* Forgets what is under way without a reply. */
void ubx_setup_stop(struct ubx_setup *s);

/* ---- words (ubx_verbs.c) ---- */

struct ubx_verb {
    const char *word, *usage, *help;
    int (*take)(struct ubx_order *o, const char *const *words, size_t count, struct err *err);
};
extern const struct ubx_verb ubx_verbs[]; /* ends with a row without a word */

/* Reads a command's words. 0, or -1 with *err. */
int ubx_order_take(struct ubx_order *o, const char *const *words, size_t count, struct err *err);

/* The share of the line that the messages take at `rate` baud, 0..1 and more; a rate of n counts
 * as an n-th. */
double ubx_line_share(const struct ubx_values *v, int rate);

/* Fills in the rates of `messages trim`: each as often as the line allows (half of it), of those
 * that the receiver knows. */
void ubx_trim(const struct ubx_values *known, int rate, struct ubx_values *wanted);

/* An item's value for a person: "10 degrees", "on". Returns buf. */
const char *ubx_value_text(enum ubx_item i, const struct ubx_values *v, char *buf, size_t size);

/* Line `n` of what a report says, for `show`; NULL after the last. Returns buf. */
const char *ubx_report_text(const struct receiver_report *r, int n, char *buf, size_t size);

#endif
