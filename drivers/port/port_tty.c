/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/port/port_tty.h"

#include <errno.h>
#include <linux/serial.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

int port_open_error(struct err *err, const char *path, int errnum)
{
    static const struct {
        int errnum;
        const char *todo;
    } todos[] = {
        {ENOENT, "is the receiver plugged in? `ls /dev/serial/by-id /dev/ttyACM* /dev/ttyUSB* "
                 "/dev/serial0` shows what there is"},
        {ENXIO, "is the receiver plugged in, and the port enabled?"},
        {ENODEV, "is the receiver plugged in, and the port enabled?"},
        {EIO, "the port is there, but nothing is behind it: is it enabled, is the receiver on?"},
        {EACCES, "add the user to group dialout (`usermod -aG dialout USER`) and log in again"},
        {EPERM, "add the user to group dialout (`usermod -aG dialout USER`) and log in again"},
        {EBUSY, "another program (gpsd? ModemManager? a getty?) holds it: stop that one first"},
    };
    const char *todo = "";
    for (size_t i = 0; i < sizeof todos / sizeof *todos; i++)
        if (todos[i].errnum == errnum)
            todo = todos[i].todo;
    return err_errno(err, path, todo, "cannot open", errnum);
}

/* Major numbers 136 to 143: the ends of pseudo-terminals that programs see. */
static bool is_pty(int fd)
{
    struct stat st;
    return !fstat(fd, &st) && major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143;
}

/* A pty of another kernel's making (a simulator's port) knows no such marks. */
static bool knows_marks(int fd, int *exclusive)
{
    return !ioctl(fd, TIOCGEXCL, exclusive);
}

static int lock(int fd, const char *path, struct err *err)
{
    return flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK ? port_open_error(err, path, EBUSY)
                                                                : 0;
}

int port_check_free(int fd, const char *path, struct err *err)
{
    int exclusive = 0;
    if (!knows_marks(fd, &exclusive))
        return 0;
    if (exclusive)
        return port_open_error(err, path, EBUSY);
    if (lock(fd, path, err))
        return -1;
    flock(fd, LOCK_UN);
    return 0;
}

int port_claim(int fd, const char *path, struct err *err)
{
    int exclusive = 0;
    if (!knows_marks(fd, &exclusive))
        return 0;
    if (lock(fd, path, err))
        return -1;
    /* The mark outlives a crash while another program holds the same pty: there the lock does. */
    if (!is_pty(fd))
        ioctl(fd, TIOCEXCL);
    return 0;
}

void port_release(int fd)
{
    if (!is_pty(fd))
        ioctl(fd, TIOCNXCL);
}

/* B0: there is none. */
static speed_t speed_of(int baud)
{
    static const struct {
        int baud;
        speed_t speed;
    } speeds[] = {
        {4800, B4800},     {9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600},
        {115200, B115200}, {230400, B230400}, {460800, B460800}, {921600, B921600},
    };
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++)
        if (speeds[i].baud == baud)
            return speeds[i].speed;
    return B0;
}

static void low_latency(int fd)
{
    struct serial_struct serial;
    if (ioctl(fd, TIOCGSERIAL, &serial) || serial.flags & ASYNC_LOW_LATENCY)
        return;
    serial.flags |= ASYNC_LOW_LATENCY;
    ioctl(fd, TIOCSSERIAL, &serial);
}

void port_tune(int fd, int baud)
{
    struct termios tio;
    if (tcgetattr(fd, &tio))
        return;
    if (baud) {
        cfmakeraw(&tio); /* a break is read as 0: it shows that the rate is wrong */
        tio.c_cflag &= (tcflag_t) ~(CSTOPB | CRTSCTS | PARENB);
        tio.c_cflag |= CLOCAL | CREAD;
        cfsetspeed(&tio, speed_of(baud) == B0 ? B9600 : speed_of(baud));
    }
    tio.c_cflag &= (tcflag_t)~HUPCL;
    tio.c_cc[VMIN] = 1; /* so that 0 bytes mean a hang-up */
    tio.c_cc[VTIME] = 0;
    tcsetattr(fd, TCSANOW, &tio);
    tcflush(fd, TCIFLUSH);
    low_latency(fd);
}

ssize_t port_tty_write(int fd, const void *buf, size_t size, struct err *err)
{
    ssize_t wrote = write(fd, buf, size);
    if (wrote >= 0)
        return wrote;
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    if (errno == EBADF)
        return err_set(err, "", "give the user the right to write to it, and start again",
                       "the port may only be read");
    return err_errno(err, "", "it is opened again as soon as it is back", "the port has gone",
                     errno);
}

int port_tty_set_baud(int fd, int baud, struct err *err)
{
    struct termios tio;
    speed_t speed = speed_of(baud);
    if (speed == B0)
        return err_set(err, "", "4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800 or 921600",
                       "there is no rate of %d baud", baud);
    if (tcgetattr(fd, &tio))
        return err_errno(err, "", "", "cannot read the port's settings", errno);
    cfsetspeed(&tio, speed);
    if (tcsetattr(fd, TCSANOW, &tio))
        return err_errno(err, "", "", "cannot set the baud rate", errno);
    if (tcgetattr(fd, &tio) || cfgetospeed(&tio) != speed)
        return err_set(err, "", "stay with the rate that it has", "the port does not take %d baud",
                       baud);
    return 0;
}
