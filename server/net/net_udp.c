/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <time.h> /* before linux/errqueue.h, which needs it */

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/net/net.h"

#define ANSWER_MAX 1024 /* octets: an NTP header, fields and a MAC */
#define READS_MAX  8
#define OLD_NS     (2 * NS_PER_S) /* a stamp so far from now is not of this exchange */

struct udp_query {
    struct net_query query;
    struct net_udp *net;
    const struct net_events *events;
    void *arg;
    struct loop_fd fd;
    struct net_card *card; /* that stamps; NULL: none */
    uint32_t generation;   /* of the clock when it was sent */
    bool calling, ended;
};

/* Room for the kernel's stamps beside a datagram. */
union control {
    char bytes[512];
    struct cmsghdr align;
};

static int address_size(const union address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

/* All are wished for: without them the loop's own time is taken. */
static void want_stamps(int fd, bool card)
{
    int on = 1;
    int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
                SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;
    if (card)
        flags |= SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
                 SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_OPT_TX_SWHW;
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags))
        (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

/* The card that the socket's datagrams leave by, if it stamps. */
static struct net_card *card_of(struct net_udp *n, int fd)
{
    union address local = {0};
    socklen_t size = sizeof local;
    if (getsockname(fd, &local.any, &size))
        return NULL;
    return net_cards_at(&n->cards, &local, loop_now(n->loop));
}

/* When it was, on the local scale, by the best of its stamps that is of use; else `now`. */
static int64_t local_of(const struct udp_query *q, const struct net_stamps *s, int64_t now,
                        enum net_witness *by)
{
    struct clock *clock = q->net->loop->clock;
    const int64_t stamp[] = {
        [NET_KERNEL] = s->kernel,
        [NET_HARDWARE] = q->card ? net_card_carry(q->card, s->card, s->kernel) : 0,
    };
    for (*by = NET_HARDWARE; *by > NET_DAEMON; (*by)--) {
        int64_t local = stamp[*by] ? clock_local(clock, clock_stamp(clock, stamp[*by])) : now;
        if (stamp[*by] && local < now + OLD_NS && local > now - OLD_NS)
            return local;
    }
    return now;
}

/* Reads one message, from the error queue if `flags` say so. Its size, or -1 with errno. */
static ssize_t receive(const struct udp_query *q, int flags, uint8_t bytes[ANSWER_MAX],
                       struct net_stamps *stamps)
{
    union control control;
    struct iovec iov = {.iov_len = ANSWER_MAX};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    iov.iov_base = bytes;
    ssize_t got = recvmsg(q->fd.fd, &m, flags | MSG_DONTWAIT);
    *stamps = got >= 0 ? net_stamps_of(&m) : (struct net_stamps){0};
    return got;
}

static void fail(struct udp_query *q, int errnum)
{
    static const struct {
        int errnum;
        const char *why;
    } words[] = {
        {ECONNREFUSED, "nothing answers NTP there"},
        {EHOSTUNREACH, "there is no way to it"},
        {ENETUNREACH, "there is no way to it"},
    };
    struct err err;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].errnum == errnum) {
            err_set(&err, "", "", "%s", words[i].why);
            q->events->failed(q->arg, &err);
            return;
        }
    err_errno(&err, "", "", "asking it", errnum);
    q->events->failed(q->arg, &err);
}

static void release(struct udp_query *q)
{
    loop_unwatch(q->net->loop, &q->fd);
    close(q->fd.fd);
    free(q);
}

static void read_departures(struct udp_query *q, int64_t now, bool stepped)
{
    uint8_t bytes[ANSWER_MAX];
    struct net_stamps stamps;
    enum net_witness by;
    for (int i = 0; i < READS_MAX && receive(q, MSG_ERRQUEUE, bytes, &stamps) >= 0; i++) {
        int64_t local = local_of(q, &stamps, now, &by);
        if (by != NET_DAEMON && !stepped)
            q->events->left(q->arg, local, by);
    }
}

static void read_answers(struct udp_query *q, int64_t now, bool stepped)
{
    uint8_t bytes[ANSWER_MAX];
    struct net_stamps stamps;
    enum net_witness by;
    for (int i = 0; !q->ended && i < READS_MAX; i++) {
        ssize_t got = receive(q, 0, bytes, &stamps);
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            fail(q, errno);
        if (got < 0)
            break;
        if (stepped) /* nobody can say which stamp is of which clock */
            continue;
        int64_t local = local_of(q, &stamps, now, &by);
        q->events->answer(q->arg, bytes, (size_t)got, local, by);
    }
}

static void on_ready(void *arg, int64_t now, short revents)
{
    struct udp_query *q = arg;
    bool stepped = q->generation != q->net->loop->clock->generation;
    q->calling = true;
    if (revents & POLLERR)
        read_departures(q, now, stepped);
    read_answers(q, now, stepped);
    q->calling = false;
    if (q->ended)
        release(q);
}

static int open_socket(const union address *to)
{
    int fd = socket(to->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    if (fd < 0)
        return -1;
    if (!connect(fd, &to->any, (socklen_t)address_size(to)))
        return fd;
    int errnum = errno;
    close(fd);
    errno = errnum;
    return -1;
}

static int udp_ask(struct net *net, const union address *to, const uint8_t *bytes, size_t size,
                   const struct net_events *events, void *arg, struct net_query **out,
                   struct err *err)
{
    struct net_udp *n = (struct net_udp *)net;
    struct udp_query *q = malloc(sizeof *q);
    int fd = q ? open_socket(to) : -1;
    struct net_card *card = fd >= 0 ? card_of(n, fd) : NULL;
    if (fd >= 0)
        want_stamps(fd, card);
    if (fd < 0 || send(fd, bytes, size, 0) != (ssize_t)size) {
        int errnum = q ? errno : ENOMEM;
        if (fd >= 0)
            close(fd);
        free(q);
        return err_errno(err, "", "is the network up, and the firewall open for UDP port 123?",
                         "asking it", errnum);
    }
    *q = (struct udp_query){.query = {.net = net},
                            .net = n,
                            .events = events,
                            .arg = arg,
                            .card = card,
                            .fd = {.name = "peer", .fd = fd, .events = POLLIN, .ready = on_ready},
                            .generation = n->loop->clock->generation};
    q->fd.arg = q;
    loop_watch(n->loop, &q->fd);
    *out = &q->query;
    return 0;
}

static void udp_end(struct net_query *query)
{
    struct udp_query *q = (struct udp_query *)query;
    if (q->calling)
        q->ended = true;
    else
        release(q);
}

static void udp_own(struct net *net, struct own_addresses *own)
{
    (void)net;
    own_addresses_read(own);
}

void net_udp_init(struct net_udp *n, struct loop *loop)
{
    static const struct net_ops ops = {.ask = udp_ask, .end = udp_end, .own = udp_own};
    *n = (struct net_udp){.net = {.ops = &ops}, .loop = loop};
}

void net_udp_close(struct net_udp *n)
{
    net_cards_close(&n->cards);
}
