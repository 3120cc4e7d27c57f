/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_METRICS_METRICS_H
#define TIMEBALL_SERVER_METRICS_METRICS_H

#include <jansson.h>
#include <stddef.h>

/*
 * The status as metrics in Prometheus' text form (exposition format 0.0.4): base units, `_total`
 * for counters, labels for what there are several of. A new metric is one row in metrics_rows.c.
 */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_form {
    METRIC_VALUE,   /* a number, or true and false as 1 and 0 */
    METRIC_INSTANT, /* an instant; seconds since 1970 */
    METRIC_UNTIL,   /* an instant; seconds from the status' own time until then */
    METRIC_STATE,   /* a text that is one of the status row's names; each of them is a sample, 1 for
                       the one that it is and 0 for the others */
    METRIC_TEXT,    /* a text; one sample of 1, the text in the label */
    METRIC_COUNTERS, /* an object of numbers; a sample each, the name in the label */
    METRIC_TALLY,    /* an array of objects; how many there are by `member`, in the label */
};

struct metric_row {
    const char *name;  /* without "timeball_"; NULL ends the table */
    const char *help;  /* one sentence */
    const char *path;  /* in the status; "a[].b": in each element, told apart by a label */
    const char *label; /* see the form; VALUE to UNTIL: of `value`, or NULL */
    const char
        *value; /* constant value of the label; TALLY: count only those whose member is true */
    const char *member; /* TALLY: what they are told apart by; INSTANT in an array: the element's
                           member that is the value of the label */
    enum metric_form form;
};

/* Rows of one name stand together, and only the first has the sentence. */
extern const struct metric_row metric_rows[];

/* Arrays whose elements have samples of their own: the label, and the member that it is taken from.
 */
struct metric_list {
    const char *path, *label, *member; /* path NULL ends the table */
};
extern const struct metric_list metric_lists[];

/*
 * The metrics of an answer to `status`; NULL: there was none, and only timeball_up is there, as 0.
 * Whatever the object holds, the text is well formed: each sample once, labels escaped, at most
 * METRICS_ELEMENTS of an array and METRICS_NAMES of an object. Not "really" JSON of timeballd is no
 * error: what is absent, or of another type, has no sample. *size: octets. To be freed by the
 * caller; NULL without memory.
 */
#define METRICS_ELEMENTS 128
#define METRICS_NAMES    64
char *metrics_text(const json_t *status, size_t *size);

#endif
