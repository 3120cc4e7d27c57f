/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/load_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "server/ntp/wire.h"

#define FRAME_SIZE 256
#define FRAMES     32768
#define BLOCK_SIZE (1 << 16)

static int failed(const char *what)
{
    fprintf(stderr, "ntpload: %s: %s\n", what, strerror(errno));
    return -1;
}

static int bind_to(int fd, const char *interface, uint16_t protocol)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
    at.sll_ifindex = (int)if_nametoindex(interface);
    if (!at.sll_ifindex)
        return failed(interface);
    return bind(fd, (struct sockaddr *)&at, sizeof at) ? failed("bind") : 0;
}

static int open_sender(struct load_wire *w, const char *interface)
{
    int on = 1, room = 8 << 20;
    w->sender = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (w->sender < 0)
        return failed("a packet socket (CAP_NET_RAW is needed)");
    (void)setsockopt(w->sender, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    (void)setsockopt(w->sender, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    return bind_to(w->sender, interface, 0);
}

static int open_receiver(struct load_wire *w, const char *interface)
{
    int version = TPACKET_V2;
    struct tpacket_req ring = {.tp_block_size = BLOCK_SIZE,
                               .tp_block_nr = FRAMES / (BLOCK_SIZE / FRAME_SIZE),
                               .tp_frame_size = FRAME_SIZE,
                               .tp_frame_nr = FRAMES};
    w->receiver = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (w->receiver < 0 ||
        setsockopt(w->receiver, SOL_PACKET, PACKET_VERSION, &version, sizeof version) ||
        setsockopt(w->receiver, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring))
        return failed("a packet socket with a ring");
    w->ring =
        mmap(NULL, (size_t)FRAMES * FRAME_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, w->receiver, 0);
    if (w->ring == MAP_FAILED)
        return failed("mapping the ring");
    return bind_to(w->receiver, interface, ETH_P_IP);
}

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, (uint16_t)(value >> 16));
    put16(at + 2, (uint16_t)value);
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* All that is the same in every request. The UDP checksum is 0, none (RFC 768). */
static void prepare(struct load_wire *w, const uint8_t mac[6], uint32_t server, uint16_t port)
{
    static const uint8_t own[6] = {2, 0, 0, 0, 0, 0x99};
    for (unsigned i = 0; i < LOAD_BATCH; i++) {
        struct load_frame *f = &w->frame[i];
        memset(f, 0, sizeof *f);
        memcpy(f->ether, mac, 6);
        memcpy(f->ether + 6, own, 6);
        put16(f->ether + 12, ETH_P_IP);
        f->ip[0] = 0x45;
        put16(f->ip + 2, sizeof f->ip + sizeof f->udp + sizeof f->ntp);
        f->ip[6] = 0x40; /* DF */
        f->ip[8] = 64;
        f->ip[9] = IPPROTO_UDP;
        put32(f->ip + 16, server);
        put16(f->udp + 2, port);
        put16(f->udp + 4, sizeof f->udp + sizeof f->ntp);
        f->ntp[0] = WIRE_VERSION << 3 | WIRE_MODE_CLIENT;
        f->ntp[2] = 6;
        f->ntp[3] = 0x20;
        w->iov[i] = (struct iovec){f, sizeof *f};
        w->message[i].msg_hdr = (struct msghdr){.msg_iov = &w->iov[i], .msg_iovlen = 1};
    }
}

int load_wire_open(struct load_wire *w, const char *interface, const uint8_t mac[6],
                   uint32_t server, uint16_t port)
{
    *w = (struct load_wire){.sender = -1, .receiver = -1, .ring = MAP_FAILED};
    if (open_receiver(w, interface) || open_sender(w, interface)) {
        load_wire_close(w);
        return -1;
    }
    prepare(w, mac, server, port);
    return 0;
}

void load_wire_close(struct load_wire *w)
{
    if (w->ring != MAP_FAILED)
        munmap(w->ring, (size_t)FRAMES * FRAME_SIZE);
    if (w->receiver >= 0)
        close(w->receiver);
    if (w->sender >= 0)
        close(w->sender);
}

static uint16_t ip_checksum(const uint8_t ip[20])
{
    uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2)
        sum += i == 10 ? 0 : get16(ip + i);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~(sum + (sum >> 16));
}

