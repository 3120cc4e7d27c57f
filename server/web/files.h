/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_WEB_FILES_H
#define TIMEBALL_SERVER_WEB_FILES_H

#include <stddef.h>

/* The files of server/web/, which cmake/embed.cmake makes part of timeball-web. */
struct web_file {
    const char *path; /* as browsers ask for it; NULL ends the table */
    const char *type; /* Content-Type */
    const unsigned char *data;
    size_t size;
};
extern const struct web_file web_files[];

#endif
