/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "server/options.h"

static size_t octets(sa_family_t family)
{
    return family == AF_INET ? 4 : 16;
}

/* Number of leading ones; -1 when a one follows a zero. */
static int mask_length(const uint8_t *mask, size_t size)
{
    int length = 0;
    bool ended = false;
    for (size_t bit = 0; bit < size * 8; bit++) {
        bool one = mask[bit / 8] >> (7 - bit % 8) & 1;
        if (one && ended)
            return -1;
        ended |= !one;
        length += one;
    }
    return length;
}

static void clear_rest(struct access_rule *r)
{
    for (size_t bit = r->length; bit < octets(r->family) * 8; bit++)
        r->prefix[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

int config_prefix_read(struct access_rule *r, const char *text, const char *owner,
                       const char *thing, struct err *err)
{
    char address[INET6_ADDRSTRLEN + 1], quoted[48];
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    int64_t length;
    if (size >= sizeof address)
        return 0;
    memcpy(address, text, size);
    address[size] = 0;
    if (inet_pton(AF_INET, address, r->prefix) == 1)
        r->family = AF_INET;
    else if (inet_pton(AF_INET6, address, r->prefix) == 1)
        r->family = AF_INET6;
    else
        return slash ? err_set(err, thing, "write ADDRESS/N, as in 192.0.2.0/24 or 2001:db8::/32",
                               "%s: '%s' is not an address and a length", owner,
                               options_quote(text, quoted, sizeof quoted))
                     : 0;
    length = (int64_t)octets(r->family) * 8;
    r->length = (uint8_t)length;
    if (!slash)
        return 1;
    int64_t most = length;
    if (number_int(slash + 1, &length) || length < 0 || length > most)
        return err_set(err, thing, r->family == AF_INET ? "write 0 to 32" : "write 0 to 128",
                       "%s: '%s' is not a length for that address", owner,
                       options_quote(slash + 1, quoted, sizeof quoted));
    r->length = (uint8_t)length;
    clear_rest(r);
    return 1;
}

int config_prefix_mask(struct access_rule *r, const char *text, const char *owner,
                       const char *thing, struct err *err)
{
    uint8_t mask[16];
    char quoted[48];
    options_quote(text, quoted, sizeof quoted);
    if (inet_pton(r->family, text, mask) != 1)
        return err_set(err, thing, "write it as in mask 255.255.255.0, or write ADDRESS/24",
                       "%s: '%s' is not a mask for that address", owner, quoted);
    int length = mask_length(mask, octets(r->family));
    if (length < 0)
        return err_set(err, thing, "write one line for each network, as ADDRESS/N",
                       "%s: mask %s has a one after a zero: that is no network", owner, quoted);
    r->length = (uint8_t)length;
    clear_rest(r);
    return 0;
}

bool config_prefix_holds(const struct access_rule *network, const struct access_rule *address)
{
    struct access_rule cut = *address;
    if (network->family != address->family)
        return false;
    cut.length = network->length;
    clear_rest(&cut);
    return !memcmp(cut.prefix, network->prefix, sizeof cut.prefix);
}

const char *config_prefix_text(const struct access_rule *r, char *buf, size_t size)
{
    char address[INET6_ADDRSTRLEN] = "";
    inet_ntop(r->family, r->prefix, address, sizeof address);
    if (r->length < octets(r->family) * 8)
        snprintf(buf, size, "%s/%d", address, r->length);
    else
        snprintf(buf, size, "%s", address);
    return buf;
}
