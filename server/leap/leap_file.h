/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_LEAP_LEAP_FILE_H
#define TIMEBALL_SERVER_LEAP_LEAP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "drivers/option.h"
#include "refclock/err.h"
#include "refclock/leap.h"

/*
 * Lists of leap seconds as files: leap-seconds.list of the IERS (also by NIST and in tzdata), which
 * carries a SHA-1 of its figures and the day on which it expires; and the table `leapseconds` of
 * the time zone database, which says the same without a hash.
 */
#define LEAP_LIST_MAX  128
#define LEAP_FILE_SIZE (128 * 1024) /* bytes of a file; a real one has 5 000 */

struct leap_list {
    int count;
    struct {
        int64_t at; /* POSIX s from which the count holds */
        int tai;    /* TAI - UTC, s */
    } row[LEAP_LIST_MAX];
    int64_t updated; /* POSIX s */
    int64_t expires; /* POSIX s */
};

/*
 * Reads a leap-seconds.list from memory (`name` stands for it in errors), or a `leapseconds` table.
 * 0, or -1 with *err, and *list is untouched: damaged, no hash or a wrong one, no expiry.
 */
int leap_list_parse(const char *name, const char *text, size_t size, struct leap_list *list,
                    struct err *err);
int leap_zone_parse(const char *name, const char *text, size_t size, struct leap_list *list,
                    struct err *err);

/* What the list says at `now` (POSIX s): the count, and the change that comes next. */
struct leap_claim leap_list_claim(const struct leap_list *list, int64_t now);

/* A file that is read again whenever it changes. */
struct leap_file {
    char path[OPTION_TEXT_SIZE]; /* "": none */
    enum leap_kind kind;         /* LEAP_BY_LIST or LEAP_BY_ZONE */
    bool good;                   /* the list holds what the file says */
    struct leap_list list;
    struct err err; /* why it is not good; `why` is empty: there is no such file */
    bool looked;
    dev_t device; /* of what was read last ... */
    ino_t inode;
    off_t size;
    struct timespec changed;
};

/* Of the file at `path`, not yet read. */
void leap_file_init(struct leap_file *f, enum leap_kind kind, const char *path);

/* The table that lies beside the list at `path`. */
void leap_file_init_beside(struct leap_file *f, const char *path);

/* Reads the file when it is another than at the last call. True when what is known has changed. */
bool leap_file_look(struct leap_file *f);

/* Notes in the table what the file says at `now`, or takes the file out of it. */
void leap_file_say(const struct leap_file *f, struct leap_table *t, int64_t now);

#endif
