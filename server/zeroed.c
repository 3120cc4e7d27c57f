/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/zeroed.h"

#include <stdint.h>
#include <stdlib.h>

/* What was allocated is noted before what is given out: there are at least 16 octets. */
void *zeroed_new(size_t size, size_t alignment)
{
    if (size > SIZE_MAX - alignment)
        return NULL;
    uint8_t *memory = calloc(1, size + alignment);
    if (!memory)
        return NULL;
    void **at = (void *)(memory + alignment - (uintptr_t)memory % alignment);
    at[-1] = memory;
    return at;
}

void zeroed_free(void *at)
{
    if (at)
        free(((void **)at)[-1]);
}
