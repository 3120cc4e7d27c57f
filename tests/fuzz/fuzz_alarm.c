/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any JSON as a status: what it raises is printable text that fits, told once, and comes to an end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/alarm/say.h"
#include "tests/fuzz/fuzz.h"

static void look_at(const struct alarm_event *event)
{
    const struct alarm_about about = {.host = "fuzz"};
    struct alarm_field fields[ALARM_FIELDS];
    alarm_fields(event, &about, fields);
    for (int i = 0; i < ALARM_FIELDS; i++) {
        json_t *utf8 = json_string(fields[i].text);
        for (const char *c = fields[i].text; *c; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                abort();
        if (!utf8 || !strchr(fields[i].text, '='))
            abort();
        json_decref(utf8);
    }
}

/* All that may be told at once; ALARM_EVERY later more. Never more than there is. */
static void tell(struct alarm *alarm, const struct status_alarms *set, int64_t now)
{
    struct alarm_event event;
    for (int told = 0; alarm_next(alarm, set, now, &event); told++) {
        if (told >= 2 * STATUS_ALARMS_MAX)
            abort();
        look_at(&event);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct status_alarms nothing;
    json_t *status = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    struct alarm alarm = {0};
    struct status_alarms set = {0};
    if (!status)
        return 0;
    (void)alarm_take(&set, status);
    if (set.count > STATUS_ALARMS_MAX)
        abort();
    tell(&alarm, &set, 0);
    alarm_gone(&set, "fuzz");
    tell(&alarm, &set, INT64_C(60000000000));
    tell(&alarm, &nothing, INT64_C(120000000000));
    json_decref(status);
    return 0;
}
