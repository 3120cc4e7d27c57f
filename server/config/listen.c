/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "server/options.h"

const struct option_row config_listen_rows[] = {
    {.word = "port",
     .type = OPTION_INT,
     .offset = offsetof(struct config_listen, port),
     .min = 1,
     .max = 65535,
     .initial = "123",
     .help = "The UDP port."},
    {.word = NULL},
};

static const struct option_row listen_address = {
    .word = "listen",
    .type = OPTION_TEXT,
    .offset = offsetof(struct config_listen, address),
};

/* Fills l->name. inet_pton, because getaddrinfo takes "123" for the address 0.0.0.123. */
static int resolve_listen(struct config_listen *l, const char *thing, struct err *err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&l->name;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_family = AF_INET6};
    struct addrinfo *found = NULL;
    char word[48];
    if (inet_pton(AF_INET, l->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)l->port);
        l->name_size = sizeof *v4;
        return 0;
    }
    /* fe80::1%eth0 needs the resolver's numeric part */
    if (getaddrinfo(l->address, NULL, &hints, &found) || !found)
        return err_set(err, thing, "write a numeric address: 192.0.2.1, 0.0.0.0, ::1, ::",
                       "listen: '%s' is not an IP address",
                       options_quote(l->address, word, sizeof word));
    memcpy(&l->name, found->ai_addr, found->ai_addrlen);
    ((struct sockaddr_in6 *)&l->name)->sin6_port = htons((uint16_t)l->port);
    l->name_size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int take_listen_none(struct config *c, const struct config_line *line, struct err *err)
{
    if (line->count > 2)
        return err_set(err, line->thing, "delete what follows it", "listen none takes no options");
    if (c->listen_count || c->listen_none)
        return err_set(err, line->thing, "delete this line or the earlier one",
                       "listen none after another listen line");
    c->listen_none = true;
    return 0;
}

static int add_listen(struct config *c, const struct config_listen *l, const char *thing,
                      struct err *err)
{
    for (size_t i = 0; i < c->listen_count; i++)
        if (c->listen[i].name_size == l->name_size &&
            !memcmp(&c->listen[i].name, &l->name, l->name_size))
            return err_set(err, thing, "delete one of the lines",
                           "listen: %s port %lld is named twice", l->address, (long long)l->port);
    if (c->listen_count == CONFIG_LISTEN_MAX)
        return err_set(err, thing, "0.0.0.0 and :: stand for every address",
                       "more than %d listen lines", CONFIG_LISTEN_MAX);
    c->listen[c->listen_count++] = *l;
    return 0;
}

int config_listen_take(struct config *c, const struct config_line *line, struct err *err)
{
    struct config_listen l;
    uint64_t given;
    if (!strcmp(line->word[1], "none"))
        return take_listen_none(c, line, err);
    if (c->listen_none)
        return err_set(err, line->thing, "delete this line or that one",
                       "an earlier line says listen none");
    memset(&l, 0, sizeof l);
    options_initial(config_listen_rows, &l);
    if (options_set(&listen_address, &l, line->word[1], line->thing, err) ||
        options_take(config_listen_rows, &l, "listen", line->word + 2, line->count - 2, line->thing,
                     &given, err) ||
        resolve_listen(&l, line->thing, err))
        return -1;
    return add_listen(c, &l, line->thing, err);
}

void config_listen_print(FILE *out, const struct config *c)
{
    if (!c->listen_count)
        fputs("listen none\n", out);
    for (size_t i = 0; i < c->listen_count; i++)
        fprintf(out, "listen %s port %lld%s\n", c->listen[i].address, (long long)c->listen[i].port,
                c->listen_default ? " # default" : "");
}
