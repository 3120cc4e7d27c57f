/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_ERR_H
#define TIMEBALL_REFCLOCK_ERR_H

#include <stddef.h>

/*
 * An error as a person needs it: which thing, what failed, why, and what to do about it.
 * A function that can fail fills one and returns -1; only the caller that decides logs it.
 */
struct err {
    char thing[160]; /* "/dev/pps0", "timeball.conf:12"; may be empty */
    char why[160];   /* "permission denied" */
    char todo[200];  /* "add the user to group dialout"; may be empty */
};

/* Fills `e` (which may be NULL: then nothing is kept). `why` is a printf format. Always returns -1.
 */
int err_set(struct err *e, const char *thing, const char *todo, const char *why, ...)
    __attribute__((format(printf, 4, 5)));

/* As err_set(), with the text of `errnum` (errno) as the reason. Always returns -1. */
int err_errno(struct err *e, const char *thing, const char *todo, const char *doing, int errnum);

/* Writes "thing: why; todo" to buf (always terminated) and returns buf. */
const char *err_line(const struct err *e, char *buf, size_t size);

#endif
