/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_PULSE_PULSE_SYS_H
#define TIMEBALL_DRIVERS_PULSE_PULSE_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * What /sys tells of PPS devices and serial ports. `sys` is its place, PULSE_SYS on a machine; a
 * test brings a folder of its own.
 */
#define PULSE_SYS "/sys"

/*
 * Reads an attribute of a PPS device named by its path or base name: `name` ("pps@12.-1",
 * "serial0", "ktimer") or `path` ("/dev/ttyS0": the port that it belongs to). Empty: it has none.
 */
void pulse_sys_read(const char *sys, const char *device, const char *attribute, char *value,
                    size_t size);

/* The PPS device, as /dev/ppsN, whose attribute has this value. False: none has. */
bool pulse_sys_find(const char *sys, const char *attribute, const char *value, char *device,
                    size_t size);

/* Is this device number a serial port's, or a pseudo-terminal's? */
bool pulse_sys_is_tty(const char *sys, dev_t number);

/* Is the serial port with this device number behind USB? */
bool pulse_sys_is_usb(const char *sys, dev_t number);

#endif
