/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_STATUS_JSON_H
#define TIMEBALL_SERVER_STATUS_JSON_H

#include <jansson.h>

#include "server/status/status.h"

/* No answer is longer, the newline included. */
#define STATUS_LINE_MAX (256 * 1024)

/* A struct by its rows, as a new JSON object; NULL without memory. `names`: only these rows (NULL:
 * all). */
json_t *status_json(const struct status_row *rows, const void *base, const char *const *names);

/*
 * The answer to a request of status_requests[]: one line of JSON with its newline, to be freed by
 * the caller. NULL when the request is not known, or there is no memory.
 */
char *status_json_line(const struct status *s, const char *request);

/* {"version":1,"error":why} as such a line; NULL without memory. */
char *status_json_error(const char *why);

#endif
