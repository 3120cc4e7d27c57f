/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/pool_capacity.h"

const int pool_speeds[] = {512,    1500,   3000,    6000,    12000,   25000,   50000, 100000,
                           250000, 500000, 1000000, 1500000, 2000000, 3000000, 0};

double pool_capacity_rate(double kbit)
{
    return kbit * 1000 / (POOL_OCTETS * 8);
}

double pool_capacity_kbit(double rate)
{
    return rate * POOL_OCTETS * 8 / 1000;
}

int pool_capacity_setting(double rate)
{
    int setting = 0;
    for (const int *s = pool_speeds; *s && pool_capacity_rate(*s) <= rate; s++)
        setting = *s;
    return setting;
}
