/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a recording: replayed through the whole daemon, its bytes through framing and
 * decoding, its packets through the peers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/record/record.h"
#include "server/sim/replay.h"
#include "tests/fuzz/fuzz.h"

#define MOST 8192 /* bytes: time that passes in a recording costs time here */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct log quiet = {.max = LOG_LEVEL_ERROR};
    char *text = NULL;
    size_t length = 0;
    struct err err = {0};
    if (size == 0 || size > MOST)
        return 0;
    char *copy = malloc(size);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    FILE *in = fmemopen(copy, size, "r");
    FILE *out = open_memstream(&text, &length);
    if (!in || !out)
        abort();
    int bad = sim_replay(in, "fuzz", size % 2, &quiet, out, &err);
    fclose(in);
    fclose(out);
    if (bad ? !*err.why : !length)
        abort();
    free(text);
    free(copy);
    return 0;
}
