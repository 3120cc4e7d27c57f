/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/restrict.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"
#include "server/config/line.h"
#include "server/config/prefix.h"
#include "server/options.h"

/*
 * ntp.conf(5) of NTPsec 1.2 and ntpd 4.2.8: the flags, and `unrestrict`. Words of one address add
 * up over several lines. NOPEER, NOEPEER, NOMODIFY, NOTRAP, LOWPRIOTRAP are kept and are always
 * true of timeball.
 */
static const struct {
    const char *word;
    unsigned flag;
    const char *why; /* it is said that the word has no meaning */
} flags[] = {
    {.word = "ignore", .flag = ACCESS_IGNORE},
    {.word = "noserve", .flag = ACCESS_NOSERVE},
    {.word = "noquery", .flag = ACCESS_NOQUERY},
    {.word = "limited", .flag = ACCESS_LIMITED},
    {.word = "kod", .flag = ACCESS_KOD},
    {.word = "notrust", .flag = ACCESS_NOTRUST},
    {.word = "version", .flag = ACCESS_VERSION},
    {.word = "flake", .flag = ACCESS_FLAKE},
    {.word = "nopeer", .flag = ACCESS_NOPEER},
    {.word = "noepeer", .flag = ACCESS_NOEPEER},
    {.word = "nomodify", .flag = ACCESS_NOMODIFY},
    {.word = "notrap", .flag = ACCESS_NOTRAP},
    {.word = "lowpriotrap", .flag = ACCESS_LOWPRIOTRAP},
    {.word = "ntpport", .flag = ACCESS_NTPPORT},
    {.word = "mssntp", .flag = ACCESS_MSSNTP, .why = "answers are not signed for Windows domains"},
    {.word = "nomrulist", .why = "the list of clients goes to those who may ask with ntpq"},
    {.word = "serverresponse", .why = "answers are not blurred"},
    {.word = "fuzz", .why = "answers are not blurred"},
};

/* ---- the list ---- */

static int add(struct config *c, const struct config_restrict *r, const char *thing,
               struct err *err)
{
    size_t n = c->restrict_count;
    if (n >= CONFIG_RESTRICT_MAX)
        return err_set(err, thing, "write networks in place of single addresses",
                       "more than %d restrict lines", CONFIG_RESTRICT_MAX);
    if (!(n & (n - 1))) { /* room grows in powers of two */
        size_t room = n ? 2 * n : 4;
        struct config_restrict *bigger =
            realloc(c->restrictions, room * sizeof *bigger); /* never zero */
        if (!bigger)
            return err_set(err, thing, "", "out of memory");
        c->restrictions = bigger;
    }
    c->restrictions[c->restrict_count++] = *r;
    return 0;
}

/* What the first line brings with it. */
static int begin(struct config *c, const char *thing, struct err *err)
{
    static const sa_family_t families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; !c->restrict_lines && i < 2; i++) {
        struct config_restrict r = {
            .rule = {.family = families[i], .flags = CONFIG_RESTRICT_BUILTIN}};
        if (add(c, &r, thing, err))
            return -1;
    }
    c->restrict_lines = true;
    return 0;
}

static bool same_place(const struct config_restrict *a, const struct config_restrict *b)
{
    return a->kind == b->kind && a->rule.family == b->rule.family &&
           a->rule.length == b->rule.length &&
           !((a->rule.flags ^ b->rule.flags) & ACCESS_NTPPORT) &&
           !memcmp(a->rule.prefix, b->rule.prefix, sizeof a->rule.prefix) &&
           !strcmp(a->host, b->host);
}

static struct config_restrict *find(const struct config *c, const struct config_restrict *r)
{
    for (size_t i = 0; i < c->restrict_count; i++)
        if (same_place(&c->restrictions[i], r))
            return &c->restrictions[i];
    return NULL;
}

/* A second line for the same address adds its flags. */
static int put(struct config *c, const struct config_restrict *r, const char *thing,
               struct err *err)
{
    struct config_restrict *old = find(c, r);
    if (!old)
        return add(c, r, thing, err);
    old->rule.flags |= r->rule.flags;
    old->line = r->line;
    return 0;
}

