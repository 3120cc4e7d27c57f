/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_REPLACE_H
#define TIMEBALL_SERVER_REPLACE_H

/*
 * Replaces the file by one with this text, mode 0644 less the umask. It is written whole beside the
 * old one (PATH.new) and renamed over it, so it is never half there; no link is followed. Returns
 * 0, or an errno, and the old file is as it was.
 */
int replace_file(const char *path, const char *text);

#endif
