/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_DOCTOR_BENCH_H
#define TIMEBALL_TESTS_DOCTOR_BENCH_H

#include <jansson.h>

#include "server/doctor/gather.h"
#include "tree.h"

/* A made-up machine, its configuration, and what the daemon says. */
struct bench {
    struct tree tree;
    struct doctor d;
    struct config config;
    json_t *status;
};

static inline int bench_set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    tree_make(&b->tree);
    *state = b;
    return 0;
}

static inline void bench_end(struct bench *b)
{
    json_decref(b->status);
    config_free(&b->config);
    b->status = NULL;
}

static inline int bench_tear_down(void **state)
{
    struct bench *b = *state;
    bench_end(b);
    tree_remove(&b->tree, "");
    free(b);
    return 0;
}

/* All but the findings. `status` is JSON with ' for "; NULL: no daemon answered. */
static inline void bench_begin(struct bench *b, const char *conf, const char *status)
{
    struct config_errors errors;
    char text[4096];
    bench_end(b);
    b->d = (struct doctor){.root = b->tree.root, .asked = status};
    assert_int_equal(config_parse(&b->config, "test", conf, strlen(conf), &errors), 0);
    snprintf(b->d.wants.config, sizeof b->d.wants.config, "/etc/timeball.conf");
    snprintf(text, sizeof text, "%s", status ? status : "");
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    b->d.status = b->status = status ? json_loads(text, 0, NULL) : NULL;
    if (status)
        assert_non_null(b->status);
    doctor_want(&b->d, &b->config);
    doctor_look(&b->d);
    if (status)
        doctor_ask_receiver(&b->d);
}

static inline void bench_look(struct bench *b, const char *conf, const char *status)
{
    bench_begin(b, conf, status);
    doctor_run(&b->d);
}

/* The finding of a link: its state, a part of what was seen, a part of what to do. */
static inline void says(const struct bench *b, enum doctor_link link, enum doctor_state state,
                        const char *saw, const char *todo)
{
    const struct doctor_finding *f = &b->d.link[link];
    if (f->state != state || !strstr(f->saw, saw) || !strstr(f->todo, todo))
        fail_msg("%s: state %d, expected %d, '%s', '%s': %s -> %s", doctor_rows[link].name,
                 (int)f->state, (int)state, saw, todo, f->saw, f->todo);
    if (state == DOCTOR_BROKEN && !*f->todo)
        fail_msg("%s: it does not say what to do: %s", doctor_rows[link].name, f->saw);
}

#endif
