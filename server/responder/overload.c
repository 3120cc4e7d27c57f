/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/overload.h"

void overload_look(struct overload *o, bool full, int64_t waited, int64_t now)
{
    bool is_long = full && waited >= OVERLOAD_LONG;
    if (!is_long || !o->since || now < o->since) /* the clock may be stepped back */
        o->since = is_long ? now : 0;
    else if (now - o->since >= OVERLOAD_STANDING)
        atomic_store_explicit(&o->last, now, memory_order_relaxed);
}
