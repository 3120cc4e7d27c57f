/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Built without ncurses: a terminal gets what a pipe gets. */
#include "server/ctl/screen.h"

struct ctl_screen *ctl_screen_open(FILE *out)
{
    (void)out;
    return NULL;
}

void ctl_screen_close(struct ctl_screen *s)
{
    (void)s;
}

void ctl_screen_take(struct ctl_screen *s, const json_t *status)
{
    (void)s;
    (void)status;
}

void ctl_screen_draw(struct ctl_screen *s, int silent)
{
    (void)s;
    (void)silent;
}

void ctl_screen_resize(struct ctl_screen *s)
{
    (void)s;
}

bool ctl_screen_ends(struct ctl_screen *s)
{
    (void)s;
    return false;
}

void ctl_screen_pause(struct ctl_screen *s)
{
    (void)s;
}

void ctl_screen_resume(struct ctl_screen *s)
{
    (void)s;
}
