/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/driver.h"

#include <string.h>

extern const struct driver_ops auto_driver_ops, gpsd_driver_ops, nmea_driver_ops, pps_driver_ops,
    shm_driver_ops, sock_driver_ops, phc_driver_ops, extts_driver_ops;

const struct driver_ops *const driver_table[] = {
    &auto_driver_ops, &nmea_driver_ops,  &pps_driver_ops,
    &gpsd_driver_ops, &shm_driver_ops,   &sock_driver_ops,
    &phc_driver_ops,  &extts_driver_ops, NULL,
};

const struct driver_ops *driver_find(const char *name)
{
    for (const struct driver_ops *const *ops = driver_table; *ops; ops++)
        if (!strcmp((*ops)->name, name))
            return *ops;
    return NULL;
}
