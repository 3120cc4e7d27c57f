/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_RESTRICT_H
#define TIMEBALL_SERVER_CONFIG_RESTRICT_H

#include <stddef.h>
#include <stdio.h>

#include "drivers/option.h"
#include "refclock/err.h"
#include "server/access/access.h"

/*
 * The directives `restrict` and `unrestrict` of ntp.conf: who may ask. As soon as there is one
 * `restrict` line, the list is all that counts, as in ntpd: it holds an entry of length 0 for each
 * family then, which has CONFIG_RESTRICT_BUILTIN unless `unrestrict` took it away. Without such a
 * line the list is empty, and access_build() knows what to do.
 */
#define CONFIG_RESTRICT_MAX     10000 /* entries */
#define CONFIG_RESTRICT_BUILTIN (ACCESS_NOQUERY | ACCESS_LIMITED)

enum config_restrict_kind {
    CONFIG_RESTRICT_ADDRESS, /* `rule` is whole */
    CONFIG_RESTRICT_HOST, /* `host` stands for addresses, each of which is a rule of full length */
    CONFIG_RESTRICT_SOURCE, /* the addresses of all servers that are asked, as they are resolved,
                               where no rule of full length names them */
};

struct config_restrict {
    enum config_restrict_kind kind;
    struct access_rule rule; /* of HOST and SOURCE: only flags; and of HOST family, 0: any */
    char host[OPTION_TEXT_SIZE];
    int line; /* 0: built in */
};

struct config;
struct config_line;

/* Reads such a line: 0, or -1 with *err. */
int config_restrict_take(struct config *c, const struct config_line *line, struct err *err);
/* The same for `unrestrict`, which takes flags away again. */
int config_unrestrict_take(struct config *c, const struct config_line *line, struct err *err);

/* Prints the lines for --check; those of `unrestrict` with what all of them mean for ntpq here. */
void config_restrict_print(FILE *out, const struct config *c);
void config_unrestrict_print(FILE *out, const struct config *c);

/* "192.0.2.0/24", "-6 default", "source", "ntp.example.org"; returns buf. */
const char *config_restrict_name(const struct config_restrict *r, char *buf, size_t size);

#endif
