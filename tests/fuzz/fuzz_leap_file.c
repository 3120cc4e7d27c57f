/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a list of leap seconds: what is taken must make sense at any time. */
#include <stdint.h>
#include <stdlib.h>

#include "server/leap/leap_file.h"
#include "tests/fuzz/fuzz.h"

static void look_at(const struct leap_list *list)
{
    struct leap_table table = {0};
    struct leap_verdict verdict;
    if (list->count < 2 || list->count > LEAP_LIST_MAX)
        abort();
    for (int i = 0; i < list->count; i++) {
        int64_t at = list->row[i].at;
        struct leap_claim before = leap_list_claim(list, at - 1), after = leap_list_claim(list, at);
        if (!leap_possible(at) || after.tai != list->row[i].tai || (i && before.at != at))
            abort();
        leap_say(&table, LEAP_BY_LIST, "list", &before, list->updated, list->expires, at - 1);
        leap_judge(&table, at - 1, &verdict);
        if (verdict.served != LEAP_NONE && verdict.at != at)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char nothing[1];
    struct leap_list list;
    struct err err;
    const char *text = size ? (const char *)data : nothing;
    if (!leap_list_parse("fuzz", text, size, &list, &err))
        look_at(&list);
    if (!leap_zone_parse("fuzz", text, size, &list, &err))
        look_at(&list);
    return 0;
}
