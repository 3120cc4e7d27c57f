/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_SENTENCE_H
#define TIMEBALL_TESTS_SENTENCE_H

#include <stdio.h>

/* Appends `$body*hh\r\n` to the text; returns the new length. `body` is a printf format. */
__attribute__((format(printf, 4, 5))) static inline size_t sentence_add(char *text, size_t length,
                                                                        size_t size,
                                                                        const char *body, ...)
{
    char filled[256];
    unsigned sum = 0;
    __builtin_va_list ap;
    __builtin_va_start(ap, body);
    vsnprintf(filled, sizeof filled, body, ap);
    __builtin_va_end(ap);
    for (const char *p = filled; *p; p++)
        sum ^= (unsigned char)*p;
    return length +
           (size_t)snprintf(text + length, size - length, "$%s*%02X\r\n", filled, sum & 0xff);
}

#endif
