/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/zeroed.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE (64 * 1024) /* octets: less can hardly become a huge page */

/* Where huge pages are given to all who do not refuse, a touch would take 2 MB. */
static void by_small_pages(uint8_t *memory, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = -(uintptr_t)memory % page;
    if (size >= LARGE)
        (void)madvise(memory + before, (size - before) / page * page, MADV_NOHUGEPAGE);
}

/* What was allocated is noted before what is given out: there are at least 16 octets. */
void *zeroed_new(size_t size, size_t alignment)
{
    if (size > SIZE_MAX - alignment)
        return NULL;
    uint8_t *memory = calloc(1, size + alignment);
    if (!memory)
        return NULL;
    by_small_pages(memory, size + alignment);
    void **at = (void *)(memory + alignment - (uintptr_t)memory % alignment);
    at[-1] = memory;
    return at;
}

void zeroed_free(void *at)
{
    if (at)
        free(((void **)at)[-1]);
}
