/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/local.h"

#include <stddef.h>

#include "server/options.h"

static const struct option_row rows[] = {
    {.word = "stratum",
     .type = OPTION_INT,
     .offset = offsetof(struct config, local_stratum),
     .min = 2,
     .max = 15,
     .help = "The stratum of an island."},
    {.word = NULL},
};

int config_local_take(struct config *c, const struct config_line *line, struct err *err)
{
    uint64_t given;
    if (options_take(rows, c, "local", line->word + 1, line->count - 1, line->thing, &given, err))
        return -1;
    if (!given)
        return err_set(err, line->thing, "write `local stratum 10`",
                       "local: the stratum is missing");
    return 0;
}

void config_local_print(FILE *out, const struct config *c)
{
    if (c->local_stratum)
        fprintf(out, "local stratum %lld\n", (long long)c->local_stratum);
}
