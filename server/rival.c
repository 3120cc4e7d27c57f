/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/rival.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/find/root_file.h"

#define SYS_TIME (1ULL << 25) /* of a capability set, capability.h */

const struct rival rivals[] = {
    {"chronyd", "chrony.service", false},
    {"ntpd", "ntpsec.service", false},
    {"ntpd", "ntp.service", false},
    {"ntpd", "openntpd.service", false},
    {"systemd-timesyn", "systemd-timesyncd.service", false},
    {"ntp-daemon", "ntpd-rs.service", false},
    {"phc2sys", "phc2sys.service", true},
    {NULL, NULL, false},
};

struct scan {
    const char *root;
    bool steers;
    struct rival_seen seen;
};

bool rival_enabled(const char *root, const struct rival *r)
{
    static const char *const folders[] = {"multi-user.target.wants", "sysinit.target.wants"};
    char path[128];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "/etc/systemd/system/%s/%s", folders[i], r->unit);
        if (root_exists(root, path))
            return true;
    }
    return false;
}

static bool may_set(const char *root, const char *process)
{
    static const char name[] = "\nCapEff:";
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%.12s/status", process);
    root_read(root, path, text, sizeof text);
    const char *at = strstr(text, name);
    return at && strtoull(at + sizeof name - 1, NULL, 16) & SYS_TIME;
}

static bool on_process(void *arg, const char *name)
{
    struct scan *s = arg;
    char path[64], program[32], *end;
    long pid = strtol(name, &end, 10);
    snprintf(path, sizeof path, "/proc/%.12s/comm", name);
    if (*end || !root_line(s->root, path, program, sizeof program))
        return true;
    for (const struct rival *r = rivals; r->program; r++)
        if (!strcmp(program, r->program) &&
            (!s->steers || (!r->copies && may_set(s->root, name))) &&
            (!s->seen.rival || rival_enabled(s->root, r)))
            s->seen = (struct rival_seen){.rival = r, .pid = (int)pid};
    return !s->seen.rival;
}

struct rival_seen rival_find(const char *root, bool steers)
{
    struct scan s = {.root = root, .steers = steers};
    root_list(root, "/proc", on_process, &s);
    return s.seen;
}

int rival_refuse(const char *root, struct err *err)
{
    struct rival_seen seen = rival_find(root, true);
    char todo[200];
    if (!seen.rival)
        return 0;
    snprintf(todo, sizeof todo,
             "stop it (`systemctl disable --now %s`), or leave the clock to it and write `clock "
             "none`",
             seen.rival->unit);
    return err_set(err, "clock system", todo, "%s (process %d) steers the system clock already",
                   seen.rival->program, seen.pid);
}
