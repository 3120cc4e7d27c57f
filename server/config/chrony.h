/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_CHRONY_H
#define TIMEBALL_SERVER_CONFIG_CHRONY_H

#include "refclock/err.h"
#include "server/config/line.h"

/*
 * Words of chrony.conf(5) (chrony 4) that are unknown here, or mean something else. They are
 * errors, never left out by themselves: who may ask, and which key, is not to be lost. Each says
 * what to write instead.
 */
struct config_chrony_row {
    const char *word;   /* the directive; NULL ends the table */
    const char *option; /* its first value, by which it is chrony's; NULL: the word alone says so */
    const char *todo;
};
extern const struct config_chrony_row config_chrony_rows[];

/* 0; or -1 with *err when the line is one of chrony.conf. */
int config_chrony_refuse(const struct config_line *line, struct err *err);

#endif
