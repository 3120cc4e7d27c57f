/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_LATCH_H
#define TIMEBALL_REFCLOCK_LATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A latch of two copies of atomic words: one writer, any number of readers in any thread; a
 * preempted writer never makes a reader spin for long, and a reader never sees half of what was
 * written. (Lameter 2005, seqcount latch.)
 *
 * Whoever has one keeps the sequence and the copies, twice LATCH_WORDS of the type; both begin as
 * 0. `size`: octets of what is written or read.
 */
#define LATCH_WORDS(type) ((sizeof(type) + 7) / 8)

/* For the one writer. */
void latch_write(_Atomic uint32_t *sequence, _Atomic uint64_t *copies, const void *from,
                 size_t size);

/* For any thread. Returns the number of what it read. */
uint32_t latch_read(const _Atomic uint32_t *sequence, const _Atomic uint64_t *copies, void *to,
                    size_t size);

/* For any thread: whether that was the newest until now, which is after all that the caller did
 * before (such as reading the clock). */
static inline bool latch_is_newest(const _Atomic uint32_t *sequence, uint32_t number)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(sequence, memory_order_relaxed) == number;
}

#endif
