/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UDP sockets, and right NTP servers behind queues. What is sent to anybody else vanishes. */
#include "machine.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DESCRIPTORS 1024
#define ON_THE_WAY  256
#define HEADER      48
#define FIRST       UINT32_C(0xc0a87b02) /* 192.168.123.2 */
#define OURS        UINT32_C(0xc0a87b01)
#define SENDING     5e-6L
#define SERVING     20e-6L /* s, in the server */
#define NTP_1970    UINT64_C(2208988800)

#define REAL(type, name, ...) (type(*)(__VA_ARGS__)) dlsym(RTLD_NEXT, #name)

static struct {
    bool ours, stamps_ns, stamps;
    struct sockaddr_in local, peer;
} udp[DESCRIPTORS];

static struct {
    int fd;
    seconds at;
    unsigned char bytes[HEADER];
    struct sockaddr_in from;
} packet[ON_THE_WAY];
static int packets;

bool network_has(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS && udp[fd].ours;
}

/* Index of a datagram that has come, -1: none. */
static int come(int fd)
{
    for (int i = 0; i < packets; i++)
        if (packet[i].fd == fd && packet[i].at <= machine_now())
            return i;
    return -1;
}

bool network_ready(int fd)
{
    return come(fd) >= 0;
}

seconds network_next(void)
{
    seconds next = (seconds)INFINITY;
    for (int i = 0; i < packets; i++)
        if (packet[i].at > machine_now() && packet[i].at < next)
            next = packet[i].at;
    return next;
}

int socket(int family, int type, int protocol)
{
    int fd = (REAL(int, socket, int, int, int))(family, type, protocol);
    bool inet = family == AF_INET || family == AF_INET6;
    if (fd < 0 || fd >= DESCRIPTORS || (type & 0xff) != SOCK_DGRAM || !inet)
        return fd;
    machine_now();
    memset(&udp[fd], 0, sizeof udp[fd]);
    udp[fd].ours = true;
    udp[fd].local.sin_family = AF_INET;
    udp[fd].local.sin_port =
        htons((uint16_t)(20000 + fd + (int)(20000 * machine_uniform(STREAM_OTHER))));
    return fd;
}

int close(int fd)
{
    if (network_has(fd)) {
        udp[fd].ours = false;
        for (int i = 0; i < packets;)
            if (packet[i].fd == fd)
                packet[i] = packet[--packets];
            else
                i++;
    }
    return (REAL(int, close, int))(fd);
}

int bind(int fd, const struct sockaddr *a, socklen_t size)
{
    if (!network_has(fd))
        return (REAL(int, bind, int, const struct sockaddr *, socklen_t))(fd, a, size);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
    if (a->sa_family == AF_INET && v4->sin_port)
        udp[fd].local = *v4;
    return 0;
}

int connect(int fd, const struct sockaddr *a, socklen_t size)
{
    if (!network_has(fd))
        return (REAL(int, connect, int, const struct sockaddr *, socklen_t))(fd, a, size);
    if (a->sa_family == AF_INET)
        udp[fd].peer = *(const struct sockaddr_in *)a;
    else if (a->sa_family == AF_UNSPEC)
        memset(&udp[fd].peer, 0, sizeof udp[fd].peer);
    else {
        errno = ENETUNREACH;
        return -1;
    }
    return 0;
}

int getsockname(int fd, struct sockaddr *restrict a, socklen_t *restrict size)
{
    if (!network_has(fd))
        return (REAL(int, getsockname, int, struct sockaddr *, socklen_t *))(fd, a, size);
    struct sockaddr_in me = udp[fd].local;
    if (udp[fd].peer.sin_port && !me.sin_addr.s_addr)
        me.sin_addr.s_addr = htonl(OURS);
    memcpy(a, &me, *size < sizeof me ? *size : sizeof me);
    *size = sizeof me;
    return 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    if (!network_has(fd))
        return (REAL(int, setsockopt, int, int, int, const void *, socklen_t))(fd, level, name,
                                                                               value, size);
    int flags = 0;
    if (size >= sizeof flags)
        memcpy(&flags, value, sizeof flags);
    const int wanted = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
    if (level == SOL_SOCKET && name == SO_TIMESTAMPNS)
        udp[fd].stamps_ns = flags;
    if (level == SOL_SOCKET && name == SO_TIMESTAMPING)
        udp[fd].stamps = (flags & wanted) == wanted;
    return 0;
}

/* ---- the servers ---- */

static void put_stamp(unsigned char *to, seconds t)
{
    uint64_t whole = (uint64_t)t;
    uint32_t high = htonl((uint32_t)(whole + NTP_1970));
    uint32_t low = htonl((uint32_t)((t - (seconds)whole) * 4294967296.0L));
    memcpy(to, &high, 4);
    memcpy(to + 4, &low, 4);
}

static void answer(unsigned char *p, const unsigned char *request, seconds reached)
{
    p[0] = (unsigned char)((request[0] & 0x38) | 4); /* the version asked in, mode 4 */
    p[1] = 1;
    p[2] = request[2];
    p[3] = (unsigned char)-24;
    p[11] = 1;
    memcpy(p + 12, "GPS", 4);
    put_stamp(p + 16, floorl(reached));
    memcpy(p + 24, request + 40, 8);
    put_stamp(p + 32, reached);
    put_stamp(p + 40, reached + SERVING);
}

