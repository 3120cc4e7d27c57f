/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/responder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "refclock/rng.h"
#include "server/responder/apart.h"
#include "server/responder/listeners.h"
#include "server/responder/batch.h"
#include "server/responder/socket.h"
#include "server/zeroed.h"

#define FAMILIES       2   /* IPv4 and IPv6 */
#define ROUNDS         16  /* batches from one socket before the others have their turn */
#define ERROR_PAUSE_MS 10  /* a thread whose socket fails does not spin */
#define STAMP_PAUSE_MS 100 /* until a stamp that has not come never does */

/* No cache line is written by two threads. */
struct worker {
    _Alignas(APART) struct responder *responder;
    struct handler handler;
    struct ratelimit *limit; /* NULL: none */
    struct batch *batch;
    size_t batch_size, interleave_size; /* octets */
    struct batch_tally tally;
    struct batch_socket socket[RESPONDER_LISTENS]; /* in the order of listeners.addr; fd -1: none */
    struct watch {
        struct loop_fd fd;
        struct worker *worker;
        int listen;
    } watch[RESPONDER_LISTENS]; /* threads 0 */
    sa_family_t family;         /* AF_UNSPEC: both */
    pthread_t thread;
    bool running;
};

struct responder {
    struct listeners listeners;
    struct loop *loop;
    bool threaded;
    bool watched; /* the loop serves */
    /* the kernel's counts of drops, by worker and socket, and the sum of what they grew */
    uint32_t seen[FAMILIES * RESPONDER_THREADS][RESPONDER_LISTENS];
    uint64_t dropped;
    int stop; /* eventfd: readable once the threads are to end */
    _Atomic bool ending;
    /* what the workers write lies apart from what they read */
    _Alignas(APART) struct cards cards;
    int workers;
    struct worker worker[FAMILIES * RESPONDER_THREADS];
};

int responder_auto_threads(void)
{
    cpu_set_t set;
    int cpus = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return cpus < RESPONDER_THREADS ? cpus : RESPONDER_THREADS;
}

/* Serves what waits in one socket. False: receiving failed. */
static bool serve(struct worker *w, int listen)
{
    int count = BATCH_SIZE;
    for (int i = 0; i < ROUNDS && count == BATCH_SIZE; i++)
        count = batch_serve(w->batch, &w->socket[listen], false, &w->handler, &w->tally);
    return count >= 0;
}

static void on_ready(void *arg, int64_t now, short revents)
{
    struct watch *watch = arg;
    (void)now;
    (void)revents;
    serve(watch->worker, watch->listen);
}

/*
 * A thread with several sockets waits for all of them and for the end: an eventfd in the same poll
 * set ends it at once and for certain. (A receive time-out would wake an idle machine for nothing.)
 */
static void poll_and_serve(struct worker *w)
{
    int listens = w->responder->listeners.count;
    struct pollfd set[RESPONDER_LISTENS + 1];
    for (int i = 0; i < listens; i++)
        set[i] = (struct pollfd){.fd = w->socket[i].fd, .events = POLLIN};
    struct pollfd *stop = &set[listens];
    *stop = (struct pollfd){.fd = w->responder->stop, .events = POLLIN};
    while (!stop->revents) {
        if (poll(set, (nfds_t)listens + 1, -1) < 0)
            continue;
        bool ok = true;
        for (int i = 0; i < listens; i++)
            if (set[i].revents)
                ok = serve(w, i) && ok;
        if (!ok)
            poll(stop, 1, ERROR_PAUSE_MS);
    }
}

/* A thread with one socket waits in receiving, which saves a system call; shutdown() ends it. */
static void wait_and_serve(struct worker *w, int only)
{
    struct pollfd stop = {.fd = w->responder->stop, .events = POLLIN};
    struct pollfd socket = {.fd = w->socket[only].fd, .events = POLLIN};
    while (!atomic_load_explicit(&w->responder->ending, memory_order_relaxed)) {
        bool wait = !batch_expects(w->batch);
        if (!wait) /* a card's stamp comes late, and does not end the waiting for datagrams */
            poll(&socket, 1, STAMP_PAUSE_MS);
        if (batch_serve(w->batch, &w->socket[only], wait, &w->handler, &w->tally) < 0)
            poll(&stop, 1, ERROR_PAUSE_MS);
    }
}

