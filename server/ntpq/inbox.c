/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntpq/inbox.h"

#include <string.h>
#include <sys/eventfd.h>

void ntpq_inbox_init(struct ntpq_inbox *box, int wake)
{
    box->wake = wake;
    atomic_init(&box->written, 0);
    atomic_init(&box->read, 0);
}

bool ntpq_inbox_put(struct ntpq_inbox *box, const union address *from,
                    const struct address_asked *asked, int fd, const uint8_t *bytes, size_t size)
{
    unsigned at = atomic_load_explicit(&box->written, memory_order_relaxed);
    if (size > NTPQ_REQUEST_MAX || at - atomic_load(&box->read) >= NTPQ_INBOX_SIZE)
        return false;
    struct ntpq_letter *letter = &box->letter[at % NTPQ_INBOX_SIZE];
    letter->from = *from;
    letter->asked = *asked;
    letter->fd = fd;
    letter->size = size;
    memcpy(letter->bytes, bytes, size);
    /* written, then looked whether the reader had come to the end; the reader does it the other way
     * round, so one of the two sees the other (both in the one order of sequential consistency) */
    atomic_store(&box->written, at + 1);
    if (atomic_load(&box->read) == at)
        (void)!eventfd_write(box->wake, 1);
    return true;
}

bool ntpq_inbox_take(struct ntpq_inbox *box, struct ntpq_letter *to)
{
    unsigned at = atomic_load_explicit(&box->read, memory_order_relaxed);
    if (atomic_load(&box->written) == at)
        return false;
    *to = box->letter[at % NTPQ_INBOX_SIZE];
    atomic_store(&box->read, at + 1);
    return true;
}
