/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/claim.h"

#include <string.h>

void sim_bytes_add(struct sim_bytes *b, const void *message, int size)
{
    if (b->size + size > SIM_BYTES_SIZE || b->parts == SIM_BYTES_PARTS)
        return;
    b->part[b->parts++] = b->size;
    memcpy(b->data + b->size, message, (size_t)size);
    b->size += size;
}