/* The one socket of a worker, -1 when there are several, or none. */
static int only_socket(const struct worker *w)
{
    int found = -1;
    for (int i = 0; i < w->responder->listeners.count; i++) {
        if (w->socket[i].fd < 0)
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    int only = only_socket(w);
    if (only < 0)
        poll_and_serve(w);
    else
        wait_and_serve(w, only);
    return NULL;
}

/* A client is always the same worker's: the places for a family are shared out. */
static int open_share(struct worker *w, const struct ratelimit_config *limit, const uint8_t key[16],
                      struct err *err)
{
    int workers = w->responder->listeners.workers;
    struct ratelimit_config share = *limit;
    share.late = w->family == AF_INET6; /* not all that listen are asked by IPv6 */
    share.clients = (limit->clients + workers - 1) / workers;
    return ratelimit_open(&w->limit, &share, key, err);
}

static int prepare_limit(struct worker *w, const struct responder_config *config, struct err *err)
{
    uint8_t key[16];
    bool wanted = config->limit && config->listens;
    if (wanted && getrandom(key, sizeof key, 0) != sizeof key)
        return err_errno(err, "ratelimit", "", "getrandom", errno);
    if (wanted && open_share(w, config->limit, key, err))
        return -1;
    handler_share_access(&w->handler, config->access, w->limit);
    return 0;
}

/* The sockets of a worker, and what they are bound to. */
static void prepare_sockets(struct worker *w, const struct listeners *l, const int *fd)
{
    for (int i = 0; i < l->count; i++) {
        const union address *a = &l->addr[i].addr;
        struct batch_socket *s = &w->socket[i];
        bool own = w->family == AF_UNSPEC || w->family == a->any.sa_family;
        *s = (struct batch_socket){.fd = own ? fd[i] : -1, .port = address_port(a)};
        if (address_any(a))
            continue;
        s->only.family = a->any.sa_family;
        if (s->only.family == AF_INET)
            s->only.v4 = a->v4.sin_addr;
        else
            s->only.v6 = a->v6.sin6_addr;
    }
}

static int prepare_worker(struct worker *w, struct snapshot_latch *latch, struct clock *clock,
                          const struct responder_config *config, struct err *err)
{
    struct rng rng = rng_from_kernel();
    handler_init(&w->handler, latch, clock);
    if (config->keys)
        handler_share_keys(&w->handler, config->keys);
    if (prepare_limit(w, config, err))
        return -1;
    w->batch = batch_new(&w->responder->cards.latch, &w->batch_size);
    w->handler.interleave = interleave_new(rng_u64(&rng), &w->interleave_size);
    return w->batch && w->handler.interleave ? 0 : err_errno(err, "listen", "", "", ENOMEM);
}

static bool serves(const struct listeners *l, sa_family_t family)
{
    for (int i = 0; i < l->count; i++)
        if (l->addr[i].addr.any.sa_family == family && l->fd[0][i] >= 0)
            return true;
    return false;
}

/*
 * Threads serve IPv4 or IPv6: with the usual two sockets each has but one to wait for. A client is
 * of one family, so it still meets the same worker each time.
 */
static int prepare_workers(struct responder *r, struct snapshot_latch *latch, struct clock *clock,
                           const struct responder_config *config, struct err *err)
{
    const struct listeners *l = &r->listeners;
    bool apart = r->threaded && serves(l, AF_INET) && serves(l, AF_INET6);
    int families = apart ? FAMILIES : 1;
    for (int i = 0; i < families * l->workers; i++) {
        struct worker *w = &r->worker[r->workers++];
        w->responder = r;
        w->family = !apart ? AF_UNSPEC : i < l->workers ? AF_INET : AF_INET6;
        prepare_sockets(w, l, l->fd[i % l->workers]);
        if (prepare_worker(w, latch, clock, config, err))
            return -1;
    }
    r->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return r->stop < 0 ? err_errno(err, "listen", "", "eventfd", errno) : 0;
}

static int resolve_threads(int threads)
{
    if (threads < 0)
        return responder_auto_threads();
    return threads < RESPONDER_THREADS ? threads : RESPONDER_THREADS;
}

int responder_open(struct responder **out, const struct responder_config *config, struct loop *loop,
                   struct clock *clock, struct snapshot_latch *latch, const struct log *log,
                   struct err *err)
{
    struct responder *r = zeroed_new(sizeof *r, _Alignof(struct responder));
    if (!r)
        return err_errno(err, "listen", "", "", ENOMEM);
    int threads = resolve_threads(config->threads);
    r->loop = loop;
    r->threaded = threads > 0;
    r->stop = -1;
    if (listeners_open(&r->listeners, config, threads ? threads : 1, log, err) ||
        prepare_workers(r, latch, clock, config, err)) {
        responder_close(r);
        return -1;
    }
    *out = r;
    return 0;
}

static void watch_sockets(struct responder *r)
{
    struct worker *w = &r->worker[0];
    r->watched = true;
    for (int i = 0; i < r->listeners.count; i++) {
        struct watch *watch = &w->watch[i];
        *watch = (struct watch){.worker = w, .listen = i};
        watch->fd = (struct loop_fd){.name = "ntp",
                                     .fd = w->socket[i].fd,
                                     .events = POLLIN,
                                     .ready = on_ready,
                                     .arg = watch};
        if (w->socket[i].fd >= 0)
            loop_watch(r->loop, &watch->fd);
    }
}

static void unwatch_sockets(struct responder *r)
{
    for (int i = 0; r->watched && i < r->listeners.count; i++)
        if (r->listeners.fd[0][i] >= 0)
            loop_unwatch(r->loop, &r->worker[0].watch[i].fd);
    r->watched = false;
}

static int start_threads(struct responder *r, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    /* threads inherit the mask: signals are for the loop's thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    for (int i = 0; i < r->workers && !failed; i++) {
        struct worker *w = &r->worker[i];
        failed = pthread_create(&w->thread, NULL, work, w);
        w->running = !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return err_errno(err, "threads", "set `threads 0`", "starting a thread", failed);
    return 0;
}

int responder_start(struct responder *r, struct err *err)
{
    if (!r->listeners.count)
        return 0;
    cards_start(&r->cards, r->loop);
    if (r->threaded)
        return start_threads(r, err);
    watch_sockets(r);
    return 0;
}

static void stop_threads(struct responder *r)
{
    atomic_store(&r->ending, true);
    if (r->stop >= 0)
        (void)!eventfd_write(r->stop, 1);
    for (int i = 0; i < r->workers; i++) {
        struct worker *w = &r->worker[i];
        if (!w->running)
            continue;
        int only = only_socket(w);
        if (only >= 0)
            (void)shutdown(w->socket[only].fd, SHUT_RD); /* wakes, though it says ENOTCONN */
        pthread_join(w->thread, NULL);
    }
}

