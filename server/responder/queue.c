/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/queue.h"

void queue_init(struct queue *q, int room)
{
    *q = (struct queue){.room = room};
}

static void see_cut(struct queue *q, int64_t now)
{
    atomic_store_explicit(&q->last, now, memory_order_relaxed);
}

/* A batch that is not full has emptied it. */
static int emptied(struct queue *q)
{
    bool was_cut = q->cut;
    q->since = 0;
    q->cut = false;
    return was_cut && q->room > QUEUE_CUT_ROOM ? q->room : 0;
}

int queue_look(struct queue *q, bool full, int64_t waited, int64_t now)
{
    if (!full)
        return emptied(q);
    if (q->cut) {
        see_cut(q, now);
        return 0;
    }
    bool is_long = waited >= QUEUE_LONG;
    if (!is_long || !q->since || now < q->since) /* the clock may be stepped back */
        q->since = is_long ? now : 0;
    if (!is_long || now - q->since < QUEUE_STANDING)
        return 0;
    q->cut = true;
    see_cut(q, now);
    return q->room > QUEUE_CUT_ROOM ? QUEUE_CUT_ROOM : 0;
}
