/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must link for libgps to be taken as a static library. */
#include <gps.h>

int main(void)
{
    static struct gps_data_t data;
    static char text[] = "";
    return gps_unpack(text, &data);
}
