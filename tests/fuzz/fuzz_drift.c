/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as the lines of a drift file about delays: what is taken is in range, and is the same
 * when it was written and read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/drift/drift_delays.h"
#include "tests/fuzz/fuzz.h"

static void look_at(const struct drift *d)
{
    struct drift again;
    char text[8192];
    if (d->delays < 0 || d->delays > MEMORY_DELAYS || d->damaged < 0)
        abort();
    for (int i = 0; i < d->delays; i++)
        if (!(d->delay[i].low >= 0 && d->delay[i].high <= MEMORY_DELAY_MAX &&
              d->delay[i].low <= d->delay[i].high) ||
            !*d->delay[i].name)
            abort();
    text[drift_delays_put(d, text, sizeof text)] = 0;
    drift_delays_parse(text, &again);
    if (again.damaged || again.delays != d->delays)
        abort();
    for (int i = 0; i < d->delays; i++)
        if (strcmp(again.delay[i].name, d->delay[i].name) != 0 ||
            strcmp(again.delay[i].model, d->delay[i].model) != 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct drift d;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    drift_delays_parse(text, &d);
    look_at(&d);
    free(text);
    return 0;
}