static void take_away(struct config *c, const struct config_restrict *r)
{
    struct config_restrict *old = find(c, r);
    bool builtin = r->kind == CONFIG_RESTRICT_ADDRESS && !r->rule.length;
    if (!old)
        return;
    old->rule.flags &= (uint16_t) ~(r->rule.flags & ~ACCESS_NTPPORT);
    if (!(r->rule.flags & ~ACCESS_NTPPORT) && !builtin) {
        size_t rest = c->restrict_count - (size_t)(old - c->restrictions) - 1;
        memmove(old, old + 1, rest * sizeof *old);
        c->restrict_count--;
    }
}

/* ---- lines ---- */

static int unknown_flag(const struct config_line *line, const char *word, struct err *err)
{
    char quoted[48];
    return err_set(err, line->thing,
                   "known: ignore, noserve, noquery, nomodify, nopeer, notrap, limited, kod, "
                   "notrust, version, ntpport",
                   "restrict: unknown word '%s'", options_quote(word, quoted, sizeof quoted));
}

static int take_flag(struct config *c, struct config_restrict *r, const struct config_line *line,
                     size_t *at, struct err *err)
{
    const char *word = line->word[*at];
    if (!strcmp(word, "ippeerlimit")) {
        ++*at;
        err_set(config_warning(c), line->thing, "",
                "restrict: ippeerlimit means nothing: nobody becomes a peer here");
        return 0;
    }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcmp(flags[i].word, word) != 0)
            continue;
        r->rule.flags |= (uint16_t)flags[i].flag;
        if (flags[i].why)
            err_set(config_warning(c), line->thing, "", "restrict: %s means nothing: %s", word,
                    flags[i].why);
        return 0;
    }
    return unknown_flag(line, word, err);
}

/* The address words. Index of the word after them, 0 with *err. */
static size_t take_place(struct config_restrict *r, bool *both, const struct config_line *line,
                         struct err *err)
{
    size_t at = 1;
    sa_family_t only = !strcmp(line->word[1], "-4")   ? AF_INET
                       : !strcmp(line->word[1], "-6") ? AF_INET6
                                                      : AF_UNSPEC;
    at += only != AF_UNSPEC;
    const char *word = at < line->count ? line->word[at] : "";
    *both = false;
    r->rule.family = only;
    if (!strcmp(word, "default")) {
        *both = only == AF_UNSPEC;
        return at + 1;
    }
    if (!strcmp(word, "source")) {
        r->kind = CONFIG_RESTRICT_SOURCE;
        r->rule.family = AF_UNSPEC;
        return at + 1;
    }
    int numeric = config_prefix_read(&r->rule, word, "restrict", line->thing, err);
    if (numeric < 0)
        return 0;
    if (!*word || (!numeric && strlen(word) > 253)) {
        err_set(err, line->thing, "write restrict default|source|ADDRESS[/N]|NAME [FLAG ...]",
                "restrict: the address is missing, or too long for a name");
        return 0;
    }
    if (!numeric) {
        r->kind = CONFIG_RESTRICT_HOST;
        snprintf(r->host, sizeof r->host, "%s", word);
        return at + 1;
    }
    if (only != AF_UNSPEC && only != r->rule.family) {
        err_set(err, line->thing, "delete -4 or -6", "restrict: %s and %s do not go together",
                line->word[1], word);
        return 0;
    }
    return at + 1;
}

static int take_line(struct config *c, const struct config_line *line, struct config_restrict *r,
                     bool *both, struct err *err)
{
    *r = (struct config_restrict){.line = line->number};
    size_t at = take_place(r, both, line, err);
    if (!at || begin(c, line->thing, err))
        return -1;
    if (at + 1 < line->count && !strcmp(line->word[at], "mask")) {
        if (r->kind != CONFIG_RESTRICT_ADDRESS || r->rule.family == AF_UNSPEC)
            return err_set(err, line->thing, "delete `mask` and what follows it",
                           "restrict: only an address written as a number has a mask");
        if (config_prefix_mask(&r->rule, line->word[at + 1], "restrict", line->thing, err))
            return -1;
        at += 2;
    }
    for (; at < line->count; at++)
        if (take_flag(c, r, line, &at, err))
            return -1;
    return 0;
}

