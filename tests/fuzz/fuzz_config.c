/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a configuration file: read, printed as --check does, and read again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/config/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config c;
    struct config_errors errors;
    char *text = NULL;
    size_t length = 0;
    if (config_parse(&c, "fuzz.conf", (const char *)data, size, &errors)) {
        if (!errors.count || c.refclock_count || c.restrictions || c.warning)
            abort();
        return 0;
    }
    FILE *f = open_memstream(&text, &length);
    if (!f)
        abort();
    config_check_print(f, &c);
    fclose(f);
    size_t clocks = c.refclock_count, listens = c.listen_count, servers = c.server_count,
           rules = c.restrict_count;
    config_free(&c);
    if (config_parse(&c, "check.conf", text, length, &errors) || c.refclock_count != clocks ||
        c.listen_count != listens || c.server_count != servers || c.restrict_count != rules) {
        config_errors_print(stderr, "fuzz_config", &errors);
        abort();
    }
    config_free(&c);
    free(text);
    return 0;
}
