/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/daemon/daemon.h"

#define PAUSE_NS  INT64_C(1000000000)
#define LINE_SIZE 560

/*
 * What can change at run time: the fields of struct config that belong to a word. They are swapped
 * between the running configuration and the new one, so that each owns what it holds.
 */
#define FIELD(word, field)                                                        \
    {                                                                             \
        word, offsetof(struct config, field), sizeof(((struct config *)0)->field) \
    }
static const struct live {
    const char *word;
    size_t offset, size;
} live[] = {
    FIELD("server", server),
    FIELD("server", server_count),
    {.word = "pool"},
    FIELD("keys", keys),
    {.word = "trustedkey"},
    FIELD("leapfile", leapfile),
    FIELD("steplimit", steplimit),
    FIELD("holdover", holdover),
    {"restrict", offsetof(struct config, restrictions), sizeof(void *)},
    FIELD("restrict", restrict_count),
    FIELD("restrict", restrict_lines),
    {.word = "unrestrict"},
    {.word = "includefile"},
};
#define LIVE (sizeof live / sizeof *live)

bool reload_applies(const char *word)
{
    for (size_t i = 0; i < LIVE; i++)
        if (!strcmp(live[i].word, word))
            return true;
    return false;
}

struct saying {
    const struct log *log;
    reload_say *say; /* NULL: for the log alone */
    void *arg;
};

static void tell(const struct saying *s, enum log_level level, const char *line)
{
    log_say(s->log, level, "%s", line);
    if (s->say)
        s->say(s->arg, level, line);
}

static void tell_err(const struct saying *s, enum log_level level, const struct err *err)
{
    char line[LINE_SIZE];
    tell(s, level, err_line(err, line, sizeof line));
}

/* ---- what differs ---- */

/* A directive's lines as --check has them, without what is said of defaults. NULL: no memory. */
static char *lines_of(const struct config *c, const struct config_directive *d)
{
    char *text = NULL, *mark;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    config_directive_print(out, c, d);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    while ((mark = strstr(text, " # default")) != NULL)
        memmove(mark, mark + strcspn(mark, "\n"), strlen(mark + strcspn(mark, "\n")) + 1);
    return text;
}

static bool differs(const struct config *a, const struct config *b,
                    const struct config_directive *d)
{
    char *one = lines_of(a, d), *other = lines_of(b, d);
    bool same = one && other && !strcmp(one, other);
    free(one);
    free(other);
    return !same;
}

static uint64_t all_that_differ(const struct config *a, const struct config *b)
{
    uint64_t set = 0;
    for (size_t i = 0; config_directives[i].row.word; i++)
        set |= (uint64_t)differs(a, b, &config_directives[i]) << i;
    return set;
}

/* ---- taking over ---- */

static void swap_bytes(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = a[i];
        a[i] = b[i];
        b[i] = c;
    }
}

/* What was given, and where, goes with what the word says. */
static void take_over(struct config *run, struct config *new)
{
    for (size_t i = 0; i < LIVE; i++)
        swap_bytes((char *)run + live[i].offset, (char *)new + live[i].offset, live[i].size);
    for (size_t i = 0; config_directives[i].row.word; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if (!reload_applies(config_directives[i].row.word))
            continue;
        run->given = (run->given & ~bit) | (new->given &bit);
        swap_bytes(run->where[i], new->where[i], sizeof run->where[i]);
    }
}

/* Another value waits in the file. */
static void tell_restart(const struct saying *s, const char *where, const char *word)
{
    char line[LINE_SIZE];
    if (*where)
        snprintf(line, sizeof line, "%s: %s: not changed; restart timeballd to apply it", where,
                 word);
    else
        snprintf(line, sizeof line,
                 "%s: it is not in the file any more, and still in force; restart timeballd to "
                 "apply that",
                 word);
    tell(s, LOG_LEVEL_WARNING, line);
}

static void tell_changes(const struct saying *s, const struct config *run, const struct config *new,
                         uint64_t before)
{
    char line[LINE_SIZE] = "reloaded; nothing new to apply";
    size_t n = 0;
    uint64_t after = all_that_differ(run, new);
    for (size_t i = 0; config_directives[i].row.word; i++) {
        const char *word = config_directives[i].row.word;
        if (!reload_applies(word) && after >> i & 1)
            tell_restart(s, new->where[i], word);
        else if (before >> i & 1 && n < sizeof line) /* now `new` has what was in force */
            n += (size_t)snprintf(line + n, sizeof line - n, "%s%s",
                                  n ? ", " : "reloaded; applied: ", word);
    }
    tell(s, LOG_LEVEL_NOTICE, line);
}

