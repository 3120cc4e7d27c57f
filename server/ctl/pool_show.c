/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>
#include <math.h>

#include "server/ctl/pool.h"
#include "server/ctl/text.h"
#include "server/ctl/pool_capacity.h"
#include "server/status/status.h"

static const char *const result_names[POOL_RESULTS] = {
    [POOL_ANSWERED] = "answered", [POOL_SILENT] = "no answer",         [POOL_RATE] = "kiss RATE",
    [POOL_DENY] = "kiss DENY",    [POOL_STRATUM_0] = "unsynchronised", [POOL_STRATUM] = "stratum",
};

struct pool_query ctl_pool_result(const struct ctl_pool_report *r, const struct pool_target *t)
{
    struct pool_query q = *pool_score_choose(t->query, t->asked);
    q.offset -= r->reference.correction;
    return q;
}

static int answers(const struct pool_target *t)
{
    int count = 0;
    for (int i = 0; i < t->asked; i++)
        count += t->query[i].result == POOL_ANSWERED;
    return count;
}

/* What costs no points in this check, and is worth a word all the same; NULL: nothing. */
static const char *warning(const struct pool_target *t, const struct pool_query *q)
{
    if (q->result != POOL_ANSWERED)
        return NULL;
    if (q->unknown)
        return "its leap indicator is 3 (not synchronised): the pool only records that, but "
               "clients "
               "do not use it; `timeballctl status` on it says what is missing";
    if (answers(t) < t->asked)
        return "not every request was answered: is a rate limit too tight, or the line full?";
    return NULL;
}

bool ctl_pool_good(const struct ctl_pool_report *r)
{
    bool good = r->count > 0;
    for (size_t i = 0; i < r->count; i++) {
        struct pool_query q = ctl_pool_result(r, &r->target[i]);
        struct pool_step step = pool_score_step(&q);
        good = good && !step.todo && !q.unknown;
    }
    return good;
}

/* ---- for a person ---- */

static void print_course(FILE *out, const struct pool_step *step)
{
    char age[48];
    int checks = pool_score_checks(0, step, POOL_IN);
    double lost = pool_score_next(pool_score_next(20, step), step);
    fprintf(out, "  %+.2f points a check", step->step);
    if (isfinite(step->cap))
        fprintf(out, ", and the score is not above %.0f", step->cap);
    fprintf(out, ": it goes to %.1f", pool_score_steady(step));
    if (checks > 0)
        fprintf(out, "; a new server is in the pool (10) after %d checks, about %s\n", checks,
                ctl_age(checks * POOL_CHECK_MINUTES * 60, age, sizeof age));
    else
        fprintf(out, "; it is not in the pool (10), and of 20 points %.1f are left after two\n",
                lost);
}

static void print_target(FILE *out, const struct ctl_pool_report *r, const struct pool_target *t)
{
    char text[INET6_ADDRSTRLEN], offset[48], trip[48];
    struct pool_query q = ctl_pool_result(r, t);
    struct pool_step step = pool_score_step(&q);
    const char *refused = pool_address_refused(&t->address), *warn = warning(t, &q);
    fprintf(out, "%s", address_text(&t->address, text, sizeof text));
    if (refused)
        fprintf(out, " (%s: the pool does not take it)", refused);
    fprintf(out, "\n  %d of %d answered with a time", answers(t), t->asked);
    if (q.result == POOL_ANSWERED)
        fprintf(out, ", stratum %d, offset %s, round trip %s", q.stratum,
                ctl_seconds(q.offset, true, offset, sizeof offset),
                ctl_seconds(q.trip, false, trip, sizeof trip));
    else if (*t->error)
        fprintf(out, ": %s", t->error);
    fputc('\n', out);
    print_course(out, &step);
    if (step.todo) {
        fprintf(out, "  costs points: %s\n", step.why);
        ctl_print_folded(out, 4, step.todo);
    } else if (!warn) {
        fputs("  nothing costs points\n", out);
    }
    if (warn)
        ctl_print_folded(out, 2, warn);
}

static void print_reference(FILE *out, const struct ctl_pool_reference *r)
{
    char bound[48], line[192];
    if (r->estimate)
        snprintf(line, sizeof line,
                 "offsets are against the estimate of this machine's timeballd, "
                 "which is right within %s",
                 ctl_bound(r->bound, bound, sizeof bound));
    else
        snprintf(line, sizeof line, "offsets are against the system clock, for %s", r->why);
    ctl_print_folded(out, 0, line);
}

