/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/cards.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

void cards_read(const struct cards_latch *l, struct cards_view *v)
{
    latch_read(&l->sequence, l->copies, v, sizeof *v);
}

int cards_find(const struct cards_view *v, unsigned interface, uint32_t generation)
{
    for (int i = 0; interface && i < CARDS; i++)
        if (v->line[i].interface == interface)
            return v->line[i].generation == generation ? i : -1;
    return -1;
}

int64_t card_carry(const struct card_line *l, int64_t stamp)
{
    int64_t since;
    if (__builtin_sub_overflow(stamp, l->at.phc, &since) || since > CARDS_AGE_MAX ||
        since < -CARDS_AGE_MAX)
        return 0;
    return phc_offset_carry(&l->at, l->before.system ? &l->before : NULL, stamp);
}

/* A clock that cannot be read, or not exactly, has no line until it can. */
static void compare(const struct card *card, struct card_line *line, uint32_t generation)
{
    struct card_line next = {.interface = card->interface, .generation = generation};
    struct err err;
    if (!card->phc || phc_compare(card->phc, &next.at, &err) || next.at.error > CARDS_ERROR_MAX)
        next = (struct card_line){0};
    else if (line->interface == card->interface && line->generation == generation)
        next.before = line->at;
    *line = next;
}

void cards_compare(struct cards *c, uint32_t generation)
{
    for (int i = 0; i < CARDS; i++)
        compare(&c->card[i], &c->view.line[i], generation);
    latch_write(&c->latch.sequence, c->latch.copies, &c->view, sizeof c->view);
}

static void forget(struct card *card)
{
    if (card->phc)
        phc_close(card->phc);
    *card = (struct card){0};
}

static struct card *find(struct cards *c, unsigned interface)
{
    for (int i = 0; i < CARDS; i++)
        if (c->card[i].interface == interface)
            return &c->card[i];
    return NULL;
}

/* A card that was there keeps its place; one without a clock that can be opened has none. */
static void look_at(struct cards *c, const struct if_nameindex *i, bool seen[CARDS])
{
    int number = net_card_clock(i->if_name);
    struct card *card = number < 0 ? NULL : find(c, i->if_index);
    if (card && card->number != number)
        forget(card);
    if (number >= 0 && (!card || !card->phc))
        card = find(c, 0);
    if (!card || (!card->phc && net_card_open(number, &card->phc)))
        return;
    card->interface = i->if_index;
    card->number = number;
    seen[card - c->card] = true;
}

static void look(struct cards *c)
{
    bool seen[CARDS] = {false};
    struct if_nameindex *all = if_nameindex();
    for (const struct if_nameindex *i = all; i && i->if_index; i++)
        look_at(c, i, seen);
    if (all)
        if_freenameindex(all);
    for (int i = 0; i < CARDS; i++)
        if (!seen[i])
            forget(&c->card[i]);
}

static bool any(const struct cards *c)
{
    for (int i = 0; i < CARDS; i++)
        if (c->card[i].phc)
            return true;
    return false;
}

/* Where there is no card, nothing is done but to look for one. */
static void on_timer(void *arg, int64_t now)
{
    struct cards *c = arg;
    bool before = any(c);
    (void)now;
    if (c->wait <= 0) {
        look(c);
        c->wait = CARDS_LOOK_EACH;
    }
    if (before || any(c))
        cards_compare(c, c->loop->clock->generation);
    int pause = any(c) ? 1 : c->wait;
    c->wait -= pause;
    loop_after(c->loop, &c->timer, pause * NS_PER_S);
}

void cards_start(struct cards *c, struct loop *loop)
{
    c->loop = loop;
    c->timer = (struct loop_timer){.name = "cards", .fire = on_timer, .arg = c, .due = INT64_MAX};
    loop_after(loop, &c->timer, 0);
}

void cards_stop(struct cards *c)
{
    if (c->loop)
        loop_cancel(c->loop, &c->timer);
    for (int i = 0; i < CARDS; i++)
        forget(&c->card[i]);
}