static void free_worker(struct worker *w)
{
    batch_free(w->batch);
    interleave_free(w->handler.interleave);
    ratelimit_free(w->limit);
}

void responder_close(struct responder *r)
{
    if (!r)
        return;
    stop_threads(r);
    unwatch_sockets(r);
    cards_stop(&r->cards);
    listeners_close(&r->listeners);
    for (int i = 0; i < r->workers; i++)
        free_worker(&r->worker[i]);
    if (r->stop >= 0)
        close(r->stop);
    zeroed_free(r);
}

static uint64_t counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* The mean over the workers' medians, weighted by what they measured. */
static void add_latency(struct responder_counts *counts, const struct departures_tally *t)
{
    uint64_t measured = counted(&t->measured);
    if (!measured)
        return;
    double latency = (double)atomic_load_explicit(&t->first, memory_order_relaxed) * 1e-9;
    counts->measured += measured;
    counts->latency += (latency - counts->latency) * (double)measured / (double)counts->measured;
}

/* What the kernel has dropped of a socket since it was asked last, and when its queue stood. */
static void add_queue(struct responder *r, int worker, int listen, struct responder_counts *counts)
{
    const struct batch_socket *s = &r->worker[worker].socket[listen];
    if (s->fd < 0)
        return;
    uint32_t dropped = responder_socket_dropped(s->fd), *seen = &r->seen[worker][listen];
    r->dropped += dropped - *seen;
    *seen = dropped;
    int64_t last = atomic_load_explicit(&s->overload.last, memory_order_relaxed);
    if (last > counts->overload)
        counts->overload = last;
}

