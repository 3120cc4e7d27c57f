/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_OPTIONS_H
#define TIMEBALL_SERVER_OPTIONS_H

#include <stdint.h>

#include "drivers/option.h"
#include "refclock/err.h"

/*
 * Values by option rows (drivers/option.h): read from the words of a line, written back as words.
 * `base` is the struct that the rows belong to; `thing` names the place for errors ("FILE:LINE").
 */

/* A value that is not a number, and one that no 64-bit integer or double can hold. */
enum { NUMBER_SYNTAX = -1, NUMBER_OVERFLOW = -2 };

/*
 * The whole text as one decimal number: no blanks, no rest, no hexadecimal, no inf or nan. 0,
 * NUMBER_SYNTAX or NUMBER_OVERFLOW; *value is set only on 0.
 */
int number_int(const char *text, int64_t *value);
int number_double(const char *text, double *value);

/* Sets every row's value to its default. The values must be zero before. */
void options_initial(const struct option_row *rows, void *base);

/* The row of `word`, or NULL. */
const struct option_row *options_find(const struct option_row *rows, const char *word);

/* Reads one value. 0, or -1 with *err; the old value stays then. */
int options_set(const struct option_row *row, void *base, const char *text, const char *thing,
                struct err *err);

/* Fills *err with "the value is missing" and how to write it. Always -1. */
int options_missing(const struct option_row *row, const char *thing, struct err *err);

/*
 * Reads the rest of a line: option words with their values, in any order, each at most once.
 * *given gets bit i for rows[i] (the first 64 rows). `owner` is the word that the options belong
 * to, for messages. 0, or -1 with *err.
 */
int options_take(const struct option_row *rows, void *base, const char *owner,
                 const char *const *words, size_t count, const char *thing, uint64_t *given,
                 struct err *err);

/* The value as it is written in the file ("auto", "0.5", "none"), without the row's word. A flag:
 * "" . Returns buf. */
const char *options_value(const struct option_row *row, const void *base, char *buf, size_t size);

/* What may follow the row's word: "N|auto", "MIN..MAX", "assert|clear", "". Returns buf. */
const char *options_usage(const struct option_row *row, char *buf, size_t size);

/* Range and default for people: "0 to 64, default auto"; "" where there is neither. Returns buf. */
const char *options_limits(const struct option_row *row, char *buf, size_t size);

/*
 * Whether `known` could be meant by `word`: the number of letters to change, add, drop or swap
 * (Damerau 1964), in upper or lower case alike; INT_MAX when it is too far to be worth saying.
 */
int options_distance(const char *word, const char *known);

/* A word of a file, made safe for a message: control bytes are '?', at most 40 bytes. Returns buf.
 */
const char *options_quote(const char *word, char *buf, size_t size);

#endif