static ssize_t ask(int fd, const struct sockaddr_in *to, const unsigned char *bytes, size_t size)
{
    double delay = machine_setting("MACHINE_DELAY", 1e-4),
           queue = machine_setting("MACHINE_QUEUE", 0);
    uint32_t servers = (uint32_t)machine_setting("MACHINE_SERVERS", 0);
    machine_advance(machine_now() + SENDING);
    double out = delay + machine_exponential(STREAM_NETWORK, queue);
    double back = delay + machine_exponential(STREAM_NETWORK, queue);
    bool known = to->sin_family == AF_INET && to->sin_port == htons(123) &&
                 ntohl(to->sin_addr.s_addr) - FIRST < servers;
    if (!known || size < HEADER || (bytes[0] & 7) != 3 || packets == ON_THE_WAY)
        return (ssize_t)size;
    memset(&packet[packets], 0, sizeof packet[packets]);
    packet[packets].fd = fd;
    packet[packets].at = machine_now() + out + SERVING + back;
    packet[packets].from = *to;
    answer(packet[packets].bytes, bytes, machine_now() + out + MACHINE_START);
    packets++;
    return (ssize_t)size;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    if (!network_has(fd))
        return (REAL(ssize_t, sendmsg, int, const struct msghdr *, int))(fd, m, flags);
    const struct sockaddr_in *to = m->msg_name ? m->msg_name : &udp[fd].peer;
    return ask(fd, to, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len);
}

ssize_t sendto(int fd, const void *bytes, size_t size, int flags, const struct sockaddr *a,
               socklen_t length)
{
    if (!network_has(fd))
        return (REAL(ssize_t, sendto, int, const void *, size_t, int, const struct sockaddr *,
                     socklen_t))(fd, bytes, size, flags, a, length);
    return ask(fd, a ? (const struct sockaddr_in *)a : &udp[fd].peer, bytes, size);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    if (!network_has(fd))
        return (REAL(ssize_t, send, int, const void *, size_t, int))(fd, bytes, size, flags);
    return ask(fd, &udp[fd].peer, bytes, size);
}

/* ---- receiving ---- */

static size_t note(struct msghdr *m, size_t used, int type, const void *value, size_t size)
{
    struct cmsghdr head = {.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = type};
    unsigned char *to = (unsigned char *)m->msg_control + used;
    if (!m->msg_control || used + CMSG_SPACE(size) > m->msg_controllen)
        return used;
    memcpy(to, &head, sizeof head);
    memcpy(to + CMSG_LEN(0), value, size);
    return used + CMSG_SPACE(size);
}

/* The kernel's stamp of a datagram that came at that true time. */
static void stamp(int fd, struct msghdr *m, seconds at)
{
    seconds shown = machine_clock(CLOCK_REALTIME) - (machine_now() - at) * (seconds)machine_rate();
    struct timespec t = {.tv_sec = (time_t)floorl(shown)};
    t.tv_nsec = (long)((shown - (seconds)t.tv_sec) * 1e9L);
    struct scm_timestamping all = {.ts = {{t.tv_sec, t.tv_nsec}}};
    size_t used = 0;
    if (udp[fd].stamps_ns)
        used = note(m, used, SCM_TIMESTAMPNS, &t, sizeof t);
    if (udp[fd].stamps)
        used = note(m, used, SCM_TIMESTAMPING, &all, sizeof all);
    m->msg_controllen = used;
}

static bool may_wait(int fd, int flags)
{
    return !(flags & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    if (!network_has(fd))
        return (REAL(ssize_t, recvmsg, int, struct msghdr *, int))(fd, m, flags);
    if (flags & MSG_ERRQUEUE || (come(fd) < 0 && !may_wait(fd, flags))) {
        errno = EAGAIN;
        return -1;
    }
    if (come(fd) < 0 && !machine_wait_for(fd))
        return -1;
    int i = come(fd);
    size_t size = m->msg_iov[0].iov_len < HEADER ? m->msg_iov[0].iov_len : HEADER;
    memcpy(m->msg_iov[0].iov_base, packet[i].bytes, size);
    if (m->msg_name) {
        socklen_t most = sizeof packet[i].from;
        memcpy(m->msg_name, &packet[i].from, m->msg_namelen < most ? m->msg_namelen : most);
        m->msg_namelen = most;
    }
    m->msg_flags = 0;
    stamp(fd, m, packet[i].at);
    if (!(flags & MSG_PEEK))
        packet[i] = packet[--packets];
    return (ssize_t)size;
}

ssize_t recvfrom(int fd, void *restrict bytes, size_t size, int flags, struct sockaddr *restrict a,
                 socklen_t *restrict length)
{
    if (!network_has(fd))
        return (REAL(ssize_t, recvfrom, int, void *, size_t, int, struct sockaddr *, socklen_t *))(
            fd, bytes, size, flags, a, length);
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_name = a, .msg_namelen = length ? *length : 0};
    ssize_t got = recvmsg(fd, &m, flags);
    if (length)
        *length = m.msg_namelen;
    return got;
}

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    if (!network_has(fd))
        return (REAL(ssize_t, recv, int, void *, size_t, int))(fd, bytes, size, flags);
    return recvfrom(fd, bytes, size, flags, NULL, NULL);
}

int recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *t)
{
    if (!network_has(fd))
        return (REAL(int, recvmmsg, int, struct mmsghdr *, unsigned, int, struct timespec *))(
            fd, v, n, flags, t);
    for (unsigned i = 0; i < n; i++) {
        ssize_t got = recvmsg(fd, &v[i].msg_hdr, i ? flags | MSG_DONTWAIT : flags);
        if (got < 0)
            return i ? (int)i : -1;
        v[i].msg_len = (unsigned)got;
    }
    return (int)n;
}
