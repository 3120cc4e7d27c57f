/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/latch.h"

#include <string.h>

/* Whole words by themselves: a copy whose size is not known is a call for each. */
static void store(_Atomic uint64_t *to, const uint8_t *from, size_t size)
{
    uint64_t word;
    for (; size >= sizeof word; size -= sizeof word, from += sizeof word) {
        memcpy(&word, from, sizeof word);
        atomic_store_explicit(to++, word, memory_order_relaxed);
    }
    if (!size)
        return;
    word = 0;
    memcpy(&word, from, size);
    atomic_store_explicit(to, word, memory_order_relaxed);
}

static void load(const _Atomic uint64_t *from, uint8_t *to, size_t size)
{
    uint64_t word;
    for (; size >= sizeof word; size -= sizeof word, to += sizeof word) {
        word = atomic_load_explicit(from++, memory_order_relaxed);
        memcpy(to, &word, sizeof word);
    }
    word = size ? atomic_load_explicit(from, memory_order_relaxed) : 0;
    memcpy(to, &word, size);
}

/*
 * The sequence's low bit names the copy that readers are to use. The writer turns them to the copy
 * it will not touch before each of its two passes.
 */
void latch_write(_Atomic uint32_t *sequence, _Atomic uint64_t *copies, const void *from,
                 size_t size)
{
    size_t words = (size + 7) / 8;
    for (int pass = 0; pass < 2; pass++) {
        uint32_t number = atomic_load_explicit(sequence, memory_order_relaxed) + 1;
        atomic_store_explicit(sequence, number, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
        store(copies + (number & 1 ? 0 : words), from, size);
        atomic_thread_fence(memory_order_release);
    }
}

uint32_t latch_read(const _Atomic uint32_t *sequence, const _Atomic uint64_t *copies, void *to,
                    size_t size)
{
    size_t words = (size + 7) / 8;
    uint32_t before, after;
    do {
        before = atomic_load_explicit(sequence, memory_order_acquire);
        load(copies + (before & 1 ? words : 0), to, size);
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(sequence, memory_order_relaxed);
    } while (before != after);
    return before;
}
