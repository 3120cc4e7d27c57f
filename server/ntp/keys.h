/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTP_KEYS_H
#define TIMEBALL_SERVER_NTP_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/err.h"
#include "server/ntp/mac.h"
#include "server/shared_table.h"

/*
 * The symmetric keys of a key file, in the format of ntpd and of chrony: lines `ID TYPE KEY`, with
 * comments. A table is made once and never changed; it is shared with the packet path as it is
 * (shared_table.h), where finding a key costs the same however many there are.
 */
#define KEYS_MAX      1024
#define KEYS_FILE_MAX (1024 * 1024) /* bytes */
#define KEYS_NOTES    8
#define KEYS_RANGES   64

struct key {
    uint32_t id; /* > 0 */
    bool trusted;
    int line;
    struct mac_key mac;
};

/* Which keys are believed: those of `trustedkey`; without such a line all. */
struct keys_range {
    int64_t from, to;
};
struct keys_want {
    const char *path;
    bool weak; /* MD5 is allowed */
    const struct keys_range *trusted;
    size_t ranges;
};

struct keys;

/*
 * Reads the file. 0; or -1 with *err, which names file and line, for what is wrong: a line that
 * cannot be read, a number that is given twice, more than KEYS_MAX, a file that anybody may write.
 * What is left out, and what should be known, are notes.
 */
int keys_load(struct keys **out, const struct keys_want *want, struct err *err);

/* The same from memory; want->path stands for the file in messages. */
int keys_parse(struct keys **out, const struct keys_want *want, const char *text, size_t size,
               struct err *err);

/* Wipes and frees. NULL is allowed. */
void keys_free(struct keys *k);

/* For shared_init(): the object is a table of keys. */
void keys_release(struct shared_object *o);

/* A table as a shared object, and back; NULL is NULL. */
struct shared_object *keys_share(struct keys *k);
const struct keys *keys_shared(const struct shared_object *o);

/* How many there are; `k` may be NULL. */
size_t keys_count(const struct keys *k);

/* What was left out and why, and who may read the file: by index, NULL after the last. */
const struct err *keys_note(const struct keys *k, size_t index);

/* The key of that number; NULL: there is none. `k` may be NULL. */
const struct key *keys_find(const struct keys *k, uint32_t id);

/* Puts key identifier and digest (of `digest_size` octets) behind `size` octets of a packet that
 * has room for them; returns the packet's new size. */
size_t keys_sign(const struct key *key, uint8_t *packet, size_t size, size_t digest_size);

#endif