int config_restrict_take(struct config *c, const struct config_line *line, struct err *err)
{
    struct config_restrict r;
    bool both;
    if (take_line(c, line, &r, &both, err))
        return -1;
    if (!both)
        return put(c, &r, line->thing, err);
    r.rule.family = AF_INET;
    if (put(c, &r, line->thing, err))
        return -1;
    r.rule.family = AF_INET6;
    return put(c, &r, line->thing, err);
}

int config_unrestrict_take(struct config *c, const struct config_line *line, struct err *err)
{
    struct config_restrict r;
    bool both;
    if (take_line(c, line, &r, &both, err))
        return -1;
    if (both)
        r.rule.family = AF_INET;
    take_away(c, &r);
    r.rule.family = both ? AF_INET6 : r.rule.family;
    if (both)
        take_away(c, &r);
    return 0;
}

/* ---- for people ---- */

const char *config_restrict_name(const struct config_restrict *r, char *buf, size_t size)
{
    const struct access_rule *rule = &r->rule;
    const char *only = rule->family == AF_INET ? "-4 " : rule->family == AF_INET6 ? "-6 " : "";
    if (r->kind == CONFIG_RESTRICT_SOURCE)
        snprintf(buf, size, "source");
    else if (r->kind == CONFIG_RESTRICT_HOST)
        snprintf(buf, size, "%s%s", only, r->host);
    else if (!rule->length)
        snprintf(buf, size, "%sdefault", only);
    else
        config_prefix_text(rule, buf, size);
    return buf;
}

static void print_flags(FILE *out, unsigned set)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (flags[i].flag & set)
            fprintf(out, " %s", flags[i].word);
}

/* The entry that counts for an address, asking from a port that is not 123. */
static const struct config_restrict *entry_of(const struct config *c, const struct access_rule *a)
{
    const struct config_restrict *best = NULL;
    for (size_t i = 0; i < c->restrict_count; i++) {
        const struct config_restrict *r = &c->restrictions[i];
        if (r->kind == CONFIG_RESTRICT_ADDRESS && !(r->rule.flags & ACCESS_NTPPORT) &&
            (!best || best->rule.length <= r->rule.length) && config_prefix_holds(&r->rule, a))
            best = r;
    }
    return best;
}

static void print_loopback(FILE *out, const struct config *c)
{
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < 2; i++) {
        struct access_rule a = {0};
        char name[OPTION_TEXT_SIZE + 8];
        config_prefix_read(&a, loopback[i], "", "", NULL);
        const struct config_restrict *r = entry_of(c, &a);
        bool refused = r && r->rule.flags & (ACCESS_IGNORE | ACCESS_NOQUERY);
        if (!r)
            continue;
        fprintf(out, "# ntpq -p %s is %s: restrict %s", loopback[i],
                refused ? "refused" : "answered", config_restrict_name(r, name, sizeof name));
        print_flags(out, r->rule.flags);
        fprintf(out, refused ? "; `restrict %s` would allow it\n" : "\n", loopback[i]);
    }
}

void config_restrict_print(FILE *out, const struct config *c)
{
    if (!c->restrict_lines) {
        fputs("# without a restrict line: restrict default kod limited noquery, and ntpq is "
              "answered on this machine\n",
              out);
        return;
    }
    for (size_t i = 0; i < c->restrict_count; i++) {
        const struct config_restrict *r = &c->restrictions[i];
        char name[OPTION_TEXT_SIZE + 8];
        fprintf(out, "restrict %s", config_restrict_name(r, name, sizeof name));
        print_flags(out, r->rule.flags);
        fputs(r->line ? "\n" : " # built in, as in ntpd\n", out);
    }
}

void config_unrestrict_print(FILE *out, const struct config *c)
{
    for (size_t i = 0; i < c->restrict_count; i++) {
        const struct config_restrict *r = &c->restrictions[i];
        char name[OPTION_TEXT_SIZE + 8];
        unsigned lacks = CONFIG_RESTRICT_BUILTIN & ~(unsigned)r->rule.flags;
        if (r->kind != CONFIG_RESTRICT_ADDRESS || r->rule.length ||
            r->rule.flags & ACCESS_NTPPORT || !lacks)
            continue;
        fprintf(out, "unrestrict %s", config_restrict_name(r, name, sizeof name));
        print_flags(out, lacks);
        fputc('\n', out);
    }
    print_loopback(out, c);
}
