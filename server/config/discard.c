/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/discard.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "server/config/config.h"
#include "server/config/line.h"
#include "server/options.h"

#define AT(field) .offset = offsetof(struct config_discard, field)

/* ntp.conf(5) of ntpd 4.2.8. */
const struct option_row config_discard_rows[] = {
    {.word = "average",
     .type = OPTION_INT,
     AT(log2_average),
     .min = 0,
     .max = 12,
     .help = "A client may ask once in 2^N s on the average."},
    {.word = "minimum",
     .type = OPTION_INT,
     AT(minimum),
     .min = 0,
     .max = 65535,
     .unit = "s",
     .help = "It may not ask again before so long after the last time."},
    {.word = "monitor",
     .type = OPTION_INT,
     AT(monitor),
     .max = 1e9,
     .help = "Means nothing: how many clients are remembered does not depend on chance."},
    {.word = NULL},
};

int config_discard_take(struct config *c, const struct config_line *line, struct err *err)
{
    struct config_discard *d = &c->discard;
    uint64_t given;
    if (options_take(config_discard_rows, d, "discard", line->word + 1, line->count - 1,
                     line->thing, &given, err))
        return -1;
    d->average_given |= given & 1;
    d->minimum_given |= given >> 1 & 1;
    if (given & 4)
        err_set(config_warning(c), line->thing, "",
                "discard: monitor means nothing: who is remembered does not depend on chance");
    if (d->average_given)
        c->ratelimit.average = ldexp(1, (int)d->log2_average);
    if (d->minimum_given)
        c->ratelimit.minimum = (double)d->minimum;
    return 0;
}

void config_discard_print(FILE *out, const struct config *c)
{
    const struct config_discard *d = &c->discard;
    if (!d->average_given && !d->minimum_given)
        return;
    fputs("discard", out);
    if (d->average_given)
        fprintf(out, " average %lld", (long long)d->log2_average);
    if (d->minimum_given)
        fprintf(out, " minimum %lld", (long long)d->minimum);
    if (d->average_given)
        fprintf(out, " # one request in %g s on the average", c->ratelimit.average);
    fputc('\n', out);
}
