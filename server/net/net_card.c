/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/net/net_card.h"

#include <time.h> /* before linux/errqueue.h, which needs it */

#include <ifaddrs.h>
#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/net/own_addresses.h"

#define LOOK_NS (60 * NS_PER_S)

static int64_t in_ns(const struct timespec *t)
{
    return (int64_t)t->tv_sec * NS_PER_S + t->tv_nsec;
}

/* Copies a control message of the wanted kind out; false when it is another. */
static bool take(const struct cmsghdr *c, int type, void *to, size_t size)
{
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != type || c->cmsg_len < CMSG_LEN(size))
        return false;
    memcpy(to, CMSG_DATA(c), size);
    return true;
}

bool net_stamps_take(const struct cmsghdr *c, struct net_stamps *s)
{
    struct scm_timestamping t;
    struct scm_ts_pktinfo card;
    if (take(c, SCM_TIMESTAMPING, &t, sizeof t)) {
        s->kernel = in_ns(&t.ts[0]);
        s->card = in_ns(&t.ts[2]);
    } else if (take(c, SCM_TIMESTAMPNS, &t.ts[0], sizeof t.ts[0])) {
        s->kernel = in_ns(&t.ts[0]);
    } else if (take(c, SCM_TIMESTAMPING_PKTINFO, &card, sizeof card)) {
        s->interface = card.if_index;
    } else {
        return false;
    }
    return true;
}

struct net_stamps net_stamps_of(struct msghdr *m)
{
    struct net_stamps s = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        (void)net_stamps_take(c, &s);
    return s;
}

static bool interface_of(const union address *local, char name[IFNAMSIZ])
{
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getifaddrs(&all))
        return false;
    for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        union address a = {0};
        if (!i->ifa_addr ||
            (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
            continue;
        memcpy(&a, i->ifa_addr, i->ifa_addr->sa_family == AF_INET ? sizeof a.v4 : sizeof a.v6);
        found = address_same(&a, local);
        if (found)
            snprintf(name, IFNAMSIZ, "%s", i->ifa_name);
    }
    freeifaddrs(all);
    return found;
}

int net_card_clock(const char *interface)
{
    struct hwtstamp_config set = {0};
    struct ethtool_ts_info can = {.cmd = ETHTOOL_GET_TS_INFO, .phc_index = -1};
    struct ifreq r = {.ifr_data = (char *)&set};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), number = -1;
    if (fd < 0)
        return -1;
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", interface);
    bool on = !ioctl(fd, SIOCGHWTSTAMP, &r) && set.tx_type == HWTSTAMP_TX_ON &&
              (set.rx_filter == HWTSTAMP_FILTER_ALL || set.rx_filter == HWTSTAMP_FILTER_NTP_ALL);
    r.ifr_data = (char *)&can;
    if (on && !ioctl(fd, SIOCETHTOOL, &r))
        number = can.phc_index;
    close(fd);
    return number;
}

int net_card_open(int number, struct phc **out)
{
    char path[32];
    struct err err;
    snprintf(path, sizeof path, "/dev/ptp%d", number);
    return phc_device_open(path, out, &err);
}

/* Is it there, and does it stamp? One that cannot be opened is as good as none: the kernel stamps.
 */
static void look(struct net_card *c)
{
    char name[IFNAMSIZ];
    int number = interface_of(&c->local, name) ? net_card_clock(name) : -1;
    if (c->phc)
        phc_close(c->phc);
    c->phc = NULL;
    c->before = (struct phc_offset){0};
    if (number >= 0 && net_card_open(number, &c->phc))
        c->phc = NULL;
}

struct net_card *net_cards_at(struct net_cards *all, const union address *local, int64_t now)
{
    struct net_card *oldest = all->card;
    for (struct net_card *c = all->card; c < all->card + NET_CARDS; c++) {
        if (c->looked && address_same(&c->local, local) && now - c->looked < LOOK_NS)
            return c->phc ? c : NULL;
        if (c->looked && address_same(&c->local, local)) {
            oldest = c;
            break;
        }
        if (c->looked < oldest->looked)
            oldest = c;
    }
    oldest->local = *local;
    oldest->looked = now;
    look(oldest);
    return oldest->phc ? oldest : NULL;
}

int64_t net_card_carry(struct net_card *c, int64_t stamp, int64_t kernel)
{
    struct phc_offset now;
    struct err err;
    if (!stamp || phc_compare(c->phc, &now, &err))
        return 0;
    int64_t carried = phc_offset_carry(&now, c->before.system ? &c->before : NULL, stamp);
    /* for the difference of the rates a second is enough, and lets a step pass */
    if (!c->before.system || now.system - c->before.system > NS_PER_S ||
        now.system < c->before.system)
        c->before = now;
    return kernel && llabs(carried - kernel) > NET_CARD_APART ? 0 : carried;
}

void net_cards_close(struct net_cards *all)
{
    for (struct net_card *c = all->card; c < all->card + NET_CARDS; c++)
        if (c->phc)
            phc_close(c->phc);
    memset(all, 0, sizeof *all);
}
