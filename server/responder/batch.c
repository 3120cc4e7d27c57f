/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/responder/apart.h"
#include "server/responder/control.h"

/* The whole tail is parsed in datagrams up to this size; of longer ones, what fits. */
#define DATAGRAM_MAX 1536

#define USUAL_OF 16 /* batches */
#define BUSY     4  /* datagrams in a batch */

struct slot {
    struct address_asked asked;
    struct datagram datagram; /* its `from` is written by the kernel */
    struct control control;
    struct iovec in, out;
    bool kept, timely; /* of its answer, as the handler says */
    uint8_t reply[REPLY_SIZE];
};

/* What every request touches lies close together, apart from the room for long ones. */
struct batch {
    _Alignas(APART) struct mmsghdr in[BATCH_SIZE];
    struct mmsghdr out[BATCH_SIZE];
    uint8_t of[BATCH_SIZE]; /* slot of each answer in `out` */
    struct slot slot[BATCH_SIZE];
    int used;       /* slots that the kernel has written to */
    unsigned usual; /* datagrams that a batch has lately had, times USUAL_OF */
    struct departures departures;
    uint8_t bytes[BATCH_SIZE][DATAGRAM_MAX];
};

static void make_ready(struct batch *b, int i)
{
    b->in[i].msg_hdr.msg_namelen = sizeof b->slot[i].datagram.from;
    b->in[i].msg_hdr.msg_controllen = sizeof b->slot[i].control.bytes;
}

struct batch *batch_new(size_t *size)
{
    struct batch *b = aligned_alloc(_Alignof(struct batch), sizeof *b);
    if (!b)
        return NULL;
    memset(b, 0, sizeof *b);
    for (int i = 0; i < BATCH_SIZE; i++) {
        struct slot *s = &b->slot[i];
        s->in = (struct iovec){b->bytes[i], sizeof b->bytes[i]};
        s->out.iov_base = s->reply;
        s->datagram.bytes = b->bytes[i];
        b->in[i].msg_hdr.msg_name = &s->datagram.from;
        b->in[i].msg_hdr.msg_iov = &s->in;
        b->in[i].msg_hdr.msg_iovlen = 1;
        b->in[i].msg_hdr.msg_control = s->control.bytes;
        make_ready(b, i);
    }
    if (size)
        *size = sizeof *b;
    return b;
}

void batch_free(struct batch *b)
{
    free(b);
}

