/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/look.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "server/config/config.h"

#define UNIT_LOGS "/var/log/timeball" /* made for us when the service is started */

static const char *where(const struct config *c, const char *word)
{
    for (const struct config_directive *d = config_directives; d->row.word; d++)
        if (!strcmp(d->row.word, word))
            return c->where[d - config_directives];
    return "";
}

static void look_for(struct config *c, const char *word, const char *path, const char *todo)
{
    if (config_given(c, word) && *path == '/' && access(path, F_OK) && errno == ENOENT)
        err_set(config_warning(c), where(c, word), todo, "%s: there is no %.120s", word, path);
}

void config_look(struct config *c)
{
    look_for(c, "leapfile", c->leapfile, "install tzdata, or delete the line");
    look_for(c, "temperature", c->temperature, "see /sys/class/thermal for the sensors");
    if (strcmp(c->statistics.folder, UNIT_LOGS) != 0)
        look_for(c, "statsdir", c->statistics.folder,
                 "make the folder, and give it to timeballd's user");
    if (config_given(c, "user") && *c->user && !getpwnam(c->user))
        err_set(config_warning(c), where(c, "user"), "make the user, or delete the line",
                "user: there is no user %.100s", c->user);
}
