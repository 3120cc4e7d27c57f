/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/alarm/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "refclock/loop.h"
#include "server/ctl/ctl.h"
#include "server/ctl/text.h"
#include "server/alarm/told.h"

#define RETRY 2 /* s between attempts to connect */

struct watch {
    const struct alarm_options *options;
    struct loop loop;
    struct loop_timer tick;
    struct loop_fd signals, answers;
    struct ctl_client client;
    bool connected;
    struct err why; /* there is no answer */
    int64_t heard;  /* ns, the last status, or the start */
    int64_t next;   /* ns, the next attempt */
    struct alarm alarm;
    struct status_alarms set;
    bool known; /* the set was found: there was a status, or the patience is over */
    struct alarm_about about;
    uint64_t kept; /* changes of what was told that its file holds */
    bool unkept;   /* it cannot be written, which was said */
    struct alarm_hook hook;
    struct err failed; /* of a test */
    bool bad;
};

static void complain(const struct err *err)
{
    char line[sizeof *err + 8];
    fputs("timeball-alarm: ", stderr);
    ctl_print_clean(stderr, err_line(err, line, sizeof line));
    fputc('\n', stderr);
}

static void tell(struct watch *w, const struct alarm_event *event, int64_t now)
{
    struct alarm_field fields[ALARM_FIELDS];
    char line[ALARM_SENTENCE + 64];
    struct err err;
    const char *journal = w->options->journal;
    bool sent = false;
    alarm_fields(event, &w->about, fields);
    if (journal && alarm_journal(journal, "timeball-alarm", event, fields, &err))
        complain(&err);
    else
        sent = journal;
    if (!sent)
        puts(alarm_line(event, line, sizeof line));
    if (w->hook.program && alarm_hook_start(&w->hook, fields, now, &w->failed)) {
        w->bad = true;
        complain(&w->failed);
    }
}

/* What a hook still tells of is not told yet: should it not come to its end, it is told again. */
static void keep(struct watch *w)
{
    struct err err;
    if (!w->options->told || w->hook.child || w->kept == w->alarm.changes)
        return;
    w->kept = w->alarm.changes;
    int bad = alarm_told_write(w->options->told, &w->alarm.told, &err);
    if (bad && !w->unkept)
        complain(&err);
    w->unkept = bad;
}

/* One event at a time: the next one waits until the hook is done. */
static void tell_next(struct watch *w, int64_t now)
{
    struct alarm_event event;
    while (w->known && !w->hook.child && alarm_next(&w->alarm, &w->set, now, &event))
        tell(w, &event, now);
    keep(w);
}

static void leave(struct watch *w)
{
    if (w->connected)
        loop_unwatch(&w->loop, &w->answers);
    w->connected = false;
    ctl_close(&w->client);
}