static void print_capacity(FILE *out, double rate)
{
    char line[512], full[64] = "less than the smallest net speed would be";
    int setting = pool_capacity_setting(rate);
    if (isnan(rate))
        return;
    if (setting)
        snprintf(full, sizeof full, "as much as a net speed of %g Mbit would be", setting / 1e3);
    snprintf(line, sizeof line,
             "capacity: timeballd answered %.1f requests/s meanwhile, %.3g kbit/s each way: %s, "
             "were it filled by requests of %d octets, which is assumed, not measured (512 kbit: "
             "%.0f/s; 10 Mbit, a new server's: %.0f/s; 1000 Mbit: %.0f/s). What comes is a share "
             "in proportion to the setting",
             rate, pool_capacity_kbit(rate), full, POOL_OCTETS, pool_capacity_rate(pool_speeds[0]),
             pool_capacity_rate(POOL_SPEED_DEFAULT), pool_capacity_rate(1e6));
    ctl_print_folded(out, 0, line);
}

void ctl_pool_print(FILE *out, const struct ctl_pool_report *r)
{
    for (size_t i = 0; i < r->count; i++)
        print_target(out, r, &r->target[i]);
    print_reference(out, &r->reference);
    print_capacity(out, r->rate);
}

/* ---- JSON ---- */

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *text_or_null(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

static json_t *target_json(const struct ctl_pool_report *r, const struct pool_target *t)
{
    char text[INET6_ADDRSTRLEN];
    struct pool_query q = ctl_pool_result(r, t);
    struct pool_step step = pool_score_step(&q);
    bool timed = q.result == POOL_ANSWERED;
    json_t *json = json_object();
    json_object_set_new(json, "address", json_string(address_text(&t->address, text, sizeof text)));
    json_object_set_new(json, "refused", text_or_null(pool_address_refused(&t->address)));
    json_object_set_new(json, "result", json_string(result_names[q.result]));
    json_object_set_new(json, "queries", json_integer(t->asked));
    json_object_set_new(json, "answers", json_integer(answers(t)));
    json_object_set_new(json, "stratum", timed ? json_integer(q.stratum) : json_null());
    json_object_set_new(json, "offset", timed ? number(q.offset) : json_null());
    json_object_set_new(json, "delay", timed ? number(q.trip) : json_null());
    json_object_set_new(json, "step", number(step.step));
    json_object_set_new(json, "cap", number(step.cap));
    json_object_set_new(json, "steady", number(pool_score_steady(&step)));
    int checks = pool_score_checks(0, &step, POOL_IN);
    json_object_set_new(json, "checks_to_10", checks < 0 ? json_null() : json_integer(checks));
    json_object_set_new(json, "costs", step.todo ? json_string(step.why) : json_null());
    json_object_set_new(json, "todo", text_or_null(step.todo));
    json_object_set_new(json, "warning", text_or_null(warning(t, &q)));
    json_object_set_new(json, "error", text_or_null(t->error));
    return json;
}

void ctl_pool_print_json(FILE *out, const struct ctl_pool_report *r)
{
    json_t *json = json_object(), *list = json_array(), *speeds = json_array();
    for (size_t i = 0; i < r->count; i++)
        json_array_append_new(list, target_json(r, &r->target[i]));
    for (const int *s = pool_speeds; *s; s++)
        json_array_append_new(
            speeds, json_pack("{s:i, s:f}", "kbit", *s, "answers_per_s", pool_capacity_rate(*s)));
    json_object_set_new(json, "version", json_integer(STATUS_VERSION));
    json_object_set_new(json, "reference",
                        json_string(r->reference.estimate ? "timeballd" : "system clock"));
    json_object_set_new(json, "reference_bound", number(r->reference.bound));
    json_object_set_new(json, "good", json_boolean(ctl_pool_good(r)));
    json_object_set_new(json, "addresses", list);
    json_object_set_new(json, "answers_per_s", number(r->rate));
    json_object_set_new(json, "net_speeds", speeds);
    json_dumpf(json, out, JSON_COMPACT | JSON_REAL_PRECISION(17));
    fputc('\n', out);
    json_decref(json);
}
