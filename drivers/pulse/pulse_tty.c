/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pulse on a modem line of a serial port. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/serial.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/port/port_tty.h"
#include "drivers/pulse/pulse.h"
#include "drivers/pulse/pulse_sys.h"
#include "drivers/pulse/pulse_wait.h"

#define LDISC_TTY  0
#define LDISC_PPS  18
#define UART_ERROR 50e-6
#define USB_ERROR  1e-3
#define TRIES      100 /* for the new PPS device: udev gives it its group a little later */

/* ---- a line that is waited for ---- */

struct tty_line {
    int fd;
    bool cts;
};

static int line_wait(void *arg)
{
    const struct tty_line *l = arg;
    return ioctl(l->fd, TIOCMIWAIT, l->cts ? TIOCM_CTS : TIOCM_CD) ? errno : 0;
}

static int line_look(void *arg, bool *up, uint64_t *changes)
{
    const struct tty_line *l = arg;
    struct serial_icounter_struct counts = {0};
    int lines = 0;
    if (ioctl(l->fd, TIOCMGET, &lines))
        return errno;
    *up = lines & (l->cts ? TIOCM_CTS : TIOCM_CD);
    if (ioctl(l->fd, TIOCGICOUNT, &counts))
        *changes = PULSE_CHANGES_UNKNOWN;
    else
        *changes = (unsigned)(l->cts ? counts.cts : counts.dcd);
    return 0;
}

static void line_close(void *arg)
{
    struct tty_line *l = arg;
    close(l->fd);
    free(l);
}

/* ---- the pulse of a port ---- */

struct pulse_tty {
    struct pulse pulse;
    struct pulse_want want;
    struct clock *clock;
    char tty[PATH_MAX];
    int fd;               /* with N_PPS on it; -1: the thread has it */
    struct pulse *stamps; /* of the kernel, or of the thread; NULL: the device is not there yet */
    int tries;
};

/* The thread takes the descriptor over. */
static int begin_waiting(struct pulse_tty *t, struct err *err)
{
    struct stat st;
    struct tty_line *line = malloc(sizeof *line);
    if (!line)
        return port_open_error(err, t->tty, ENOMEM);
    *line = (struct tty_line){.fd = t->fd, .cts = t->want.line == PULSE_CTS};
    bool usb = !fstat(t->fd, &st) && pulse_sys_is_usb(PULSE_SYS, st.st_rdev);
    const struct pulse_source source = {
        .wait = line_wait,
        .look = line_look,
        .close = line_close,
        .arg = line,
        .error = usb ? USB_ERROR : UART_ERROR,
    };
    t->fd = -1;
    return pulse_wait_open(&source, &t->want, t->clock, &t->stamps, err);
}

static int set_discipline(int fd, int discipline)
{
    return ioctl(fd, TIOCSETD, &discipline);
}

/* The PPS device of our own line discipline comes by itself; who waits in vain waits for the line.
 */
static int take_device(struct pulse_tty *t, struct err *err)
{
    char device[PATH_MAX];
    struct err ignored;
    if (pulse_sys_find(PULSE_SYS, "path", t->tty, device, sizeof device) &&
        !pulse_kernel_open(device, &t->want, &t->stamps, &ignored))
        return 0;
    t->stamps = NULL;
    if (++t->tries < TRIES)
        return 0;
    set_discipline(t->fd, LDISC_TTY);
    return begin_waiting(t, err);
}

static int tty_fetch(struct pulse *p, struct pulse_stamp *s, struct err *err)
{
    struct pulse_tty *t = (struct pulse_tty *)p;
    struct termios tio;
    *s = (struct pulse_stamp){0};
    if (t->fd >= 0 && tcgetattr(t->fd, &tio))
        return err_errno(err, "", "it is opened again as soon as it is back", "the port has gone",
                         errno);
    if (!t->stamps && take_device(t, err))
        return -1;
    return t->stamps ? pulse_fetch(t->stamps, s, err) : 0;
}

static void tty_close(struct pulse *p)
{
    struct pulse_tty *t = (struct pulse_tty *)p;
    if (t->stamps)
        pulse_close(t->stamps);
    if (t->fd >= 0) {
        set_discipline(t->fd, LDISC_TTY);
        close(t->fd);
    }
    free(t);
}

