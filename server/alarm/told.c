/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/alarm/told.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/replace.h"

#define TODO "remove the file; what stands is told again then"

int alarm_told_read(const char *path, struct alarm *a, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_errno(err, path, TODO, "opening", errno);
    json_t *o = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
    close(fd);
    bool taken = alarm_take(&a->told, o);
    json_decref(o);
    if (!taken)
        return err_set(err, path, TODO, "is not what timeball-alarm has written");
    a->started = true;
    return 1;
}

static json_t *array_of(const struct status_alarms *told)
{
    json_t *array = json_array();
    for (const struct status_alarm *a = told->item; a < told->item + told->count; a++)
        if (json_array_append_new(array,
                                  json_pack("{s:s, s:s, s:s, s:s}", "event", alarm_words[a->event],
                                            "level", alarm_levels[a->level], "thing", a->thing,
                                            "sentence", a->sentence))) {
            json_decref(array);
            return NULL;
        }
    return array;
}

int alarm_told_write(const char *path, const struct status_alarms *told, struct err *err)
{
    json_t *o = json_pack("{s:o}", "alarms", array_of(told));
    char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
    int bad = text ? replace_file(path, text) : ENOMEM;
    free(text);
    json_decref(o);
    return bad ? err_errno(err, path, "after a restart all that stands is told again", "writing",
                           bad)
               : 0;
}
