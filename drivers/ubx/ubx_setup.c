/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/ubx/ubx_setup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_NS   INT64_C(150000000) /* a receiver takes a moment for a new rate */
#define SILENCES   2  /* a receiver refuses what it does not know; some do not even that */
#define KEYS_SINCE 27 /* protocol version */
#define REPLY      256
#define NMEA_ONLY                                                                            \
    "it answers no UBX message: this receiver speaks NMEA only; set it up with its maker's " \
    "program"

static void go_on(struct ubx_setup *s);

static void say(struct ubx_setup *s, bool last, bool failed, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void say(struct ubx_setup *s, bool last, bool failed, const char *fmt, ...)
{
    char line[REPLY];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (last) {
        ubx_talk_stop(&s->talk);
        loop_cancel(s->loop, &s->pause);
        s->phase = UBX_SETUP_IDLE;
    }
    s->command.reply(s->command.arg, line, last, failed);
}

static bool is_verb(const struct ubx_setup *s, const char *word)
{
    return !strcmp(s->order.verb->word, word);
}

/* ---- what is asked ---- */

static void ask_version(struct ubx_setup *s, enum ubx_setup_phase phase)
{
    s->phase = phase;
    size_t size = ubx_build(s->talk.frame, 0x0a, 0x04, NULL, 0);
    ubx_talk_ask(&s->talk, &(struct ubx_question){.size = size, .class = 0x0a, .id = 0x04});
}

/* Messages that bring the report up to date; a receiver has some of them. */
static const uint8_t state_messages[][2] = {{0x0a, 0x38}, {0x0a, 0x09}, {0x27, 0x09}};
#define STATE_MESSAGES ((int)(sizeof state_messages / sizeof *state_messages))

static void ask_state(struct ubx_setup *s)
{
    const uint8_t *m = state_messages[s->step];
    s->phase = UBX_SETUP_STATE;
    size_t size = ubx_build(s->talk.frame, m[0], m[1], NULL, 0);
    ubx_talk_ask(&s->talk,
                 &(struct ubx_question){.size = size, .class = m[0], .id = m[1], .tries = 1});
}

/* Asks for the feature `step` or the next that is wanted. False: there is none. */
static bool ask_feature(struct ubx_setup *s)
{
    struct ubx_question q = {.acknowledged = true};
    for (; s->step < UBX_FEATURES; s->step++) {
        if (!s->order.feature[s->step] || (s->phase == UBX_SETUP_CHECK && s->refused[s->step]))
            continue;
        q.size =
            ubx_config_poll((enum ubx_feature)s->step, &s->dialect, s->talk.frame, &q.class, &q.id);
        if (q.size) {
            ubx_talk_ask(&s->talk, &q);
            return true;
        }
        s->refused[s->step] = true;
    }
    return false;
}

static bool wants(const struct ubx_setup *s, int feature)
{
    for (int i = 0; i < UBX_ITEMS; i++)
        if (ubx_items[i].name && (int)ubx_items[i].feature == feature && s->order.wanted.known[i])
            return true;
    return false;
}

static size_t build_set(struct ubx_setup *s, int feature, const struct ubx_values *values)
{
    return ubx_config_set((enum ubx_feature)feature, &s->dialect, values,
                          &s->kept[feature < UBX_MESSAGE ? feature : 0], s->talk.frame);
}

/* The same for what is to be set. */
static bool ask_to_set(struct ubx_setup *s)
{
    for (; s->step < UBX_FEATURES; s->step++) {
        size_t size = wants(s, s->step) ? build_set(s, s->step, &s->order.wanted) : 0;
        if (!size)
            continue;
        ubx_talk_ask(&s->talk, &(struct ubx_question){.size = size, .acknowledged = true});
        return true;
    }
    return false;
}

static void begin(struct ubx_setup *s, enum ubx_setup_phase phase)
{
    s->phase = phase;
    s->step = 0;
    s->into = phase == UBX_SETUP_CHECK ? &s->now : &s->before;
    go_on(s);
}

/* ---- a new rate ---- */

static void ask_rate(struct ubx_setup *s, int rate, enum ubx_setup_phase phase, int step)
{
    struct ubx_values v = {0};
    s->phase = phase;
    s->step = step;
    v.known[UBX_BAUD] = true;
    v.value[UBX_BAUD] = rate;
    size_t size = build_set(s, UBX_UART, &v);
    ubx_talk_ask(&s->talk, &(struct ubx_question){.size = size, .acknowledged = true, .tries = 1});
}

static void port_rate(struct ubx_setup *s, int rate)
{
    struct err err;
    char line[sizeof err + 8];
    if (!s->host->set_baud(s->arg, rate, &err)) {
        s->rate = rate;
        loop_after(s->loop, &s->pause, PAUSE_NS);
    } else {
        say(s, true, true, "%s", err_line(&err, line, sizeof line));
    }
}

/* 0: the new rate was set in the receiver; 1: and in the port. Silence is no refusal: the
 * acknowledgement may have come at the new rate. */
static void new_rate_done(struct ubx_setup *s, enum ubx_talk_result result)
{
    if (s->step == 0 && result == UBX_TALK_REFUSED)
        say(s, true, true, "the receiver refuses %d baud", s->new_rate);
    else if (s->step == 0)
        port_rate(s, s->new_rate);
    else if (result == UBX_TALK_DONE)
        begin(s, UBX_SETUP_CHECK);
    else
        ask_rate(s, (int)s->before.value[UBX_BAUD], UBX_SETUP_OLD_RATE, 0);
}

/* 0: told at the new rate; 1: told at the old one; 2: asked there. */
static void old_rate_done(struct ubx_setup *s, enum ubx_talk_result result)
{
    int old = (int)s->before.value[UBX_BAUD];
    if (s->step == 0)
        port_rate(s, old);
    else if (s->step == 1) {
        s->step = 2;
        ask_version(s, UBX_SETUP_OLD_RATE);
    } else if (result == UBX_TALK_DONE)
        say(s, true, true, "no answer at %d baud: receiver and port are back at %d baud",
            s->new_rate, old);
    else
        say(s, true, true,
            "no answer at %d baud, and none at %d now: take the receiver's power away for a "
            "moment; "
            "nothing was written to its flash",
            s->new_rate, old);
}

static void on_pause(void *arg, int64_t now)
{
    struct ubx_setup *s = arg;
    (void)now;
    if (s->phase == UBX_SETUP_NEW_RATE) {
        s->step = 1;
        ask_version(s, UBX_SETUP_NEW_RATE);
    } else {
        ask_rate(s, (int)s->before.value[UBX_BAUD], UBX_SETUP_OLD_RATE, 1);
    }
}

/* ---- what is said ---- */

static void say_value(struct ubx_setup *s, int i)
{
    char before[64], now[64];
    ubx_value_text((enum ubx_item)i, &s->before, before, sizeof before);
    ubx_value_text((enum ubx_item)i, &s->now, now, sizeof now);
    say(s, false, false, "%s: was %s, is %s", ubx_items[i].name, before, now);
}

static void finish_check(struct ubx_setup *s)
{
    const struct ubx_values *wanted = &s->order.wanted;
    int wrong = 0;
    for (int i = 0; i < UBX_ITEMS; i++) {
        if (!wanted->known[i])
            continue;
        say_value(s, i);
        wrong += !s->now.known[i] || s->now.value[i] != wanted->value[i];
    }
    if (s->trimmed)
        say(s, false, false, "messages fill %.0f %% of the line at %d baud, before %.0f %%",
            100 * ubx_line_share(&s->now, s->rate), s->rate,
            100 * ubx_line_share(&s->before, s->rate));
    if (wrong)
        say(s, true, true, "the receiver took it and reads back %d other value%s", wrong,
            wrong > 1 ? "s" : "");
    else
        say(s, true, false, "set until the receiver loses power; receiver save keeps it");
}

static void finish_show(struct ubx_setup *s, bool failed)
{
    char line[REPLY], text[64];
    for (int n = 0; ubx_report_text(s->report, n, line, sizeof line); n++)
        if (*line)
            say(s, false, false, "%s", line);
    if (s->satellites >= 0)
        say(s, false, false, "satellites: %d seen, %d used", s->satellites, s->used);
    for (int i = 0; i < UBX_ITEMS && !failed; i++)
        if (s->before.known[i])
            say(s, false, false, "%s: %s", ubx_items[i].name,
                ubx_value_text((enum ubx_item)i, &s->before, text, sizeof text));
    if (!failed && s->rate)
        say(s, true, false, "messages fill %.0f %% of the line at %d baud",
            100 * ubx_line_share(&s->before, s->rate), s->rate);
    else
        say(s, true, failed, "%s", failed ? NMEA_ONLY : "");
}

/* ---- the way through ---- */

/* Everything is read: what can be done of what is wanted? */
static void finish_read(struct ubx_setup *s)
{
    struct ubx_values *wanted = &s->order.wanted;
    if (is_verb(s, "show")) {
        finish_show(s, false);
        return;
    }
    if (is_verb(s, "messages")) {
        ubx_trim(&s->before, s->rate, wanted);
        s->trimmed = true;
    }
    for (int i = 0; i < UBX_ITEMS; i++) {
        if (!wanted->known[i] || s->before.known[i])
            continue;
        if (ubx_items[i].feature == UBX_SIGNAL && !wanted->value[i]) {
            wanted->known[i] = false; /* what it does not have is off */
            continue;
        }
        say(s, true, true, "this receiver has no %s", ubx_items[i].name);
        return;
    }
    s->new_rate = wanted->known[UBX_BAUD] ? (int)wanted->value[UBX_BAUD] : 0;
    if (s->new_rate)
        ask_rate(s, s->new_rate, UBX_SETUP_NEW_RATE, 0);
    else
        begin(s, UBX_SETUP_WRITE);
}

static void go_on(struct ubx_setup *s)
{
    bool reads = s->phase == UBX_SETUP_READ || s->phase == UBX_SETUP_CHECK;
    if (reads ? ask_feature(s) : ask_to_set(s))
        return;
    if (s->phase == UBX_SETUP_READ)
        finish_read(s);
    else if (s->phase == UBX_SETUP_CHECK)
        finish_check(s);
    else
        begin(s, UBX_SETUP_CHECK);
}

static void ask_to_keep(struct ubx_setup *s)
{
    s->phase = UBX_SETUP_KEEP;
    size_t size =
        is_verb(s, "save") ? ubx_config_save(s->talk.frame) : ubx_config_reset(s->talk.frame);
    ubx_talk_ask(&s->talk, &(struct ubx_question){.size = size, .acknowledged = true});
}

static void identified(struct ubx_setup *s, enum ubx_talk_result result)
{
    const struct receiver_report *r = s->report;
    if (result != UBX_TALK_DONE && is_verb(s, "show")) {
        finish_show(s, true);
        return;
    }
    if (result != UBX_TALK_DONE) {
        say(s, true, true, NMEA_ONLY);
        return;
    }
    s->dialect.keys = strtod(r->protocol, NULL) >= KEYS_SINCE;
    s->step = 0;
    if (is_verb(s, "show"))
        ask_state(s);
    else if (is_verb(s, "save") || is_verb(s, "reset-config"))
        ask_to_keep(s);
    else
        begin(s, UBX_SETUP_READ);
}

static void kept(struct ubx_setup *s, enum ubx_talk_result result)
{
    if (is_verb(s, "save") && result == UBX_TALK_DONE)
        say(s, true, false, "saved, in what keeps it: battery-backed memory and flash");
    else if (is_verb(s, "save"))
        say(s, true, true, "the receiver %s: nothing was saved",
            result == UBX_TALK_REFUSED ? "refuses" : "does not answer");
    else if (result == UBX_TALK_REFUSED)
        say(s, true, true, "the receiver refuses");
    else
        say(s, true, false,
            "the receiver is as it was made; its baud rate and messages may be others now");
}

static void written(struct ubx_setup *s, enum ubx_talk_result result)
{
    if (result == UBX_TALK_DONE) {
        s->step++;
        go_on(s);
        return;
    }
    for (int i = 0; i < UBX_ITEMS; i++)
        if (s->order.wanted.known[i] && (int)ubx_items[i].feature == s->step) {
            say(s, true, true, "the receiver %s: %s",
                result == UBX_TALK_REFUSED ? "refuses it" : "does not answer", ubx_items[i].name);
            return;
        }
}

static void on_done(void *arg, enum ubx_talk_result result)
{
    struct ubx_setup *s = arg;
    if (result == UBX_TALK_GONE) {
        ubx_setup_gone(s);
        return;
    }
    switch (s->phase) {
    case UBX_SETUP_IDENTIFY:
        identified(s, result);
        break;
    case UBX_SETUP_STATE:
        if (++s->step < STATE_MESSAGES)
            ask_state(s);
        else
            begin(s, UBX_SETUP_READ);
        break;
    case UBX_SETUP_READ:
    case UBX_SETUP_CHECK:
        s->refused[s->step] = result != UBX_TALK_DONE;
        s->silences += result == UBX_TALK_SILENT;
        if (s->silences > SILENCES) {
            say(s, true, true, "the receiver does not answer any more");
            return;
        }
        s->step++;
        go_on(s);
        break;
    case UBX_SETUP_WRITE:
        written(s, result);
        break;
    case UBX_SETUP_KEEP:
        kept(s, result);
        break;
    case UBX_SETUP_NEW_RATE:
        new_rate_done(s, result);
        break;
    case UBX_SETUP_OLD_RATE:
        old_rate_done(s, result);
        break;
    case UBX_SETUP_IDLE:
        break;
    }
}

static bool on_answer(void *arg, const struct ubx_frame *frame)
{
    struct ubx_setup *s = arg;
    if (s->phase != UBX_SETUP_READ && s->phase != UBX_SETUP_CHECK)
        return frame->length > 0; /* the report has taken what it says */
    return ubx_config_take((enum ubx_feature)s->step, &s->dialect, frame, s->into,
                           &s->kept[s->step < UBX_MESSAGE ? s->step : 0]);
}

static ptrdiff_t on_write(void *arg, const void *bytes, size_t size)
{
    struct ubx_setup *s = arg;
    return s->host->write(s->arg, bytes, size);
}

static const struct ubx_talk_host talk_host = {
    .write = on_write, .answer = on_answer, .done = on_done};

void ubx_setup_init(struct ubx_setup *s, const struct ubx_setup_host *host, void *arg,
                    struct loop *loop, const struct receiver_report *report)
{
    memset(s, 0, sizeof *s);
    s->host = host;
    s->arg = arg;
    s->loop = loop;
    s->report = report;
    s->satellites = -1;
    s->dialect.port = UBX_PORT_UART1;
    s->pause =
        (struct loop_timer){.name = "receiver rate", .fire = on_pause, .arg = s, .due = INT64_MAX};
    ubx_talk_init(&s->talk, &talk_host, s, loop);
}

static void say_help(struct ubx_setup *s)
{
    for (const struct ubx_verb *v = ubx_verbs; v->word; v++)
        say(s, false, false, "%s %s: %s", v->word, v->usage, v->help);
    say(s, true, false, "What is set lasts until the receiver loses power, unless it is saved.");
}

int ubx_setup_command(struct ubx_setup *s, const struct driver_command *c, struct err *err)
{
    struct ubx_order order;
    if (s->phase != UBX_SETUP_IDLE)
        return err_set(err, "receiver", "try again in a moment", "another command is under way");
    if (ubx_order_take(&order, c->words, c->count, err))
        return -1;
    if (order.wanted.known[UBX_BAUD] && s->dialect.port == UBX_PORT_USB)
        return err_set(err, "receiver", "", "a USB port has no baud rate");
    s->order = order;
    s->command = *c;
    s->trimmed = false;
    s->silences = 0;
    memset(&s->before, 0, sizeof s->before);
    memset(&s->now, 0, sizeof s->now);
    memset(s->refused, 0, sizeof s->refused);
    memset(s->kept, 0, sizeof s->kept);
    if (is_verb(s, "help"))
        say_help(s);
    else
        ask_version(s, UBX_SETUP_IDENTIFY);
    return 0;
}

void ubx_setup_frame(struct ubx_setup *s, const struct ubx_frame *frame)
{
    if (s->phase != UBX_SETUP_IDLE)
        ubx_talk_frame(&s->talk, frame);
}

void ubx_setup_gone(struct ubx_setup *s)
{
    if (s->phase != UBX_SETUP_IDLE)
        say(s, true, true, "the port has gone");
}

void ubx_setup_stop(struct ubx_setup *s)
{
    ubx_talk_stop(&s->talk);
    loop_cancel(s->loop, &s->pause);
    s->phase = UBX_SETUP_IDLE;
}
