/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/port/port_tty.h"

struct port_plain {
    struct port port;
    int fd;
    bool terminal;
};

static int plain_fd(const struct port *p)
{
    return ((const struct port_plain *)p)->fd;
}

static ssize_t plain_read(struct port *p, void *buf, size_t size, struct err *err)
{
    static const char todo[] = "it is opened again as soon as it is back";
    ssize_t got = read(plain_fd(p), buf, size);
    if (got > 0)
        return got;
    if (got == 0)
        return err_set(err, "", todo, "the port has gone");
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    return err_errno(err, "", todo, "the port has gone", errno);
}

/* What is written to a fifo would come back. */
static ssize_t plain_write(struct port *p, const void *buf, size_t size, struct err *err)
{
    if (((struct port_plain *)p)->terminal)
        return port_tty_write(plain_fd(p), buf, size, err);
    return err_set(err, "", "name the receiver's serial port", "is no terminal: nothing is sent");
}

static int plain_set_baud(struct port *p, int baud, struct err *err)
{
    if (((struct port_plain *)p)->terminal)
        return port_tty_set_baud(plain_fd(p), baud, err);
    return err_set(err, "", "name the receiver's serial port", "is no terminal: it has no rate");
}

static void plain_close(struct port *p)
{
    port_release(plain_fd(p));
    close(plain_fd(p));
    free(p);
}

static const struct port_ops plain_ops = {
    .fd = plain_fd,
    .read = plain_read,
    .write = plain_write,
    .set_baud = plain_set_baud,
    .close = plain_close,
};

/* A fifo is held for writing too, or it would end whenever its writer does. */
static int open_path(const char *path)
{
    const int flags = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    int fd = open(path, O_RDWR | flags);
    if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS || errno == EISDIR ||
                   errno == ETXTBSY))
        fd = open(path, O_RDONLY | flags);
    return fd;
}

static int check_kind(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st))
        return port_open_error(err, path, errno);
    if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))
        return 0;
    return err_set(err, path, "name the receiver's device, such as /dev/ttyACM0",
                   S_ISDIR(st.st_mode) ? "is a directory" : "is no port");
}

int port_plain_open(const char *path, int baud, struct port **out, struct err *err)
{
    int fd = open_path(path);
    if (fd < 0)
        return port_open_error(err, path, errno);
    struct port_plain *p = NULL;
    if (check_kind(fd, path, err))
        goto fail;
    if (isatty(fd) && (port_check_free(fd, path, err) || port_claim(fd, path, err)))
        goto fail;
    p = malloc(sizeof *p);
    if (!p) {
        port_open_error(err, path, ENOMEM);
        goto fail;
    }
    if (isatty(fd))
        port_tune(fd, baud);
    *p = (struct port_plain){.port = {.ops = &plain_ops}, .fd = fd, .terminal = isatty(fd)};
    *out = &p->port;
    return 0;
fail:
    close(fd);
    return -1;
}
