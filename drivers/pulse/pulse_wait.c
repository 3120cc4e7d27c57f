/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/pulse/pulse_wait.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "drivers/pulse/pulse_width.h"
#include "refclock/civil.h"

#define BURST   40 /* changes in a second, before ... */
#define REST_MS 500

/* Its handler does nothing: it ends the thread's system call. */
#define WAKE_SIGNAL (SIGRTMIN + 3)

struct pulse_wait {
    struct pulse pulse;
    struct pulse_source source;
    struct clock *clock;
    bool clear;
    pthread_t thread;
    struct pulse_width width; /* fetch()'s */
    /* the thread's */
    bool up;
    uint64_t changes;
    int64_t burst_start; /* reading */
    int burst;
    /* of both */
    pthread_mutex_t lock;
    struct pulse_edge wanted, opposite;
    int failed; /* errno; 0: it works */
    atomic_bool stop;
};

/* Of `n` changes from the level before, how many lead up. */
static uint64_t rises(bool was_up, uint64_t n)
{
    return (n + !was_up) / 2;
}

/*
 * Several changes at one look are a pulse too short to be seen whole (the thread was woken by its
 * beginning, so the stamp is right), or a storm.
 */
static int note(struct pulse_wait *w, int64_t at)
{
    bool up;
    uint64_t changes;
    int failed = w->source.look(w->source.arg, &up, &changes);
    if (failed)
        return failed;
    uint64_t n = changes - w->changes;
    if (changes == PULSE_CHANGES_UNKNOWN)
        n = up == w->up ? 2 : 1;
    uint64_t ups = rises(w->up, n), downs = n - ups;
    pthread_mutex_lock(&w->lock);
    w->wanted.sequence += w->clear ? downs : ups;
    w->opposite.sequence += w->clear ? ups : downs;
    if (w->clear ? downs : ups)
        w->wanted.at = at;
    if (w->clear ? ups : downs)
        w->opposite.at = at;
    pthread_mutex_unlock(&w->lock);
    w->up = up;
    w->changes = changes;
    return 0;
}

static void rest_after_bursts(struct pulse_wait *w, int64_t at)
{
    if (at < w->burst_start || at - w->burst_start >= NS_PER_S) {
        w->burst_start = at;
        w->burst = 0;
    }
    if (++w->burst < BURST)
        return;
    poll(NULL, 0, REST_MS);
    w->burst_start = INT64_MAX;
}

static void *watch(void *arg)
{
    struct pulse_wait *w = arg;
    int failed = 0;
    while (!failed && !atomic_load(&w->stop)) {
        failed = w->source.wait(w->source.arg);
        int64_t at = clock_now(w->clock);
        if (!failed)
            failed = note(w, at);
        if (failed == EINTR)
            failed = 0;
        rest_after_bursts(w, at);
    }
    pthread_mutex_lock(&w->lock);
    w->failed = failed;
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static int wait_fetch(struct pulse *p, struct pulse_stamp *s, struct err *err)
{
    struct pulse_wait *w = (struct pulse_wait *)p;
    pthread_mutex_lock(&w->lock);
    struct pulse_edge wanted = w->wanted, opposite = w->opposite;
    int failed = w->failed;
    pthread_mutex_unlock(&w->lock);
    if (failed == ENOTTY || failed == EINVAL || failed == ENOSYS)
        return err_errno(err, "", "the port's driver in the kernel cannot do it: take another port",
                         "cannot wait for the line", failed);
    if (failed)
        return err_errno(err, "", "it is opened again as soon as it is back",
                         "the pulses have gone", failed);
    *s = (struct pulse_stamp){
        .sequence = wanted.sequence,
        .reading = wanted.at,
        .width = pulse_width_next(&w->width, wanted, opposite),
        .error = w->source.error,
    };
    return 0;
}

static void wait_close(struct pulse *p)
{
    struct pulse_wait *w = (struct pulse_wait *)p;
    atomic_store(&w->stop, true);
    /* a signal that comes just before it begins to wait is lost: hence again */
    while (pthread_tryjoin_np(w->thread, NULL) == EBUSY) {
        pthread_kill(w->thread, WAKE_SIGNAL);
        poll(NULL, 0, 1);
    }
    pthread_mutex_destroy(&w->lock);
    w->source.close(w->source.arg);
    free(w);
}

static const struct pulse_ops wait_ops = {.fetch = wait_fetch, .close = wait_close};

static void wake(int signal)
{
    (void)signal;
}

/* All other signals are the main thread's. */
static int start(struct pulse_wait *w)
{
    const struct sigaction action = {.sa_handler = wake}; /* no SA_RESTART */
    sigset_t others, before;
    if (sigaction(WAKE_SIGNAL, &action, NULL))
        return errno;
    sigfillset(&others);
    sigdelset(&others, WAKE_SIGNAL);
    pthread_sigmask(SIG_SETMASK, &others, &before);
    int failed = pthread_create(&w->thread, NULL, watch, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

int pulse_wait_open(const struct pulse_source *source, const struct pulse_want *want,
                    struct clock *clock, struct pulse **out, struct err *err)
{
    struct pulse_wait *w = calloc(1, sizeof *w);
    int failed = w ? source->look(source->arg, &w->up, &w->changes) : ENOMEM;
    if (failed) {
        source->close(source->arg);
        free(w);
        return err_errno(err, "", "wire the pulse to a port with DCD and CTS",
                         "cannot look at the port's modem lines", failed);
    }
    w->pulse.ops = &wait_ops;
    w->source = *source;
    w->clock = clock;
    w->clear = want->clear;
    w->burst_start = INT64_MAX;
    pthread_mutex_init(&w->lock, NULL);
    failed = start(w);
    if (failed) {
        pthread_mutex_destroy(&w->lock);
        source->close(source->arg);
        free(w);
        return err_errno(err, "", "", "cannot start a thread", failed);
    }
    *out = &w->pulse;
    return 0;
}
