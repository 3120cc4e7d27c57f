/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/timepps.h>
#include <unistd.h>

#include "drivers/pulse/pulse.h"
#include "drivers/pulse/pulse_sys.h"
#include "drivers/pulse/pulse_width.h"
#include "refclock/civil.h"

#define SYS_PPS    PULSE_SYS "/class/pps"
#define USB_ERROR  1e-3
#define LOOK_AFTER 32 /* fetches without a new edge: is the device there still? */

struct pulse_kernel {
    struct pulse pulse;
    pps_handle_t handle;
    bool clear, both;
    char refused[64]; /* why time_pps_setparams was, for the other edge; "": it was not */
    double error;
    struct pulse_width width;
    uint64_t seen;
    int idle;
    char device[64], name[64];
};

static int open_error(struct err *err, const char *path, int errnum)
{
    const char *todo = "";
    if (errnum == ENOENT || errnum == ENXIO || errnum == ENODEV)
        todo = "is the pulse set up (dtoverlay=pps-gpio, or `pps` with the serial port's name)? "
               "`ls " SYS_PPS "` shows what there is";
    if (errnum == EACCES || errnum == EPERM)
        todo = "give the user the right to it by a udev rule: KERNEL==\"pps*\", GROUP=\"dialout\", "
               "MODE=\"0660\"";
    return err_errno(err, path, todo, "cannot open", errnum);
}

/* The device's own path: links resolved (/dev/gpspps0), or found by the source's name. */
static void device_path(const char *path, char *device)
{
    char *real = NULL;
    if (strchr(path, '/') || !pulse_sys_find(PULSE_SYS, "name", path, device, PATH_MAX)) {
        real = realpath(path, NULL);
        snprintf(device, PATH_MAX, "%s", real ? real : path);
    }
    free(real);
}

/* A device that was unplugged goes on to answer: what its name stands for now tells. */
static int look_for_device(struct pulse_kernel *k, struct err *err)
{
    struct stat held, named;
    k->idle = 0;
    if (fstat(k->handle, &held) || !stat(k->device, &named) || (errno != ENOENT && errno != ENXIO))
        return 0;
    return err_set(err, "", "it is opened again as soon as it is back",
                   "the device was taken away");
}

static struct pulse_edge edge_of(const struct pps_kinfo *info, bool clear)
{
    const struct pps_ktime *at = clear ? &info->clear_tu : &info->assert_tu;
    return (struct pulse_edge){
        .sequence = clear ? info->clear_sequence : info->assert_sequence,
        .at = at->sec * NS_PER_S + at->nsec,
    };
}

/*
 * time_pps_fetch() with a time-out of 0, all octets of it: a kernel of 64 bits takes what a program
 * of 32 bits has between its fields for a part of the time-out, and would wait for the next pulse.
 */
static int fetch_at_once(pps_handle_t handle, struct pps_kinfo *info)
{
    struct pps_fdata data;
    memset(&data, 0, sizeof data);
    int bad = ioctl(handle, PPS_FETCH, &data);
    *info = data.info;
    return bad;
}

static int kernel_fetch(struct pulse *p, struct pulse_stamp *stamp, struct err *err)
{
    struct pulse_kernel *k = (struct pulse_kernel *)p;
    struct pps_kinfo info;
    if (fetch_at_once(k->handle, &info)) {
        *stamp = (struct pulse_stamp){0};
        if (errno == EINTR || errno == ETIMEDOUT || errno == EAGAIN)
            return 0;
        return err_errno(err, "", "it is opened again as soon as it is back",
                         "the pulses have gone", errno);
    }
    struct pulse_edge wanted = edge_of(&info, k->clear), opposite = edge_of(&info, !k->clear);
    if (!k->both)
        opposite.sequence = 0;
    *stamp = (struct pulse_stamp){
        .sequence = wanted.sequence,
        .reading = wanted.at,
        .width = pulse_width_next(&k->width, wanted, opposite),
        .error = k->error,
    };
    k->idle = wanted.sequence == k->seen ? k->idle + 1 : 0;
    k->seen = wanted.sequence;
    return k->idle >= LOOK_AFTER ? look_for_device(k, err) : 0;
}

static void kernel_close(struct pulse *p)
{
    time_pps_destroy(((struct pulse_kernel *)p)->handle);
    free(p);
}

static void kernel_describe(const struct pulse *p, char *buf, size_t size)
{
    const struct pulse_kernel *k = (const struct pulse_kernel *)p;
    const char *edge = k->clear ? "clear" : "assert", *other = k->clear ? "assert" : "clear";
    char named[72] = "", why[160] = "";
    if (*k->name)
        snprintf(named, sizeof named, " (%s)", k->name);
    if (*k->refused)
        snprintf(why, sizeof why, "; setting it to capture the %s edge too was refused: %s", other,
                 k->refused);
    if (k->both)
        snprintf(buf, size, "%s%s captures both edges", k->device, named);
    else
        snprintf(buf, size, "%s%s captures the %s edge only%s", k->device, named, edge, why);
}

