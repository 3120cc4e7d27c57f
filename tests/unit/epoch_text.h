/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_EPOCH_TEXT_H
#define TIMEBALL_TESTS_EPOCH_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "drivers/receiver/epochs.h"
#include "refclock/civil.h"
#include "sentence.h"

/* A receiver's log made by hand, and the epochs that are to be found in it, a line each. */
struct text {
    size_t length;
    char bytes[16384];
};

#define SAY(t, ...) \
    ((t)->length = sentence_add((t)->bytes, (t)->length, sizeof(t)->bytes, __VA_ARGS__))

static inline void append_line(void *arg, const struct epoch *e)
{
    char line[48];
    struct text *all = arg;
    all->length += (size_t)snprintf(all->bytes + all->length, sizeof all->bytes - all->length,
                                    "%s\n", epochs_line(e, line, sizeof line));
}

static inline void expect_epochs(const struct text *t, const char *lines)
{
    struct text all = {0};
    int64_t pivot;
    assert_int_equal(civil_parse_date("2026-11-24", &pivot), 0);
    epochs_scan(t->bytes, t->length, pivot, append_line, &all);
    assert_string_equal(all.bytes, lines);
}

#endif