void load_wire_put(struct load_wire *w, unsigned i, uint32_t client, uint16_t port,
                   uint64_t transmit)
{
    struct load_frame *f = &w->frame[i];
    put32(f->ip + 12, client);
    put16(f->ip + 10, ip_checksum(f->ip));
    put16(f->udp, port);
    put32(f->ntp + 40, (uint32_t)(transmit >> 32));
    put32(f->ntp + 44, (uint32_t)transmit);
}

unsigned load_wire_send(struct load_wire *w, unsigned count)
{
    int sent = sendmmsg(w->sender, w->message, count, MSG_DONTWAIT);
    return sent < 0 ? 0 : (unsigned)sent;
}

int load_wire_stamp(struct load_wire *w)
{
    int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
                SOF_TIMESTAMPING_OPT_TSONLY;
    if (setsockopt(w->sender, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags))
        return failed("transmit stamps");
    return 0;
}

int load_wire_left(const struct load_wire *w, uint32_t *number, int64_t *ns)
{
    _Alignas(struct cmsghdr) uint8_t control[256];
    struct msghdr m = {.msg_control = control, .msg_controllen = sizeof control};
    struct scm_timestamping stamps = {0};
    struct sock_extended_err error = {0};
    if (recvmsg(w->sender, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING)
            memcpy(&stamps, CMSG_DATA(c), sizeof stamps);
        else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_TX_TIMESTAMP)
            memcpy(&error, CMSG_DATA(c), sizeof error);
    }
    *number = error.ee_data;
    *ns = (int64_t)stamps.ts[0].tv_sec * 1000000000 + stamps.ts[0].tv_nsec;
    return error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING && *ns;
}

static _Atomic uint32_t *status_of(struct tpacket2_hdr *h)
{
    return (_Atomic uint32_t *)&h->tp_status;
}

int load_wire_next(struct load_wire *w, struct load_answer *a)
{
    for (;;) {
        size_t before = (w->at + FRAMES - 1) % FRAMES;
        struct tpacket2_hdr *h = (void *)(w->ring + w->at * FRAME_SIZE);
        struct tpacket2_hdr *done = (void *)(w->ring + before * FRAME_SIZE);
        /* the one that was handed out goes back to the kernel only now */
        if (atomic_load_explicit(status_of(done), memory_order_acquire) & TP_STATUS_USER)
            atomic_store_explicit(status_of(done), TP_STATUS_KERNEL, memory_order_release);
        if (!(atomic_load_explicit(status_of(h), memory_order_acquire) & TP_STATUS_USER))
            return 0;
        w->at = (w->at + 1) % FRAMES;
        const uint8_t *ip = (const uint8_t *)h + h->tp_net;
        size_t size = h->tp_snaplen - (size_t)(h->tp_net - h->tp_mac);
        if (size < 28 || ip[0] != 0x45 || ip[9] != IPPROTO_UDP)
            continue;
        *a = (struct load_answer){.ntp = ip + 28,
                                  .size = size - 28,
                                  .from = get32(ip + 12),
                                  .client = get32(ip + 16),
                                  .port = get16(ip + 22),
                                  .received = (int64_t)h->tp_sec * 1000000000 + h->tp_nsec};
        return 1;
    }
}

void load_wire_wait(const struct load_wire *w, int64_t ns)
{
    struct pollfd p = {.fd = w->receiver, .events = POLLIN};
    struct timespec t = {.tv_nsec = ns};
    (void)ppoll(&p, 1, &t, NULL);
}

unsigned load_wire_lost(const struct load_wire *w)
{
    struct tpacket_stats s;
    socklen_t len = sizeof s;
    return getsockopt(w->receiver, SOL_PACKET, PACKET_STATISTICS, &s, &len) ? 0 : s.tp_drops;
}
