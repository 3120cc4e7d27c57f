/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What takes time: pulses are counted, the receiver is listened to, the daemon is asked for NTP. */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/loop.h"
#include "server/ctl/text.h"
#include "server/doctor/gather.h"
#include "server/ntp/exchange.h"
#include "server/net/net.h"
#include "server/options.h"

#define COUNT_NS  (2200 * INT64_C(1000000)) /* two pulses at least, if they come */
#define ANSWER_NS NS_PER_S                  /* for an answer of this machine */
#define LISTEN_NS (12 * NS_PER_S) /* every baud rate, and the 5 s after which silence is said */
#define ENOUGH_NS (3 * NS_PER_S)  /* with a receiver that speaks: its satellites, too */

struct session;

/* One request. */
struct request {
    struct session *session;
    struct doctor_asked *asked;
    struct net_query *query;
    struct exchange exchange;
};

struct session {
    struct doctor *d;
    struct loop loop;
    struct net_udp net;
    struct rng rng;
    struct log log;
    struct driver_env env;
    struct driver *listener;
    struct request request[DOCTOR_ASKED_MAX];
    struct loop_timer counted, heard;
    int64_t began;
    int waiting; /* for so many timers */
};

/* ---- NTP ---- */

static void on_answer(void *arg, const uint8_t *bytes, size_t size, int64_t local,
                      enum net_witness by)
{
    (void)by;
    struct request *r = arg;
    struct exchange_sample s;
    char kiss[5] = "";
    struct exchange_answer a = {.bytes = bytes,
                                .size = size,
                                .local = local,
                                .pivot = clock_now(r->session->loop.clock),
                                .precision = 1e-6};
    enum exchange_verdict v = exchange_answer(&r->exchange, &a, &s, kiss);
    /* INIT is the kiss code of a server that does not know the time yet: no refusal */
    r->asked->answered =
        v == EXCHANGE_MEASURED || v == EXCHANGE_UNSYNCHRONISED || v == EXCHANGE_KISS_OTHER;
    r->asked->stratum = v == EXCHANGE_MEASURED ? s.stratum : 0;
    snprintf(r->asked->why, sizeof r->asked->why, "%s%s%s", exchange_rows[v].name,
             *kiss ? ", kiss code " : "", kiss);
}

static void on_failed(void *arg, const struct err *err)
{
    struct request *r = arg;
    snprintf(r->asked->why, sizeof r->asked->why, "%.90s", err->why);
}

static void on_left(void *arg, int64_t local, enum net_witness by)
{
    (void)by;
    exchange_left(&((struct request *)arg)->exchange, local);
}

static const struct net_events net_events = {
    .left = on_left, .answer = on_answer, .failed = on_failed};

static void ask(struct session *s, const union address *to, int port)
{
    struct doctor *d = s->d;
    uint8_t bytes[WIRE_SIZE];
    union address where = *to;
    struct err err = {0};
    if (d->asks == DOCTOR_ASKED_MAX)
        return;
    struct request *r = &s->request[d->asks];
    r->session = s;
    r->asked = &d->ask[d->asks++];
    r->asked->port = port;
    snprintf(r->asked->why, sizeof r->asked->why, "nothing came back");
    address_text(to, r->asked->address, sizeof r->asked->address);
    address_set_port(&where, (uint16_t)port);
    exchange_init(&r->exchange, WIRE_VERSION, false);
    exchange_request(&r->exchange, &s->rng, 6, loop_now(&s->loop), bytes);
    if (net_ask(&s->net.net, &where, bytes, sizeof bytes, &net_events, r, &r->query, &err))
        on_failed(r, &err);
}

/* A link-local address would need its interface named. */
static bool is_askable(const union address *a, bool any4, bool any6)
{
    return (a->any.sa_family == AF_INET && any4) ||
           (a->any.sa_family == AF_INET6 && any6 && !IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr));
}

/* Every address that is listened on; of the unspecified one, all of this machine. */
static void ask_all(struct session *s)
{
    json_t *listen, *server = json_object_get(s->d->status, "server");
    struct own_addresses own;
    size_t i;
    net_own(&s->net.net, &own);
    json_array_foreach(json_object_get(server, "listen"), i, listen)
    {
        union address a = {0};
        const char *text = ctl_string(listen, "address");
        int port = (int)json_integer_value(json_object_get(listen, "port"));
        bool four = text && inet_pton(AF_INET, text, &a.v4.sin_addr) == 1;
        bool six = text && !four && inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1;
        a.any.sa_family = four ? AF_INET : AF_INET6;
        bool any4 = four && a.v4.sin_addr.s_addr == htonl(INADDR_ANY);
        bool any6 = six && IN6_IS_ADDR_UNSPECIFIED(&a.v6.sin6_addr);
        for (size_t k = 0; k < own.count && (any4 || any6); k++)
            if (is_askable(&own.address[k], any4, any6))
                ask(s, &own.address[k], port);
        if ((four && !any4) || (six && !any6))
            ask(s, &a, port);
    }
}

