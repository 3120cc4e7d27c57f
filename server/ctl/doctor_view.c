/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "server/ctl/doctor.h"
#include "server/ctl/text.h"

#define INDENT 23

static const char *const state_words[] = {[DOCTOR_OK] = "ok",
                                          [DOCTOR_BROKEN] = "BROKEN",
                                          [DOCTOR_UNKNOWN] = "unknown",
                                          [DOCTOR_NOT_NEEDED] = "not needed"};
static const char *const json_states[] = {[DOCTOR_OK] = "ok",
                                          [DOCTOR_BROKEN] = "broken",
                                          [DOCTOR_UNKNOWN] = "unknown",
                                          [DOCTOR_NOT_NEEDED] = "not_needed"};
static const char *const late_words[] = {
    [LATE_NONE] = "nothing", [LATE_COSTS] = "costs", [LATE_UNKNOWN] = "unknown"};
static const char *const late_states[] = {
    [LATE_NONE] = "none", [LATE_COSTS] = "costs", [LATE_UNKNOWN] = "unknown"};

/* State, name, and what was seen, folded; below it what to do, on one line: it is to be copied. */
static void print_finding(FILE *out, const char *state, const char *name, const char *saw,
                          const char *todo)
{
    ctl_print_hanging(out, fprintf(out, "%-10s %-11s ", state, name), INDENT, saw);
    if (!*todo)
        return;
    fprintf(out, "%*s-> ", INDENT, "");
    ctl_print_clean(out, todo);
    fputc('\n', out);
}

static void print_late(FILE *out, const struct doctor_late_row *row, const struct doctor_late *l)
{
    char cost[48], saw[400];
    snprintf(saw, sizeof saw, "%s%s", l->saw,
             l->state == LATE_COSTS && isnan(l->cost) ? "; how much is not measurable here" : "");
    if (l->state == LATE_COSTS && !isnan(l->cost))
        ctl_seconds(l->cost, false, cost, sizeof cost);
    else
        snprintf(cost, sizeof cost, "%s", late_words[l->state]);
    print_finding(out, cost, row->name, saw, l->todo);
}

void ctl_view_doctor(FILE *out, const struct doctor *d, const struct doctor_machine *m)
{
    char noise[48];
    double pulse = ctl_number(json_object_get(d->status, "clock"), "noise_pulse");
    int first = doctor_first(d);
    for (int i = 0; i < DOCTOR_LINKS; i++)
        print_finding(out, state_words[d->link[i].state], doctor_rows[i].name, d->link[i].saw,
                      d->link[i].todo);
    fputs("\nwhat makes pulses and packets late here, and what it costs", out);
    if (pulse > 0 && d->link[DOCTOR_PULSE].state == DOCTOR_OK)
        fprintf(out, " (timeballd sees the pulses spread by %s)",
                ctl_seconds(pulse, false, noise, sizeof noise));
    fputc('\n', out);
    for (int i = 0; i < DOCTOR_LATE_ROWS; i++) {
        struct doctor_late l = doctor_late_rows[i].look(m);
        print_late(out, &doctor_late_rows[i], &l);
    }
    if (first >= 0)
        fprintf(out, "\nBegin with \"%s\" (%s): do what stands there, and run this again.\n",
                doctor_rows[first].name, doctor_rows[first].what);
    else
        fputs("\nNothing is broken, as far as it can be seen from here.\n", out);
}

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static json_t *json_of(const char *name, const char *state, const char *saw, const char *todo)
{
    json_t *o = json_object();
    json_object_set_new(o, "name", json_string(name));
    json_object_set_new(o, "state", json_string(state));
    json_object_set_new(o, "saw", text_or_null(saw));
    json_object_set_new(o, "todo", text_or_null(todo));
    return o;
}

void ctl_json_doctor(FILE *out, const struct doctor *d, const struct doctor_machine *m)
{
    json_t *answer = json_object(), *links = json_array(), *late = json_array();
    int first = doctor_first(d);
    for (int i = 0; i < DOCTOR_LINKS; i++)
        json_array_append_new(links, json_of(doctor_rows[i].name, json_states[d->link[i].state],
                                             d->link[i].saw, d->link[i].todo));
    for (int i = 0; i < DOCTOR_LATE_ROWS; i++) {
        struct doctor_late l = doctor_late_rows[i].look(m);
        json_t *o = json_of(doctor_late_rows[i].name, late_states[l.state], l.saw, l.todo);
        json_object_set_new(o, "cost", isnan(l.cost) ? json_null() : json_real(l.cost));
        json_array_append_new(late, o);
    }
    json_object_set_new(answer, "version", json_integer(STATUS_VERSION));
    json_object_set_new(answer, "broken",
                        first < 0 ? json_null() : json_string(doctor_rows[first].name));
    json_object_set_new(answer, "links", links);
    json_object_set_new(answer, "late", late);
    json_dumpf(answer, out, JSON_COMPACT | JSON_REAL_PRECISION(17));
    fputc('\n', out);
    json_decref(answer);
}
