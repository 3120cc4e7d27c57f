/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/pulse/pulse_sys.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

static const char *base_name(const char *path)
{
    const char *base = strrchr(path, '/');
    return base ? base + 1 : path;
}

void pulse_sys_read(const char *sys, const char *device, const char *attribute, char *value,
                    size_t size)
{
    char path[PATH_MAX];
    *value = 0;
    snprintf(path, sizeof path, "%.512s/class/pps/%.64s/%s", sys, base_name(device), attribute);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (!fgets(value, (int)size, f))
        *value = 0;
    value[strcspn(value, "\n")] = 0;
    fclose(f);
}

bool pulse_sys_find(const char *sys, const char *attribute, const char *value, char *device,
                    size_t size)
{
    char path[PATH_MAX];
    bool found = false;
    snprintf(path, sizeof path, "%.512s/class/pps", sys);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    for (struct dirent *e; !found && (e = readdir(dir));) {
        char has[128];
        if (e->d_name[0] == '.')
            continue;
        pulse_sys_read(sys, e->d_name, attribute, has, sizeof has);
        found = *has && !strcmp(has, value);
        snprintf(device, size, "/dev/%s", e->d_name);
    }
    closedir(dir);
    return found;
}

/* Where a link of a character device leads; false: there is none. */
static bool leads_to(const char *sys, dev_t number, const char *link, char *real)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.512s/dev/char/%u:%u/%s", sys, major(number), minor(number),
             link);
    return realpath(path, real);
}

bool pulse_sys_is_tty(const char *sys, dev_t number)
{
    char real[PATH_MAX];
    if (major(number) >= 136 && major(number) <= 143) /* the ends that programs see */
        return true;
    return leads_to(sys, number, "subsystem", real) && !strcmp(base_name(real), "tty");
}

bool pulse_sys_is_usb(const char *sys, dev_t number)
{
    char real[PATH_MAX];
    return leads_to(sys, number, "device", real) && strstr(real, "/usb");
}
