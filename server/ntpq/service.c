/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntpq/service.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/ntpq/inbox.h"
#include "server/responder/control.h"

struct ntpq_service {
    struct ntpq_service_config config;
    struct loop_fd wake;
    struct loop_timer later;
    double tokens;  /* requests that may be answered now */
    int64_t filled; /* when they were counted, ns */
    int next;       /* worker whose turn it is */
    int workers;
    struct ntpq_inbox *inbox; /* one for each worker */
    struct ntpq_associations associations;
    struct ntpq_world world;
    struct ntpq_letter letter;
    struct ntpq_answer answer;
};

/* From the address that was asked. What the kernel does not take is lost: ntpq asks again. */
static void send_packet(const struct ntpq_letter *l, const uint8_t *bytes, size_t size)
{
    struct control control;
    struct iovec data = {(void *)bytes, size};
    union address to = l->from;
    struct msghdr m = {
        .msg_name = &to,
        .msg_namelen = to.any.sa_family == AF_INET ? sizeof to.v4 : sizeof to.v6,
        .msg_iov = &data,
        .msg_iovlen = 1,
    };
    control_write(&m, &control, &l->asked);
    (void)!sendmsg(l->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void answer(struct ntpq_service *s, int64_t now)
{
    const struct ntpq_letter *l = &s->letter;
    uint8_t packet[NTPQ_PACKET_MAX];
    s->world.status = s->config.status(s->config.arg);
    s->world.now = now;
    ntpq_associations_update(&s->associations, s->world.status);
    ntpq_answer(&s->world, &l->from, l->bytes, l->size, &s->answer);
    for (int i = 0; i < s->answer.packets; i++)
        send_packet(l, packet, ntpq_packet(&s->answer, i, packet));
}

/* The workers take turns, so that none of them is shut out by another's flood. */
static bool take(struct ntpq_service *s)
{
    for (int i = 0; i < s->workers; i++) {
        struct ntpq_inbox *box = &s->inbox[s->next];
        s->next = (s->next + 1) % s->workers;
        if (ntpq_inbox_take(box, &s->letter))
            return true;
    }
    return false;
}

static void fill(struct ntpq_service *s, int64_t now)
{
    double passed = (double)(now - s->filled) * 1e-9;
    s->filled = now;
    if (passed > 0)
        s->tokens += passed * NTPQ_RATE;
    if (s->tokens > NTPQ_BURST)
        s->tokens = NTPQ_BURST;
}

static void serve(void *arg, int64_t now)
{
    struct ntpq_service *s = arg;
    fill(s, now);
    while (s->tokens >= 1) {
        if (!take(s))
            return;
        s->tokens -= 1;
        answer(s, now);
    }
    loop_after(s->config.loop, &s->later, NS_PER_S / NTPQ_RATE);
}

static void on_wake(void *arg, int64_t now, short revents)
{
    struct ntpq_service *s = arg;
    eventfd_t count;
    (void)revents;
    (void)!eventfd_read(s->wake.fd, &count);
    serve(s, now);
}

static void describe_machine(struct ntpq_machine *m)
{
    struct utsname u;
    if (uname(&u))
        return;
    snprintf(m->processor, sizeof m->processor, "%s", u.machine);
    snprintf(m->system, sizeof m->system, "%s/%s", u.sysname, u.release);
}

static int prepare(struct ntpq_service *s)
{
    s->workers = responder_workers(s->config.responder);
    s->inbox = aligned_alloc(alignof(struct ntpq_inbox),
                             sizeof *s->inbox * (size_t)(s->workers ? s->workers : 1));
    if (!s->inbox)
        return ENOMEM;
    s->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake.fd < 0)
        return errno;
    if (getrandom(s->world.key, sizeof s->world.key, 0) != (ssize_t)sizeof s->world.key)
        return EIO;
    return 0;
}

int ntpq_service_open(struct ntpq_service **out, const struct ntpq_service_config *config,
                      struct err *err)
{
    struct ntpq_service *s = calloc(1, sizeof *s);
    if (!s)
        return err_errno(err, "ntpq", "", "", ENOMEM);
    s->config = *config;
    s->tokens = NTPQ_BURST;
    s->filled = loop_now(config->loop);
    s->later = (struct loop_timer){.name = "ntpq", .fire = serve, .arg = s};
    s->wake =
        (struct loop_fd){.name = "ntpq", .fd = -1, .events = POLLIN, .ready = on_wake, .arg = s};
    s->world.associations = &s->associations;
    s->world.clients = config->clients;
    s->world.clients_arg = config->arg;
    describe_machine(&s->world.machine);
    int failed = prepare(s);
    if (failed) {
        ntpq_service_close(s);
        return err_errno(err, "ntpq", "", "", failed);
    }
    for (int i = 0; i < s->workers; i++) {
        ntpq_inbox_init(&s->inbox[i], s->wake.fd);
        responder_pass_queries(config->responder, i, &s->inbox[i]);
    }
    loop_watch(config->loop, &s->wake);
    *out = s;
    return 0;
}

void ntpq_service_close(struct ntpq_service *s)
{
    if (!s)
        return;
    loop_cancel(s->config.loop, &s->later);
    if (s->wake.fd >= 0) {
        loop_unwatch(s->config.loop, &s->wake);
        close(s->wake.fd);
    }
    free(s->inbox);
    free(s);
}
