/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/feed.h"

#include <string.h>

#include "drivers/shm_layout.h"
#include "server/config/config.h"
#include "server/config/line.h"
#include "server/options.h"

#define STEERED \
    " # timeball steers the system clock: who reads this must not (chronyd -x), or set clock none"

static const struct option_row place[] = {
    [FEED_SHM] = {.word = "feed shm",
                  .type = OPTION_INT,
                  .offset = offsetof(struct config_feed, unit),
                  .max = SHM_UNIT_MAX},
    [FEED_SOCK] = {.word = "feed sock",
                   .type = OPTION_TEXT,
                   .offset = offsetof(struct config_feed, path),
                   .max = CONFIG_SOCKET_MAX},
};

const char *config_feed_name(const struct config_feed *f, char *buf, size_t size)
{
    char value[OPTION_TEXT_SIZE + 2];
    snprintf(buf, size, "%s %s", place[f->kind].word + strlen("feed "),
             options_value(&place[f->kind], f, value, sizeof value));
    return buf;
}

static int kind_of(const char *word)
{
    for (int i = FEED_SHM; i <= FEED_SOCK; i++)
        if (!strcmp(place[i].word + strlen("feed "), word))
            return i;
    return -1;
}

/* A driver that reads what is written here would take its own estimate for the truth. */
static bool read_here(const struct config *c, const struct config_feed *f)
{
    char name[OPTION_TEXT_SIZE + 16], other[OPTION_TEXT_SIZE + 32];
    config_feed_name(f, name, sizeof name);
    for (size_t i = 0; i < c->refclock_count; i++) {
        snprintf(other, sizeof other, "%s %s", c->refclock[i].ops->name,
                 c->refclock[i].driver->path);
        if (!strcmp(name, other))
            return true;
    }
    return false;
}

static int add(struct config *c, const struct config_feed *f, const char *thing, struct err *err)
{
    for (size_t i = 0; i < c->feed_count; i++)
        if (c->feed[i].kind == f->kind && c->feed[i].unit == f->unit &&
            !strcmp(c->feed[i].path, f->path))
            return err_set(err, thing, "delete one of the lines",
                           "this feed is named twice (line %d)", c->feed[i].line);
    if (c->feed_count == CONFIG_FEED_MAX)
        return err_set(err, thing, "delete those that are not needed", "more than %d feed lines",
                       CONFIG_FEED_MAX);
    c->feed[c->feed_count++] = *f;
    return 0;
}

int config_feed_take(struct config *c, const struct config_line *line, struct err *err)
{
    struct config_feed f = {.kind = kind_of(line->word[1]), .line = line->number};
    char word[48];
    if (f.kind < 0)
        return err_set(err, line->thing, "write feed shm N, or feed sock PATH",
                       "feed: '%s' is not known", options_quote(line->word[1], word, sizeof word));
    if (line->count < 3)
        return options_missing(&place[f.kind], line->thing, err);
    if (line->count > 3)
        return err_set(err, line->thing, "delete what follows it", "feed takes one value");
    if (options_set(&place[f.kind], &f, line->word[2], line->thing, err))
        return -1;
    return add(c, &f, line->thing, err);
}

int config_feed_check(const struct config *c, const char *file, struct err *err)
{
    for (size_t i = 0; i < c->feed_count; i++) {
        char thing[sizeof err->thing];
        if (!read_here(c, &c->feed[i]))
            continue;
        snprintf(thing, sizeof thing, "%.120s:%d", file, c->feed[i].line);
        return err_set(err, thing, "choose another unit or path",
                       "a refclock line reads this feed");
    }
    return 0;
}

void config_feed_print(FILE *out, const struct config *c)
{
    for (const struct config_feed *f = c->feed; f < c->feed + c->feed_count; f++) {
        char name[OPTION_TEXT_SIZE + 16];
        fprintf(out, "feed %s%s\n", config_feed_name(f, name, sizeof name),
                c->clock == CONFIG_CLOCK_SYSTEM ? STEERED : "");
    }
}
