/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTP_VERDICT_H
#define TIMEBALL_SERVER_NTP_VERDICT_H

/* What became of a datagram. Each has one row in the table, and one counter in the responder. */
enum verdict {
    VERDICT_ANSWERED,
    VERDICT_UNSYNCHRONISED,
    VERDICT_SHORT,
    VERDICT_VERSION,
    VERDICT_MODE,
    VERDICT_CONTROL,
    VERDICT_QUERY,
    VERDICT_QUERY_LOST,
    VERDICT_PRIVATE,
    VERDICT_ADDRESS,
    VERDICT_KEY,
    VERDICT_MAC,
    VERDICT_STEP,
    VERDICT_GENERATION,
    VERDICT_IGNORED,
    VERDICT_REFUSED,
    VERDICT_LIMITED,
    VERDICT_KOD,
    VERDICT_LEAKED,
    VERDICT_COUNT
};

struct verdict_row {
    const char *name; /* in the status */
    const char *help; /* one sentence, for the manual */
};

/* Indexed by enum verdict. */
extern const struct verdict_row verdict_table[VERDICT_COUNT];

#endif
