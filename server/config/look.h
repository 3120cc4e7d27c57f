/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_LOOK_H
#define TIMEBALL_SERVER_CONFIG_LOOK_H

struct config;

/*
 * For --check: looks whether the files, the folder and the user that the configuration names by
 * itself are there, and adds a warning for each that is not. Another machine's file stays usable.
 */
void config_look(struct config *c);

#endif
