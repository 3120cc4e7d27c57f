/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/snapshot.h"

#include <string.h>

static void store(_Atomic uint64_t *to, const struct snapshot *s)
{
    uint64_t words[SNAPSHOT_WORDS] = {0};
    memcpy(words, s, sizeof *s);
    for (size_t i = 0; i < SNAPSHOT_WORDS; i++)
        atomic_store_explicit(&to[i], words[i], memory_order_relaxed);
}

/*
 * The sequence's low bit names the copy that readers are to use. The writer turns them to the copy
 * it will not touch before each of its two passes.
 */
void snapshot_publish(struct snapshot_latch *l, const struct snapshot *s)
{
    for (int pass = 0; pass < 2; pass++) {
        uint32_t sequence = atomic_load_explicit(&l->sequence, memory_order_relaxed) + 1;
        atomic_store_explicit(&l->sequence, sequence, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
        store(l->copy[1 - (sequence & 1)], s);
        atomic_thread_fence(memory_order_release);
    }
}

uint32_t snapshot_read(struct snapshot_latch *l, struct snapshot *s)
{
    uint64_t words[SNAPSHOT_WORDS] = {0};
    uint32_t before, after;
    do {
        before = atomic_load_explicit(&l->sequence, memory_order_acquire);
        for (size_t i = 0; i < SNAPSHOT_WORDS; i++)
            words[i] = atomic_load_explicit(&l->copy[before & 1][i], memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&l->sequence, memory_order_relaxed);
    } while (before != after);
    memcpy(s, words, sizeof *s);
    return before;
}

void snapshot_latch_init(struct snapshot_latch *l)
{
    struct snapshot s = {.stratum = 16, .leap = LEAP_UNKNOWN, .total = 16, .stat = 16};
    s.precision = -20;
    memset(l, 0, sizeof *l);
    snapshot_publish(l, &s);
}
