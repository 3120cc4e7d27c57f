/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CTL_POOL_CAPACITY_H
#define TIMEBALL_SERVER_CTL_POOL_CAPACITY_H

/*
 * The pool's net speed settings beside answers per second. A setting is a share: what a server is
 * asked is proportional to it, and how much that is depends on the country. What it would be at
 * most, were the whole of it filled, is assumed here: requests of POOL_OCTETS, as many answers.
 */
#define POOL_OCTETS 76 /* of a request on the line: IPv4 20, UDP 8, NTP 48 */

/* Settings in kbit/s, ascending, without "monitoring only"; 0 ends the list. */
extern const int pool_speeds[];
#define POOL_SPEED_DEFAULT 10000 /* kbit/s, what a new server has */

/* Answers per second that fill so many kbit/s, and the other way round. */
double pool_capacity_rate(double kbit);
double pool_capacity_kbit(double rate);

/* The largest setting that so many answers per second would be enough for even when all of it is
 * filled; 0: less than the smallest. */
int pool_capacity_setting(double rate);

#endif
