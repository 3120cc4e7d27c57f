/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/shared_table.h"

#include <stdbool.h>

void shared_init(struct shared_table *t, void (*release)(struct shared_object *))
{
    *t = (struct shared_table){.release = release};
}

void shared_join(struct shared_table *t, struct shared_reader *r)
{
    atomic_store(&r->held, NULL);
    r->next = t->readers;
    t->readers = r;
}

static bool is_read(const struct shared_table *t, const struct shared_object *o)
{
    for (struct shared_reader *r = t->readers; r; r = r->next)
        if (atomic_load(&r->held) == o)
            return true;
    return false;
}

size_t shared_sweep(struct shared_table *t)
{
    size_t left = 0;
    for (struct shared_object **at = &t->old; *at;) {
        struct shared_object *o = *at;
        if (is_read(t, o)) {
            left++;
            at = &o->next;
            continue;
        }
        *at = o->next;
        t->release(o);
    }
    return left;
}

void shared_swap(struct shared_table *t, struct shared_object *new)
{
    struct shared_object *old = atomic_exchange(&t->now, new);
    if (old) {
        old->next = t->old;
        t->old = old;
    }
    shared_sweep(t);
}

void shared_close(struct shared_table *t)
{
    t->readers = NULL;
    if (t->release)
        shared_swap(t, NULL);
}
