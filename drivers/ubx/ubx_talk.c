/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/ubx/ubx_talk.h"

#include <string.h>

#define REST_NS INT64_C(20000000)
enum { ACK = 0x05, ACK_NAK = 0x00, ACK_ACK = 0x01 };

static void finish(struct ubx_talk *t, enum ubx_talk_result result)
{
    ubx_talk_stop(t);
    t->host->done(t->arg, result);
}

static void write_rest(struct ubx_talk *t)
{
    ptrdiff_t n = t->host->write(t->arg, t->frame + t->written, t->question.size - t->written);
    if (n < 0) {
        finish(t, UBX_TALK_GONE);
        return;
    }
    t->written += (size_t)n;
    if (t->written < t->question.size)
        loop_after(t->loop, &t->rest, REST_NS);
}

static void on_rest(void *arg, int64_t now)
{
    (void)now;
    write_rest(arg);
}

static void try_again(struct ubx_talk *t)
{
    t->left--;
    t->written = 0;
    loop_after(t->loop, &t->timer, UBX_TALK_WAIT_NS);
    write_rest(t);
}

/* An answer whose acknowledgement is lost is an answer. */
static void on_wait(void *arg, int64_t now)
{
    struct ubx_talk *t = arg;
    (void)now;
    if (t->answered)
        finish(t, UBX_TALK_DONE);
    else if (t->left > 0)
        try_again(t);
    else
        finish(t, UBX_TALK_SILENT);
}

void ubx_talk_init(struct ubx_talk *t, const struct ubx_talk_host *host, void *arg,
                   struct loop *loop)
{
    memset(t, 0, sizeof *t);
    t->host = host;
    t->arg = arg;
    t->loop = loop;
    t->timer = (struct loop_timer){
        .name = "receiver answers", .fire = on_wait, .arg = t, .due = INT64_MAX};
    t->rest =
        (struct loop_timer){.name = "receiver rest", .fire = on_rest, .arg = t, .due = INT64_MAX};
}

void ubx_talk_ask(struct ubx_talk *t, const struct ubx_question *q)
{
    t->question = *q;
    t->left = q->tries ? q->tries : 2;
    t->asking = true;
    t->answered = t->acknowledged = false;
    try_again(t);
}

/* ACK names the class and id of what it acknowledges; false: it is another's. */
static bool of_question(const struct ubx_talk *t, const struct ubx_frame *f)
{
    return f->length == 2 && f->payload[0] == t->frame[2] && f->payload[1] == t->frame[3];
}

void ubx_talk_frame(struct ubx_talk *t, const struct ubx_frame *f)
{
    const struct ubx_question *q = &t->question;
    if (!t->asking)
        return;
    if (f->class == ACK && of_question(t, f)) {
        if (f->id == ACK_NAK) {
            finish(t, UBX_TALK_REFUSED);
            return;
        }
        t->acknowledged = true;
    } else if (q->class && f->class == q->class && f->id == q->id && t->host->answer(t->arg, f)) {
        t->answered = true;
    } else {
        return;
    }
    if ((t->answered || !q->class) && (t->acknowledged || !q->acknowledged))
        finish(t, UBX_TALK_DONE);
}

void ubx_talk_stop(struct ubx_talk *t)
{
    t->asking = false;
    loop_cancel(t->loop, &t->timer);
    loop_cancel(t->loop, &t->rest);
}