static void take(struct watch *w, const json_t *status, int64_t now)
{
    const char *host = ctl_string(status, "host"), *time = ctl_string(status, "time");
    int64_t instant;
    if (!alarm_take(&w->set, status))
        alarm_gone(&w->set, "it says nothing of alarms; restart it, it is an older one");
    w->known = true;
    w->heard = now;
    if (host && strlen(host) < sizeof w->about.host)
        snprintf(w->about.host, sizeof w->about.host, "%s", host);
    for (char *c = w->about.host; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    if (time && !ctl_instant(time, &instant) && strlen(time) < sizeof w->about.time)
        snprintf(w->about.time, sizeof w->about.time, "%s", time);
}

/* All lines that are there, for the last of them is what holds. */
static void on_answer(void *arg, int64_t now, short revents)
{
    struct watch *w = arg;
    const struct ctl_client *c = &w->client;
    (void)revents;
    do {
        json_t *status = ctl_read_object(&w->client, &w->why);
        if (!status) {
            leave(w);
            break;
        }
        take(w, status, now);
        json_decref(status);
    } while (memchr(c->buffer + c->begin, '\n', c->end - c->begin));
    tell_next(w, now);
}

static void enter(struct watch *w, int64_t now)
{
    w->next = now + RETRY * NS_PER_S;
    if (ctl_connect(&w->client, w->options->socket, &w->why) ||
        ctl_ask(&w->client, "watch", &w->why)) {
        leave(w);
        return;
    }
    err_set(&w->why, "timeballd", "look at its log", "takes the connection and says nothing");
    w->answers = (struct loop_fd){
        .name = "answer", .fd = w->client.fd, .events = POLLIN, .ready = on_answer, .arg = w};
    loop_watch(&w->loop, &w->answers);
    w->connected = true;
}

static void on_tick(void *arg, int64_t now)
{
    struct watch *w = arg;
    char line[sizeof w->why + 8];
    loop_after(&w->loop, &w->tick, NS_PER_S / 2);
    alarm_hook_tick(&w->hook, now);
    if (w->options->test)
        return;
    if (now - w->heard >= w->options->patience * NS_PER_S) {
        if (w->connected && now >= w->next)
            leave(w); /* it is stuck; a new one may be there */
        alarm_gone(&w->set, err_line(&w->why, line, sizeof line));
        w->known = true;
    }
    if (!w->connected && now >= w->next)
        enter(w, now);
    tell_next(w, now);
}

static void on_signal(void *arg, int64_t now, short revents)
{
    struct watch *w = arg;
    struct signalfd_siginfo info;
    (void)revents;
    while (read(w->signals.fd, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            loop_stop(&w->loop);
    if (w->hook.child && alarm_hook_ended(&w->hook, &w->failed)) {
        w->bad = true;
        if (!w->options->test)
            complain(&w->failed);
    }
    if (w->options->test && !w->hook.child)
        loop_stop(&w->loop);
    tell_next(w, now);
}

static int watch_signals(struct watch *w, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return err_errno(err, "signals", "", "", errno);
    w->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (w->signals.fd < 0)
        return err_errno(err, "signals", "", "", errno);
    loop_watch(&w->loop, &w->signals);
    return 0;
}

/* What was told holds until somebody says otherwise. */
static void remember(struct watch *w)
{
    struct err err;
    if (!w->options->told || w->options->test)
        return;
    if (alarm_told_read(w->options->told, &w->alarm, &err) < 0)
        complain(&err);
    w->set = w->alarm.told;
}

static int run(struct watch *w, struct err *err)
{
    struct alarm_event test = alarm_test();
    int64_t now = clock_now(w->loop.clock);
    if (watch_signals(w, err))
        return -1;
    remember(w);
    w->heard = clock_local(w->loop.clock, now);
    loop_after(&w->loop, &w->tick, 0);
    if (w->options->test) {
        tell(w, &test, w->heard);
        if (!w->hook.child)
            loop_stop(&w->loop);
    }
    if (!w->loop.stop && loop_run(&w->loop))
        return err_set(err, "timeball-alarm", "", "waiting for events failed");
    if (!w->options->test || !w->bad)
        return 0;
    *err = w->failed;
    return -1;
}

int alarm_watch(const struct alarm_options *options, struct err *err)
{
    struct watch w = {.options = options,
                      .client = {.fd = -1},
                      .hook = {.program = options->program, .limit = options->limit}};
    struct clock *clock;
    w.tick = (struct loop_timer){.name = "tick", .fire = on_tick, .arg = &w, .due = INT64_MAX};
    w.signals = (struct loop_fd){
        .name = "signal", .fd = -1, .events = POLLIN, .ready = on_signal, .arg = &w};
    if (clock_reader_open(&clock, err))
        return -1;
    loop_poll_init(&w.loop, clock);
    int result = run(&w, err);
    alarm_hook_stop(&w.hook);
    leave(&w);
    if (w.signals.fd >= 0)
        close(w.signals.fd);
    loop_close(&w.loop);
    clock_close(clock);
    return result;
}
