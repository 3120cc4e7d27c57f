/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "refclock/civil.h"
#include "server/address.h"

/* The whole tail is parsed in datagrams up to this size; of longer ones, what fits. */
#define DATAGRAM_MAX 1536

struct control {
    _Alignas(struct cmsghdr) uint8_t
        bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct timespec)) + 64];
};

struct slot {
    struct address_asked asked;
    struct datagram datagram; /* its `from` is written by the kernel */
    struct control control;
    struct iovec in, out;
    uint8_t reply[REPLY_SIZE];
    uint8_t bytes[DATAGRAM_MAX];
};

struct batch {
    struct mmsghdr in[BATCH_SIZE], out[BATCH_SIZE];
    struct slot slot[BATCH_SIZE];
};

struct batch *batch_new(void)
{
    return calloc(1, sizeof(struct batch));
}

void batch_free(struct batch *b)
{
    free(b);
}

static int receive(struct batch *b, int fd)
{
    for (int i = 0; i < BATCH_SIZE; i++) {
        struct slot *s = &b->slot[i];
        s->in = (struct iovec){s->bytes, sizeof s->bytes};
        b->in[i].msg_hdr = (struct msghdr){
            .msg_name = &s->datagram.from,
            .msg_namelen = sizeof s->datagram.from,
            .msg_iov = &s->in,
            .msg_iovlen = 1,
            .msg_control = s->control.bytes,
            .msg_controllen = sizeof s->control.bytes,
        };
    }
    return recvmmsg(fd, b->in, BATCH_SIZE, MSG_DONTWAIT, NULL);
}

/* Copies a control message of the wanted kind out; false when it is another. */
static bool cmsg_take(const struct cmsghdr *c, int level, int type, void *to, size_t size)
{
    if (c->cmsg_level != level || c->cmsg_type != type || c->cmsg_len < CMSG_LEN(size))
        return false;
    memcpy(to, CMSG_DATA(c), size);
    return true;
}

/* The kernel's notes on a datagram: which address was asked, and when it came (0: no stamp). */
static int64_t read_control(struct msghdr *m, struct address_asked *asked)
{
    int64_t stamp = 0;
    struct timespec ts;
    struct in_pktinfo v4;
    struct in6_pktinfo v6;
    *asked = (struct address_asked){.family = AF_UNSPEC};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (cmsg_take(c, SOL_SOCKET, SCM_TIMESTAMPNS, &ts, sizeof ts)) {
            stamp = (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
        } else if (cmsg_take(c, IPPROTO_IP, IP_PKTINFO, &v4, sizeof v4)) {
            asked->family = AF_INET;
            asked->v4 = v4.ipi_spec_dst;
            /* differs for broadcast and multicast only: there it is an address of ours */
            asked->many = v4.ipi_addr.s_addr != v4.ipi_spec_dst.s_addr;
        } else if (cmsg_take(c, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof v6)) {
            asked->family = AF_INET6;
            asked->v6 = v6.ipi6_addr;
            asked->interface = (unsigned)v6.ipi6_ifindex;
            asked->many = IN6_IS_ADDR_MULTICAST(&v6.ipi6_addr);
        }
    }
    return stamp;
}

static void cmsg_put(struct msghdr *m, int level, int type, const void *from, size_t size)
{
    m->msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), from, size);
}

/* Answers from the address that was asked. The interface is the routing table's choice, except for
 * link-local addresses, which mean nothing without one. */
static void write_control(struct msghdr *m, struct slot *s)
{
    struct in_pktinfo v4 = {.ipi_spec_dst = s->asked.v4};
    struct in6_pktinfo v6 = {.ipi6_addr = s->asked.v6};
    if (s->asked.family == AF_UNSPEC)
        return;
    m->msg_control = s->control.bytes;
    m->msg_controllen = sizeof s->control.bytes;
    memset(s->control.bytes, 0, sizeof s->control.bytes);
    if (IN6_IS_ADDR_LINKLOCAL(&s->asked.v6))
        v6.ipi6_ifindex = s->asked.interface;
    if (s->asked.family == AF_INET)
        cmsg_put(m, IPPROTO_IP, IP_PKTINFO, &v4, sizeof v4);
    else
        cmsg_put(m, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof v6);
}

static void note(struct batch *b, int i, uint16_t port, struct clock *clock, struct batch_tally *t)
{
    struct slot *s = &b->slot[i];
    int64_t stamp = read_control(&b->in[i].msg_hdr, &s->asked);
    if (!stamp)
        tally_add(&t->unstamped, 1);
    s->datagram.bytes = s->bytes;
    s->datagram.size = b->in[i].msg_len;
    s->datagram.received = stamp ? clock_stamp(clock, stamp) : clock_now(clock);
    s->datagram.address = address_facts(&s->datagram.from, &s->asked, port);
}

static void add_answer(struct batch *b, unsigned at, int i, size_t size)
{
    struct slot *s = &b->slot[i];
    s->out = (struct iovec){s->reply, size};
    b->out[at].msg_hdr = (struct msghdr){
        .msg_name = &s->datagram.from,
        .msg_namelen = b->in[i].msg_hdr.msg_namelen,
        .msg_iov = &s->out,
        .msg_iovlen = 1,
    };
    write_control(&b->out[at].msg_hdr, s);
}

/* sendmmsg(2) stops at a message that fails (EPERM from a firewall, ENETDOWN, ENOBUFS ...): it is
 * counted and left out. With a full socket the rest would fail as well. */
static void send_all(struct batch *b, int fd, unsigned count, struct batch_tally *t)
{
    unsigned done = 0;
    while (done < count) {
        int sent = sendmmsg(fd, b->out + done, count - done, MSG_DONTWAIT);
        if (sent > 0) {
            done += (unsigned)sent;
            continue;
        }
        if (sent < 0 && errno == EINTR)
            continue;
        unsigned lost = errno == EAGAIN ? count - done : 1;
        tally_add(&t->send_errors, lost);
        done += lost;
    }
}

int batch_serve(struct batch *b, int fd, uint16_t port, struct handler *h, struct batch_tally *t)
{
    int count = receive(b, fd);
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return 0;
        tally_add(&t->receive_errors, 1);
        return -1;
    }
    for (int i = 0; i < count; i++)
        note(b, i, port, h->clock, t);
    /* after the stamps, so that none lies in the future */
    handler_look(h);
    for (int i = 0; i < count; i++)
        handler_prepare(h, &b->slot[i].datagram);
    unsigned answers = 0;
    for (int i = 0; i < count; i++) {
        size_t size = handler_answer(h, &b->slot[i].datagram, b->slot[i].reply);
        if (size)
            add_answer(b, answers++, i, size);
    }
    handler_rest(h);
    send_all(b, fd, answers, t);
    return count;
}
