/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/phc/phc_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ptp_clock.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "refclock/civil.h"

#define SAMPLES   9
#define STAMPS    16
#define GONE_TODO "it is opened again as soon as it is back"

/* The ways to compare, from the best on. */
enum way { WAY_PRECISE, WAY_EXTENDED, WAY_BASIC, WAYS };

struct phc_device {
    struct phc phc;
    int fd;
    enum way way; /* that works, or is to be tried next */
    struct phc_input input;
    bool listening;
    int64_t stamp[STAMPS];
    int stamps, taken;
};

static int64_t ns(const struct ptp_clock_time *t)
{
    return (int64_t)t->sec * NS_PER_S + t->nsec;
}

/* Each returns the number of readings, or -1 with errno. */
static int read_precise(int fd, struct phc_reading *out)
{
    struct ptp_sys_offset_precise p = {0};
    if (ioctl(fd, PTP_SYS_OFFSET_PRECISE, &p))
        return -1;
    int64_t system = ns(&p.sys_realtime);
    out[0] = (struct phc_reading){.before = system, .phc = ns(&p.device), .after = system};
    return 1;
}

static int read_extended(int fd, struct phc_reading *out)
{
    struct ptp_sys_offset_extended x = {.n_samples = SAMPLES};
    if (ioctl(fd, PTP_SYS_OFFSET_EXTENDED, &x))
        return -1;
    for (int i = 0; i < SAMPLES; i++)
        out[i] = (struct phc_reading){ns(&x.ts[i][0]), ns(&x.ts[i][1]), ns(&x.ts[i][2])};
    return SAMPLES;
}

static int read_basic(int fd, struct phc_reading *out)
{
    struct ptp_sys_offset b = {.n_samples = SAMPLES};
    if (ioctl(fd, PTP_SYS_OFFSET, &b))
        return -1;
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct ptp_clock_time *t = &b.ts[2 * i];
        out[i] = (struct phc_reading){ns(&t[0]), ns(&t[1]), ns(&t[2])};
    }
    return SAMPLES;
}

static bool is_refusal(int errnum)
{
    return errnum == EOPNOTSUPP || errnum == ENOTTY || errnum == EINVAL || errnum == ENOSYS;
}

static int device_compare(struct phc *p, struct phc_offset *out, struct err *err)
{
    static int (*const ways[])(int, struct phc_reading *) = {
        [WAY_PRECISE] = read_precise, [WAY_EXTENDED] = read_extended, [WAY_BASIC] = read_basic};
    struct phc_device *d = (struct phc_device *)p;
    struct phc_reading readings[SAMPLES];
    int count = ways[d->way](d->fd, readings);
    while (count < 0 && is_refusal(errno) && d->way + 1 < WAYS) {
        d->way++;
        count = ways[d->way](d->fd, readings);
    }
    if (count < 0 && is_refusal(errno))
        return err_errno(err, "", "name a PTP hardware clock: `ls /dev/ptp*`",
                         "cannot be compared with the system clock", errno);
    if (count < 0)
        return err_errno(err, "", GONE_TODO, "cannot be read", errno);
    if (phc_offset_best(readings, (size_t)count, out))
        return err_set(err, "", "", "was read while the system clock went back");
    return 0;
}

static int set_pin(const struct phc_device *d, const struct phc_input *in, struct err *err)
{
    struct ptp_pin_desc pin = {
        .index = (unsigned)in->pin, .func = PTP_PF_EXTTS, .chan = (unsigned)in->channel};
    char doing[48];
    if (in->pin < 0 || !ioctl(d->fd, PTP_PIN_SETFUNC, &pin))
        return 0;
    int errnum = errno;
    const char *todo = "`cat /sys/class/ptp/ptp*/n_pins`, `ls /sys/class/ptp/ptp*/pins` show what "
                       "it has; leave `pin` away where it has none";
    if (errnum == EPERM || errnum == EACCES)
        todo = "give the user the right to write to it by a udev rule: SUBSYSTEM==\"ptp\", "
               "GROUP=\"dialout\", MODE=\"0660\"";
    if (errnum == EBUSY)
        todo = "another program uses that pin or channel: ts2phc? stop it, or name another";
    snprintf(doing, sizeof doing, "cannot have pin %d stamp edges", in->pin);
    return err_errno(err, "", todo, doing, errnum);
}

