/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/keys.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"
#include "server/config/line.h"
#include "server/options.h"

const struct option_row config_keys_rows[] = {
    {.word = "allowmd5",
     .type = OPTION_FLAG,
     .offset = offsetof(struct config, keys.md5),
     .help = "Keys of the type MD5 are used, too. It is not safe any more: without this word they "
             "are left out, with a warning."},
    {.word = NULL},
};

/* The number at *at, which moves behind it. 0, or -1. */
static int take_number(const char **at, int64_t *value)
{
    char digits[24];
    *at += strspn(*at, " ");
    size_t n = strspn(*at, "0123456789");
    if (!n || n >= sizeof digits)
        return -1;
    memcpy(digits, *at, n);
    digits[n] = 0;
    *at += n;
    return number_int(digits, value) || *value < 1 || *value > UINT32_MAX ? -1 : 0;
}

static int take_sign(const char **at, const char *sign)
{
    *at += strspn(*at, " ");
    if (strncmp(*at, sign, strlen(sign)) != 0)
        return -1;
    *at += strlen(sign);
    return 0;
}

/* "17", or "(1 ... 17)" as ntpd has it. */
static int take_range(const char **at, struct keys_range *r)
{
    if (take_sign(at, "("))
        return take_number(at, &r->from) ? -1 : (r->to = r->from, 0);
    return take_number(at, &r->from) || take_sign(at, "...") || take_number(at, &r->to) ||
                   take_sign(at, ")") || r->to < r->from
               ? -1
               : 0;
}

int config_take_trusted(struct config *c, const struct config_line *line, struct err *err)
{
    char text[CONFIG_LINE_MAX + 1] = "", quoted[48];
    struct config_keys *k = &c->keys;
    size_t n = 0;
    for (size_t i = 1; i < line->count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i > 1 ? " " : "", line->word[i]);
    for (const char *at = text; *at;) {
        const char *begin = at;
        if (k->ranges == KEYS_RANGES)
            return err_set(err, line->thing, "write ranges: trustedkey (1 ... 100)",
                           "trustedkey: more than %d numbers and ranges", KEYS_RANGES);
        if (take_range(&at, &k->trusted[k->ranges]) || (*at && *at != ' ' && *at != '('))
            return err_set(err, line->thing, "write trustedkey 1 7 (10 ... 19)",
                           "trustedkey: '%s' is no number of a key, and no range",
                           options_quote(begin, quoted, sizeof quoted));
        k->ranges++;
        at += strspn(at, " ");
    }
    return 0;
}

void config_print_keys(FILE *out, const struct config *c)
{
    fprintf(out, "keys %s%s%s\n", *c->keys.file ? c->keys.file : "none",
            c->keys.md5 ? " allowmd5" : "", config_given(c, "keys") ? "" : " # default");
}

void config_print_trusted(FILE *out, const struct config *c)
{
    for (size_t i = 0; i < c->keys.ranges; i++) {
        const struct keys_range *r = &c->keys.trusted[i];
        fprintf(out, r->from == r->to ? "trustedkey %lld\n" : "trustedkey (%lld ... %lld)\n",
                (long long)r->from, (long long)r->to);
    }
}

/* The key of a server line must be there. */
static int check_server(const struct config *c, const struct config_server *s,
                        const struct keys *keys, struct err *err)
{
    char thing[160], host[48];
    const struct key *key = s->key > 0 ? keys_find(keys, (uint32_t)s->key) : NULL;
    if (s->key <= 0 || (key && key->trusted))
        return 0;
    snprintf(thing, sizeof thing, "%s %s (line %d)", s->pool ? "pool" : "server",
             options_quote(s->host, host, sizeof host), s->line);
    if (!*c->keys.file)
        return err_set(err, thing, "name the key file with a line `keys FILE`",
                       "key %lld is wanted, and there is no key file", (long long)s->key);
    if (key)
        return err_set(err, thing, "add its number to trustedkey", "key %lld is not trusted",
                       (long long)s->key);
    return err_set(err, thing, "add it to that file; of the type MD5 it needs `keys FILE allowmd5`",
                   "key %lld is not among the keys of %.80s", (long long)s->key, c->keys.file);
}

int config_load_keys(const struct config *c, struct keys **out, struct err *err)
{
    struct keys_want want = {.path = c->keys.file,
                             .weak = c->keys.md5,
                             .trusted = c->keys.trusted,
                             .ranges = c->keys.ranges};
    *out = NULL;
    if (*want.path && keys_load(out, &want, err))
        return -1;
    for (size_t i = 0; i < c->server_count; i++)
        if (check_server(c, &c->server[i], *out, err)) {
            keys_free(*out);
            *out = NULL;
            return -1;
        }
    return 0;
}
