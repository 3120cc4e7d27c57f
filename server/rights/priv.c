/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/rights/priv.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    unsigned need;
    unsigned capability;
    const char *name;
} kept[] = {
    {PRIV_CLOCK, CAP_SYS_TIME, "sys_time"},
    {PRIV_LOCK, CAP_IPC_LOCK, "ipc_lock"},
};

static int no_such_user(const char *user, bool given, const struct log *log, struct err *err)
{
    char todo[160];
    snprintf(todo, sizeof todo, "adduser --system --group %.40s, or set `user none`", user);
    if (given)
        return err_set(err, user, todo, "there is no such user");
    log_say(log, LOG_LEVEL_WARNING, "there is no user %s, so it goes on as root; %s", user, todo);
    return 0;
}

int priv_find(struct priv *p, const char *user, bool given, const struct log *log, struct err *err)
{
    const struct passwd *me = getpwuid(geteuid());
    *p = (struct priv){0};
    if (me)
        snprintf(p->user, sizeof p->user, "%s", me->pw_name);
    else
        snprintf(p->user, sizeof p->user, "%u", (unsigned)geteuid());
    if (geteuid() != 0 || !*user)
        return 0;
    const struct passwd *found = getpwnam(user);
    if (!found)
        return no_such_user(user, given, log, err);
    p->change = found->pw_uid != 0;
    p->uid = found->pw_uid;
    p->gid = found->pw_gid;
    snprintf(p->user, sizeof p->user, "%s", user);
    return 0;
}

void priv_make_folder(const struct priv *p, const char *path)
{
    char folder[256];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path || (size_t)(slash - path) >= sizeof folder)
        return;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (!mkdir(folder, 0755) && p->change)
        (void)!chown(folder, p->uid, p->gid);
}

void priv_give(const struct priv *p, const char *path)
{
    if (p->change && *path)
        (void)!lchown(path, p->uid, p->gid);
}

/* What it is allowed already, of what it needs. */
static unsigned allowed(unsigned needs)
{
    unsigned have = 0;
    capng_get_caps_process();
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (needs & kept[i].need && capng_have_capability(CAPNG_PERMITTED, kept[i].capability))
            have |= kept[i].need;
    return have;
}

int priv_drop(struct priv *p, unsigned needs, struct err *err)
{
    static const char todo[] = "start it by its systemd unit, or set `user none`";
    unsigned keep = allowed(needs);
    size_t n = 0;
    if (geteuid() == 0 && !p->change) {
        snprintf(p->capabilities, sizeof p->capabilities, "all of root's");
        return 0;
    }
    capng_clear(CAPNG_SELECT_CAPS);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (!(keep & kept[i].need))
            continue;
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i].capability);
        n += (size_t)snprintf(p->capabilities + n, sizeof p->capabilities - n, "%s%s", n ? " " : "",
                              kept[i].name);
    }
    int bad = p->change ? capng_change_id((int)p->uid, (int)p->gid, CAPNG_INIT_SUPP_GRP)
                        : capng_apply(CAPNG_SELECT_CAPS);
    if (bad)
        return err_set(err, p->user, todo, "rights could not be given up (step %d)", -bad);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return err_errno(err, p->user, todo, "giving up rights", errno);
    return 0;
}
