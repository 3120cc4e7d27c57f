/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/ratelimit.h"

#include <stddef.h>

#include "server/config/config.h"

#define AT(field) .offset = offsetof(struct config, ratelimit.field)

const struct option_row config_ratelimit_rows[] = {
    {.word = "average",
     .type = OPTION_SECONDS,
     AT(average),
     .min = 1.0 / 256,
     .max = 4096,
     .unit = "s",
     .initial = "1",
     .help = "An address may ask once in so many seconds in the long run."},
    {.word = "burst",
     .type = OPTION_INT,
     AT(burst),
     .min = 1,
     .max = 255,
     .unit = "",
     .initial = "20",
     .help = "So many requests may come at once: many users may share an address."},
    {.word = "kod",
     .type = OPTION_INT,
     AT(kod),
     .min = 1,
     .max = 250,
     .unit = "s",
     .initial = "8",
     .help =
         "A client is told that it asks too often at most once in so many seconds, and ever more "
         "seldom when it does not heed it."},
    {.word = "leak",
     .type = OPTION_INT,
     AT(leak),
     .min = 0,
     .max = 1e6,
     .unit = "",
     .initial = "4",
     .help = "One in so many requests over the limit is answered all the same, so that nobody is "
             "silenced by requests in its name; 0: none."},
    {.word = NULL},
};
