/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/net/own_addresses.h"

#define BACK_NS   (5 * NS_PER_S) /* events may be out of order by this */
#define AHEAD_NS  (30 * 86400 * NS_PER_S)
#define CONF_MOST (64 * 1024) /* bytes */

void sim_recording_start(struct sim_recording *r, FILE *in, const char *name)
{
    rewind(in);
    *r = (struct sim_recording){.in = in, .name = name};
}

static int check_head(const struct sim_recording *r, const char *line, struct err *err)
{
    return !strcmp(line, RECORD_HEAD) || !strcmp(line, RECORD_HEAD_1)
               ? 0
               : err_set(err, r->name, "it begins with \"" RECORD_HEAD "\"", "is no recording");
}

/* The next line. 1, 0 at the end, or -1 with *err. */
static int next_line(struct sim_recording *r, struct record_event *e, struct err *err)
{
    char line[RECORD_LINE + 2], thing[160];
    if (!fgets(line, sizeof line, r->in))
        return ferror(r->in) ? err_errno(err, r->name, "", "reading", errno) : 0;
    snprintf(thing, sizeof thing, "%.140s:%d", r->name, ++r->line);
    char *end = strchr(line, '\n');
    if (!end) /* a recording whose writer was killed ends within a line */
        return feof(r->in) ? 0 : err_set(err, thing, "", "is too long, or holds a zero byte");
    *end = 0;
    if (r->line == 1 && check_head(r, line, err))
        return -1;
    return record_parse(line, thing, e, err) ? -1 : 1;
}

int sim_recording_next(struct sim_recording *r, struct record_event *e, struct err *err)
{
    char thing[160];
    int got;
    do {
        e->kind = RECORD_COMMENT;
        got = next_line(r, e, err);
    } while (got > 0 && e->kind == RECORD_COMMENT);
    if (got <= 0)
        return got;
    if (!r->begun) {
        r->begun = true;
        r->first = r->last = e->local;
        sim_steering_init(&r->steering, e->local);
    }
    if (e->local < r->last - BACK_NS || e->local > r->last + AHEAD_NS) {
        snprintf(thing, sizeof thing, "%.140s:%d", r->name, r->line);
        return err_set(err, thing, "cut the recording there", "its time jumps");
    }
    r->last = e->local > r->last ? e->local : r->last;
    if (e->kind == RECORD_FREQ)
        sim_steering_set(&r->steering, e->local, e->freq);
    return 1;
}

/* ---- what is in it ---- */

int sim_survey_server(const struct sim_survey *s, const union address *a)
{
    for (int i = 0; i < s->servers; i++)
        if (address_same(&s->server[i], a))
            return i;
    return -1;
}

static int keep_request(struct sim_survey *s, const struct record_event *e, int64_t at)
{
    int server = sim_survey_server(s, &e->net.address);
    if (server < 0 && s->servers == SIM_RECORDED_SERVERS)
        return 0; /* one too many is not asked */
    if (server < 0) {
        server = s->servers++;
        s->server[server] = e->net.address;
    }
    if (s->asked_count == s->asked_room) {
        size_t room = s->asked_room ? 2 * s->asked_room : 64;
        struct sim_asked *more = realloc(s->asked, room * sizeof *more);
        if (!more)
            return -1;
        s->asked = more;
        s->asked_room = room;
    }
    s->asked[s->asked_count++] = (struct sim_asked){.at = at, .server = server};
    return 0;
}

/* A recording may come from anybody: it names receivers and servers, and nothing else. */
static int keep_config(struct sim_survey *s, const char *line)
{
    static const char *const words[] = {"refclock ", "steplimit ", "holdover "};
    bool server = !strncmp(line, "server ", 7), known = server;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        known = known || !strncmp(line, words[i], strlen(words[i]));
    char **text = server ? &s->servers_conf : &s->conf;
    size_t *size = server ? &s->servers_conf_size : &s->conf_size, length = strlen(line);
    if (!known || *size + length > CONF_MOST)
        return 0;
    char *more = realloc(*text, *size + length + 2);
    if (!more)
        return -1;
    snprintf(more + *size, length + 2, "%s\n", line);
    *text = more;
    *size += length + 1;
    return 0;
}

static int note(struct sim_survey *s, const struct sim_recording *r, const struct record_event *e)
{
    s->count[e->kind]++;
    s->of[e->source][e->kind]++;
    if (e->kind == RECORD_PIVOT)
        s->pivot = e->pivot;
    if (e->kind == RECORD_CONFIG)
        return keep_config(s, e->config);
    if (e->kind == RECORD_REQUEST)
        return keep_request(s, e, sim_steering_free(&r->steering, e->local));
    return 0;
}

int sim_survey_take(struct sim_survey *s, FILE *in, const char *name, struct err *err)
{
    struct sim_recording r;
    struct record_event e;
    int got;
    *s = (struct sim_survey){.pivot = INT64_MIN};
    sim_recording_start(&r, in, name);
    while ((got = sim_recording_next(&r, &e, err)) > 0)
        if (note(s, &r, &e))
            return err_errno(err, name, "", "replaying", ENOMEM);
    s->first = r.first;
    if (!got && !r.begun)
        return err_set(err, name, "", "holds no event");
    return got;
}

void sim_survey_free(struct sim_survey *s)
{
    free(s->conf);
    free(s->servers_conf);
    free(s->asked);
}
