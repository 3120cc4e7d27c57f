/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/departures.h"

#include <string.h>
#include <sys/socket.h>

#include "refclock/civil.h"
#include "server/responder/control.h"

#define PACKET_MAX  512 /* octets: an answer with the headers before it */
#define PATIENCE_NS 100000000
#define MARK_AT     WIRE_ORIGIN
#define READS_MAX   (2 * DEPARTURES_WAITING)

/* The last measurement is not at its end yet: another one now would take its place. */
static bool measuring(const struct departures *d, int count, int64_t now)
{
    const struct departure_sample *s = &d->sample;
    switch (s->state) {
    case SAMPLE_ASKED:
    case SAMPLE_SENT:
        return now >= s->begun && now - s->begun < PATIENCE_NS;
    case SAMPLE_STAMPED:
        return s->answers > 1 || count == 1; /* departures_sent() ends it this time */
    default:
        return false;
    }
}

int departures_sample(struct departures *d, int count, int64_t now)
{
    bool several = count > 1;
    d->turn[several].since += (unsigned)count;
    if (d->vain >= DEPARTURES_DEAF || measuring(d, count, now))
        return -1;
    unsigned known = several ? d->latency.each.count : d->excess.count;
    unsigned every = known < LATENCY_KEPT ? DEPARTURES_FIRST : DEPARTURES_EVERY;
    int64_t age = now - d->turn[several].sampled;
    if (d->turn[several].since < every && age >= 0 && age < NS_PER_S)
        return -1;
    d->turn[several].since = 0;
    d->turn[several].sampled = now;
    d->turn[several].odd = !d->turn[several].odd;
    return several && d->turn[several].odd ? count - 1 : 0;
}

void departures_expect(struct departures *d, const struct departures_answer *a,
                       const struct handler *h)
{
    struct departure *w = &d->waiting[d->next];
    d->next = (d->next + 1) % DEPARTURES_WAITING;
    d->count += !w->size;
    d->vain++;
    memcpy(w->mark, a->bytes + MARK_AT, sizeof w->mark);
    w->size = a->size;
    w->looked = h->now;
    w->generation = h->snapshot.generation;
    w->place = a->place;
    w->answers = a->answers;
    w->sample = a->sample;
    if (a->sample) {
        d->sample.state = SAMPLE_ASKED;
        d->sample.place = a->place;
        d->sample.begun = h->now;
    }
    w->kept = a->client != NULL;
    if (a->client)
        w->client = *a->client;
    w->stamped = false;
    w->by_card = a->by_card;
    w->card = a->card;
    if (a->card >= 0)
        d->card[a->card].vain++;
}

/* The answer that is the end of a packet, whatever headers the kernel shows before it. */
static struct departure *find(struct departures *d, const uint8_t *packet, size_t size)
{
    for (unsigned i = 0; i < DEPARTURES_WAITING; i++) {
        struct departure *w = &d->waiting[i];
        if (w->size && size >= w->size &&
            !memcmp(packet + size - w->size + MARK_AT, w->mark, sizeof w->mark))
            return w;
    }
    return NULL;
}

static void tell(const struct departure *w, struct handler *h, int64_t left)
{
    uint64_t receive = wire_timestamp(w->mark + (WIRE_RECEIVE - MARK_AT));
    uint64_t transmit = civil_to_ntp(snapshot_truth(&h->snapshot, left));
    interleave_left(h->interleave, &w->client, receive, transmit);
}

static void end(struct departures *d, struct departure *w)
{
    w->size = 0;
    d->count--;
}

/* False: the clock was stepped meanwhile. */
static bool same_clock(const struct departure *w, const struct handler *h)
{
    return h->settled && h->snapshot.generation == w->generation;
}

static void take(struct departures *d, struct departure *w, int64_t left, struct handler *h)
{
    w->stamped = true;
    d->vain = 0;
    if (w->card < 0)
        end(d, w);
    if (!same_clock(w, h))
        return;
    if (w->sample && d->sample.state == SAMPLE_SENT) {
        d->sample.state = SAMPLE_STAMPED;
        d->sample.left = left - w->looked;
    }
    if (w->kept && !w->by_card)
        tell(w, h, left);
}

/* The card's stamp comes last. Which card it is of is not told: one of another, by which the answer
 * left, most likely makes no sense. */
static void take_card(struct departures *d, struct departure *w, int64_t stamp, struct handler *h,
                      const struct cards_latch *cards)
{
    struct cards_view view;
    struct departures_card *c = &d->card[w->card];
    end(d, w);
    cards_read(cards, &view);
    if (!same_clock(w, h) || cards_find(&view, c->interface, w->generation) != w->card)
        return;
    int64_t carried = card_carry(&view.line[w->card], stamp);
    int64_t left = carried ? clock_stamp(h->clock, carried) : 0;
    if (left < w->looked || left - w->looked > NET_CARD_APART)
        return;
    c->vain = 0;
    if (w->sample)
        latency_learn(&c->latency, w->place, w->answers, left - w->looked - d->excess.median);
    if (w->kept && w->by_card)
        tell(w, h, left);
}

static void learn(struct departures *d, struct departures_tally *t)
{
    struct departure_sample *s = &d->sample;
    s->state = SAMPLE_NONE;
    latency_learn(&d->latency, s->place, s->answers, s->left - d->excess.median);
    atomic_store_explicit(&t->first, latency_expect(&d->latency, 0, 1), memory_order_relaxed);
    tally_add(&t->measured, 1);
}

void departures_sent(struct departures *d, unsigned answers, int64_t took,
                     struct departures_tally *t)
{
    struct departure_sample *s = &d->sample;
    if (s->state == SAMPLE_ASKED) {
        s->state = SAMPLE_SENT;
        s->answers = answers;
        s->took = took;
    } else if (s->answers > 1) {
        learn(d, t);
    } else if (answers == 1) {
        latency_add(&d->excess, s->took > took ? s->took - took : 0);
        learn(d, t);
    }
}

/* What has not been stamped by now never is. */
static void give_up(struct departures *d, int64_t now)
{
    for (unsigned i = 0; i < DEPARTURES_WAITING; i++) {
        struct departure *w = &d->waiting[i];
        if (w->size && (now - w->looked > PATIENCE_NS || now < w->looked))
            end(d, w);
    }
}

void departures_read(struct departures *d, int fd, struct handler *h,
                     const struct cards_latch *cards)
{
    uint8_t packet[PACKET_MAX];
    struct control control;
    for (int i = 0; i < READS_MAX; i++) {
        struct iovec iov = {packet, sizeof packet};
        struct msghdr m = {.msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
        struct address_asked none;
        ssize_t got = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (got < 0)
            break;
        struct net_stamps s = control_read(&m, &none);
        struct departure *w = s.kernel || s.card ? find(d, packet, (size_t)got) : NULL;
        if (w && s.kernel && !w->stamped)
            take(d, w, clock_stamp(h->clock, s.kernel), h);
        if (w && w->size && s.card && w->card >= 0 && cards)
            take_card(d, w, s.card, h, cards);
    }
    if (d->count)
        give_up(d, clock_now(h->clock));
}