/* ---- the pulse ---- */

static void finished(struct session *s)
{
    if (!--s->waiting)
        loop_stop(&s->loop);
}

static void on_counted(void *arg, int64_t now)
{
    struct session *s = arg;
    s->d->seconds = (double)(now - s->began) * 1e-9;
    s->d->waited = s->d->pulse && !*s->d->root &&
                   doctor_edges_read(s->d->root, s->d->pulse->device, &s->d->now);
    finished(s);
}

/* ---- the receiver ---- */

static void on_heard(void *arg, int64_t now)
{
    (void)now;
    finished(arg);
}

static void on_health(void *arg, enum health health, const struct err *err)
{
    struct session *s = arg;
    struct doctor_receiver *r = &s->d->receiver;
    bool spoke = r->health >= HEALTH_NO_FIX;
    r->health = (int)health;
    r->error[0] = 0;
    if (err)
        err_line(err, r->error, sizeof r->error);
    if (health >= HEALTH_NO_FIX && !spoke)
        loop_after(&s->loop, &s->heard, ENOUGH_NS);
}

static void on_sky(void *arg, const struct sky *sky)
{
    struct doctor_receiver *r = &((struct session *)arg)->d->receiver;
    r->satellites = sky->count;
    r->used = sky->used;
}

static void on_label(void *arg, const struct timelabel *label)
{
    (void)arg;
    (void)label;
}

static const struct driver_sink sink = {.label = on_label, .sky = on_sky, .health = on_health};

static int open_port_of(const struct driver_env *env, const char *path, int baud, struct port **out,
                        struct err *err)
{
    (void)env;
    return port_open(path, baud, out, err);
}

/* The same driver as the daemon's: it writes nothing unless a person commands it. */
static void hear(struct session *s)
{
    const struct find_port *p = s->d->chosen;
    struct doctor_receiver *r = &s->d->receiver;
    const struct driver_ops *nmea = driver_find("nmea");
    struct err err = {0};
    s->listener = calloc(1, nmea->size);
    if (!s->listener)
        return;
    *s->listener = (struct driver){.ops = nmea, .env = &s->env, .sink = &sink, .sink_arg = s};
    options_initial(nmea->options, s->listener);
    snprintf(s->listener->path, sizeof s->listener->path, "%s", *p->link ? p->link : p->device);
    r->by = DOCTOR_HEARD_HERE;
    r->health = HEALTH_SILENT;
    if (s->listener->ops->open(s->listener, &err)) {
        r->health = HEALTH_CLOSED;
        err_line(&err, r->error, sizeof r->error);
        return;
    }
    s->waiting++;
    loop_after(&s->loop, &s->heard, LISTEN_NS);
}

static void stop_listening(struct session *s)
{
    struct doctor_receiver *r = &s->d->receiver;
    if (!s->listener)
        return;
    s->listener->ops->describe(s->listener, r->found, sizeof r->found);
    s->listener->ops->close(s->listener);
    free(s->listener);
}

static bool may_listen(const struct doctor *d)
{
    return !d->status && !*d->root && d->wants.port && d->chosen && d->chosen->bar == FIND_FREE;
}

static void begin(struct session *s, struct clock *clock)
{
    loop_poll_init(&s->loop, clock);
    net_udp_init(&s->net, &s->loop);
    s->rng = rng_from_kernel();
    s->env = (struct driver_env){.loop = &s->loop,
                                 .clock = clock,
                                 .log = &s->log,
                                 .era_pivot = clock_now(clock) / NS_PER_S,
                                 .open_port = open_port_of};
    s->counted =
        (struct loop_timer){.name = "doctor count", .fire = on_counted, .arg = s, .due = INT64_MAX};
    s->heard =
        (struct loop_timer){.name = "doctor heard", .fire = on_heard, .arg = s, .due = INT64_MAX};
    s->began = loop_now(&s->loop);
}

int doctor_listen(struct doctor *d, struct err *err)
{
    struct session *s = calloc(1, sizeof *s);
    struct clock *clock;
    if (!s || clock_reader_open(&clock, err)) {
        free(s);
        return -1;
    }
    s->d = d;
    begin(s, clock);
    if (d->status)
        ask_all(s);
    if (may_listen(d))
        hear(s);
    bool count = d->pulse && !*d->root; /* in a tree nothing moves */
    if (d->asks || count) {
        s->waiting++;
        loop_after(&s->loop, &s->counted, count ? COUNT_NS : ANSWER_NS);
    }
    if (d->pulse)
        (void)doctor_edges_read(d->root, d->pulse->device, &d->before);
    d->now = d->before;
    int result = s->waiting ? loop_run(&s->loop) : 0;
    stop_listening(s);
    for (int i = 0; i < d->asks; i++)
        if (s->request[i].query)
            net_end(s->request[i].query);
    loop_close(&s->loop);
    clock_close(clock);
    free(s);
    return result ? err_set(err, "", "", "waiting failed") : 0;
}
