/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/responder/apart.h"
#include "server/responder/control.h"
#include "server/zeroed.h"

/* The whole tail is parsed in datagrams up to this size; of longer ones, what fits. */
#define DATAGRAM_MAX 1536

struct slot {
    struct address_asked asked;
    struct datagram datagram; /* its `from` is written by the kernel */
    struct control control;
    struct iovec in, out;
    bool kept, timely; /* of its answer, as the handler says */
    bool by_card;      /* its receive timestamp is the card's */
    int card;          /* the place of the card whose stamps it can have; -1: none */
    struct net_stamps stamps;
    uint8_t reply[REPLY_SIZE];
};

/* What every request touches lies close together, apart from the room for long ones. */
struct batch {
    _Alignas(APART) struct mmsghdr in[BATCH_SIZE];
    struct mmsghdr out[BATCH_SIZE];
    uint8_t of[BATCH_SIZE]; /* slot of each answer in `out` */
    struct slot slot[BATCH_SIZE];
    int used; /* slots that the kernel has written to */
    int full; /* batches in a row, up to BATCH_HABIT */
    struct departures departures;
    const struct cards_latch *cards; /* NULL: none */
    struct cards_view view;
    bool carded; /* a card has stamped any of the batch: `view` is of now */
    uint8_t bytes[BATCH_SIZE][DATAGRAM_MAX];
};

static void make_ready(struct batch *b, int i)
{
    b->in[i].msg_hdr.msg_namelen = sizeof b->slot[i].datagram.from;
    b->in[i].msg_hdr.msg_controllen = sizeof b->slot[i].control.bytes;
}

struct batch *batch_new(const struct cards_latch *cards, size_t *size)
{
    struct batch *b = zeroed_new(sizeof *b, _Alignof(struct batch));
    if (!b)
        return NULL;
    b->cards = cards;
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
    zeroed_free(b);
}

