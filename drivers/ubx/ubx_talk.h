/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_UBX_UBX_TALK_H
#define TIMEBALL_DRIVERS_UBX_UBX_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/ubx/ubx_config.h"
#include "refclock/loop.h"

/*
 * One question to a receiver at a time: a frame is written, its answer, its acknowledgement or both
 * are waited for (UBX-13003221, 32.2 and 32.8: a CFG message is answered by ACK-ACK or ACK-NAK
 * within a second), and it is asked once more when nothing comes.
 */
#define UBX_TALK_WAIT_NS INT64_C(1200000000)

enum ubx_talk_result { UBX_TALK_DONE, UBX_TALK_REFUSED, UBX_TALK_SILENT, UBX_TALK_GONE };

/* What the answer must be. */
struct ubx_question {
    size_t size;       /* of the frame in ubx_talk.frame */
    uint8_t class, id; /* of the answer; class 0: none is expected */
    bool acknowledged;
    int tries; /* 0: two */
};

struct ubx_talk_host {
    /* Bytes taken, maybe 0; -1: the port is gone. */
    ptrdiff_t (*write)(void *arg, const void *bytes, size_t size);
    /* Is this the answer? It keeps what it says. */
    bool (*answer)(void *arg, const struct ubx_frame *frame);
    void (*done)(void *arg, enum ubx_talk_result result);
};

struct ubx_talk {
    const struct ubx_talk_host *host;
    void *arg;
    struct loop *loop;
    struct loop_timer timer, rest; /* `rest`: what the port did not take yet */
    struct ubx_question question;
    uint8_t frame[UBX_CONFIG_FRAME + 64];
    size_t written;
    int left; /* tries */
    bool asking, answered, acknowledged;
};

/* Nothing is asked yet; host, arg and loop are borrowed. */
void ubx_talk_init(struct ubx_talk *t, const struct ubx_talk_host *host, void *arg,
                   struct loop *loop);

/* Writes t->frame, which the caller has filled. host->done is called later, once. */
void ubx_talk_ask(struct ubx_talk *t, const struct ubx_question *q);

/* Every frame that comes. */
void ubx_talk_frame(struct ubx_talk *t, const struct ubx_frame *frame);

/* Forgets the question; host->done is not called. */
void ubx_talk_stop(struct ubx_talk *t);

#endif