static void tty_describe(const struct pulse *p, char *buf, size_t size)
{
    const struct pulse_tty *t = (const struct pulse_tty *)p;
    char device[256] = "its PPS device is awaited";
    if (t->fd < 0) {
        snprintf(buf, size, "a thread waits for %s of %s%s",
                 t->want.line == PULSE_CTS ? "CTS" : "DCD", t->tty,
                 t->want.line == PULSE_CTS ? ""
                                           : ": the kernel has no line discipline for pulses "
                                             "(module pps_ldisc)");
        return;
    }
    if (t->stamps)
        pulse_describe(t->stamps, device, sizeof device);
    snprintf(buf, size, "DCD of %s, by the kernel's line discipline: %s", t->tty, device);
}

static const struct pulse_ops tty_ops = {
    .fetch = tty_fetch, .close = tty_close, .describe = tty_describe};

/* ---- opening ---- */

/* A descriptor of this process for the same port, -1: there is none. */
static int own_descriptor(dev_t number)
{
    int found = -1;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return -1;
    for (struct dirent *e; found < 0 && (e = readdir(dir));) {
        struct stat st;
        char *end;
        long fd = strtol(e->d_name, &end, 10);
        if (end == e->d_name || *end || fd <= STDERR_FILENO)
            continue;
        if (!fstat((int)fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == number)
            found = (int)fd;
    }
    closedir(dir);
    return found;
}

static int open_tty(const char *path)
{
    const int flags = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    int fd = open(path, O_RDWR | flags);
    return fd < 0 && (errno == EACCES || errno == EROFS) ? open(path, O_RDONLY | flags) : fd;
}

/* The mark that keeps others out would keep us out, too. */
static int open_beside(int own, const char *path)
{
    int exclusive = 0;
    bool marked = !ioctl(own, TIOCGEXCL, &exclusive) && exclusive;
    if (marked)
        ioctl(own, TIOCNXCL);
    int fd = open_tty(path), errnum = errno;
    if (marked)
        ioctl(own, TIOCEXCL);
    errno = errnum;
    return fd;
}

static int open_port_of_pulse(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st))
        return port_open_error(err, path, errno);
    int own = own_descriptor(st.st_rdev);
    int fd = own >= 0 ? open_beside(own, path) : open_tty(path);
    if (fd < 0)
        return port_open_error(err, path, errno);
    if (own >= 0 || !port_check_free(fd, path, err))
        return fd;
    close(fd);
    return -1;
}

static void name_thing(struct err *err, const char *path)
{
    if (err)
        snprintf(err->thing, sizeof err->thing, "%.*s", (int)sizeof err->thing - 1, path);
}

int pulse_tty_open(const char *path, const struct pulse_want *want, struct clock *clock,
                   struct pulse **out, struct err *err)
{
    char real[PATH_MAX], device[PATH_MAX];
    if (!realpath(path, real))
        return port_open_error(err, path, errno);
    if (want->line == PULSE_DCD && pulse_sys_find(PULSE_SYS, "path", real, device, sizeof device))
        return pulse_kernel_open(device, want, out, err);
    struct pulse_tty *t = calloc(1, sizeof *t);
    if (!t)
        return port_open_error(err, path, ENOMEM);
    t->pulse.ops = &tty_ops;
    t->want = *want;
    t->clock = clock;
    snprintf(t->tty, sizeof t->tty, "%s", real);
    t->fd = open_port_of_pulse(real, err);
    if (t->fd < 0) {
        free(t);
        return -1;
    }
    bool attached = want->line == PULSE_DCD && !set_discipline(t->fd, LDISC_PPS);
    if (!attached && begin_waiting(t, err)) {
        name_thing(err, path);
        free(t);
        return -1;
    }
    *out = &t->pulse;
    return 0;
}

/* What is not there is called a serial port unless it is called a PPS device. */
static bool is_port(const char *path)
{
    struct stat st;
    if (!stat(path, &st))
        return S_ISCHR(st.st_mode) && pulse_sys_is_tty(PULSE_SYS, st.st_rdev);
    return strchr(path, '/') && (strstr(path, "tty") || strstr(path, "/serial"));
}

int pulse_open(const char *path, const struct pulse_want *want, struct clock *clock,
               struct pulse **out, struct err *err)
{
    return is_port(path) ? pulse_tty_open(path, want, clock, out, err)
                         : pulse_kernel_open(path, want, out, err);
}
