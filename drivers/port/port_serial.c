/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "drivers/port/port_tty.h"

struct port_serial {
    struct port port;
    struct sp_port *sp;
    int fd; /* libserialport's */
};

static int serial_fd(const struct port *p)
{
    return ((const struct port_serial *)p)->fd;
}

/* libserialport says 0 for "none now" and for "unplugged" alike; only the latter has no queue. */
static ssize_t serial_read(struct port *p, void *buf, size_t size, struct err *err)
{
    struct port_serial *s = (struct port_serial *)p;
    int got = sp_nonblocking_read(s->sp, buf, size);
    if (got > 0)
        return got;
    if (got == 0 && sp_input_waiting(s->sp) >= 0)
        return 0;
    return err_errno(err, "", "it is opened again as soon as it is back", "the port has gone",
                     sp_last_error_code());
}

static ssize_t serial_write(struct port *p, const void *buf, size_t size, struct err *err)
{
    return port_tty_write(serial_fd(p), buf, size, err);
}

static int serial_set_baud(struct port *p, int baud, struct err *err)
{
    return port_tty_set_baud(serial_fd(p), baud, err);
}

static void serial_close(struct port *p)
{
    struct port_serial *s = (struct port_serial *)p;
    port_release(s->fd);
    sp_close(s->sp);
    sp_free_port(s->sp);
    free(s);
}

static const struct port_ops serial_ops = {
    .fd = serial_fd,
    .read = serial_read,
    .write = serial_write,
    .set_baud = serial_set_baud,
    .close = serial_close,
};

static bool set_up(struct sp_port *sp, int baud)
{
    return sp_set_baudrate(sp, baud) == SP_OK && sp_set_bits(sp, 8) == SP_OK &&
           sp_set_parity(sp, SP_PARITY_NONE) == SP_OK && sp_set_stopbits(sp, 1) == SP_OK &&
           sp_set_flowcontrol(sp, SP_FLOWCONTROL_NONE) == SP_OK;
}

/*
 * Opening changes the settings (and newer versions of the library mark the port), whoever holds it:
 * so it is looked at through a descriptor of our own first.
 */
static int open_free(struct sp_port *sp, const char *path, struct err *err)
{
    int probe = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (probe < 0)
        return port_open_error(err, path, errno);
    int result = port_check_free(probe, path, err);
    if (!result && sp_open(sp, SP_MODE_READ_WRITE) != SP_OK && sp_open(sp, SP_MODE_READ) != SP_OK)
        result = port_open_error(err, path, sp_last_error_code());
    close(probe);
    return result;
}

static int serial_open(struct sp_port *sp, const char *path, int baud, struct port **out,
                       struct err *err)
{
    struct port_serial *s = malloc(sizeof *s);
    if (!s)
        return port_open_error(err, path, ENOMEM);
    *s = (struct port_serial){.port = {.ops = &serial_ops}, .sp = sp};
    if (open_free(sp, path, err)) {
        free(s);
        return -1;
    }
    if (sp_get_port_handle(sp, &s->fd) != SP_OK || port_claim(s->fd, path, err)) {
        sp_close(sp);
        free(s);
        return -1;
    }
    /* libserialport wants modem lines, which not every port has */
    port_tune(s->fd, set_up(sp, baud) ? 0 : baud);
    *out = &s->port;
    return 0;
}

int port_open(const char *path, int baud, struct port **out, struct err *err)
{
    char *real = realpath(path, NULL);
    const char *name = real ? real : path;
    struct sp_port *sp;
    int result;
    if (sp_get_port_by_name(name, &sp) != SP_OK) {
        result = port_plain_open(name, baud, out, err);
    } else {
        result = serial_open(sp, name, baud, out, err);
        if (result)
            sp_free_port(sp);
    }
    free(real);
    return result;
}
