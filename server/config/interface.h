/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_INTERFACE_H
#define TIMEBALL_SERVER_CONFIG_INTERFACE_H

#include <stdbool.h>
#include <stdio.h>

#include "drivers/option.h"
#include "refclock/err.h"
#include "server/access/access.h"

/*
 * The directive `interface` (or `nic`) of ntp.conf: which of this machine's addresses are listened
 * on. The last line that fits an address counts; when there is a line, addresses that none fits are
 * left out, but for loopback. It becomes `listen` lines, by the addresses of that moment.
 */
#define CONFIG_INTERFACE_MAX 32

struct config_interface {
    bool listen;                 /* else ignore or drop */
    char name[OPTION_TEXT_SIZE]; /* all, ipv4, ipv6, wildcard, or an interface's name */
    struct access_rule address;  /* family 0: by name */
    int line;
};

struct config;
struct config_line;

/* Reads such a line: 0, or -1 with *err. */
int config_interface_take(struct config *c, const struct config_line *line, struct err *err);

/* After the last line: fills the configuration's listen addresses. 0, or -1 with *err. */
int config_interface_finish(struct config *c, struct err *err);

/* Prints the lines for --check, as comments: their addresses stand in `listen` lines. */
void config_interface_print(FILE *out, const struct config *c);

#endif