/* The edge that is wanted and no other, where the driver knows how to promise that. */
static int request(const struct phc_device *d, const struct phc_input *in, bool on)
{
    unsigned edge = in->clear ? PTP_FALLING_EDGE : PTP_RISING_EDGE;
    struct ptp_extts_request r = {.index = (unsigned)in->channel};
    if (!on)
        return ioctl(d->fd, PTP_EXTTS_REQUEST, &r);
    r.flags = PTP_ENABLE_FEATURE | edge | PTP_STRICT_FLAGS;
    if (!ioctl(d->fd, PTP_EXTTS_REQUEST2, &r))
        return 0;
    r.flags = PTP_ENABLE_FEATURE | edge;
    return ioctl(d->fd, PTP_EXTTS_REQUEST, &r);
}

static int device_listen(struct phc *p, const struct phc_input *in, struct err *err)
{
    struct phc_device *d = (struct phc_device *)p;
    if (set_pin(d, in, err))
        return -1;
    if (request(d, in, true)) {
        char doing[64];
        snprintf(doing, sizeof doing, "cannot have edges stamped on channel %d", in->channel);
        return err_errno(err, "",
                         errno == EACCES || errno == EPERM
                             ? "give the user the right to write to it"
                             : "`cat /sys/class/ptp/ptp*/n_external_timestamps` shows how many "
                               "channels it has; name its `pin`",
                         doing, errno);
    }
    d->input = *in;
    d->listening = true;
    return 0;
}

/* read() waits whatever the descriptor's flags say: it is asked only when there is something. */
static int fill(struct phc_device *d, struct err *err)
{
    struct ptp_extts_event events[STAMPS];
    struct pollfd fd = {.fd = d->fd, .events = POLLIN};
    d->stamps = d->taken = 0;
    if (poll(&fd, 1, 0) <= 0)
        return 0;
    if (fd.revents & (POLLERR | POLLHUP | POLLNVAL))
        return err_set(err, "", GONE_TODO, "the device has gone");
    ssize_t got = read(d->fd, events, sizeof events);
    if (got < 0 && errno != EINTR && errno != EAGAIN)
        return err_errno(err, "", GONE_TODO, "cannot be read", errno);
    for (ssize_t i = 0; i < got / (ssize_t)sizeof *events; i++)
        if (events[i].index == (unsigned)d->input.channel)
            d->stamp[d->stamps++] = ns(&events[i].t);
    return 0;
}

static int device_stamp(struct phc *p, int64_t *at, struct err *err)
{
    struct phc_device *d = (struct phc_device *)p;
    if (d->taken == d->stamps && fill(d, err))
        return -1;
    if (d->taken == d->stamps)
        return 0;
    *at = d->stamp[d->taken++];
    return 1;
}

static int device_fd(const struct phc *p)
{
    return ((const struct phc_device *)p)->fd;
}

static void device_close(struct phc *p)
{
    struct phc_device *d = (struct phc_device *)p;
    if (d->listening)
        request(d, &d->input, false);
    close(d->fd);
    free(d);
}

static const struct phc_ops device_ops = {
    .compare = device_compare,
    .listen = device_listen,
    .stamp = device_stamp,
    .fd = device_fd,
    .close = device_close,
};

static int open_error(struct err *err, const char *path, int errnum)
{
    const char *todo = "";
    if (errnum == ENOENT || errnum == ENXIO || errnum == ENODEV)
        todo = "`ls /dev/ptp*` shows what there is; `ethtool -T` names the clock of a network card";
    if (errnum == EACCES || errnum == EPERM)
        todo = "give the user the right to it by a udev rule: SUBSYSTEM==\"ptp\", "
               "GROUP=\"dialout\", MODE=\"0660\"";
    return err_errno(err, path, todo, "cannot open", errnum);
}

int phc_device_open(const char *path, struct phc **out, struct err *err)
{
    const int flags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct ptp_clock_caps caps;
    int fd = open(path, O_RDWR | flags);
    if (fd < 0 && (errno == EACCES || errno == EROFS))
        fd = open(path, O_RDONLY | flags);
    if (fd < 0)
        return open_error(err, path, errno);
    struct phc_device *d = NULL;
    if (ioctl(fd, PTP_CLOCK_GETCAPS, &caps)) {
        err_set(err, path, "`ls /dev/ptp*` shows what there is", "is no PTP hardware clock");
        goto fail;
    }
    d = calloc(1, sizeof *d);
    if (!d) {
        open_error(err, path, ENOMEM);
        goto fail;
    }
    d->phc.ops = &device_ops;
    d->fd = fd;
    *out = &d->phc;
    return 0;
fail:
    close(fd);
    return -1;
}
