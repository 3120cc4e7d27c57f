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

struct slot {
    struct address_asked asked;
    struct datagram datagram; /* its `from` is written by the kernel */
    struct control control;
    struct iovec in, out;
    uint8_t reply[REPLY_SIZE];
};

/* What every request touches lies close together, apart from the room for long ones. */
struct batch {
    _Alignas(APART) struct mmsghdr in[BATCH_SIZE];
    struct mmsghdr out[BATCH_SIZE];
    struct slot slot[BATCH_SIZE];
    int used; /* slots that the kernel has written to */
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
                       size_t size, bool stamp)
{
    static const struct address_asked bound = {.family = AF_UNSPEC};
    struct slot *s = &b->slot[i];
    struct msghdr *m = &b->out[at].msg_hdr;
    s->out.iov_len = size;
    m->msg_name = &s->datagram.from;
    m->msg_namelen = b->in[i].msg_hdr.msg_namelen;
    m->msg_iov = &s->out;
    m->msg_iovlen = 1;
    control_write(m, &s->control, socket->only.family == AF_UNSPEC ? &s->asked : &bound, stamp);
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
    int place = departures_sample(&b->departures, count, h->now);
    for (int i = first; i < first + count; i++) {
        struct slot *slot = &b->slot[i];
        h->ahead = latency_expect(&b->departures.latency, answers);
        size_t size = handler_answer(h, &slot->datagram, slot->reply);
        if (!size)
            continue;
        bool sample = (int)answers == place;
        if (sample || h->kept)
            departures_expect(&b->departures, slot->reply, size, answers, sample, h,
                              h->kept ? &slot->datagram.from : NULL);
        add_answer(b, answers++, i, s, size, sample || h->kept);
    }
    return answers;
}

static void serve(struct batch *b, int first, int count, const struct batch_socket *s,
                  struct handler *h, struct batch_tally *t)
{
    handler_look(h);
    unsigned answers = answer(b, first, count, s, h);
    handler_rest(h);
    send_all(b, s->fd, answers, t);
    if (departures_curious(&b->departures, answers))
        departures_sent(&b->departures, answers, clock_now(h->clock) - h->now, &t->departures);
    if (b->departures.count)
        departures_read(&b->departures, s->fd, h);
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
    int together = count < BATCH_SIZE ? 1 : count;
    for (int i = 0; i < count; i += together)
        serve(b, i, together, s, h, t);
    return count;
}