void responder_counts(struct responder *r, struct responder_counts *counts)
{
    *counts = (struct responder_counts){0};
    for (int i = 0; i < r->workers; i++) {
        const struct worker *w = &r->worker[i];
        for (int v = 0; v < VERDICT_COUNT; v++)
            counts->verdict[v] += counted(&w->handler.tally.verdict[v]);
        for (int k = 0; k < 8; k++) {
            counts->mode[k] += counted(&w->handler.tally.mode[k]);
            counts->version[k] += counted(&w->handler.tally.version[k]);
        }
        counts->stamped += counted(&w->tally.stamped);
        counts->unstamped += counted(&w->tally.unstamped);
        counts->by_card += counted(&w->tally.by_card);
        counts->contradicted += counted(&w->tally.contradicted);
        counts->receive_errors += counted(&w->tally.receive_errors);
        counts->send_errors += counted(&w->tally.send_errors);
        add_latency(counts, &w->tally.departures);
        for (int k = 0; k < r->listeners.count; k++)
            add_queue(r, i, k, counts);
    }
    counts->dropped = r->dropped;
}

size_t responder_clients(struct responder *r, enum ratelimit_order order,
                         struct ratelimit_client *list, size_t most)
{
    size_t count = 0;
    for (int i = 0; i < r->workers; i++)
        if (r->worker[i].limit)
            count = ratelimit_list(r->worker[i].limit, order, list, count, most);
    return count;
}

size_t responder_clients_memory(const struct responder *r)
{
    size_t size = 0;
    for (int i = 0; i < r->workers; i++)
        if (r->worker[i].limit)
            size += ratelimit_size(r->worker[i].limit);
    return size;
}

size_t responder_clients_room(const struct responder *r)
{
    return responder_clients_memory(r) / RATELIMIT_ENTRY;
}

int responder_workers(const struct responder *r)
{
    return r->workers;
}

void responder_pass_queries(struct responder *r, int worker, struct ntpq_inbox *inbox)
{
    r->worker[worker].handler.queries = inbox;
}

int responder_threads(const struct responder *r)
{
    return r->threaded ? r->listeners.workers : 0;
}

int responder_written(const struct responder *r, int part, struct responder_part *out)
{
    enum { PARTS = 3 };
    int index = part / PARTS;
    if (part < 0 || index >= r->workers)
        return -1;
    const struct worker *w = &r->worker[index];
    const struct responder_part parts[PARTS] = {
        {index, w, sizeof *w},
        {index, w->batch, w->batch_size},
        {index, w->handler.interleave, w->interleave_size},
    };
    *out = parts[part % PARTS];
    return 0;
}

int responder_address(const struct responder *r, int index, union address *addr)
{
    if (index < 0 || index >= r->listeners.count || r->listeners.fd[0][index] < 0)
        return -1;
    *addr = r->listeners.addr[index].addr;
    return 0;
}
