/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a Pi's config.txt and cmdline.txt: what is read from them must be printable as it
 * is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/doctor/boot.h"
#include "tests/fuzz/fuzz.h"

static bool ends(const char *text, size_t size)
{
    return memchr(text, 0, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct doctor_boot b = {.gpio = -1};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    doctor_boot_config(text, "Raspberry Pi 4 Model B Rev 1.5", &b);
    doctor_boot_cmdline(text, &b);
    if (!ends(b.elsewhere, sizeof b.elsewhere) || !ends(b.console, sizeof b.console) ||
        (b.pps && (b.gpio < 0 || b.gpio > 63)))
        abort();
    free(text);
    return 0;
}
