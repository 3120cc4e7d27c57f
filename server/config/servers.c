/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/servers.h"

#include <stddef.h>
#include <string.h>

#include "server/options.h"
#include "server/peer/peer.h"

#define AT(field) .offset = offsetof(struct config_server, field)

static const char *const words_none[] = {"none", NULL};

const struct option_row config_server_rows[] = {
    {.word = "port",
     .type = OPTION_INT,
     AT(port),
     .min = 1,
     .max = 65535,
     .initial = "123",
     .help = "The server's UDP port."},
    {.word = "version",
     .type = OPTION_INT,
     AT(version),
     .min = 1,
     .max = 4,
     .initial = "4",
     .help = "The version of NTP that it is asked in."},
    {.word = "minpoll",
     .type = OPTION_INT,
     AT(minpoll),
     .min = PEER_POLL_LEAST,
     .max = PEER_POLL_MOST,
     .initial = "6",
     .help = "It is asked at least 2^N s apart: so often while the clock follows the network."},
    {.word = "maxpoll",
     .type = OPTION_INT,
     AT(maxpoll),
     .min = PEER_POLL_LEAST,
     .max = PEER_POLL_MOST,
     .initial = "10",
     .help = "It is asked at most 2^N s apart: so seldom while a receiver leads."},
    {.word = "iburst",
     .type = OPTION_FLAG,
     AT(iburst),
     .help = "Eight requests 2 s apart at the start, and when it is reached again."},
    {.word = "burst",
     .type = OPTION_FLAG,
     AT(burst),
     .help = "Eight requests 2 s apart at each poll; only where its operator agrees."},
    {.word = "prefer", .type = OPTION_FLAG, AT(prefer), .help = "Before other servers."},
    {.word = "noselect",
     .type = OPTION_FLAG,
     AT(noselect),
     .help = "Asked and shown, never followed."},
    {.word = "trust",
     .type = OPTION_FLAG,
     AT(trust),
     .help = "What it says is true: sources that contradict it are not used, however many they "
             "are, and only another trusted source may say otherwise. For a server of your own."},
    {.word = "xleave",
     .type = OPTION_FLAG,
     AT(xleave),
     .help = "Interleaved mode (RFC 9769), where the server knows it."},
    {.word = "key",
     .type = OPTION_INT,
     AT(key),
     .min = 1,
     .max = 4294967295,
     .choices = words_none,
     .initial = "none",
     .help = "Requests are signed with the key of that number (see `keys`), and answers that are "
             "not are not believed."},
    {.word = "maxsources",
     .type = OPTION_INT,
     AT(maxsources),
     .min = 1,
     .max = 16,
     .initial = "4",
     .help = "How many servers of a pool are asked at once."},
    {.word = NULL},
};

static const struct option_row host_row = {
    .word = "server", .type = OPTION_TEXT, AT(host), .max = 253};

/* `-4` and `-6` before the name, as in ntp.conf. Index of the name among the words. */
static size_t take_family(struct config_server *s, const struct config_line *line)
{
    s->family = !strcmp(line->word[1], "-4")   ? AF_INET
                : !strcmp(line->word[1], "-6") ? AF_INET6
                                               : AF_UNSPEC;
    return s->family == AF_UNSPEC ? 1 : 2;
}

static int check(const struct config *c, const struct config_server *s,
                 const struct config_line *line, struct err *err)
{
    char word[48];
    const char *name = options_quote(s->host, word, sizeof word);
    if (s->minpoll > s->maxpoll)
        return err_set(err, line->thing, "make maxpoll the larger one",
                       "%s: minpoll %lld is more than maxpoll %lld", line->word[0],
                       (long long)s->minpoll, (long long)s->maxpoll);
    for (size_t i = 0; i < c->server_count; i++)
        if (!strcmp(c->server[i].host, s->host) && c->server[i].port == s->port)
            return err_set(err, line->thing, "keep one of the lines", "%s is named twice", name);
    if (c->server_count == CONFIG_SERVER_MAX)
        return err_set(err, line->thing, "five are enough for an outlier to be outvoted",
                       "more than %d server and pool lines", CONFIG_SERVER_MAX);
    return 0;
}

static int take(struct config *c, const struct config_line *line, bool pool, struct err *err)
{
    struct config_server s = {.pool = pool, .line = line->number};
    uint64_t given;
    size_t name = take_family(&s, line);
    if (line->count <= name)
        return err_set(err, line->thing, "name a server: `server ntp.example.org iburst`",
                       "%s: the name is missing", line->word[0]);
    options_initial(config_server_rows, &s);
    if (options_set(&host_row, &s, line->word[name], line->thing, err) ||
        options_take(config_server_rows, &s, line->word[0], line->word + name + 1,
                     line->count - name - 1, line->thing, &given, err))
        return -1;
    const ptrdiff_t wide = options_find(config_server_rows, "maxpoll") - config_server_rows;
    if (!(given >> wide & 1) && s.minpoll > s.maxpoll)
        s.maxpoll = s.minpoll;
    if (check(c, &s, line, err))
        return -1;
    c->server[c->server_count++] = s;
    return 0;
}

int config_take_server(struct config *c, const struct config_line *line, struct err *err)
{
    return take(c, line, false, err);
}

int config_take_pool(struct config *c, const struct config_line *line, struct err *err)
{
    return take(c, line, true, err);
}

bool config_servers_differ(const struct config_server *a, const struct config_server *b)
{
    char one[OPTION_TEXT_SIZE + 2], other[OPTION_TEXT_SIZE + 2];
    for (const struct option_row *row = config_server_rows; row->word; row++) {
        size_t size = row->type == OPTION_FLAG ? sizeof(bool) : 0;
        if (memcmp((const char *)a + row->offset, (const char *)b + row->offset, size) != 0)
            return true;
        if (!size && strcmp(options_value(row, a, one, sizeof one),
                            options_value(row, b, other, sizeof other)) != 0)
            return true;
    }
    return false;
}

void config_print_server(FILE *out, const struct config_server *s)
{
    char value[OPTION_TEXT_SIZE + 2];
    fprintf(out, "%s %s%s", s->pool ? "pool" : "server",
            s->family == AF_INET    ? "-4 "
            : s->family == AF_INET6 ? "-6 "
                                    : "",
            s->host);
    for (const struct option_row *row = config_server_rows; row->word; row++) {
        bool flag = row->type == OPTION_FLAG;
        if (flag ? *((const bool *)((const char *)s + row->offset))
                 : s->pool || strcmp(row->word, "maxsources") != 0)
            fprintf(out, flag ? " %s" : " %s %s", row->word,
                    options_value(row, s, value, sizeof value));
    }
    fputc('\n', out);
}

static void print(FILE *out, const struct config *c, bool pool)
{
    for (size_t i = 0; i < c->server_count; i++)
        if (c->server[i].pool == pool)
            config_print_server(out, &c->server[i]);
}

void config_print_servers(FILE *out, const struct config *c)
{
    print(out, c, false);
}

void config_print_pools(FILE *out, const struct config *c)
{
    print(out, c, true);
}
