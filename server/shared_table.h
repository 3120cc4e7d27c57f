/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SHARED_TABLE_H
#define TIMEBALL_SERVER_SHARED_TABLE_H

#include <stdatomic.h>
#include <stddef.h>

/*
 * A read-only table that one thread, the owner, replaces while others read it on the packet path:
 * readers neither lock nor wait, and an old table is released only when nobody reads it any more
 * (hazard pointers: Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects",
 * IEEE TPDS 15(6), 2004). A reader holds one table at a time, so at most one for each reader waits
 * for its release.
 */

/* First member of every such table. */
struct shared_object {
    struct shared_object *next; /* of those that wait for their release */
};

/* What one thread reads now; NULL: nothing. One for each pair of thread and table. */
struct shared_reader {
    _Atomic(struct shared_object *) held;
    struct shared_reader *next;
};

struct shared_table {
    _Atomic(struct shared_object *) now; /* NULL: there is none */
    void (*release)(struct shared_object *);
    struct shared_reader *readers;
    struct shared_object *old;
};

/* `release` gets each table once, in the owner's thread. */
void shared_init(struct shared_table *t, void (*release)(struct shared_object *));

/* Adds a reader, before its thread begins. It is borrowed until shared_close(). */
void shared_join(struct shared_table *t, struct shared_reader *r);

/* The owner's: `new` (may be NULL) is what readers get from now on, and becomes the table's. */
void shared_swap(struct shared_table *t, struct shared_object *new);

/* The owner's, now and then: releases old tables that are not read any more. How many still are. */
size_t shared_sweep(struct shared_table *t);

/* Releases all; no reader may be inside. */
void shared_close(struct shared_table *t);

/* The table as the owner sees it, without shared_enter(). */
static inline struct shared_object *shared_now(struct shared_table *t)
{
    return atomic_load_explicit(&t->now, memory_order_relaxed);
}

/* The table (NULL: none), which stays until shared_leave(). For the reader's thread alone. */
static inline const struct shared_object *shared_enter(struct shared_table *t,
                                                       struct shared_reader *r)
{
    struct shared_object *now = atomic_load(&t->now), *seen;
    do {
        seen = now;
        atomic_store(&r->held, seen);
        now = atomic_load(&t->now); /* another one since: the owner may not have seen `held` */
    } while (now != seen);
    return seen;
}

/* The table is not read any more; allowed without shared_enter(), too. */
static inline void shared_leave(struct shared_reader *r)
{
    atomic_store_explicit(&r->held, NULL, memory_order_release);
}

#endif
