/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_UNIT_DOCS_STATUS_H
#define TIMEBALL_TESTS_UNIT_DOCS_STATUS_H

#include <stdio.h>

/* Tables of timeball-status(7), from the rows of requests, status and counters. */
void docs_requests(FILE *out);
void docs_fields(FILE *out);
void docs_counters(FILE *out);

/* docs/status.schema.json, from the same rows. */
void docs_schema(FILE *out);

#endif
