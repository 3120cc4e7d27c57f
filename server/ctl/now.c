/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/ctl.h"

#include <math.h>

#include "refclock/civil.h"
#include "refclock/clock.h"
#include "server/ctl/text.h"

/* Two clocks of a machine may differ by this in frequency while an answer comes. */
#define RATE_DOUBT 0.001

struct ctl_now ctl_now_from(const json_t *answer, double trip)
{
    struct ctl_now now = {0};
    const char *time = ctl_string(answer, "time");
    /* before the first measurement a bound has nothing to stand on */
    bool measured = ctl_string(json_object_get(answer, "clock"), "reftime");
    double bound = ctl_number(answer, "bound");
    int64_t at;
    if (!measured || !time || ctl_instant(time, &at) || !(bound >= 0 && bound < 1e9) ||
        !(trip >= 0))
        return now;
    /* the daemon read its clock after the request had left, and we are `trip` behind that moment */
    double late = trip * (1 + RATE_DOUBT);
    now.known = true;
    now.earliest = at - (int64_t)ceil(bound * 1e9);
    now.latest = at + (int64_t)ceil((bound + late) * 1e9);
    now.bound = (double)(now.latest - now.earliest) / 2e9;
    now.time = now.earliest + (now.latest - now.earliest) / 2;
    return now;
}

static void print_json(FILE *out, const struct ctl_now *now, const json_t *answer)
{
    char text[40];
    json_t *json = json_object();
    json_object_set_new(json, "version", json_integer(STATUS_VERSION));
    json_object_set(json, "state", json_object_get(json_object_get(answer, "clock"), "state"));
    json_object_set_new(json, "synchronised", json_boolean(ctl_judge(answer) == CTL_OK));
    if (now->known) {
        json_object_set_new(json, "time", json_string(civil_iso(now->time, 9, text, sizeof text)));
        json_object_set_new(json, "bound", json_real(now->bound));
        json_object_set_new(json, "earliest",
                            json_string(civil_iso(now->earliest, 9, text, sizeof text)));
        json_object_set_new(json, "latest",
                            json_string(civil_iso(now->latest, 9, text, sizeof text)));
    } else {
        json_object_set_new(json, "time", json_null());
        json_object_set_new(json, "bound", json_null());
    }
    json_dumpf(json, out, JSON_COMPACT | JSON_REAL_PRECISION(17));
    fputc('\n', out);
    json_decref(json);
}

/* As many decimals as the bound gives a meaning to. */
static int decimals_of(double bound)
{
    int decimals = 1;
    while (decimals < 9 && bound < 1)
        decimals++, bound *= 10;
    return decimals;
}

static void print_text(FILE *out, const struct ctl_now *now, const json_t *answer)
{
    char text[40], bound[48];
    const char *sentence = ctl_string(json_object_get(answer, "clock"), "sentence");
    if (now->known) {
        fprintf(out, "%s  +- %s\n",
                civil_iso(now->time, decimals_of(now->bound), text, sizeof text),
                ctl_bound(now->bound, bound, sizeof bound));
        fprintf(out, "between %s", civil_iso(now->earliest, 9, text, sizeof text));
        fprintf(out, " and %s\n", civil_iso(now->latest, 9, text, sizeof text));
    } else {
        fputs("true time is not known\n", out);
    }
    if (sentence) {
        ctl_print_folded(out, 0, sentence);
    }
}

/* Asks, and measures by the unslewed clock how long that took. */
static json_t *ask_now(struct ctl_client *c, struct clock *clock, double *trip, struct err *err)
{
    int64_t before = clock_raw(clock);
    json_t *answer = ctl_ask(c, "now", err) ? NULL : ctl_read_object(c, err);
    *trip = (double)(clock_raw(clock) - before) * 1e-9;
    return answer;
}

int ctl_now(const struct ctl *ctl, struct err *err)
{
    struct ctl_client client = {.fd = -1};
    struct clock *clock;
    json_t *answer = NULL;
    double trip = 0;
    if (clock_reader_open(&clock, err))
        return -1;
    if (!ctl_connect(&client, ctl->socket, err))
        answer = ask_now(&client, clock, &trip, err);
    ctl_close(&client);
    clock_close(clock);
    if (!answer)
        return -1;
    struct ctl_now now = ctl_now_from(answer, trip);
    (ctl->json ? print_json : print_text)(ctl->out, &now, answer);
    int result = now.known ? ctl_judge(answer) : CTL_UNSYNCHRONISED;
    json_decref(answer);
    return result;
}