static int receive(struct batch *b, int fd, bool wait)
{
    for (int i = 0; i < b->used; i++)
        make_ready(b, i);
    int count = recvmmsg(fd, b->in, BATCH_SIZE, wait ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
    b->used = count > 0 ? count : 0;
    return count;
}

/* True: the kernel stamped it. */
static bool note(struct batch *b, int i, const struct batch_socket *socket, struct clock *clock)
{
    struct slot *s = &b->slot[i];
    s->asked = socket->only;
    s->stamps = control_read(&b->in[i].msg_hdr, &s->asked);
    int64_t stamp = s->stamps.kernel;
    b->carded = b->carded || s->stamps.card;
    s->datagram.size = b->in[i].msg_len;
    s->datagram.received = stamp ? clock_stamp(clock, stamp) : clock_now(clock);
    s->datagram.address = address_facts(&s->datagram.from, &s->asked, socket->port);
    s->datagram.asked = &s->asked;
    s->datagram.fd = socket->fd;
    return stamp != 0;
}

/* All of a batch; before the clock is read, so that no stamp lies in the future. */
static void note_all(struct batch *b, int count, const struct batch_socket *s,
                     const struct handler *h, struct batch_tally *t)
{
    unsigned stamped = 0;
    b->carded = false;
    for (int i = 0; i < count; i++) {
        stamped += note(b, i, s, h->clock);
        handler_prepare(h, &b->slot[i].datagram);
    }
    tally_add(&t->stamped, stamped);
    if (stamped < (unsigned)count)
        tally_add(&t->unstamped, (unsigned)count - stamped);
    if (b->carded && b->cards)
        cards_read(b->cards, &b->view);
}

/*
 * The card's receive stamp in place of the kernel's, where the card's transmit stamps are known as
 * well. It cannot be later than the kernel's, nor much earlier.
 */
static void prefer_card(struct batch *b, struct slot *s, const struct handler *h,
                        struct batch_tally *t)
{
    int place = cards_find(&b->view, s->stamps.interface, h->snapshot.generation);
    if (place < 0 || !h->settled || !s->stamps.kernel)
        return;
    s->card = place;
    departures_meet(&b->departures, place, s->stamps.interface);
    if (!departures_by_card(&b->departures, place))
        return;
    int64_t carried = card_carry(&b->view.line[place], s->stamps.card);
    if (carried > s->stamps.kernel || carried < s->stamps.kernel - NET_CARD_APART) {
        tally_add(&t->contradicted, 1);
        return;
    }
    tally_add(&t->by_card, 1);
    s->by_card = true;
    s->datagram.received = clock_stamp(h->clock, carried);
}

/* ns until the slot's answer leaves, as the `at`th of so many. */
static int64_t expect(const struct batch *b, const struct slot *s, unsigned at, unsigned answers)
{
    const struct departures *d = &b->departures;
    return latency_expect(s->by_card ? &d->card[s->card].latency : &d->latency, at, answers);
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
                       struct handler *h, struct batch_tally *t)
{
    unsigned answers = 0;
    for (int i = first; i < first + count; i++) {
        struct slot *slot = &b->slot[i];
        slot->card = -1;
        slot->by_card = false;
        if (slot->stamps.card)
            prefer_card(b, slot, h, t);
        h->ahead = expect(b, slot, answers, (unsigned)count);
        size_t size = handler_answer(h, &slot->datagram, slot->reply);
        slot->kept = h->kept;
        slot->timely = h->timely;
        if (size)
            add_answer(b, answers++, i, s, size);
    }
    return answers;
}

/* Of its leaving, which is waited for. */
static void ask_stamp(struct batch *b, const struct slot *s, unsigned at, unsigned answers,
                      bool sample, const struct handler *h)
{
    bool card = s->card >= 0 && departures_ask_card(&b->departures, s->card);
    const struct departures_answer a = {
        .bytes = s->reply,
        .size = s->out.iov_len,
        .place = at,
        .answers = answers,
        .sample = sample,
        .client = s->kept ? &s->datagram.from : NULL,
        .card = card ? s->card : -1,
        .by_card = s->by_card,
    };
    departures_expect(&b->departures, &a, h);
    control_want_stamp(&b->out[at].msg_hdr, card);
}

/* The clock is read as late as can be, for all that leave together. */
static void stamp(struct batch *b, unsigned answers, int count, struct handler *h)
{
    bool fresh = handler_reread(h);
    int place = departures_sample(&b->departures, count, h->now);
    for (unsigned at = 0; at < answers; at++) {
        struct slot *slot = &b->slot[b->of[at]];
        bool sample = (int)at == place;
        h->ahead = expect(b, slot, at, answers);
        if (fresh && slot->timely)
            handler_restamp(h, &slot->datagram, slot->reply);
        if (!sample && !slot->kept)
            continue;
        ask_stamp(b, slot, at, answers, sample, h);
    }
}

static void serve(struct batch *b, int first, int count, const struct batch_socket *s,
                  struct handler *h, struct batch_tally *t)
{
    unsigned answers = answer(b, first, count, s, h, t);
    stamp(b, answers, count, h);
    send_all(b, s->fd, answers, t);
    if (departures_curious(&b->departures, answers))
        departures_sent(&b->departures, answers, clock_now(h->clock) - h->now, &t->departures);
    if (b->departures.count)
        departures_read(&b->departures, s->fd, h, b->cards);
}

/*
 * How many answers leave by one call of the kernel. Each by its own leaves nearest to its transmit
 * timestamp, whatever holds the thread up in between. That costs a call more for each, so it is
 * done while there is time: not when whole batches wait, again and again (a pause leaves one or
 * two).
 */
static int together(struct batch *b, int count)
{
    if (count < BATCH_SIZE)
        b->full = 0;
    else if (b->full == BATCH_HABIT)
        return count;
    else
        b->full++;
    return 1;
}

bool batch_expects(const struct batch *b)
{
    return b->departures.count > 0;
}

int batch_serve(struct batch *b, struct batch_socket *s, bool wait, struct handler *h,
                struct batch_tally *t)
{
    int count = receive(b, s->fd, wait);
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            departures_read(&b->departures, s->fd, h, b->cards);
            return 0;
        }
        tally_add(&t->receive_errors, 1);
        return -1;
    }
    note_all(b, count, s, h, t);
    int step = together(b, count);
    handler_look(h);
    overload_look(&s->overload, count == BATCH_SIZE, h->now - b->slot[0].datagram.received, h->now);
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
