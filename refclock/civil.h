/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_CIVIL_H
#define TIMEBALL_REFCLOCK_CIVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The forms of time at the edges of the house, converted here and nowhere else. Inside, an instant
 * is an int64_t: nanoseconds since 1970-01-01T00:00:00Z on the POSIX scale (86400 s a day; 1677 ..
 * 2262).
 */
#define NS_PER_S INT64_C(1000000000)

/* A calendar date and time of day, UTC, proleptic Gregorian. second may be 60 (leap second). */
struct civil {
    int year, month, day; /* month 1..12, day 1.. */
    int hour, minute, second;
};

/* True when the date exists and the time of day is in range (second 60 only at 23:59). */
bool civil_valid(const struct civil *c);

/* POSIX seconds of a valid date; second 60 counts as the second that follows 59. */
int64_t civil_to_posix(const struct civil *c);

/* The date and time of POSIX seconds; second is never 60. */
struct civil civil_from_posix(int64_t seconds);

/* "2026-11-24T12:00:00.000000000Z" with `decimals` 0..9 (truncated, not rounded). buf of at least
 * 36 bytes. Returns buf. */
const char *civil_iso(int64_t instant, int decimals, char *buf, size_t size);

/* Reads YYYY-MM-DD (the whole string). Returns 0, or -1 when it is not a date; *seconds is its
 * midnight. */
int civil_parse_date(const char *text, int64_t *seconds);

/* The full year of a two-digit year, within 50 years of pivot_year (pivot - 50 .. pivot + 49). */
int civil_full_year(int two_digits, int pivot_year);

/*
 * Repairs a date that lies whole 1024-week eras away: returns seconds + k x 1024 weeks so that the
 * result is within 512 weeks of `pivot` (POSIX seconds). IS-GPS-200, 20.3.3.3.1.1 (10-bit week).
 */
int64_t civil_week_era(int64_t seconds, int64_t pivot);

/* GPS week (full or 10 bit) and second of week to POSIX seconds of UTC, `leap` = GPS - UTC seconds;
 * era by `pivot`. */
int64_t civil_from_gps(int week, double second_of_week, int leap, int64_t pivot);

/* NTP timestamp, RFC 5905 section 6: 32 bit seconds since 1900 modulo 2^32, 32 bit fraction
 * (rounded down). */
uint64_t civil_to_ntp(int64_t instant);

/* The instant of an NTP timestamp in the era nearest to `pivot` (an instant). */
int64_t civil_from_ntp(uint64_t ntp, int64_t pivot);

/* NTP short format (16.16) of a non-negative number of seconds, rounded up and never 0; saturates
 * at 65535.99998. */
uint32_t civil_to_ntp_short(double seconds);

#endif
