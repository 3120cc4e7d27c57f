/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/gpsd/gpsd_json.h"

/* In the place of gpsd_json.c where libgps was left out. */

struct gpsd_json *gpsd_json_open(struct err *err)
{
    err_set(err, "refclock gpsd", "build it with libgps (cmake -DTIMEBALL_GPSD=ON)",
            "timeballd was built without it");
    return NULL;
}

void gpsd_json_close(struct gpsd_json *j)
{
    (void)j;
}

int gpsd_json_read(struct gpsd_json *j, char *line, struct gpsd_message *m)
{
    (void)j, (void)line;
    m->class = GPSD_OTHER;
    return -1;
}

const char *gpsd_json_library(void)
{
    return "";
}