static const struct pulse_ops kernel_ops = {
    .fetch = kernel_fetch, .close = kernel_close, .describe = kernel_describe};

/* Does the kernel add an offset to the stamps? (pps-gpio sets the flag, with an offset of 0.) */
static bool shifted_edge(const pps_params_t *params, bool clear)
{
    const struct timespec *offset = clear ? &params->clear_offset : &params->assert_offset;
    bool on = params->mode & (clear ? PPS_OFFSETCLEAR : PPS_OFFSETASSERT);
    return on && (offset->tv_sec || offset->tv_nsec);
}

static bool shifted(const pps_params_t *params)
{
    return shifted_edge(params, true) || shifted_edge(params, false);
}

static int can_capture(const struct pulse_kernel *k, const char *path, int *edges, struct err *err)
{
    const int edge = k->clear ? PPS_CAPTURECLEAR : PPS_CAPTUREASSERT;
    int can = 0;
    if (time_pps_getcap(k->handle, &can) || !(can & edge))
        return err_set(err, path,
                       k->clear ? "say `edge assert`, or load pps-gpio with capture_clear"
                                : "say `edge clear`",
                       "the device cannot capture the %s edge", k->clear ? "clear" : "assert");
    *edges = can & PPS_CAPTUREBOTH;
    return 0;
}

/* Captures what it can; who may not set that is content where the wanted edge is captured. */
static int capture(struct pulse_kernel *k, const char *path, struct err *err)
{
    const int edge = k->clear ? PPS_CAPTURECLEAR : PPS_CAPTUREASSERT;
    int edges = edge;
    pps_params_t now, params;
    if (can_capture(k, path, &edges, err))
        return -1;
    if (time_pps_getparams(k->handle, &now))
        return err_errno(err, path, "is it a PPS device?", "cannot read its settings", errno);
    k->both = (now.mode & edges) == PPS_CAPTUREBOTH;
    if ((now.mode & edges) == edges && !shifted(&now))
        return 0;
    params = now;
    params.api_version = PPS_API_VERS_1;
    params.mode |= edges | PPS_TSFMT_TSPEC;
    params.clear_offset = params.assert_offset = (struct timespec){0};
    if (!time_pps_setparams(k->handle, &params)) {
        k->both = edges == PPS_CAPTUREBOTH;
        return 0;
    }
    struct err why;
    err_errno(&why, path, "start once with the right CAP_SYS_TIME, or as root", "", errno);
    snprintf(k->refused, sizeof k->refused, "%.*s", (int)sizeof k->refused - 1, why.why);
    if (now.mode & edge && !shifted(&now))
        return 0;
    return err_set(err, path, why.todo, "cannot have the %s edge captured: %s",
                   k->clear ? "clear" : "assert", why.why);
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
    return err_set(err, path,
                   "name a device of `ls " SYS_PPS "`, such as /dev/pps0, or a serial port",
                   "is no PPS device");
}

/* The pulse of a port behind USB comes with the next of its polls. */
static double error_of(const char *device)
{
    char port[128];
    struct stat st;
    pulse_sys_read(PULSE_SYS, device, "path", port, sizeof port);
    return *port && !stat(port, &st) && pulse_sys_is_usb(PULSE_SYS, st.st_rdev) ? USB_ERROR : 0;
}

int pulse_kernel_open(const char *path, const struct pulse_want *want, struct pulse **out,
                      struct err *err)
{
    char device[PATH_MAX], name[64];
    pps_handle_t handle = -1;
    device_path(path, device);
    pulse_sys_read(PULSE_SYS, device, "name", name, sizeof name);
    if (!strcmp(name, "ktimer"))
        return err_set(err, path, "name the receiver's device: `grep . " SYS_PPS "/*/name`",
                       "is ktimer, the kernel's own timer, and no receiver's pulse");
    if (open_handle(device, path, &handle, err))
        return -1;
    struct pulse_kernel *k = calloc(1, sizeof *k);
    if (!k) {
        open_error(err, path, ENOMEM);
        goto fail;
    }
    k->pulse.ops = &kernel_ops;
    k->handle = handle;
    k->clear = want->clear;
    k->error = error_of(device);
    snprintf(k->device, sizeof k->device, "%.*s", (int)sizeof k->device - 1, device);
    snprintf(k->name, sizeof k->name, "%s", name);
    if (capture(k, path, err))
        goto fail;
    *out = &k->pulse;
    return 0;
fail:
    time_pps_destroy(handle);
    free(k);
    return -1;
}
