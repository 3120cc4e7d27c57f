/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <unistd.h>

/* What a person can do about an error of bind(2). */
static const char *todo_for(int errnum)
{
    switch (errnum) {
    case EACCES:
        return "a port below 1024 needs root or CAP_NET_BIND_SERVICE; or choose another: `listen "
               "ADDR port 11123`";
    case EADDRINUSE:
        return "stop the server that has it, often chronyd, ntpd or another timeballd (`ss -ulpn` "
               "names it; systemd-timesyncd does not); or choose another port";
    case EADDRNOTAVAIL:
        return "it is no address of this machine (`ip address` lists them); correct `listen`, or "
               "wait until the interface is up";
    case EAFNOSUPPORT:
        return "IPv6 is off on this machine; remove the `listen` line";
    default:
        return "";
    }
}

static int set_number(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

/*
 * Stamps of what comes, and of what leaves when an answer asks for it, by the kernel and by cards
 * that stamp (Linux 4.13); else by the kernel; else of what comes alone.
 */
static void want_stamps(int fd)
{
    const int kernel = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
    const int card = SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
                     SOF_TIMESTAMPING_OPT_PKTINFO | SOF_TIMESTAMPING_OPT_TX_SWHW;
    if (set_number(fd, SOL_SOCKET, SO_TIMESTAMPING, kernel | card) &&
        set_number(fd, SOL_SOCKET, SO_TIMESTAMPING, kernel))
        (void)set_number(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
}

/* The kernel doubles what it is asked for, to account for its own. With the right to it, more than
 * net.core.rmem_max is to be had. */
static void want_room(int fd)
{
    if (set_number(fd, SOL_SOCKET, SO_RCVBUFFORCE, RESPONDER_ROOM / 2))
        (void)set_number(fd, SOL_SOCKET, SO_RCVBUF, RESPONDER_ROOM / 2);
}

/*
 * An answer that cannot be cut needs no identification, whose choice costs a twentieth of all. With
 * PROBE no forged ICMP can make the kernel refuse it.
 */
static void want_whole(int fd)
{
    (void)set_number(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
}

/* Stamps, room and asked addresses are wished for; an answer is possible without them. */
static int set_options(int fd, const struct listen_addr *where, bool shared)
{
    bool v6 = where->addr.any.sa_family == AF_INET6;
    want_stamps(fd);
    want_room(fd);
    if (!v6)
        want_whole(fd);
    if (address_any(&where->addr))
        (void)set_number(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
    if (v6 && set_number(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
        return -1;
    return shared ? set_number(fd, SOL_SOCKET, SO_REUSEPORT, 1) : 0;
}

int responder_socket_room(int fd)
{
    int room = 0;
    socklen_t size = sizeof room;
    return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, &size) ? 0 : room;
}

int responder_socket_open(const struct listen_addr *where, bool shared, struct err *err)
{
    sa_family_t family = where->addr.any.sa_family;
    char thing[96];
    snprintf(thing, sizeof thing, "listen %s port %u", where->text, address_port(&where->addr));
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    if (fd >= 0 && !set_options(fd, where, shared) && !bind(fd, &where->addr.any, where->len))
        return fd;
    int errnum = errno;
    if (fd >= 0)
        close(fd);
    err_errno(err, thing, todo_for(errnum), "", errnum);
    errno = errnum;
    return -1;
}

uint32_t responder_socket_dropped(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof info;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size))
        return 0;
    return info[SK_MEMINFO_DROPS];
}

/*
 * Classic BPF sees the datagram from the UDP payload on; SKF_NET_OFF leads back to the IP header,
 * where the source is at 12 (IPv4) or 8 (IPv6, of which the first 48 bits count: the widest network
 * that the rate limit knows as one). Multiplying by a
 * secret odd number and keeping the high half is a hash good enough to spread clients.
 */
int responder_socket_steer(int fd, sa_family_t family, unsigned count, uint32_t key)
{
    const uint32_t odd = key | 1;
    struct sock_filter v4[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 12),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, odd),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_filter v6[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 8),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, odd),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_NET_OFF + 12),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, odd),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = family == AF_INET ? (struct sock_fprog){sizeof v4 / sizeof *v4, v4}
                                                  : (struct sock_fprog){sizeof v6 / sizeof *v6, v6};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}
