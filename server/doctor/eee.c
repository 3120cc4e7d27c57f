/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/find/root_file.h"
#include "server/doctor/late.h"

struct asking {
    struct doctor_machine *m;
    int fd;
};

static bool on_interface(void *arg, const char *name)
{
    struct asking *a = arg;
    struct ethtool_eee eee = {.cmd = ETHTOOL_GEEE};
    struct ifreq request = {.ifr_data = (char *)&eee};
    size_t n = strlen(a->m->eee);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%.15s", name);
    if (ioctl(a->fd, SIOCETHTOOL, &request))
        return true; /* its driver does not know the question */
    a->m->interfaces += a->m->interfaces < 0;
    if (!eee.eee_enabled || !eee.eee_active)
        return true;
    a->m->interfaces++;
    snprintf(a->m->eee + n, sizeof a->m->eee - n, "%s%.15s", n ? "," : "", name);
    return true;
}

void doctor_eee_ask(struct doctor_machine *m)
{
    struct asking a = {.m = m, .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    m->interfaces = -1;
    if (a.fd < 0)
        return;
    root_list("", "/sys/class/net", on_interface, &a);
    close(a.fd);
}
