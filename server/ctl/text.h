/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CTL_TEXT_H
#define TIMEBALL_SERVER_CTL_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/status/status.h"

/* A status object for people: units chosen, control characters out. Buffers of at least 48 bytes;
 * the functions return `buf`. */

/* "+12.3 ns", "4.56 ms", "1.2 s"; `sign`: with + or - always. */
const char *ctl_seconds(double s, bool sign, char *buf, size_t size);

/* A bound, three digits, rounded up: "21.4 us". */
const char *ctl_bound(double s, char *buf, size_t size);

/* "0.4 s", "3 min 12 s", "2 d 3 h". */
const char *ctl_age(double s, char *buf, size_t size);

/* A member of an object by its row; "" when it is absent or null. */
const char *ctl_value(const struct status_row *row, const json_t *object, char *buf, size_t size);

/* Members that have no row at hand: NULL or NAN when absent or of another type. */
const char *ctl_string(const json_t *object, const char *name);
double ctl_number(const json_t *object, const char *name);

/* Writes the text with control characters as '?', so that nothing in it can drive a terminal. */
void ctl_print_clean(FILE *out, const char *text);

/* The same, broken between words at 78 columns, each line indented by `indent`, ended by a newline.
 */
void ctl_print_folded(FILE *out, int indent, const char *text);

/* The same for a text that begins at `column`: the lines after the first are indented. */
void ctl_print_hanging(FILE *out, int column, int indent, const char *text);

/* Every row that has a label and a value: "label  value" a line, indented by two. */
void ctl_print_rows(FILE *out, const struct status_row *rows, const json_t *object);

/* The counters that are not 0: "  counters  answered 12, short 3", broken at 78 columns. */
void ctl_print_counters(FILE *out, const char *label, json_t *counters);

/* An ISO instant of the protocol ("...T12:00:00.123456789Z"). 0, or -1. */
int ctl_instant(const char *text, int64_t *instant);

#endif