static void apply(struct daemon *d, struct keys *keys, bool leapfile)
{
    struct config *c = d->config;
    d->refclock.config.steplimit = c->steplimit;
    d->refclock.config.holdover_limit = c->holdover;
    if (leapfile)
        leap_watch_change(&d->leap, &d->refclock.leap.table, c->leapfile);
    leap_watch_soon(&d->leap);
    if (d->peers)
        peers_apply(d->peers, c, keys);
    shared_swap(&d->keys, keys_share(keys));
}

/* ---- the whole ---- */

static int tell_errors(const struct saying *s, const struct config_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++)
        tell_err(s, LOG_LEVEL_ERROR, &errors->err[i]);
    if (errors->more)
        tell(s, LOG_LEVEL_ERROR, "... and more errors");
    return -1;
}

static int first_peers(struct daemon *d, const struct config *new, struct err *err)
{
    if (d->peers || !new->server_count)
        return 0;
    return peers_open(&d->peers, &d->refclock, &d->net.net, d->world.rng, d->world.log, err);
}

/* All that can fail; the rules of access last, for they are in force then. 0, or -1 with what is
 * wrong said. */
static int prepare(struct daemon *d, const struct saying *s, struct config *new, struct keys **keys)
{
    struct config_errors errors;
    struct err err = {0};
    if (d->world.read_config(d->world.arg, new, &errors))
        return tell_errors(s, &errors);
    if (!config_load_keys(new, keys, &err) && !first_peers(d, new, &err) &&
        !limits_renew(&d->limits, new, d->world.loop, &err))
        return 0;
    keys_free(*keys);
    config_free(new);
    tell_err(s, LOG_LEVEL_ERROR, &err);
    return -1;
}

static void tell_keys(const struct saying *s, const struct config *c, const struct keys *keys)
{
    char line[LINE_SIZE];
    for (size_t i = 0; keys_note(keys, i); i++)
        tell_err(s, LOG_LEVEL_WARNING, keys_note(keys, i));
    snprintf(line, sizeof line, "%s: %zu keys", c->keys.file, keys_count(keys));
    if (keys)
        tell(s, LOG_LEVEL_INFO, line);
}

static int reload(struct daemon *d, const struct saying *s, struct config *new)
{
    struct keys *keys = NULL;
    struct err err = {0};
    if (prepare(d, s, new, &keys)) {
        tell(s, LOG_LEVEL_ERROR, "nothing was changed: mend that, and reload again");
        return -1;
    }
    config_warnings_log(s->log, new);
    uint64_t before = all_that_differ(d->config, new);
    bool leapfile = strcmp(d->config->leapfile, new->leapfile) != 0;
    take_over(d->config, new);
    tell_keys(s, d->config, keys);
    apply(d, keys, leapfile);
    if (d->world.change_log && d->world.change_log(d->world.arg, new->log_level, &err))
        tell_err(s, LOG_LEVEL_ERROR, &err);
    else if (d->world.change_log)
        d->config->log_level = new->log_level;
    tell_changes(s, d->config, new, before);
    config_free(new);
    return 0;
}

int reload_now(struct daemon *d, reload_say *say, void *arg)
{
    const struct saying s = {d->world.log, say, arg};
    struct config *new = calloc(1, sizeof *new);
    d->reload.next = loop_now(d->world.loop) + PAUSE_NS;
    if (!d->world.read_config || !new) {
        free(new);
        tell(&s, LOG_LEVEL_ERROR, new ? "there is no file to read again" : "out of memory");
        return -1;
    }
    int bad = reload(d, &s, new);
    free(new);
    return bad;
}

static void on_timer(void *arg, int64_t now)
{
    struct daemon *d = arg;
    (void)now;
    d->reload.timer.arg = NULL;
    reload_now(d, NULL, NULL);
}

void reload_soon(struct daemon *d)
{
    int64_t now = loop_now(d->world.loop);
    if (d->reload.timer.arg)
        return; /* it is due already */
    d->reload.timer = (struct loop_timer){.name = "reload", .fire = on_timer, .arg = d};
    loop_after(d->world.loop, &d->reload.timer, d->reload.next > now ? d->reload.next - now : 0);
}

void reload_stop(struct daemon *d)
{
    if (d->reload.timer.arg)
        loop_cancel(d->world.loop, &d->reload.timer);
}
