/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In the place of the part of the static libgps that takes fixes from D-Bus, which is not used
 * here: so neither that part nor libdbus is linked.
 */
int gps_dbus_open(void);
int gps_dbus_mainloop(void);

int gps_dbus_open(void)
{
    return -1;
}

int gps_dbus_mainloop(void)
{
    return -1;
}
