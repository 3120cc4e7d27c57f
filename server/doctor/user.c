/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/doctor/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/find/root_file.h"
#include "server/ctl/text.h"

#define DAC_OVERRIDE 2 /* bit 1 of a capability set, capability.h */

static void add_group(struct doctor_user *u, long group)
{
    if (u->groups < DOCTOR_GROUPS && group >= 0)
        u->group[u->groups++] = (gid_t)group;
}

/* What follows a name at the beginning of a line; NULL: there is no such line. */
static const char *field(const char *text, const char *name)
{
    for (size_t n = strlen(name); text; text = strchr(text, '\n')) {
        text += *text == '\n';
        if (!strncmp(text, name, n))
            return text + n;
    }
    return NULL;
}

/* /proc/PID/status: Uid is real, effective, saved, file system's. */
static bool of_process(const char *root, int pid, struct doctor_user *u)
{
    char path[64], text[4096], *end;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    root_read(root, path, text, sizeof text);
    const char *uid = field(text, "Uid:"), *gid = field(text, "Gid:");
    const char *groups = field(text, "Groups:"), *caps = field(text, "CapEff:");
    if (!uid || !gid)
        return false;
    (void)strtol(uid, &end, 10);
    u->uid = (uid_t)strtol(end, NULL, 10);
    (void)strtol(gid, &end, 10);
    add_group(u, strtol(end, NULL, 10));
    while (groups && *(groups += strspn(groups, " \t")) >= '0' && *groups <= '9') {
        add_group(u, strtol(groups, &end, 10));
        groups = end;
    }
    u->may_all = caps && strtoull(caps, NULL, 16) & DAC_OVERRIDE;
    return true;
}

/* /etc/group: name:password:number:member,member */
static void groups_of(const char *root, const char *name, struct doctor_user *u)
{
    char text[16384];
    root_read(root, "/etc/group", text, sizeof text);
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        (void)strsep(&line, ":");
        (void)strsep(&line, ":");
        const char *number = strsep(&line, ":");
        for (char *member; line && (member = strsep(&line, ","));)
            if (!strcmp(member, name))
                add_group(u, strtol(number, NULL, 10));
    }
}

/* /etc/passwd: name:password:uid:gid:... */
static bool of_account(const char *root, const char *name, struct doctor_user *u)
{
    char text[16384], begin[48];
    snprintf(begin, sizeof begin, "%s:", name);
    root_read(root, "/etc/passwd", text, sizeof text);
    const char *line = field(text, begin), *ids = line ? strchr(line, ':') : NULL;
    char *end;
    if (!ids)
        return false;
    u->uid = (uid_t)strtol(ids + 1, &end, 10);
    if (*end == ':')
        add_group(u, strtol(end + 1, NULL, 10));
    groups_of(root, name, u);
    return true;
}

static void name_of(const char *root, struct doctor_user *u)
{
    char text[16384], number[24];
    snprintf(u->name, sizeof u->name, "user %u", (unsigned)u->uid);
    snprintf(number, sizeof number, "%u", (unsigned)u->uid);
    root_read(root, "/etc/passwd", text, sizeof text);
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        const char *name = strsep(&line, ":");
        (void)strsep(&line, ":");
        const char *uid = strsep(&line, ":");
        if (uid && !strcmp(uid, number)) {
            snprintf(u->name, sizeof u->name, "%.30s", name);
            return;
        }
    }
}

static void of_caller(struct doctor_user *u)
{
    gid_t mine[DOCTOR_GROUPS];
    int n = getgroups(DOCTOR_GROUPS, mine);
    u->uid = geteuid();
    add_group(u, getegid());
    for (int i = 0; i < n; i++)
        add_group(u, mine[i]);
    u->may_all = u->uid == 0;
}

bool doctor_user_find(const struct doctor *d, struct doctor_user *u)
{
    *u = (struct doctor_user){0};
    double pid = ctl_number(json_object_get(d->status, "process"), "pid");
    if (pid >= 1 && pid < 1e9 && of_process(d->root, (int)pid, u)) {
        name_of(d->root, u);
        return true;
    }
    if (of_account(d->root, "timeball", u)) {
        snprintf(u->name, sizeof u->name, "timeball");
        return true;
    }
    if (*d->root)
        return false;
    of_caller(u);
    name_of(d->root, u);
    return true;
}

static bool is_in(const struct doctor_user *u, gid_t group)
{
    for (int i = 0; i < u->groups; i++)
        if (u->group[i] == group)
            return true;
    return false;
}

/* A link of a made-up tree is followed: it is a device's other name. */
static bool state_of(const char *root, const char *device, struct stat *st)
{
    char path[512];
    snprintf(path, sizeof path, "%.400s%.100s", root, device);
    return !stat(path, st);
}

bool doctor_user_may_open(const char *root, const char *device, const struct doctor_user *u)
{
    struct stat st;
    mode_t need = S_IROTH | S_IWOTH;
    if (u->may_all || !state_of(root, device, &st))
        return true;
    if (st.st_uid == u->uid)
        need <<= 6;
    else if (is_in(u, st.st_gid))
        need <<= 3;
    return (st.st_mode & need) == need;
}

bool doctor_user_group_of(const char *root, const char *device, char *name, size_t size)
{
    char text[16384], number[24];
    struct stat st;
    if (!state_of(root, device, &st) || !st.st_gid || !(st.st_mode & S_IRGRP) ||
        !(st.st_mode & S_IWGRP))
        return false;
    snprintf(number, sizeof number, "%u", (unsigned)st.st_gid);
    root_read(root, "/etc/group", text, sizeof text);
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        const char *group = strsep(&line, ":");
        (void)strsep(&line, ":");
        const char *gid = strsep(&line, ":");
        if (gid && !strcmp(gid, number)) {
            snprintf(name, size, "%.30s", group);
            return true;
        }
    }
    return false;
}
