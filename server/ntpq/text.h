/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTPQ_TEXT_H
#define TIMEBALL_SERVER_NTPQ_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The text of a control answer, "name=value, name=value" (RFC 9327 section 4), and the variables
 * that it is made of, one row each.
 */
#define NTPQ_DATA_MAX    468                                /* octets of data in a packet */
#define NTPQ_PACKETS_MAX 32                                 /* of one answer: what ntpq takes */
#define NTPQ_TEXT_MAX    (NTPQ_DATA_MAX * NTPQ_PACKETS_MAX) /* octets */

struct ntpq_text {
    size_t size;
    uint8_t bytes[NTPQ_TEXT_MAX];
};

/* How a variable is stored, and written as people's scripts read it. */
enum ntpq_type {
    NTPQ_INT,     /* int */
    NTPQ_NATURAL, /* int; negative is unknown */
    NTPQ_COUNT,   /* uint64_t */
    NTPQ_HEX,     /* int; "0xff" */
    NTPQ_MS,      /* double, s; milliseconds with 6 decimals; NAN is 0 */
    NTPQ_PPM,     /* double, dimensionless; parts per million; NAN is 0 */
    NTPQ_SECONDS, /* double, s; whole seconds */
    NTPQ_INSTANT, /* int64_t, ns; NTP timestamp in hex; 0 is unknown */
    NTPQ_MINUTE,  /* int64_t, ns; YYYYMMDDHHMM; 0 is unknown */
    NTPQ_WORD,    /* char[], as it is */
    NTPQ_STRING,  /* char[], in quotes; "" is unknown */
};

struct ntpq_row {
    const char *name; /* NULL ends the table */
    enum ntpq_type type;
    unsigned base; /* which of the subject's structs */
    size_t offset; /* in it */
    bool asked;    /* only told when it is named, not in the default set */
};

/* Appends data as it is; what does not fit is left out as a whole. */
void ntpq_put_bytes(struct ntpq_text *t, const void *bytes, size_t size);

/* Appends ", name=value"; the value is printf()'s. */
__attribute__((format(printf, 3, 4))) void ntpq_put(struct ntpq_text *t, const char *name,
                                                    const char *value, ...);

/* Appends "name=" and an instant (ns POSIX) as an NTP timestamp. */
void ntpq_put_instant(struct ntpq_text *t, const char *name, int64_t instant);

/* Appends every variable of the default set whose value is known. */
void ntpq_put_default(struct ntpq_text *t, const struct ntpq_row *rows, const void *const *bases);

/*
 * Appends the variables of a list of names, "a, b=, c" (RFC 9327 section 4: what follows `=` means
 * nothing when variables are read). 0, or -1 when a name is in no row.
 */
int ntpq_put_named(struct ntpq_text *t, const struct ntpq_row *rows, const void *const *bases,
                   const char *list, size_t size);

/* Takes the next "name=value" from a list that `*list` of `*size` octets is left of; surrounding
 * space is not part of either. False at the end. */
struct ntpq_item {
    const char *name, *value;
    size_t name_size, value_size;
};
bool ntpq_next_item(const char **list, size_t *size, struct ntpq_item *item);

/* Is that the item's name? */
bool ntpq_item_is(const struct ntpq_item *item, const char *name);

#endif
