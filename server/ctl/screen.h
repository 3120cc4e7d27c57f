/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CTL_SCREEN_H
#define TIMEBALL_SERVER_CTL_SCREEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* The full-screen view of `timeballctl watch`, by ncurses; one at a time in a process. */
struct ctl_screen;

/*
 * Takes the terminal over. NULL: `out` is none, or one that ncurses does not know, or this was
 * built without ncurses.
 */
struct ctl_screen *ctl_screen_open(FILE *out);

/* Gives the terminal back as it was. NULL is allowed. */
void ctl_screen_close(struct ctl_screen *s);

/* A new status; it is kept until the next one. */
void ctl_screen_take(struct ctl_screen *s, const json_t *status);

/* Draws. `silent`: s since the last status. */
void ctl_screen_draw(struct ctl_screen *s, int silent);

/* After SIGWINCH: takes the new size. */
void ctl_screen_resize(struct ctl_screen *s);

/* Reads what was typed. True: the end is wanted (q). */
bool ctl_screen_ends(struct ctl_screen *s);

/* Lends the terminal back to the shell, and takes it again: around SIGSTOP. */
void ctl_screen_pause(struct ctl_screen *s);
void ctl_screen_resume(struct ctl_screen *s);

#endif
