/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/alarms.h"

#include <stdio.h>
#include <string.h>

#include "server/ctl/text.h"

struct teller {
    void (*say)(void *arg, const char *text);
    void *arg;
};

static void tell(const struct teller *t, const char *who, const char *what, const char *more)
{
    char text[640];
    snprintf(text, sizeof text, "%s: %s%s%s", who ? who : "?", what, *more ? " " : "", more);
    t->say(t->arg, text);
}

/* A member of the report that is one of the two bad words. */
static void tell_report(const struct teller *t, const json_t *source, const char *member,
                        const char *bad, const char *worse)
{
    const char *said = ctl_string(json_object_get(source, "report"), member);
    if (said && (!strcmp(said, bad) || !strcmp(said, worse)))
        tell(t, ctl_string(source, "name"), member, said);
}

static void tell_source(const struct teller *t, const json_t *source)
{
    const char *name = ctl_string(source, "name"), *error = ctl_string(source, "error");
    const char *verdict = ctl_string(source, "verdict"), *trust = ctl_string(source, "trust");
    const char *why = ctl_string(source, "trust_why");
    if (error)
        tell(t, name, error, "");
    if (verdict && !strcmp(verdict, "falseticker"))
        tell(t, name, "contradicts the others (falseticker)", "");
    tell_report(t, source, "antenna", "short", "open");
    tell_report(t, source, "jamming", "warning", "critical");
    tell_report(t, source, "spoofing", "warning", "critical");
    if (trust && (!strcmp(trust, "doubtful") || !strcmp(trust, "rejected")))
        tell(t, name, trust, why ? why : "");
}

void ctl_alarms(const json_t *status, void (*say)(void *arg, const char *text), void *arg)
{
    const struct teller t = {say, arg};
    json_t *item, *clock = json_object_get(status, "clock");
    const char *by = ctl_string(clock, "last_step_by"), *at = ctl_string(clock, "last_step_at");
    size_t i;
    json_array_foreach(json_object_get(status, "sources"), i, item) tell_source(&t, item);
    json_array_foreach(json_object_get(status, "feeds"), i, item)
    {
        if (ctl_string(item, "error"))
            tell(&t, ctl_string(item, "name"), ctl_string(item, "error"), "");
    }
    if (ctl_number(clock, "foreign_steps") > 0 && by && strcmp(by, "timeball") != 0)
        tell(&t, "the clock was stepped by", by, at ? at : "");
}
