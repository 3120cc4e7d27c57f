/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/pulse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timepps.h>
#include <unistd.h>

#include "refclock/civil.h"

#define SYS_PPS "/sys/class/pps"

struct pulse_kernel {
    struct pulse pulse;
    pps_handle_t handle;
    bool clear;
};

static int open_error(struct err *err, const char *path, int errnum)
{
    const char *todo = "";
    if (errnum == ENOENT || errnum == ENXIO || errnum == ENODEV)
        todo = "is the pulse set up (dtoverlay=pps-gpio, or ldattach 18 on the port)? "
               "`ls " SYS_PPS "` shows what there is";
    if (errnum == EACCES || errnum == EPERM)
        todo = "give the user the right to it by a udev rule: KERNEL==\"pps*\", GROUP=\"dialout\", "
               "MODE=\"0660\"";
    return err_errno(err, path, todo, "cannot open", errnum);
}

/* The name that the source gave the kernel ("pps@12.-1", "serial0", "ktimer"); empty: none. */
static void source_name(const char *device, char *name, size_t size)
{
    char path[PATH_MAX];
    const char *base = strrchr(device, '/');
    snprintf(path, sizeof path, SYS_PPS "/%.64s/name", base ? base + 1 : device);
    FILE *f = fopen(path, "re");
    *name = 0;
    if (!f)
        return;
    if (!fgets(name, (int)size, f))
        *name = 0;
    name[strcspn(name, "\n")] = 0;
    fclose(f);
}

/* The device whose source has this name. False: none has. */
static bool find_by_name(const char *wanted, char *device, size_t size)
{
    bool found = false;
    DIR *dir = opendir(SYS_PPS);
    if (!dir)
        return false;
    for (struct dirent *e; !found && (e = readdir(dir));) {
        char name[128];
        if (e->d_name[0] == '.')
            continue;
        source_name(e->d_name, name, sizeof name);
        found = !strcmp(name, wanted);
        snprintf(device, size, "/dev/%s", e->d_name);
    }
    closedir(dir);
    return found;
}

/* The device's own path: links resolved (/dev/gpspps0), or found by the source's name. */
static void device_path(const char *path, char *device)
{
    char *real = NULL;
    if (strchr(path, '/') || !find_by_name(path, device, PATH_MAX)) {
        real = realpath(path, NULL);
        snprintf(device, PATH_MAX, "%s", real ? real : path);
    }
    free(real);
}

static int kernel_fetch(struct pulse *p, struct pulse_stamp *stamp, struct err *err)
{
    static const struct timespec at_once = {0, 0};
    struct pulse_kernel *k = (struct pulse_kernel *)p;
    pps_info_t info;
    if (time_pps_fetch(k->handle, PPS_TSFMT_TSPEC, &info, &at_once)) {
        if (errno == EINTR || errno == ETIMEDOUT || errno == EAGAIN) {
            *stamp = (struct pulse_stamp){0};
            return 0;
        }
        return err_errno(err, "", "it is opened again as soon as it is back",
                         "the pulses have gone", errno);
    }
    const struct timespec *ts = k->clear ? &info.clear_timestamp : &info.assert_timestamp;
    stamp->sequence = k->clear ? info.clear_sequence : info.assert_sequence;
    stamp->reading = ts->tv_sec * NS_PER_S + ts->tv_nsec;
    return 0;
}

static void kernel_close(struct pulse *p)
{
    time_pps_destroy(((struct pulse_kernel *)p)->handle);
    free(p);
}

static const struct pulse_ops kernel_ops = {.fetch = kernel_fetch, .close = kernel_close};

/* Does the kernel add an offset to the stamps? (pps-gpio sets the flag, with an offset of 0.) */
static bool shifted(const pps_params_t *params, bool clear)
{
    const struct timespec *offset = clear ? &params->clear_offset : &params->assert_offset;
    bool on = params->mode & (clear ? PPS_OFFSETCLEAR : PPS_OFFSETASSERT);
    return on && (offset->tv_sec || offset->tv_nsec);
}

/* Captures the wanted edge; who may not set that is content where it is captured already. */
static int capture(pps_handle_t handle, const char *path, bool clear, struct err *err)
{
    const int edge = clear ? PPS_CAPTURECLEAR : PPS_CAPTUREASSERT;
    const char *name = clear ? "clear" : "assert";
    int can = 0;
    pps_params_t params;
    if (time_pps_getcap(handle, &can) || !(can & edge))
        return err_set(err, path,
                       clear ? "say `edge assert`, or load pps-gpio with capture_clear"
                             : "say `edge clear`",
                       "the device cannot capture the %s edge", name);
    if (time_pps_getparams(handle, &params))
        return err_errno(err, path, "is it a PPS device?", "cannot read its settings", errno);
    if ((params.mode & edge) && !shifted(&params, clear))
        return 0;
    params.api_version = PPS_API_VERS_1;
    params.mode |= edge | PPS_TSFMT_TSPEC;
    if (clear)
        params.clear_offset = (struct timespec){0};
    else
        params.assert_offset = (struct timespec){0};
    if (!time_pps_setparams(handle, &params))
        return 0;
    return err_errno(err, path, "start once with the right CAP_SYS_TIME, or as root",
                     clear ? "cannot have the clear edge captured"
                           : "cannot have the assert edge captured",
                     errno);
}

static int open_handle(const char *device, const char *path, pps_handle_t *handle, struct err *err)
{
    int fd = open(device, O_RDWR | O_CLOEXEC);
    if (fd < 0 && (errno == EACCES || errno == EROFS))
        fd = open(device, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return open_error(err, path, errno);
    if (!time_pps_create(fd, handle))
        return 0;
    close(fd);
    return err_set(err, path, "name a device of `ls " SYS_PPS "`, such as /dev/pps0",
                   "is no PPS device");
}

int pulse_kernel_open(const char *path, bool clear, struct pulse **out, struct err *err)
{
    char device[PATH_MAX], name[128];
    pps_handle_t handle = -1;
    device_path(path, device);
    source_name(device, name, sizeof name);
    if (!strcmp(name, "ktimer"))
        return err_set(err, path, "name the receiver's device: `grep . " SYS_PPS "/*/name`",
                       "is ktimer, the kernel's own timer, and no receiver's pulse");
    if (open_handle(device, path, &handle, err))
        return -1;
    struct pulse_kernel *k = malloc(sizeof *k);
    if (!k || capture(handle, path, clear, err)) {
        if (!k)
            open_error(err, path, ENOMEM);
        time_pps_destroy(handle);
        free(k);
        return -1;
    }
    *k = (struct pulse_kernel){.pulse = {.ops = &kernel_ops}, .handle = handle, .clear = clear};
    *out = &k->pulse;
    return 0;
}
