/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_REPORT_H
#define TIMEBALL_SERVER_CONFIG_REPORT_H

#include <stddef.h>
#include <stdio.h>

#include "refclock/err.h"
#include "refclock/log.h"

/* What is to be said of a file that was read: errors, with which it is refused, and warnings. */
#define CONFIG_ERRORS_MAX   20  /* errors that are reported */
#define CONFIG_WARNINGS_MAX 100 /* warnings that are */

struct config;

/* What was wrong with a file. */
struct config_errors {
    struct err err[CONFIG_ERRORS_MAX]; /* thing is "FILE:LINE" */
    size_t count;                      /* of those in err[] */
    size_t more;                       /* errors after those */
};

/* Beyond CONFIG_ERRORS_MAX they are counted. */
void config_errors_add(struct config_errors *errors, const struct err *err);

/* Prints the errors, one a line, after "PROGRAM: ". */
void config_errors_print(FILE *out, const char *program, const struct config_errors *errors);

/* Where err_set() puts a warning of the line that is read: it was accepted, and means nothing here,
 * or less than one would think. NULL when there are too many, which are counted. */
struct err *config_warning(struct config *c);

/* Prints the warnings, one a line; or logs them. */
void config_warnings_print(FILE *out, const struct config *c);
void config_warnings_log(const struct log *log, const struct config *c);

#endif
