/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a gpsd that is not to be trusted, through libgps. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/gpsd/gpsd_json.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct gpsd_message *m)
{
    REQUIRE(m->sky.count >= 0 && m->sky.count <= SKY_MAX && m->sky.used <= m->sky.count);
    REQUIRE(m->leap >= 0 && m->leap < 200 && m->mode >= 0 && m->mode <= 3);
    REQUIRE(memchr(m->device, 0, sizeof m->device) && memchr(m->release, 0, sizeof m->release));
    if (m->class == GPSD_PPS || m->class == GPSD_TOFF)
        REQUIRE(m->real > 0 && m->clock > 0 && m->sawtooth < 1e-6 && m->sawtooth > -1e-6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gpsd_json *j = gpsd_json_open(NULL);
    struct gpsd_message m;
    char *text = malloc(size + 1);
    if (!j || !text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    for (char *rest = text, *at; (at = strsep(&rest, "\n"));) {
        /* an exact copy, so that reading past its end shows */
        char *line = strdup(at);
        if (line && !gpsd_json_read(j, line, &m))
            check(&m);
        free(line);
    }
    free(text);
    gpsd_json_close(j);
    return 0;
}
