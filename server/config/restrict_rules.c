/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/restrict_rules.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/net/names.h"

#define AGAIN_NS    (300 * NS_PER_S) /* until a name is looked up again that was not found */
#define SOURCES_MAX 64

/* A name of a `restrict` line. */
struct host {
    struct restrict_rules *of;
    const struct config_restrict *line;
    union address found[NAMES_ADDRESSES];
    size_t count;
    bool said; /* that it was not found */
};

struct restrict_rules {
    struct config_restrict *line; /* copied: a configuration may be replaced */
    size_t lines;
    struct loop *loop;
    const struct log *log;
    struct names *names; /* NULL: there is no name */
    struct loop_timer again;
    struct host *host;
    size_t hosts;
    union address source[SOURCES_MAX];
    size_t sources;
    void (*changed)(void *);
    void *arg;
    bool opening; /* `changed` is not called yet */
};

/* ---- names ---- */

static void not_found(struct host *h, const struct err *err)
{
    char line[560];
    struct restrict_rules *r = h->of;
    if (!h->said)
        log_say(r->log, LOG_LEVEL_WARNING, "restrict (line %d): %s; it does not hold until then",
                h->line->line, err_line(err, line, sizeof line));
    h->said = true;
    loop_after(r->loop, &r->again, AGAIN_NS);
}

static void found(void *arg, const union address *addresses, size_t count, const struct err *err)
{
    struct host *h = arg;
    if (!count) {
        not_found(h, err);
        return;
    }
    h->count = count > NAMES_ADDRESSES ? NAMES_ADDRESSES : count;
    memcpy(h->found, addresses, h->count * sizeof *addresses);
    if (!h->of->opening)
        h->of->changed(h->of->arg);
}

static void look_up(struct restrict_rules *r)
{
    for (size_t i = 0; i < r->hosts; i++)
        if (!r->host[i].count)
            names_ask(r->names, r->host[i].line->host, r->host[i].line->rule.family, found,
                      &r->host[i]);
}

static void again(void *arg, int64_t now)
{
    (void)now;
    look_up(arg);
}

static int open_names(struct restrict_rules *r, const struct config *c, struct err *err)
{
    r->line = calloc(c->restrict_count + 1, sizeof *r->line);
    r->host = calloc(c->restrict_count + 1, sizeof *r->host);
    if (!r->line || !r->host)
        return err_errno(err, "restrict", "", "starting", ENOMEM);
    for (; r->lines < c->restrict_count; r->lines++) {
        r->line[r->lines] = c->restrictions[r->lines];
        if (r->line[r->lines].kind == CONFIG_RESTRICT_HOST)
            r->host[r->hosts++] = (struct host){.of = r, .line = &r->line[r->lines]};
    }
    if (!r->hosts)
        return 0;
    if (names_open(&r->names, r->loop, err))
        return -1;
    look_up(r);
    return 0;
}

int restrict_rules_open(struct restrict_rules **out, const struct config *config, struct loop *loop,
                        const struct log *log, void (*changed)(void *arg), void *arg,
                        struct err *err)
{
    struct restrict_rules *r = calloc(1, sizeof *r);
    if (!r)
        return err_errno(err, "restrict", "", "starting", ENOMEM);
    *r = (struct restrict_rules){.loop = loop,
                                 .log = log,
                                 .again = {.name = "restrict", .fire = again, .arg = r},
                                 .changed = changed,
                                 .arg = arg,
                                 .opening = true};
    if (open_names(r, config, err)) {
        restrict_rules_close(r);
        return -1;
    }
    r->opening = false;
    *out = r;
    return 0;
}

void restrict_rules_close(struct restrict_rules *r)
{
    if (!r)
        return;
    loop_cancel(r->loop, &r->again);
    names_close(r->names);
    free(r->host);
    free(r->line);
    free(r);
}

/* ---- servers ---- */

static const struct config_restrict *source_line(const struct restrict_rules *r)
{
    for (size_t i = 0; i < r->lines; i++)
        if (r->line[i].kind == CONFIG_RESTRICT_SOURCE)
            return &r->line[i];
    return NULL;
}

static struct access_rule rule_of(const union address *a, unsigned flags)
{
    struct access_rule rule = {.family = a->any.sa_family, .flags = (uint16_t)flags};
    rule.length = rule.family == AF_INET ? 32 : 128;
    if (rule.family == AF_INET)
        memcpy(rule.prefix, &a->v4.sin_addr, 4);
    else
        memcpy(rule.prefix, &a->v6.sin6_addr, 16);
    return rule;
}

static bool same_host(const union address *a, const union address *b)
{
    const struct access_rule x = rule_of(a, 0), y = rule_of(b, 0);
    return x.family == y.family && !memcmp(x.prefix, y.prefix, sizeof x.prefix);
}

void restrict_rules_sources(struct restrict_rules *r, const union address *sources, size_t count)
{
    if (!r || !source_line(r))
        return;
    if (count > SOURCES_MAX)
        count = SOURCES_MAX;
    bool same = count == r->sources;
    for (size_t i = 0; same && i < count; i++)
        same = same_host(&r->source[i], &sources[i]);
    if (same)
        return;
    for (size_t i = 0; i < count; i++)
        r->source[i] = sources[i];
    r->sources = count;
    r->changed(r->arg);
}

/* ---- the table ---- */

/* A line for the address itself goes before `restrict source`, as in ntpd. */
static bool named(const struct access_rule *rules, size_t count, const struct access_rule *a)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].family == a->family && rules[i].length == a->length &&
            !memcmp(rules[i].prefix, a->prefix, sizeof a->prefix))
            return true;
    return false;
}

int restrict_rules_build(const struct restrict_rules *r, struct access **out, struct err *err)
{
    const struct config_restrict *source = source_line(r);
    size_t n = 0, room = r->lines + r->hosts * NAMES_ADDRESSES + r->sources + 1;
    struct access_rule *rules = calloc(room, sizeof *rules);
    if (!rules)
        return err_errno(err, "restrict", "", "building the rules", ENOMEM);
    for (size_t i = 0; i < r->lines; i++)
        if (r->line[i].kind == CONFIG_RESTRICT_ADDRESS)
            rules[n++] = r->line[i].rule;
    for (size_t i = 0; i < r->hosts; i++)
        for (size_t k = 0; k < r->host[i].count; k++)
            rules[n++] = rule_of(&r->host[i].found[k], r->host[i].line->rule.flags);
    const size_t named_ones = n;
    for (size_t i = 0; source && i < r->sources; i++) {
        struct access_rule rule = rule_of(&r->source[i], source->rule.flags);
        if (!named(rules, named_ones, &rule))
            rules[n++] = rule;
    }
    int bad = access_build(out, rules, n, err);
    free(rules);
    return bad;
}
