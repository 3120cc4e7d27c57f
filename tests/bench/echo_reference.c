/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least that can be done: a UDP socket that receives requests and sends answers in batches,
 * with the kernel's receive stamp and one reading of the clock for each batch in them, from the
 * address that was asked because it is bound to it. What an NTP server costs more than this is its
 * own.
 *
 * usage: echo_reference ADDRESS PORT [TABLE_BITS]
 *
 * TABLE_BITS: for each request one of 2^N entries of 32 octets is changed, chosen by the client's
 * address, fetched ahead for the whole batch: what rate limits cannot do without.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "refclock/civil.h"

#define BATCH 32
#define SIZE  48

struct entry {
    uint32_t address, count;
    int64_t last, spare[2];
};

struct echo {
    int fd;
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec iov[BATCH], answer_iov[BATCH];
    struct sockaddr_in from[BATCH];
    uint8_t bytes[BATCH][128];
    _Alignas(struct cmsghdr) uint8_t control[BATCH][64];
    struct entry *table;
    unsigned shift;
};

static int64_t stamp_of(struct msghdr *m)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    struct timespec t = {0};
    if (c && c->cmsg_type == SCM_TIMESTAMPNS)
        memcpy(&t, CMSG_DATA(c), sizeof t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void put64(uint8_t *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof value);
}

static void prepare(struct echo *e)
{
    for (int i = 0; i < BATCH; i++) {
        e->iov[i] = (struct iovec){e->bytes[i], sizeof e->bytes[i]};
        e->answer_iov[i] = (struct iovec){e->bytes[i], SIZE};
        e->in[i].msg_hdr = (struct msghdr){.msg_name = &e->from[i],
                                           .msg_iov = &e->iov[i],
                                           .msg_iovlen = 1,
                                           .msg_control = e->control[i]};
        e->out[i].msg_hdr = (struct msghdr){.msg_name = &e->from[i],
                                            .msg_namelen = sizeof e->from[i],
                                            .msg_iov = &e->answer_iov[i],
                                            .msg_iovlen = 1};
    }
}

static struct entry *entry_of(const struct echo *e, int i)
{
    return &e->table[(uint64_t)e->from[i].sin_addr.s_addr * 0x9e3779b97f4a7c15 >> e->shift];
}

static void touch_table(const struct echo *e, int count, int64_t now)
{
    for (int i = 0; i < count; i++)
        __builtin_prefetch(entry_of(e, i), 1);
    for (int i = 0; i < count; i++) {
        struct entry *t = entry_of(e, i);
        t->address = e->from[i].sin_addr.s_addr;
        t->count++;
        t->last = now;
    }
}

static void serve(struct echo *e)
{
    for (int i = 0; i < BATCH; i++) {
        e->in[i].msg_hdr.msg_namelen = sizeof e->from[i];
        e->in[i].msg_hdr.msg_controllen = sizeof e->control[i];
    }
    int count = recvmmsg(e->fd, e->in, BATCH, MSG_WAITFORONE, NULL);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now = (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
    if (e->table && count > 0)
        touch_table(e, count, now);
    for (int i = 0; i < count; i++) {
        uint8_t *b = e->bytes[i];
        b[0] = 4 << 3 | 4;
        memcpy(b + 24, b + 40, 8);
        put64(b + 32, civil_to_ntp(stamp_of(&e->in[i].msg_hdr)));
        put64(b + 40, civil_to_ntp(now));
    }
    for (int done = 0; done < count;) {
        int sent = sendmmsg(e->fd, e->out + done, (unsigned)(count - done), 0);
        done += sent > 0 ? sent : 1;
    }
}

static unsigned number(const char *text, unsigned most)
{
    unsigned long value = strtoul(text, NULL, 10);
    return value > most ? most : (unsigned)value;
}

int main(int argc, char **argv)
{
    static struct echo e;
    struct sockaddr_in at = {.sin_family = AF_INET};
    int on = 1, df = IP_PMTUDISC_DO, room = 1 << 19;
    if (argc < 3 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) {
        fputs("usage: echo_reference ADDRESS PORT [TABLE_BITS]\n", stderr);
        return 1;
    }
    at.sin_port = htons((uint16_t)number(argv[2], UINT16_MAX));
    if (argc > 3 && number(argv[3], 28)) {
        unsigned bits = number(argv[3], 28);
        e.shift = 64 - bits;
        e.table = calloc((size_t)1 << bits, sizeof *e.table);
        if (!e.table)
            return 1;
    }
    e.fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(e.fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(e.fd, IPPROTO_IP, IP_MTU_DISCOVER, &df, sizeof df);
    setsockopt(e.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (bind(e.fd, (struct sockaddr *)&at, sizeof at)) {
        perror("echo_reference: bind");
        return 1;
    }
    prepare(&e);
    for (;;)
        serve(&e);
}
