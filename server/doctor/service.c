/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon: does it run, are the pulses numbered, does the clock follow, does anybody disturb? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/find/root_file.h"
#include "server/ctl/text.h"
#include "server/doctor/doctor.h"
#include "server/rival.h"

/* The first broken link of those before this one, or -1. */
static int broken_before(const struct doctor *d, enum doctor_link link)
{
    int first = doctor_first(d);
    return first >= 0 && first < (int)link ? first : -1;
}

static const char *unit_of(const char *root)
{
    static const char *const folders[] = {"/etc/systemd/system", "/lib/systemd/system",
                                          "/usr/lib/systemd/system",
                                          "/usr/local/lib/systemd/system"};
    static const char *const names[] = {"timeballd.service", "timeball.service"};
    char path[96];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            snprintf(path, sizeof path, "%s/%s", folders[i], names[k]);
            if (root_exists(root, path))
                return names[k];
        }
    return NULL;
}

struct doctor_finding doctor_daemon(const struct doctor *d)
{
    char todo[300], up[48];
    const char *unit = unit_of(d->root);
    const json_t *process = json_object_get(d->status, "process");
    if (d->status)
        return doctor_says(DOCTOR_OK, "", "timeballd %s runs, process %.0f, for %s",
                           doctor_text(d->status, "release"), ctl_number(process, "pid"),
                           ctl_age(ctl_number(process, "uptime"), up, sizeof up));
    if (*d->wants.error) {
        snprintf(todo, sizeof todo, "correct it; `timeballd --check %s` lists all that is wrong",
                 d->wants.config);
        return doctor_says(DOCTOR_BROKEN, todo, "the configuration cannot be used: %s",
                           d->wants.error);
    }
    if (!d->asked)
        return doctor_says(DOCTOR_UNKNOWN, "",
                           "no daemon is asked for another tree than the "
                           "machine's (-s SOCKET names one)");
    if (strstr(d->no_answer, "ermission denied"))
        return doctor_says(DOCTOR_UNKNOWN, "run this as root", "it does not tell: %s",
                           d->no_answer);
    snprintf(todo, sizeof todo,
             unit ? "run `systemctl enable --now %s`; `journalctl -u %s` says how "
                    "it fares"
                  : "run `timeballd -n` as root, and look at what it says",
             unit, unit);
    return doctor_says(DOCTOR_BROKEN, todo, "timeballd does not answer: %s", d->no_answer);
}

/* ---- numbering and discipline, as the daemon says ---- */

static struct doctor_finding unnumbered(const char *state, const char *evidence)
{
    if (!strcmp(state, "ambiguous"))
        return doctor_says(
            DOCTOR_BROKEN,
            "fewer or faster messages: `timeballctl receiver messages trim`, or a "
            "higher `timeballctl receiver baud`; or `delay MIN..MAX` in the nmea line, "
            "if you know it",
            "%s", evidence);
    if (!strcmp(state, "conflict"))
        return doctor_says(DOCTOR_BROKEN,
                           "run `systemctl restart timeballd` if the receiver is "
                           "right; network servers (`server NAME`) would tell",
                           "%s", evidence);
    return doctor_says(DOCTOR_UNKNOWN, "run this again in 20 s", "%s: %s", state, evidence);
}

struct doctor_finding doctor_numbering(const struct doctor *d)
{
    const json_t *clock = json_object_get(d->status, "clock");
    const char *state = doctor_text(clock, "numbering"), *evidence = doctor_text(clock, "evidence");
    bool locked = !strcmp(doctor_text(clock, "state"), "locked");
    char margin[48];
    int first = broken_before(d, DOCTOR_NUMBERING);
    if (!d->wants.port && !d->wants.pulse)
        return doctor_says(DOCTOR_NOT_NEEDED, "", "there is no receiver");
    if (!d->status)
        return doctor_waits(DOCTOR_DAEMON);
    if (!strcmp(state, "numbered"))
        return doctor_says(DOCTOR_OK, "", "%s; %s until that would be in doubt", evidence,
                           ctl_seconds(ctl_number(clock, "margin"), false, margin, sizeof margin));
    if (locked || !d->wants.pulse)
        return doctor_says(DOCTOR_NOT_NEEDED, "", "no pulse is used: messages give the time");
    if (first >= 0)
        return doctor_waits((enum doctor_link)first);
    return unnumbered(*state ? state : "starting", *evidence ? evidence : "nothing measured yet");
}

struct doctor_finding doctor_discipline(const struct doctor *d)
{
    const json_t *clock = json_object_get(d->status, "clock");
    const char *state = doctor_text(clock, "state"), *sentence = doctor_text(clock, "sentence");
    int first = broken_before(d, DOCTOR_DISCIPLINE);
    if (!d->status)
        return doctor_waits(DOCTOR_DAEMON);
    if (!*state || !*sentence)
        return doctor_says(DOCTOR_UNKNOWN, "run this again in 10 s", "timeballd has not said yet");
    if (!strcmp(state, "locked"))
        return doctor_says(DOCTOR_OK, "", "%s", sentence);
    if (first >= 0)
        return doctor_waits((enum doctor_link)first);
    if (!strcmp(state, "starting") || !strcmp(state, "numbering"))
        return doctor_says(DOCTOR_UNKNOWN, "run this again in 20 s", "%s", sentence);
    return doctor_says(DOCTOR_BROKEN, "`timeballctl sources` says why each source is not used",
                       "%s", sentence);
}

/* ---- who else steers the clock ---- */

struct doctor_finding doctor_rivals(const struct doctor *d)
{
    struct rival_seen s;
    char todo[200];
    if (!d->wants.steers)
        return doctor_says(DOCTOR_NOT_NEEDED, "",
                           "timeballd does not steer the clock (clock none): "
                           "another daemon may");
    s = rival_find(d->root, false);
    for (const struct rival *r = rivals; r->program && !s.rival; r++)
        if (rival_enabled(d->root, r))
            s.rival = r;
    if (!s.rival)
        return doctor_says(DOCTOR_OK, "", "no other time daemon was found");
    snprintf(todo, sizeof todo,
             "run `systemctl disable --now %s`; or leave the clock to it and "
             "write `clock none`",
             s.rival->unit);
    if (s.pid)
        return doctor_says(DOCTOR_BROKEN, todo, "%s (process %d) steers the clock too",
                           s.rival->program, s.pid);
    return doctor_says(DOCTOR_UNKNOWN, todo,
                       "%s does not run now, and is enabled: the next boot may "
                       "start it",
                       s.rival->unit);
}
