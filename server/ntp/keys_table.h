/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTP_KEYS_TABLE_H
#define TIMEBALL_SERVER_NTP_KEYS_TABLE_H

#include "server/ntp/keys.h"

/* Inside of keys.h: the table, for keys.c and the reader of key files. */
#define KEYS_SLOTS (2 * KEYS_MAX) /* a power of two */

struct keys {
    struct shared_object shared; /* first */
    size_t count;
    uint16_t slot[KEYS_SLOTS]; /* 1 + index into key[]; 0: free. Open addressing */
    struct err note[KEYS_NOTES];
    size_t notes;
    size_t room; /* in key[], at most KEYS_MAX */
    struct key key[];
};

/* Where the key of that number is, or belongs. */
size_t keys_place(const struct keys *k, uint32_t id);

#endif
