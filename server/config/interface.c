/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/interface.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "server/config/config.h"
#include "server/config/line.h"
#include "server/config/listen.h"
#include "server/config/prefix.h"
#include "server/options.h"

int config_interface_take(struct config *c, const struct config_line *line, struct err *err)
{
    struct config_interface r = {.line = line->number};
    char quoted[48];
    const char *action = line->word[1];
    r.listen = !strcmp(action, "listen");
    if (!r.listen && strcmp(action, "ignore") != 0 && strcmp(action, "drop") != 0)
        return err_set(err, line->thing, "write interface listen|ignore|drop WHAT",
                       "interface: '%s' is not known",
                       options_quote(action, quoted, sizeof quoted));
    if (line->count != 3)
        return err_set(err, line->thing,
                       "write all, ipv4, ipv6, wildcard, an interface's name or ADDRESS[/N]",
                       "interface %s takes one word", action);
    if (c->interface_count == CONFIG_INTERFACE_MAX)
        return err_set(err, line->thing, "write listen lines instead",
                       "more than %d interface lines", CONFIG_INTERFACE_MAX);
    if (config_prefix_read(&r.address, line->word[2], "interface", line->thing, err) < 0)
        return -1;
    snprintf(r.name, sizeof r.name, "%s", line->word[2]);
    c->interface[c->interface_count++] = r;
    return 0;
}

/* ---- the addresses of this machine ---- */

static bool as_rule(const struct ifaddrs *i, struct access_rule *a)
{
    int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
    if (family != AF_INET && family != AF_INET6)
        return false;
    *a =
        (struct access_rule){.family = (sa_family_t)family, .length = family == AF_INET ? 32 : 128};
    if (family == AF_INET)
        memcpy(a->prefix, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4);
    else
        memcpy(a->prefix, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, 16);
    return true;
}

static bool fits(const struct config_interface *r, const struct ifaddrs *i,
                 const struct access_rule *a)
{
    bool loopback = i->ifa_flags & IFF_LOOPBACK;
    if (r->address.family)
        return config_prefix_holds(&r->address, a);
    if (!strcmp(r->name, "all"))
        return !loopback;
    if (!strcmp(r->name, "ipv4"))
        return a->family == AF_INET;
    if (!strcmp(r->name, "ipv6"))
        return a->family == AF_INET6;
    return !strcmp(r->name, i->ifa_name);
}

/* The last line that fits; else loopback only. */
static bool wanted(const struct config *c, const struct ifaddrs *i, const struct access_rule *a)
{
    for (size_t n = c->interface_count; n-- > 0;)
        if (fits(&c->interface[n], i, a))
            return c->interface[n].listen;
    return i->ifa_flags & IFF_LOOPBACK;
}

static int add_address(struct config *c, const struct ifaddrs *i, const struct access_rule *a,
                       struct err *err)
{
    struct config_line line = {.number = c->interface[0].line, .count = 2, .word = {"listen"}};
    char address[INET6_ADDRSTRLEN + IF_NAMESIZE + 2], plain[INET6_ADDRSTRLEN + 8];
    bool scoped = a->family == AF_INET6 && a->prefix[0] == 0xfe && (a->prefix[1] & 0xc0) == 0x80;
    snprintf(address, sizeof address, "%s%s%s", config_prefix_text(a, plain, sizeof plain),
             scoped ? "%" : "", scoped ? i->ifa_name : "");
    line.word[1] = address;
    snprintf(line.thing, sizeof line.thing, "interface %s", i->ifa_name);
    return config_listen_take(c, &line, err);
}

/* The usual lines say that all addresses are to be listened on, and not by a wildcard. */
static bool everything(const struct config *c)
{
    bool all = false, not_all = false;
    for (size_t i = 0; i < c->interface_count; i++) {
        const struct config_interface *r = &c->interface[i];
        if (!strcmp(r->name, "all"))
            all = r->listen, not_all = !r->listen;
        else if (!r->listen && strcmp(r->name, "wildcard") != 0)
            not_all = true;
    }
    return all && !not_all;
}

int config_interface_finish(struct config *c, struct err *err)
{
    struct ifaddrs *own = NULL;
    int bad = 0;
    if (!c->interface_count || everything(c))
        return 0;
    if (c->listen_count || c->listen_none)
        return err_set(err, "interface", "keep the one or the other",
                       "listen and interface are both given");
    if (getifaddrs(&own))
        return err_set(err, "interface", "write listen lines instead",
                       "this machine's addresses cannot be read");
    for (const struct ifaddrs *i = own; i && !bad; i = i->ifa_next) {
        struct access_rule a;
        if (as_rule(i, &a) && wanted(c, i, &a))
            bad = add_address(c, i, &a, err);
    }
    freeifaddrs(own);
    if (!bad && !c->listen_count)
        c->listen_none = true;
    return bad;
}

void config_interface_print(FILE *out, const struct config *c)
{
    for (size_t i = 0; i < c->interface_count; i++)
        fprintf(out, "# interface %s %s: the addresses that it means now stand in listen lines\n",
                c->interface[i].listen ? "listen" : "ignore", c->interface[i].name);
}