static int receive(struct batch *b, int fd, bool wait)
{
    for (int i = 0; i < b->used; i++)
        make_ready(b, i);
    int count = recvmmsg(fd, b->in, BATCH_SIZE, wait ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
    b->used = count > 0 ? count : 0;
    return count;
}

static void note(struct batch *b, int i, const struct batch_socket *socket, struct clock *clock,
                 struct batch_tally *t)
{
    struct slot *s = &b->slot[i];
    s->asked = socket->only;
    int64_t stamp = control_read(&b->in[i].msg_hdr, &s->asked);
    if (!stamp)
        tally_add(&t->unstamped, 1);
    s->datagram.size = b->in[i].msg_len;
    s->datagram.received = stamp ? clock_stamp(clock, stamp) : clock_now(clock);
    s->datagram.address = address_facts(&s->datagram.from, &s->asked, socket->port);
    s->datagram.asked = &s->asked;
    s->datagram.fd = socket->fd;
}

static void add_answer(struct batch *b, unsigned at, int i, const struct batch_socket *socket,
                       size_t size)
{
    struct slot *s = &b->slot[i];
    struct msghdr *m = &b->out[at].msg_hdr;
    b->of[at] = (uint8_t)i;
    s->out.iov_len = size;
    m->msg_name = &s->datagram.from;
    m->msg_namelen = b->in[i].msg_hdr.msg_namelen;
    m->msg_iov = &s->out;
    m->msg_iovlen = 1;
    control_write(m, &s->control, socket->only.family == AF_UNSPEC ? &s->asked : NULL);
}

/* sendmmsg(2) stops at a message that fails (EPERM from a firewall, ENETDOWN, ENOBUFS ...): it is
 * counted and left out. With a full socket the rest would fail as well. */
static void send_all(struct batch *b, int fd, unsigned count, struct batch_tally *t)
{
    unsigned done = 0;
    while (done < count) {
        int sent = sendmmsg(fd, b->out + done, count - done, MSG_DONTWAIT);
        if (sent > 0) {
            done += (unsigned)sent;
            continue;
        }
        if (sent < 0 && errno == EINTR)
            continue;
        unsigned lost = errno == EAGAIN ? count - done : 1;
        tally_add(&t->send_errors, lost);
        done += lost;
    }
}

/* Judges the `count` datagrams from `first` on, and makes the answers ready to be sent; their
 * number. */
static unsigned answer(struct batch *b, int first, int count, const struct batch_socket *s,
                       struct handler *h)
{
    unsigned answers = 0;
    for (int i = first; i < first + count; i++) {
        struct slot *slot = &b->slot[i];
        h->ahead = latency_expect(&b->departures.latency, answers);
        size_t size = handler_answer(h, &slot->datagram, slot->reply);
        slot->kept = h->kept;
        slot->timely = h->timely;
        if (size)
            add_answer(b, answers++, i, s, size);
    }
    return answers;
}

/* The clock is read as late as can be, for all that leave together. */
static void stamp(struct batch *b, unsigned answers, int count, struct handler *h)
{
    bool fresh = handler_reread(h);
    int place = departures_sample(&b->departures, count, h->now);
    for (unsigned at = 0; at < answers; at++) {
        struct slot *slot = &b->slot[b->of[at]];
        bool sample = (int)at == place;
        h->ahead = latency_expect(&b->departures.latency, at);
        if (fresh && slot->timely)
            handler_restamp(h, &slot->datagram, slot->reply);
        if (!sample && !slot->kept)
            continue;
        departures_expect(&b->departures, slot->reply, slot->out.iov_len, at, sample, h,
                          slot->kept ? &slot->datagram.from : NULL);
        control_want_stamp(&b->out[at].msg_hdr);
    }
}

static void serve(struct batch *b, int first, int count, const struct batch_socket *s,
                  struct handler *h, struct batch_tally *t)
{
    unsigned answers = answer(b, first, count, s, h);
    stamp(b, answers, count, h);
    send_all(b, s->fd, answers, t);
    if (departures_curious(&b->departures, answers))
        departures_sent(&b->departures, answers, clock_now(h->clock) - h->now, &t->departures);
    if (b->departures.count)
        departures_read(&b->departures, s->fd, h);
}

/*
 * How many answers leave by one call of the kernel. Each by its own leaves nearest to its transmit
 * timestamp. That costs a call more for each, so it is done while there is time: not where there
 * is more than a little to do each time, nor when a whole batch waits.
 */
static int together(struct batch *b, int count)
{
    b->usual += (unsigned)count - b->usual / USUAL_OF;
    return count == BATCH_SIZE || b->usual >= BUSY * USUAL_OF ? count : 1;
}

int batch_serve(struct batch *b, const struct batch_socket *s, bool wait, struct handler *h,
                struct batch_tally *t)
{
    int count = receive(b, s->fd, wait);
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            departures_read(&b->departures, s->fd, h);
            return 0;
        }
        tally_add(&t->receive_errors, 1);
        return -1;
    }
    /* before the clock is read, so that no stamp lies in the future */
    for (int i = 0; i < count; i++) {
        note(b, i, s, h->clock, t);
        handler_prepare(h, &b->slot[i].datagram);
    }
    int step = together(b, count);
    handler_look(h);
    for (int i = 0; i < count; i += step) {
        if (i && !handler_reread(h)) {
            handler_rest(h);
            handler_look(h);
        }
        serve(b, i, step, s, h, t);
    }
    handler_rest(h);
    return count;
}
